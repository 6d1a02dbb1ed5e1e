"""Reading a scenario file: every problem told at once, with its field and what helps."""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from app.misconfiguration import Misconfigured
from app.simulation.acquaintances import acquaintances
from app.simulation.calendars import calendar_problems, closed_days, wait_of, working_hours
from app.simulation.document import ChangePart, Document, MailboxPart, SequencePart, place, problems_of
from domain.ids import MailboxId, SequenceId
from domain.mailboxes import Mailbox, Ramp
from domain.recalculations import RecalculationCause
from domain.scenarios import Course, Joining, MailboxChange, Scenario
from domain.send_window import EVERY_DAY, Calendar, InvalidSendWindow, SendWindow
from domain.sequences import Sequence

MOST_CONTACTS = 100_000
_CAUSES = {
    "removed": RecalculationCause.MAILBOX_REMOVED,
    "paused": RecalculationCause.MAILBOX_PAUSED,
    "resumed": RecalculationCause.MAILBOX_RESUMED,
    "capacity": RecalculationCause.CAPACITY_CHANGED,
}


@dataclass(frozen=True, slots=True)
class NamedScenario:
    """A scenario and what its mailboxes and sequences are called, both in the order of the file."""

    scenario: Scenario
    mailboxes: Mapping[MailboxId, str]
    sequences: Mapping[SequenceId, str]


def read_scenario(path: Path) -> NamedScenario:
    """
    The scenario in the TOML file at *path*.

    Raises:
        Misconfigured: If it cannot be read or makes no sense; a line for each problem.
    """
    try:
        document = Document.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise Misconfigured([f"{path}: cannot be read: {error.strerror}"]) from None
    except UnicodeDecodeError:
        raise Misconfigured([f"{path}: is no text; save it as UTF-8"]) from None
    except tomllib.TOMLDecodeError as error:
        raise Misconfigured([f"{path}: is not TOML: {error}"]) from None
    except ValidationError as error:
        raise Misconfigured([f"{path}: {problem}" for problem in problems_of(error)]) from None
    if problems := list(_contradictions(document)):
        raise Misconfigured([f"{path}: {problem}" for problem in problems])
    return _named(document)


def _contradictions(document: Document) -> Iterator[str]:
    """What is wrong although each field alone is right."""
    mailboxes = [each.name for each in document.mailboxes]
    sequences = [each.name for each in document.sequences]
    for table, names in (("mailboxes", mailboxes), ("sequences", sequences)):
        for number, name in enumerate(names):
            if name in names[:number]:
                yield f'{place(table, number, "name")}: "{name}" is there already; give it another name'
    for number, box in enumerate(document.mailboxes):
        for name in box.sequences or ():
            yield from _unknown(place("mailboxes", number, "sequences"), name, sequences)
    for number, contacts in enumerate(document.contacts):
        yield from _unknown(place("contacts", number, "sequence"), contacts.sequence, sequences)
    for number, change in enumerate(document.changes):
        yield from _unknown(place("changes", number, "mailbox"), change.mailbox, mailboxes)
        yield from _unclear(place("changes", number, "daily_capacity"), change)
    yield from _after_removal(document)
    for number, sequence in enumerate(document.sequences):
        yield from _never_sends(document, number, sequence)
    yield from calendar_problems(document)
    if sum(each.number for each in document.contacts) > MOST_CONTACTS:
        yield f"contacts: there are more than {MOST_CONTACTS} in all; simulate fewer"
    else:
        yield from _strangers(document)


def _unknown(where: str, name: str, known: list[str]) -> Iterator[str]:
    if name not in known:
        yield f'{where}: nothing is called "{name}"; name one of {", ".join(known[:10])}'


def _unclear(where: str, change: ChangePart) -> Iterator[str]:
    if change.change == "capacity" and change.daily_capacity is None:
        yield f'{where}: is missing; a change of "capacity" needs the new one'
    if change.change != "capacity" and change.daily_capacity is not None:
        yield f'{where}: says nothing for "{change.change}"; remove it, or write change = "capacity"'


