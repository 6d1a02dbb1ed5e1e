"""Merging: templates of text and plain fields, filled in without the engine, which takes far longer."""

from collections.abc import Mapping, Sequence
from typing import Self

from liquid import BoundTemplate, escape
from liquid.ast import Node
from liquid.builtin.content import ContentNode
from liquid.builtin.expressions import FilteredExpression, Path

from domain.renderings import TEXT_LIMIT, Printed

# Of UTF-8, in which the engine counts its limit.
_MOST_BYTES_A_CHARACTER = 4


class Merge:
    """The text of a template and, between its pieces, the paths of the fields that stand there."""

    __slots__ = ("_is_html", "_parts")

    def __init__(self, parts: Sequence[str | tuple[str, ...]], *, is_html: bool) -> None:
        self._parts = parts
        self._is_html = is_html

    @classmethod
    def of(cls, parsed: BoundTemplate, *, is_html: bool) -> Self | None:
        """None for a template with conditions, loops, filters or computed names."""
        parts = [_part(node) for node in parsed.nodes]
        known = [part for part in parts if part is not None]
        return cls(known, is_html=is_html) if len(known) == len(parts) else None

    def fill(self, fields: Mapping[str, object]) -> str | None:
        """
        What the engine would render; None leaves it to the engine.

        That is so unless every value is a text with something in it: what is missing is its to judge, and so
        is what is no text or gets too long.
        """
        filled: list[str] = []
        for part in self._parts:
            if isinstance(part, str):
                filled.append(part)
                continue
            value = _value(fields, part)
            if value is None:
                return None
            filled.append(escape(value) if self._is_html else value)
        text = "".join(filled)
        return text if _is_within_limits(text) else None


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


def _value(fields: Mapping[str, object], path: Sequence[str]) -> str | None:
    value: object = fields
    for segment in path:
        # A plain dict first: to ask for any other Mapping takes longer than all the rest.
        if type(value) is not dict and not isinstance(value, Mapping):
            return None
        value = value.get(segment)
    return value if type(value) is str and value.strip() else None


def _is_within_limits(text: str) -> bool:
    if len(text) * _MOST_BYTES_A_CHARACTER > TEXT_LIMIT:
        return False
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:  # half a character, of which the engine says so
        return False
    return True
