"""Who gives way to newcomers where every enrollment is in the plan, as in a simulation."""

from collections.abc import Collection, Container, Iterable
from dataclasses import replace
from datetime import date, datetime

from domain.enrollments import Enrollment
from domain.fair_shares import Newcomers, Starts, who_yields
from domain.ids import EnrollmentId, SequenceId
from domain.itineraries import Slot
from domain.keeping import SETTLED_BEFORE
from domain.sequences import Sequence


def with_yielding(enrollments: Collection[Enrollment], *, now: datetime) -> list[Enrollment]:
    """*enrollments*, those that give way to newcomers marked."""
    newcomers: dict[SequenceId, list[Enrollment]] = {}
    for each in enrollments:
        if each.is_newcomer:
            newcomers.setdefault(each.sequence.id, []).append(each)
    yields_to: dict[EnrollmentId, SequenceId] = {}
    for sequence_id, coming in sorted(newcomers.items()):
        sequence, emails = coming[0].sequence, sum(len(each.legs) for each in coming)
        rivals = [each for each in enrollments if _is_rival(each, sequence)]
        staying = {each.id for each in rivals if each.id in yields_to or not _may_yield(each, now)}
        found = who_yields(
            Newcomers(sequence_id, sequence.weight, len(coming), emails), _starts(rivals, staying)
        )
        yields_to |= dict.fromkeys(found, sequence_id)
    return [replace(each, yields_to=yields_to.get(each.id)) for each in enrollments]


def _is_rival(enrollment: Enrollment, sequence: Sequence) -> bool:
    """Whether *enrollment* has not started, and will do so on a mailbox of *sequence*."""
    theirs = enrollment.sequence
    if (
        enrollment.last_window_day is not None
        or theirs.priority > sequence.priority
        or theirs.pace is not None
    ):
        return False
    return bool(enrollment.legs) and all(
        leg.loses_slot is None and leg.held is not None and leg.held.mailbox_id in sequence.mailbox_ids
        for leg in enrollment.legs
    )


def _start(enrollment: Enrollment) -> Slot:
    slot = enrollment.legs[0].held
    if slot is None:
        raise RuntimeError("Without a time it is nobody's rival.")
    return slot


def _may_yield(enrollment: Enrollment, now: datetime) -> bool:
    return enrollment.displaced_at is None and _start(enrollment).send_at > now + SETTLED_BEFORE


def _starts(rivals: Iterable[Enrollment], staying: Container[EnrollmentId]) -> list[Starts]:
    together: dict[tuple[SequenceId, date], list[Enrollment]] = {}
    for each in sorted(rivals, key=lambda each: each.turn, reverse=True):
        together.setdefault((each.sequence.id, _start(each).window_day), []).append(each)
    return [
        Starts(
            sequence_id,
            starting[0].sequence.weight,
            day,
            len(starting),
            tuple((each.id, len(each.legs)) for each in starting if each.id not in staying),
        )
        for (sequence_id, day), starting in together.items()
    ]
