"""Lists that things have: pages like those of the queries, read at once for all things on a page."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from sqlalchemy import Column

from api.connections import Connection, Listable, Paging, placed_in, prepared_from, shown
from api.context import Info
from persistence.nested_lists import NestedList
from persistence.reading.nested_pages import count_of_each, page_of_each
from persistence.reading.pages import AnySelect, Listed, Order, shape


async def nested_connection(
    info: Info,
    kind: type[Listable],
    rows: Callable[[], AnySelect | Listed],
    order: Order,
    paging: Paging,
    *,
    of: Column[Any],
    owner: UUID,
) -> Connection[Listable]:
    """
    The page of those *rows* whose column *of* is *owner*; *rows* has those of all owners.

    Raises:
        BadUserInput: As `connection`.
    """
    # The same field of a document has the same arguments, whatever thing it is asked of.
    field = tuple(map(id, info._raw_info.field_nodes))
    asked = info.context.nested_lists.get(field)
    if asked is None:
        asked = info.context.nested_lists[field] = _nested_list(rows(), order, paging, of)
    key = (asked, owner)
    loaders = info.context.loaders
    return shown(info, kind, await loaders.nested_pages.load(key), lambda: loaders.nested_counts.load(key))


def _nested_list(rows: AnySelect | Listed, order: Order, paging: Paging, of: Column[Any]) -> NestedList:
    page, ordered, placed = placed_in(order, paging)
    pages, given = prepared_from(
        rows,
        (str(of), shape(page, ordered)),
        lambda found: page_of_each(found, of=of, order=ordered, page=page),
    )
    counts = prepared_from(rows, (str(of), "count"), lambda found: count_of_each(found, of=of))
    return NestedList((pages, {**given, **placed}), counts, ordered, page)
