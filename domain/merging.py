"""Merging: templates of text and plain fields, filled in without the engine, which takes far longer."""

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Self

from liquid import BoundTemplate
from liquid.ast import Node
from liquid.builtin.content import ContentNode
from liquid.builtin.expressions import FilteredExpression, Path

from domain.renderings import TEXT_LIMIT, Printed

# Of UTF-8, in which the engine counts its limit.
_MOST_BYTES_A_CHARACTER = 4


Filled = tuple[str, Sequence[str] | None]
"""A text, and the values that stand between the pieces of its template, if it was merged."""


class Merge:
    """The *pieces* of a template's own text and, one between each two, the paths of the fields there."""

    __slots__ = ("_is_html", "_parts", "_paths", "pieces")

    def __init__(self, pieces: Sequence[str], paths: Sequence[tuple[str, ...]], *, is_html: bool) -> None:
        self.pieces = pieces
        self._paths = paths
        self._is_html = is_html
        # A place for a value behind each.
        self._parts = list(chain.from_iterable((piece, "") for piece in pieces))[:-1]

    @classmethod
    def of(cls, parsed: BoundTemplate, *, is_html: bool) -> Self | None:
        """None for a template with conditions, loops, filters or computed names."""
        pieces, paths = [""], []
        for node in parsed.nodes:
            part = _part(node)
            if part is None:
                return None
            if isinstance(part, str):
                pieces[-1] += part
            else:
                paths.append(part)
                pieces.append("")
        return cls(pieces, paths, is_html=is_html)

    def fill(self, fields: Mapping[str, object]) -> Filled | None:
        """
        What the engine would render; None leaves it to the engine.

        That is so unless every value is a text with something in it: what is missing is its to judge, and so
        is what is no text or gets too long.
        """
        values: list[str] = []
        for path in self._paths:
            value: object = fields
            for segment in path:
                # A plain dict first: to ask for any other Mapping takes longer than all the rest.
                if type(value) is not dict and not isinstance(value, Mapping):
                    return None
                value = value.get(segment)
            if type(value) is not str or not value.strip():
                return None
            values.append(_escaped(value) if self._is_html else value)
        parts = self._parts.copy()
        parts[1::2] = values
        text = "".join(parts)
        return (text, values) if _is_within_limits(text, values) else None


def _part(node: Node) -> str | tuple[str, ...] | None:
    if isinstance(node, ContentNode):
        return node.text
    if not isinstance(node, Printed):
        return None
    expression = node.expression
    if type(expression) is not FilteredExpression or expression.filters:
        return None
    if not isinstance(expression.left, Path):
        return None
    path = tuple(segment for segment in expression.left.path if isinstance(segment, str))
    return path if len(path) == len(expression.left.path) else None


def _escaped(value: str) -> str:
    """As the engine's `escape`, which makes an object of its own for each."""
    value = value.replace("&", "&amp;").replace(">", "&gt;").replace("<", "&lt;")
    return value.replace("'", "&#39;").replace('"', "&#34;")


def _is_within_limits(text: str, values: Sequence[str]) -> bool:
    if len(text) * _MOST_BYTES_A_CHARACTER > TEXT_LIMIT:
        return False
    if text.isascii():
        return True
    try:
        "".join(values).encode()
    except UnicodeEncodeError:  # half a character, of which the engine says so
        return False
    return True
