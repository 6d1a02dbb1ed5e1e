"""Single values of an input, such as names, zones and addresses: returned clean, or raised as a `Problem`."""

import re
from datetime import date
from functools import cache
from uuid import UUID
from zoneinfo import available_timezones

from api.errors import UserErrorCode
from api.ids import MalformedId, uuid_of
from api.inputs.problems import Problem
from domain.addresses import EmailAddress, InvalidAddress, parse_address

LONGEST_NAME = 200
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def name(text: str) -> str:
    """A name that must be there."""
    clean = header_text(text)
    if not clean:
        raise Problem(UserErrorCode.BLANK, "Give it a name.")
    return clean


def header_text(text: str, *, longest: int = LONGEST_NAME) -> str:
    """One line of text, perhaps empty, that may be written into a mail header."""
    clean = text.strip(" ")
    if _CONTROL.search(clean):
        raise Problem(UserErrorCode.INVALID_HEADER, "It holds a line break or another control character.")
    if len(clean) > longest:
        raise too_long(longest)
    return clean


def too_long(longest: int) -> Problem:
    return Problem(UserErrorCode.TOO_LONG, f"It is longer than {longest} characters.")


def optional_text(text: str | None) -> str | None:
    """One line of text; none and an empty one are the same."""
    return None if text is None else header_text(text) or None


def zone(text: str) -> str:
    """The name of a time zone, as the IANA database spells it."""
    if text not in _zones():
        raise Problem(
            UserErrorCode.INVALID_ZONE,
            f"“{text[:50]}” is not a zone of the IANA database, for example Europe/Berlin.",
        )
    return text


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def address(text: str) -> EmailAddress:
    try:
        return parse_address(text)
    except InvalidAddress as invalid:
        raise Problem(UserErrorCode.INVALID_ADDRESS, invalid.reason) from invalid


def number(given: int, *, least: int, most: int) -> int:
    if not least <= given <= most:
        raise Problem(UserErrorCode.OUT_OF_RANGE, f"It is a number from {least} to {most}.")
    return given


def object_id(kind: str, text: str) -> UUID:
    """The key in the id of a *kind* of thing; whether there is one, the database knows."""
    try:
        return uuid_of(kind, text)
    except MalformedId as malformed:
        raise Problem(UserErrorCode.INVALID_ID, malformed.message) from malformed


def dates_in_order(first: date | None, last: date | None) -> None:
    if first is not None and last is not None and last < first:
        raise Problem(UserErrorCode.OUT_OF_RANGE, "The last date is before the first.")
