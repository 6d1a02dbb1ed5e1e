"""One rendering of a template for one contact: the values it finds, where it refuses, what it may cost."""

from collections.abc import Callable, Sequence
from typing import Any, TextIO

from liquid import BoundTemplate, RenderContext, Token
from liquid.builtin.expressions import FilteredExpression, Path
from liquid.builtin.output import OutputNode
from liquid.expression import Expression
from liquid.stringify import to_liquid_string
from liquid.undefined import UNDEFINED, Undefined, is_undefined
from liquid.utils import ReadOnlyChainMap
from typing_extensions import override

TEXT_LIMIT = 256 * 1024
"""The largest template, rendered text and value in between, in characters or bytes of UTF-8."""
LOOP_LIMIT = 1_000
"""Turns of all loops of one rendering together."""
FILTER_LIMIT = 2_000
"""Filters applied in one rendering."""

# Names under which fields are grouped: `custom.plan` is one field, `first_name.size` part of `first_name`.
_GROUPS = frozenset({"custom", "sender"})


class TemplateError(Exception):
    """A template that cannot be parsed, or not be rendered for this contact."""


class MissingValue(TemplateError):
    """The letter would show a hole: *variable* has no value for this contact, and no `default` filter."""

    def __init__(self, variable: str) -> None:
        super().__init__(f"{variable} has no value and no default")
        self.variable = variable


class TemplateLimit(TemplateError):
    """The template asks for more work or text than a letter may cost."""


def field_name(path: Sequence[object]) -> str:
    """Return the field that a path such as ``["custom", "plan", "size"]`` reads: ``custom.plan``."""
    depth = 2 if path[0] in _GROUPS else 1
    return ".".join(str(segment) for segment in path[:depth])


class Missing(Undefined):
    """A field without a value: false in a condition, replaced by `default`, and an error when printed."""

    __slots__ = ()

    # The name that python-liquid's `default` looks for.
    force_liquid_default = True

    @override
    def __str__(self) -> str:
        raise MissingValue(self.name)

    @override
    def __int__(self) -> int:
        raise MissingValue(self.name)


class Rendering(RenderContext):
    """The fields of one contact, without a clock, and a count of the work done."""

    __slots__ = ("_filters_applied", "_turns")

    def __init__(self, template: BoundTemplate, **settings: Any) -> None:  # Any: passed on to the library
        super().__init__(template, **settings)
        # Without python-liquid's own `now` and `today`: a letter rendered twice is the same letter.
        self.scope = ReadOnlyChainMap(self.locals, self.globals)
        self._turns = 0
        self._filters_applied = 0

    @override
    def get(self, path: list[object], *, token: Token | None, default: object = UNDEFINED) -> object:
        value = super().get(path, token=token, default=default)
        if isinstance(value, Missing):
            return value
        if is_undefined(value) or (_is_blank(value) and self.is_field(path[0])):
            return Missing(field_name(path))
        return value

    def is_field(self, root: object) -> bool:
        """Whether *root* names something of the contact, not something the author made up in the template."""
        return root in self.globals and root not in self.locals

    @override
    def filter(self, name: str, token: Token | None) -> Callable[..., object]:
        self._filters_applied += 1
        if self._filters_applied > FILTER_LIMIT:
            raise TemplateLimit(f"more than {FILTER_LIMIT} filters applied")
        return super().filter(name, token)

    @override
    def raise_for_loop_limit(self, length: int = 1) -> None:
        # The library limits the product of nested loops; this also sees a thousand loops in a row.
        self._turns += length
        if self._turns > LOOP_LIMIT:
            raise TemplateLimit(f"more than {LOOP_LIMIT} turns of loops")


def _is_blank(value: object) -> bool:
    return value is None or value == [] or (isinstance(value, str) and not value.strip())


class Printed(OutputNode):
    """``{{ … }}``, which refuses to print nothing where a field was meant."""

    __slots__ = ("_path",)

    def __init__(self, token: Token, expression: Expression) -> None:
        super().__init__(token, expression)
        self._path = None
        if isinstance(expression, FilteredExpression) and isinstance(expression.left, Path):
            self._path = None if has_default(expression) else expression.left.path

    @override
    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:
        text = to_liquid_string(self.expression.evaluate(context), context.autoescape)
        # A filter may have emptied the value, as `remove` does.
        if (
            self._path
            and not text.strip()
            and isinstance(context, Rendering)
            and context.is_field(self._path[0])
        ):
            raise MissingValue(field_name(self._path))
        return buffer.write(text)


def has_default(expression: FilteredExpression) -> bool:
    """Whether a `default` filter stands behind the value."""
    return any(applied.name == "default" for applied in expression.filters or ())
