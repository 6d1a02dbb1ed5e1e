"""Who keeps the slot that it holds: minimal movement, the first rule of every replan."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

from domain.draft import Draft, place_of
from domain.enrollments import Enrollment
from domain.itineraries import Leg, MoveCause
from domain.timetable import Timetable

# A slot that passed longer ago than this is given up for a new one; until then the dispatcher may take it.
LATE_AFTER = timedelta(minutes=10)


def keep_what_holds(draft: Draft, enrollment: Enrollment) -> None:
    """Keep every slot of *enrollment* whose own rules are still true; note the cause for the others."""
    day_before = enrollment.last_window_day
    earliest: date | None = None
    for number, leg in enumerate(enrollment.legs):
        if number == 0 or day_before is not None:
            earliest = enrollment.earliest_day(leg, day_before)
        day_before = None
        if leg.held is None:
            continue
        cause = _broken(draft, enrollment, leg, earliest, is_first=number == 0)
        if cause is not None:
            draft.lost[place_of(enrollment, leg)] = cause
            continue
        day_before = enrollment.calendar.day_of(leg.held.send_at) or leg.held.window_day
        draft.keep(place_of(enrollment, leg), replace(leg.held, window_day=day_before), enrollment.calendar)


def _broken(
    draft: Draft, enrollment: Enrollment, leg: Leg, earliest: date | None, *, is_first: bool
) -> MoveCause | None:
    """Why *leg* cannot keep the slot that it holds; None when it can."""
    held = leg.held
    if held is None or leg.loses_slot is not None:
        return leg.loses_slot
    if held.mailbox_id not in draft.timetables or held.mailbox_id != (
        enrollment.mailbox_id or held.mailbox_id
    ):
        return MoveCause.MAILBOX_HANDED_OVER
    if draft.available(held.mailbox_id) is None:
        return None  # It waits for its mailbox, and is looked at again when that comes back.
    if held.send_at <= draft.now - LATE_AFTER:
        return MoveCause.LATE
    window_day = enrollment.calendar.day_of(held.send_at)
    if window_day is None:
        return MoveCause.WINDOW_CHANGED
    if earliest is not None and window_day < earliest:
        return MoveCause.WAIT_CHANGED
    if is_first and enrollment.not_before is not None and held.send_at < enrollment.not_before:
        return MoveCause.WAIT_CHANGED
    return None


def shed(draft: Draft, enrollments: Sequence[Enrollment]) -> None:
    """
    Take their slots from the latest-planned emails of days that hold too many, and of pairs too close.

    *enrollments* are in the order of planning.
    """
    for enrollment in reversed(enrollments):
        for leg in reversed(enrollment.legs):
            slot = draft.kept.get(place_of(enrollment, leg))
            if slot is not None and draft.timetables[slot.mailbox_id].day(slot.send_day).is_over:
                draft.drop(place_of(enrollment, leg), MoveCause.CAPACITY_LOWERED)
    for timetable in draft.timetables.values():
        _part(draft, timetable)


def _part(draft: Draft, timetable: Timetable) -> None:
    for day in timetable.days.values():
        last_kept = None
        for holder, instant in day.holders():
            is_close = last_kept is not None and instant - last_kept < day.gap
            if is_close and isinstance(holder, tuple) and holder in draft.kept:
                draft.drop(holder, MoveCause.SPACING)
            else:
                last_kept = instant
