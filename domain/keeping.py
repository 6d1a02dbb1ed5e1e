"""Who keeps the slot that it holds: minimal movement, the first rule of every replan."""

from bisect import bisect_left, insort
from dataclasses import replace
from datetime import date, datetime, timedelta

from domain.draft import Draft
from domain.ids import MailboxId
from domain.itineraries import Leg, MoveCause, Slot
from domain.journeys import Booking, Journey
from domain.mailbox_day import MailboxDay
from domain.mailboxes import UNLIMITED
from domain.seating import Holder
from domain.timetable import Timetable

# A slot that passed longer ago than this is given up for a new one; until then the dispatcher may take it.
LATE_AFTER = timedelta(minutes=10)


def keep_what_holds(draft: Draft, journey: Journey) -> None:
    """Keep every slot of *journey* whose own rules are still true; note the cause for the others."""
    enrollment = journey.enrollment
    day_before, not_before = enrollment.last_window_day, enrollment.not_before
    for number, booking in enumerate(journey.bookings):
        held = booking.leg.held
        if held is not None:
            earliest = None
            if number == 0 or day_before is not None:
                earliest = enrollment.earliest_day(booking.leg, day_before)
            opened_on = _opened_on(journey, held)
            booking.lost_by = _broken(draft, journey, booking.leg, held, opened_on, earliest, not_before)
            if booking.lost_by is None:
                if opened_on is not None and opened_on != held.window_day:
                    held = Slot(held.mailbox_id, held.send_at, opened_on, held.send_day)
                may_shift = opened_on is not None and not journey.shares_day(number)
                draft.keep(booking, held, journey.calendar if may_shift else None, not_before)
        day_before, not_before = booking.window_day, None


def _opened_on(journey: Journey, held: Slot) -> date | None:
    """The day of the window that *held* lies in; None when that is closed."""
    if journey.calendar.is_open(held.window_day, held.send_at):
        return held.window_day
    return journey.calendar.day_of(held.send_at)


def _broken(
    draft: Draft,
    journey: Journey,
    leg: Leg,
    held: Slot,
    opened_on: date | None,
    earliest: date | None,
    not_before: datetime | None,
) -> MoveCause | None:
    """Why *leg* cannot keep *held*; None when it can."""
    if leg.loses_slot is not None:
        return leg.loses_slot
    if journey.mailbox_id is None:
        # Steps leave from one mailbox: that of the first of them which has one.
        journey.mailbox_id = held.mailbox_id
    if held.mailbox_id not in draft.timetables or held.mailbox_id != journey.mailbox_id:
        return MoveCause.MAILBOX_HANDED_OVER
    if draft.available(held.mailbox_id) is None:
        return None  # It waits for its mailbox, and is looked at again when that comes back.
    if held.send_at <= draft.now - LATE_AFTER:
        return MoveCause.LATE
    if opened_on is None:
        return MoveCause.WINDOW_CHANGED
    is_too_soon = not_before is not None and held.send_at < not_before
    if is_too_soon or (earliest is not None and opened_on < earliest):
        return MoveCause.WAIT_CHANGED
    return None


def shed(draft: Draft) -> None:
    """Take their slots from the latest-planned emails of days that hold too many, and of pairs too close."""
    for timetable in draft.timetables.values():
        if timetable.mailbox.is_available:
            for day in list(timetable.days.values()):
                _shed(draft, day)
            _part(draft, timetable)


def _shed(draft: Draft, day: MailboxDay) -> None:
    for holder, _ in reversed(day.holders()) if day.is_over else ():
        if day.is_over and isinstance(holder, Booking):
            draft.drop(holder, MoveCause.CAPACITY_LOWERED)


def _part(draft: Draft, timetable: Timetable) -> None:
    """Of two neighbours that are too close the later one loses its slot, unless only the other one can."""
    kept: list[tuple[Holder, datetime]] = []
    for holder, instant in timetable.holders():
        # What left a moment late delays the next one by as much, at the gate; that is not worth a move.
        while kept and draft.now < kept[-1][1] and instant - kept[-1][1] < timetable.gap:
            loser = holder if isinstance(holder, Booking) else kept[-1][0]
            if isinstance(loser, Booking):
                draft.drop(loser, MoveCause.SPACING)
            if loser is holder or not isinstance(loser, Booking):
                break
            kept.pop()
        if not isinstance(holder, Booking) or holder.is_kept:
            kept.append((holder, instant))


def take_back(draft: Draft) -> None:
    """Give those who come back to their mailbox the slots that they had there, where nobody has them now."""
    instants: dict[MailboxId, list[datetime]] = {}
    for journey in draft.journeys:
        timetable = draft.linked(journey)
        if timetable is None or all(booking.leg.former_at is None for booking in journey.bookings):
            continue
        mailbox_id = timetable.mailbox.id
        if mailbox_id not in instants:
            instants[mailbox_id] = [instant for _, instant in timetable.holders()]
        _take_back(draft, journey, timetable, instants[mailbox_id])


def _take_back(draft: Draft, journey: Journey, timetable: Timetable, instants: list[datetime]) -> None:
    """*instants* are those at which the mailbox sends, in order."""
    day_before, not_before = journey.enrollment.last_window_day, journey.enrollment.not_before
    for number, booking in enumerate(journey.bookings):
        former_at = booking.leg.former_at
        opened_on = None if former_at is None else journey.calendar.day_of(former_at)
        if former_at is not None and opened_on is not None and former_at > draft.now:
            former = Slot(timetable.mailbox.id, former_at, opened_on, timetable.local_day(former_at))
            earliest = None
            if number == 0 or day_before is not None:
                earliest = journey.enrollment.earliest_day(booking.leg, day_before)
            leg = replace(booking.leg, loses_slot=None)
            holds = _broken(draft, journey, leg, former, opened_on, earliest, not_before) is None
            if holds and _is_free(timetable, former, instants):
                draft.keep(booking, former, None, not_before)
                insort(instants, former_at)
        day_before, not_before = booking.window_day, None


def _is_free(timetable: Timetable, slot: Slot, instants: list[datetime]) -> bool:
    day = timetable.day(slot.send_day)
    if day.grid.capacity != UNLIMITED and day.count >= day.grid.capacity:
        return False
    at = bisect_left(instants, slot.send_at)
    return all(abs(slot.send_at - near) >= timetable.gap for near in instants[max(at - 1, 0) : at + 1])
