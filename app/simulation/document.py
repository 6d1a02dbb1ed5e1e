"""What a scenario file may say, field by field, and what is told about a field that makes no sense."""

from datetime import date, time
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    StringConstraints,
    ValidationError,
)
from pydantic_core import ErrorDetails

from domain.contact_gap import WIDEST_GAP
from domain.sequences import HIGHEST_WEIGHT

_A_CENTURY = (date(2000, 1, 1), date(2100, 1, 1))
_DAY = "a whole number from 1 (the first day) to 3650"


def _zone(given: object) -> ZoneInfo:
    try:
        return ZoneInfo(str(given))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("no zone") from None


def _interval(given: object) -> tuple[time, time]:
    opens, dash, closes = str(given).replace("–", "-").partition("-")
    if not dash:
        raise ValueError("no interval")
    return _wall(opens), _wall(closes)


def _wall(given: str) -> time:
    hour, minute = given.split(":")
    return time(int(hour), int(minute))


def _near(given: date) -> date:
    if not _A_CENTURY[0] <= given < _A_CENTURY[1]:
        raise ValueError("far away")
    return given


def _printable(given: str) -> str:
    if not given.isprintable():
        raise ValueError("not printable")
    return given


Zone = Annotated[ZoneInfo, PlainValidator(_zone)]
Interval = Annotated[tuple[time, time], PlainValidator(_interval)]
Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=40),
    AfterValidator(_printable),
]
Weekday = Annotated[int, Field(ge=1, le=7)]
Day = Annotated[int, Field(ge=1, le=3650)]
Capacity = Annotated[int, Field(ge=0, le=1_000_000)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class RampPart(_Part):
    start: Annotated[int, Field(ge=1, le=1_000_000)]
    step: Annotated[int, Field(ge=0, le=1_000_000)]
    from_day: Day = 1


class HoursPart(_Part):
    """*weekdays* None is all."""

    intervals: Annotated[list[Interval], Field(min_length=1)]
    weekdays: list[Weekday] | None = None


class MailboxPart(_Part):
    """*zone* None is that of the file; *sequences* None is all, *working_hours* None is any time."""

    name: Name
    daily_capacity: Capacity = 30
    minimum_gap_s: Annotated[int, Field(ge=0, le=86_400)] = 0
    zone: Zone | None = None
    ramp: RampPart | None = None
    working_hours: HoursPart | None = None
    sequences: list[str] | None = None


class StepPart(_Part):
    """It waits in one unit; hours and minutes add up."""

    wait_days: Annotated[int, Field(ge=0, le=365)] = 0
    wait_working_days: Annotated[int, Field(ge=1, le=260)] | None = None
    wait_hours: Annotated[int, Field(ge=0, le=8760)] = 0
    wait_minutes: Annotated[int, Field(ge=0, le=525_600)] = 0


class SequencePart(_Part):
    """Without *intervals* it may send at every hour of every day."""

    name: Name
    steps: Annotated[list[StepPart], Field(min_length=1, max_length=50)]
    zone: Zone | None = None
    weekdays: list[Weekday] | None = None
    intervals: list[Interval] | None = None
    holiday_country: str | None = None
    holiday_subdivision: str | None = None
    closed_dates: Annotated[list[date], Field(max_length=1000)] = []
    priority: Annotated[int, Field(ge=0, le=100)] = 0
    weight: Annotated[int, Field(ge=1, le=HIGHEST_WEIGHT)] = 1
    max_new_contacts_per_day: Annotated[int, Field(ge=1, le=1_000_000)] | None = None


class ContactsPart(_Part):
    """*known* of them joined another sequence before."""

    sequence: str
    number: Annotated[int, Field(ge=1, le=100_000)]
    known: Annotated[int, Field(ge=0, le=100_000)] = 0
    on_day: Day = 1


class ChangePart(_Part):
    on_day: Day
    mailbox: str
    change: Literal["removed", "paused", "resumed", "capacity"]
    daily_capacity: Capacity | None = None


class Document(_Part):
    """A whole scenario file."""

    zone: Zone
    start: Annotated[date, AfterValidator(_near)]
    mailboxes: Annotated[list[MailboxPart], Field(min_length=1, max_length=1000)]
    sequences: Annotated[list[SequencePart], Field(min_length=1, max_length=1000)]
    contacts: Annotated[list[ContactsPart], Field(min_length=1, max_length=1000)]
    changes: Annotated[list[ChangePart], Field(max_length=1000)] = []
    contact_min_gap_days: Annotated[int, Field(ge=1, le=WIDEST_GAP)] | None = None
    reply_rate: Annotated[float, Field(ge=0, le=1)] = 0.0
    seed: int = 0


_PARTS: dict[str, type[_Part]] = {
    "": Document,
    "mailboxes": MailboxPart,
    "mailboxes.ramp": RampPart,
    "mailboxes.working_hours": HoursPart,
    "sequences": SequencePart,
    "sequences.steps": StepPart,
    "contacts": ContactsPart,
    "changes": ChangePart,
}
# What a field must be, by its path without numbers.
_MUST_BE = {
    "zone": 'a zone of the IANA database, like "Europe/Berlin"',
    "start": "the date of the first day between 2000 and 2099, like 2026-11-23, without quotes",
    "contact_min_gap_days": f"a whole number of days from 1 to {WIDEST_GAP}; leave it out for no gap",
    "reply_rate": "the share of emails that are answered, from 0 to 1",
    "seed": "a whole number",
    "mailboxes": "one to 1000 tables, each under [[mailboxes]]",
    "mailboxes.name": "a name of 1 to 40 printable characters",
    "mailboxes.daily_capacity": "a whole number from 0 (unlimited) to 1000000",
    "mailboxes.minimum_gap_s": "a whole number of seconds from 0 to 86400",
    "mailboxes.zone": 'a zone of the IANA database, like "Europe/Berlin"',
    "mailboxes.ramp": "a table like { start = 10, step = 5 }",
    "mailboxes.ramp.start": "a whole number of emails from 1 to 1000000",
    "mailboxes.ramp.step": "a whole number of emails from 0 to 1000000",
    "mailboxes.ramp.from_day": _DAY,
    "mailboxes.working_hours": 'a table like { intervals = ["09:00-17:00"], weekdays = [1, 2, 3, 4, 5] }',
    "mailboxes.working_hours.intervals": 'a list of hours, like ["09:00-17:00"]',
    "mailboxes.working_hours.weekdays": "a list of numbers from 1 (Monday) to 7 (Sunday)",
    "mailboxes.sequences": 'a list of names, like ["Welcome"]; leave it out for all',
    "sequences": "one to 1000 tables, each under [[sequences]]",
    "sequences.name": "a name of 1 to 40 printable characters",
    "sequences.steps": "1 to 50 tables, like [{}, { wait_days = 2 }]",
    "sequences.steps.wait_days": "a whole number of days from 0 to 365",
    "sequences.steps.wait_working_days": "a whole number of working days from 1 to 260",
    "sequences.steps.wait_hours": "a whole number of hours from 0 to 8760",
    "sequences.steps.wait_minutes": "a whole number of minutes from 0 to 525600",
    "sequences.zone": 'a zone of the IANA database, like "Europe/Berlin"',
    "sequences.weekdays": "a list of numbers from 1 (Monday) to 7 (Sunday)",
    "sequences.intervals": 'a list of hours, like ["09:00-17:00"]',
    "sequences.holiday_country": 'a country by ISO 3166-1 alpha-2, like "DE"',
    "sequences.holiday_subdivision": 'a part of the country, like "BY"',
    "sequences.closed_dates": "a list of at most 1000 dates, like [2026-12-24], without quotes",
    "sequences.priority": "a whole number from 0 (ordinary) to 100",
    "sequences.weight": "a whole number from 1 to 100",
    "sequences.max_new_contacts_per_day": "a whole number from 1 to 1000000; leave it out for no limit",
    "contacts": "one to 1000 tables, each under [[contacts]]",
    "contacts.sequence": "the name of a sequence",
    "contacts.number": "a whole number from 1 to 100000",
    "contacts.known": "how many of them joined another sequence before, a whole number from 0 to 100000",
    "contacts.on_day": _DAY,
    "changes": "at most 1000 tables, each under [[changes]]",
    "changes.on_day": _DAY,
    "changes.mailbox": "the name of a mailbox",
    "changes.change": '"removed", "paused", "resumed" or "capacity"',
    "changes.daily_capacity": "a whole number from 0 (unlimited) to 1000000",
}


def problems_of(error: ValidationError) -> list[str]:
    """A line for each field that *error* is about: where it is, and what it must be."""
    return list(dict.fromkeys(_problem(each) for each in error.errors(include_url=False)))


def place(*location: str | int) -> str:
    """Where a field is, as a person counts: `mailboxes 2, name`."""
    words = ""
    for each in location:
        words += f" {each + 1}" if isinstance(each, int) else f", {each}"
    return words.removeprefix(", ")


def _problem(error: ErrorDetails) -> str:
    where = place(*error["loc"])
    path = ".".join(each for each in error["loc"] if isinstance(each, str))
    if error["type"] == "extra_forbidden":
        known = _PARTS[path.rpartition(".")[0]].model_fields
        return f"{where}: there is no such field; correct its name to one of {', '.join(known)}"
    # What is wrong with a whole entry of a list is told as what the list must be.
    must_be = _MUST_BE[path]
    if error["type"] == "missing":
        return f"{where}: is missing; it must be {must_be}"
    return f"{where}: must be {must_be}, not {_shown(error['input'])}"


def _shown(given: object) -> str:
    words = str(given) if isinstance(given, date | time) else repr(given)
    return words if len(words) <= 40 else f"{words[:39]}…"
