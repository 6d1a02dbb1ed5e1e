"""Custom fields of contacts: names that a template can use, and plain values."""

import math
import re

from api.errors import UserErrorCode
from api.inputs.problems import Problem

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")
MOST_FIELDS = 100
LONGEST_VALUE = 10_000


def custom_fields(given: object) -> dict[str, object]:
    """An object of plain values by name."""
    if not isinstance(given, dict):
        raise _problem("They are an object, such as {plan: “pro”}.")
    if len(given) > MOST_FIELDS:
        raise _problem(f"There are more than {MOST_FIELDS}.")
    for name, value in given.items():
        if not _NAME.fullmatch(name):
            raise _problem(
                f"“{name[:50]}” is not a name: use letters, digits and _, beginning with a letter."
            )
        if not _is_plain(value):
            raise _problem(f"{name} is not a text, number, boolean or null.")
    return given


def _is_plain(value: object) -> bool:
    if isinstance(value, str):
        # PostgreSQL keeps no NUL in text, and half a character has no bytes.
        return len(value) <= LONGEST_VALUE and "\x00" not in value and _has_bytes(value)
    if isinstance(value, float):
        return math.isfinite(value)
    return value is None or isinstance(value, bool | int)


def _has_bytes(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _problem(message: str) -> Problem:
    return Problem(UserErrorCode.INVALID_CUSTOM_FIELDS, message)