def _strangers(document: Document) -> Iterator[str]:
    for number, (contacts, known) in enumerate(zip(document.contacts, acquaintances(document), strict=True)):
        if len(known) < contacts.known:
            yield (
                f"{place('contacts', number, 'known')}: only {len(known)} of these {contacts.number} can have"
                " joined another sequence before; name no more"
            )


def _after_removal(document: Document) -> Iterator[str]:
    removed: dict[str, int] = {}
    for number, change in sorted(enumerate(document.changes), key=lambda each: each[1].on_day):
        if change.mailbox in removed:
            yield (
                f'{place("changes", number, "mailbox")}: "{change.mailbox}" is removed on day '
                f"{removed[change.mailbox]}; leave out what happens to it afterwards"
            )
        elif change.change == "removed":
            removed[change.mailbox] = change.on_day


def _never_sends(document: Document, number: int, sequence: SequencePart) -> Iterator[str]:
    if not any(_serves(box, sequence) for box in document.mailboxes):
        yield (
            f'{place("sequences", number, "name")}: no mailbox serves "{sequence.name}"; '
            "add it to the sequences of one"
        )
    if sequence.weekdays is not None and sequence.intervals is None:
        where = place("sequences", number, "intervals")
        yield f'{where}: is missing beside weekdays; add hours like ["09:00-17:00"]'
    try:
        _window(sequence)
    except InvalidSendWindow as error:
        yield f"{place('sequences', number, error.field)}: {error}"


def _serves(box: MailboxPart, sequence: SequencePart) -> bool:
    return box.sequences is None or sequence.name in box.sequences


def _window(sequence: SequencePart) -> SendWindow | None:
    if sequence.intervals is None:
        return None
    weekdays = EVERY_DAY if sequence.weekdays is None else frozenset(sequence.weekdays)
    return SendWindow(weekdays, tuple(sequence.intervals))


def _named(document: Document) -> NamedScenario:
    mailbox_ids = {box.name: MailboxId(UUID(int=n)) for n, box in enumerate(document.mailboxes, 1)}
    sequence_ids = {each.name: SequenceId(UUID(int=n)) for n, each in enumerate(document.sequences, 1)}
    scenario = Scenario(
        zone=document.zone,
        start=document.start,
        courses=tuple(
            Course(
                Sequence(
                    sequence_ids[each.name],
                    Calendar(each.zone or document.zone, _window(each), closed=closed_days(each)),
                    tuple(mailbox_ids[box.name] for box in document.mailboxes if _serves(box, each)),
                    each.priority,
                    each.weight,
                    each.max_new_contacts_per_day,
                ),
                tuple(wait_of(step) for step in each.steps),
            )
            for each in document.sequences
        ),
        mailboxes=tuple(_mailbox(box, mailbox_ids[box.name], document) for box in document.mailboxes),
        joinings=tuple(
            Joining(each.on_day, sequence_ids[each.sequence], each.number, known)
            for each, known in zip(document.contacts, acquaintances(document), strict=True)
        ),
        changes=tuple(
            MailboxChange(each.on_day, _CAUSES[each.change], mailbox_ids[each.mailbox], each.daily_capacity)
            for each in document.changes
        ),
        reply_rate=document.reply_rate,
        seed=document.seed,
        contact_min_gap_days=document.contact_min_gap_days,
    )
    return NamedScenario(
        scenario,
        {mailbox_id: name for name, mailbox_id in mailbox_ids.items()},
        {sequence_id: name for name, sequence_id in sequence_ids.items()},
    )


def _mailbox(box: MailboxPart, mailbox_id: MailboxId, document: Document) -> Mailbox:
    zone: ZoneInfo = box.zone or document.zone
    ramp = None
    if box.ramp is not None:
        started_on = document.start + timedelta(days=box.ramp.from_day - 1)
        ramp = Ramp(box.ramp.start, box.ramp.step, started_on)
    gap, hours = timedelta(seconds=box.minimum_gap_s), working_hours(box.working_hours)
    return Mailbox(mailbox_id, zone, box.daily_capacity, gap, ramp, working_hours=hours)
