"""Templates of subjects, texts and HTML: parsed and checked once, rendered for every contact."""

from collections.abc import Mapping, Sequence, Set
from typing import ClassVar

from liquid import BoundTemplate
from liquid.builtin.expressions import FilteredExpression, Path
from liquid.builtin.expressions.primitive import Blank, Empty, RangeLiteral
from liquid.exceptions import LiquidError, ResourceLimitError

from domain.merging import Filled, Merge
from domain.renderings import TEXT_LIMIT, MissingValue, TemplateError, TemplateLimit, field_name, has_default
from domain.template_language import HTML, PLAIN, expressions

__all__ = [
    "KNOWN_FIELDS",
    "MissingValue",
    "Template",
    "TemplateError",
    "TemplateFailed",
    "TemplateLimit",
    "TemplateSyntaxError",
    "check_variables",
]

KNOWN_FIELDS = frozenset(
    {
        "first_name",
        "last_name",
        "email",
        "company",
        "phone",
        "sender.name",
        "sender.email",
        "unsubscribe_url",
    }
)
"""The fields of every letter; a contact's own ones come beside them as ``custom.NAME``."""


class TemplateSyntaxError(TemplateError):
    """The template cannot be parsed: *message* says why, *line* counts from 1."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(f"line {line}: {message}")
        self.message = message
        self.line = line


class TemplateFailed(TemplateError):
    """A rendering came upon values that do not go together, such as ``custom.seats > 3`` for a text."""


class Template:
    """A parsed template."""

    __slots__ = ("_merge", "_parsed", "required", "variables")

    variables: frozenset[str]
    """The fields it uses, by dotted name."""
    required: frozenset[str]
    """Those it uses in a place without a `default` filter: without a value for one of them, a letter may be
    refused. (Whether it is depends on the conditions around that place.)"""

    _LANGUAGES: ClassVar = {False: PLAIN, True: HTML}

    def __init__(self, parsed: BoundTemplate, *, is_html: bool) -> None:
        """For `parse`, which checks what it passes."""
        self._parsed = parsed
        self._merge = Merge.of(parsed, is_html=is_html)
        self.variables = _variables(parsed)
        self.required = _required(parsed) & self.variables

    @property
    def pieces(self) -> Sequence[str] | None:
        """Its own text, cut where values are merged into it; None if it has more than that."""
        return None if self._merge is None else self._merge.pieces

    @classmethod
    def parse(cls, text: str, *, html: bool = False) -> "Template":
        """
        Parse *text*; in a template of HTML every value is escaped.

        Raises:
            TemplateSyntaxError: Also for an unknown tag or filter, and for a text that is too long or too
                deeply nested.
        """
        if len(text) > TEXT_LIMIT:
            raise TemplateSyntaxError(f"longer than {TEXT_LIMIT} characters", 1)
        try:
            text.encode()
            parsed = cls._LANGUAGES[html].from_string(text)
            _check(parsed, text)
            return cls(parsed, is_html=html)
        except LiquidError as error:
            raise TemplateSyntaxError(_message(error), _line(text, error)) from error
        except UnicodeEncodeError as error:
            line = text.count("\n", 0, error.start) + 1
            raise TemplateSyntaxError("half a character (a lone surrogate)", line) from error

    def render(self, fields: Mapping[str, object]) -> str:
        """
        Render for one contact; *fields* are nested: ``{"first_name": "Ada", "custom": {"plan": "pro"}}``.

        None, an empty text and one of white space are no value.

        Raises:
            MissingValue: If a field without value and without `default` would be printed.
            TemplateLimit: If the work or the text grows beyond the limits.
            TemplateFailed: If values do not go together.
        """
        return self.fill(fields)[0]

    def fill(self, fields: Mapping[str, object]) -> Filled:
        """As `render`, and tell which values stand between the `pieces`, where it is as simple as that."""
        merged = None if self._merge is None else self._merge.fill(fields)
        if merged is not None:
            return merged
        try:
            return self._parsed.render(fields), None
        except ResourceLimitError as error:
            raise TemplateLimit(_message(error)) from error
        except RecursionError as error:
            raise TemplateLimit(_TOO_DEEP) from error
        except LiquidError as error:
            raise TemplateFailed(_message(error)) from error
        except UnicodeEncodeError as error:
            raise TemplateFailed("a value holds half a character (a lone surrogate)") from error


def check_variables(template: Template, known: Set[str] = KNOWN_FIELDS) -> frozenset[str]:
    """Return the fields that *template* uses and *known* does not have; empty when all is well."""
    return template.variables - known


def _variables(parsed: BoundTemplate) -> frozenset[str]:
    used = parsed.analyze(include_partials=False).globals
    return frozenset(field_name(variable.segments) for places in used.values() for variable in places)


def _required(parsed: BoundTemplate) -> frozenset[str]:
    return frozenset(
        field_name(value.path)
        for expression in expressions(parsed)
        if isinstance(expression, FilteredExpression)
        # Its children are the value and then the filters' arguments, for which no default stands in.
        for value in expression.children()[1 if has_default(expression) else 0 :]
        if isinstance(value, Path)
    )


def _check(parsed: BoundTemplate, text: str) -> None:
    for expression in expressions(parsed):
        if isinstance(expression, FilteredExpression):
            for applied in expression.filters or ():
                applied.validate_filter_arguments(parsed.env)
        if refusal := _refusal(expression):
            raise TemplateSyntaxError(refusal, _line_at(text, expression.token.start_index))


def _refusal(expression: object) -> str | None:
    if isinstance(expression, Blank | Empty):
        # In python-liquid a missing value is not blank, so that the condition would say the opposite.
        return "comparing with blank or empty is not supported: write {% if name %} or {% unless name %}"
    if isinstance(expression, RangeLiteral):
        return "ranges such as (1..3) are not supported"
    if isinstance(expression, Path) and not all(
        isinstance(segment, str | int) for segment in expression.path
    ):
        return "the name of a field must be written out, not computed"
    return None


_TOO_DEEP = "nested too deeply"


def _message(error: LiquidError) -> str:
    # python-liquid hides what else goes wrong in parsing behind "unexpected liquid parsing error".
    if isinstance(error.__cause__, RecursionError):
        return _TOO_DEEP
    # Not str(error): it draws a picture, and fails at the end of the text.
    return str(error.message)


def _line(text: str, error: LiquidError) -> int:
    return _line_at(text, error.token.start_index) if error.token else 1


def _line_at(text: str, start: int) -> int:
    """The line of the character at *start*; negative means the end of the text."""
    return text.count("\n", 0, start if start >= 0 else len(text)) + 1
