"""Scalars: instants, dates, local times, zones, addresses and custom fields as text and JSON."""

import math
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from typing import NewType

import strawberry
from graphql import GraphQLError, ValueNode, value_from_ast_untyped
from strawberry.scalars import JSON
from strawberry.types.scalar import ScalarDefinition

from api.errors import BadUserInput

TimeZone = NewType("TimeZone", str)
EmailAddress = NewType("EmailAddress", str)


def _text(value: object, expected: str) -> str:
    if not isinstance(value, str):
        raise BadUserInput(f"Expected {expected} as text.")
    return value


# Narrower than what Python reads: ISO 8601 also has weeks, ordinal dates, and forms without separators.
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", re.ASCII | re.IGNORECASE)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_LOCAL_TIME = re.compile(r"\d\d:\d\d(:\d\d)?", re.ASCII)


def _read_instant(value: object) -> datetime:
    text = _shaped(_RFC3339, value, "date and time with an offset, for example 2026-03-02T09:00:00+01:00")
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadUserInput(f"There is no instant {text[:50]}.") from None


def _read_date(value: object) -> date:
    text = _shaped(_DATE, value, "date, for example 2026-03-02")
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadUserInput(f"There is no day {text}.") from None


def _read_local_time(value: object) -> time:
    text = _shaped(_LOCAL_TIME, value, "time of day, for example 09:00")
    try:
        return time.fromisoformat(text)
    except ValueError:
        raise BadUserInput(f"There is no time of day {text}.") from None


def _shaped(shape: re.Pattern[str], value: object, what: str) -> str:
    if not isinstance(value, str) or not shape.fullmatch(value):
        raise BadUserInput(f"Expected a {what}.")
    return value


def _read_zone(value: object) -> TimeZone:
    return TimeZone(_text(value, "a TimeZone"))


def _read_address(value: object) -> EmailAddress:
    return EmailAddress(_text(value, "an EmailAddress"))


def _write_instant(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _write_local_time(wall: time) -> str:
    return wall.isoformat("seconds" if wall.second else "minutes")


def _read_json(value: object) -> object:
    if isinstance(value, float) and not math.isfinite(value):
        raise BadUserInput("Numbers in JSON are finite.")
    return value


def _read_in_document(read: Callable[[object], object]) -> Callable[..., object]:
    """*read* for a value that is written into the document, where a mistake has a place."""

    def read_node(node: ValueNode, variables: dict[str, object] | None = None) -> object:
        try:
            return read(value_from_ast_untyped(node, variables))
        except BadUserInput as mistake:
            raise GraphQLError(mistake.message, node, extensions=mistake.extensions) from None

    return read_node


SCALARS: dict[object, ScalarDefinition] = {
    datetime: strawberry.scalar(
        name="DateTime",
        description="An instant by RFC 3339; the offset is required. Answers are in UTC.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc3339#section-5.6",
        serialize=_write_instant,
        parse_value=_read_instant,
        parse_literal=_read_in_document(_read_instant),
    ),
    date: strawberry.scalar(
        name="Date",
        description="A date by RFC 3339, for example `2026-03-02`; in which zone, the field says.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc3339#section-5.6",
        serialize=date.isoformat,
        parse_value=_read_date,
        parse_literal=_read_in_document(_read_date),
    ),
    time: strawberry.scalar(
        name="LocalTime",
        description="A time of the wall clock, `09:00` or `09:00:30`; in which zone, the field says.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc3339#section-5.6",
        serialize=_write_local_time,
        parse_value=_read_local_time,
        parse_literal=_read_in_document(_read_local_time),
    ),
    # What a zone or an address may be is checked where it is used, so that a mutation can name the place.
    TimeZone: strawberry.scalar(
        name="TimeZone",
        description="The name of a zone in the IANA time zone database, for example `Europe/Berlin`.",
        specified_by_url="https://www.iana.org/time-zones",
        serialize=str,
        parse_value=_read_zone,
        parse_literal=_read_in_document(_read_zone),
    ),
    EmailAddress: strawberry.scalar(
        name="EmailAddress",
        description="One bare email address, without a display name.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc5321#section-4.1.2",
        serialize=str,
        parse_value=_read_address,
        parse_literal=_read_in_document(_read_address),
    ),
    JSON: strawberry.scalar(
        name="JSON",
        description="Any JSON value: custom fields of contacts, and what the audit log keeps of a change.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc8259",
        serialize=lambda value: value,
        parse_value=_read_json,
        parse_literal=_read_in_document(_read_json),
    ),
}
