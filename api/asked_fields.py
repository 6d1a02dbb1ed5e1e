"""What a request asks for below a field, so that it can be read with the field itself."""

from collections.abc import Iterable, Iterator

from strawberry.types.nodes import SelectedField, Selection

from api.context import Info


def asked_of_nodes(info: Info) -> frozenset[str]:
    """Names of the fields that are asked for of the entries of a connection; one that is skipped counts."""
    names = set()
    for selection in _fields(field for asked in info.selected_fields for field in asked.selections):
        entries = _fields(selection.selections)
        if selection.name == "edges":
            entries = _fields(field for each in entries if each.name == "node" for field in each.selections)
        if selection.name in ("edges", "nodes"):
            names |= {field.name for field in entries}
    return frozenset(names)


def asks_for_a_page(info: Info) -> bool:
    """Whether more of a connection is asked for than how long its list is."""
    asked = _fields(field for each in info.selected_fields for field in each.selections)
    return any(field.name not in ("totalCount", "__typename") for field in asked)


def _fields(selections: Iterable[Selection]) -> Iterator[SelectedField]:
    """*selections*, with what stands in fragments among them."""
    for selection in selections:
        if isinstance(selection, SelectedField):
            yield selection
        else:
            yield from _fields(selection.selections)
