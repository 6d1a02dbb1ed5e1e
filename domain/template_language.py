"""The part of Liquid that letters are written in: its tags, its filters, its limits."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import wraps
from typing import Any, ClassVar

from liquid import BoundTemplate, Environment, RenderContext
from liquid.ast import Node
from liquid.builtin import illegal
from liquid.builtin.content import Literal
from liquid.builtin.filters import array, misc, string
from liquid.builtin.output import Output
from liquid.builtin.tags import (
    assign_tag,
    capture_tag,
    case_tag,
    comment_tag,
    for_tag,
    if_tag,
    inline_comment_tag,
    unless_tag,
)
from liquid.expression import Expression
from typing_extensions import override

from domain.renderings import TEXT_LIMIT, Missing, Printed, Rendering, TemplateLimit

# Any: so python-liquid declares its filters.
_Filter = Callable[..., Any]


class _Output(Output):
    node_class = Printed


class _Template(BoundTemplate):
    context_class = Rendering


class _Language(Environment):
    """
    What a letter needs of Liquid.

    Left out on purpose: what reads other templates; `date` (reads the clock, and its format can ask for
    a gigabyte of zeros); arithmetic (`1e999999999 | ceil`); `safe` (values are always escaped in HTML).
    """

    block_nesting_limit: ClassVar[int] = 20
    local_namespace_limit: ClassVar[int | None] = TEXT_LIMIT
    output_stream_limit: ClassVar[int | None] = TEXT_LIMIT
    template_class = _Template

    @override
    def setup_tags_and_filters(self, *, extra: bool = False) -> None:
        for tag in _TAGS:
            self.add_tag(tag)
        for name, function in _FILTERS.items():
            self.add_filter(name, function if name == "default" else _bounded(function))


def _bounded(function: _Filter) -> _Filter:
    """Pass a missing value on, so that a `default` behind *function* still counts, and keep results small."""

    @wraps(function)
    def filtered(value: object, *arguments: object, **options: object) -> object:
        if isinstance(value, Missing):
            return value
        result: object = function(value, *arguments, **options)
        if isinstance(result, str):
            _check_length(len(result))
        return result

    return filtered


def _check_length(characters: int) -> None:
    if characters > TEXT_LIMIT:
        raise TemplateLimit(f"a value of more than {TEXT_LIMIT} characters")


def _replace(value: object, old: object, new: object = "") -> object:
    # Before the work: one `replace` can turn 250 kB into 60 GB.
    text = str(value)
    _check_length(len(text) + text.count(str(old)) * len(str(new)))
    return string.replace(value, old, new)


def _join(values: object, separator: object = " ", **options: object) -> object:
    if isinstance(values, Sequence):
        _check_length(len(values) * len(str(separator)))
    return array.join(values, separator, **options)


# The mark by which python-liquid knows who wants `environment`.
_join.with_environment = True  # type: ignore[attr-defined]

_TAGS = (
    Literal,
    _Output,
    illegal.Illegal,
    assign_tag.AssignTag,
    capture_tag.CaptureTag,
    case_tag.CaseTag,
    comment_tag.CommentTag,
    inline_comment_tag.InlineCommentTag,
    for_tag.ForTag,
    for_tag.BreakTag,
    for_tag.ContinueTag,
    if_tag.IfTag,
    unless_tag.UnlessTag,
)

_FILTERS: Mapping[str, _Filter] = {
    "append": string.append,
    "capitalize": string.capitalize,
    "default": misc.default,
    "downcase": string.downcase,
    "escape": string.escape,
    "first": array.first,
    "join": _join,
    "last": array.last,
    "lstrip": string.lstrip,
    "newline_to_br": string.newline_to_br,
    "prepend": string.prepend,
    "remove": string.remove,
    "replace": _replace,
    "rstrip": string.rstrip,
    "size": misc.size,
    "split": string.split,
    "squish": string.squish,
    "strip": string.strip,
    "strip_newlines": string.strip_newlines,
    "truncate": string.truncate,
    "truncatewords": string.truncatewords,
    "upcase": string.upcase,
    "url_encode": string.url_encode,
}

PLAIN = _Language()
"""For subjects and text."""
HTML = _Language(autoescape=True)
"""For HTML: values are escaped, the author's own markup is not."""


def expressions(template: BoundTemplate) -> Iterator[Expression]:
    """Yield every expression of *template*, each before the ones inside it."""
    static = RenderContext(template)
    for node in template.nodes:
        for inner in _nodes(node, static):
            for expression in inner.expressions():
                yield from _within(expression)


def _nodes(node: Node, static: RenderContext) -> Iterator[Node]:
    yield node
    for child in node.children(static):
        yield from _nodes(child, static)


def _within(expression: Expression) -> Iterator[Expression]:
    yield expression
    for child in expression.children():
        yield from _within(child)
