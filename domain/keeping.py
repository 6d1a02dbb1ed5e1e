"""Who keeps the slot that it holds: minimal movement, the first rule of every replan."""

from bisect import bisect_left, insort
from datetime import date, datetime, timedelta

from domain.draft import Draft
from domain.ids import MailboxId
from domain.itineraries import Leg, MoveCause, Slot
from domain.journeys import Booking, Journey
from domain.mailbox_day import MailboxDay
from domain.rates import Mark, Sweep, counted_at, is_kept
from domain.seating import Holder
from domain.timetable import Timetable

# A slot that passed longer ago than this is given up for a new one; until then the dispatcher may take it.
LATE_AFTER = timedelta(minutes=10)
# What the dispatcher may take up while a plan is made makes place for nobody.
SETTLED_BEFORE = timedelta(minutes=5)


def keep_what_holds(draft: Draft, journey: Journey) -> None:
    """Keep every slot of *journey* whose own rules are still true; note the cause for the others."""
    enrollment, calendar = journey.enrollment, journey.calendar
    day_before = enrollment.last_window_day
    before: Slot | None = None
    for number, booking in enumerate(journey.bookings):
        held = booking.leg.held
        if held is not None:
            earliest, not_before = floors(journey, number, day_before, before)
            opened_on: date | None = held.window_day
            if not calendar.is_open(held.window_day, held.send_at):
                opened_on = calendar.day_of(held.send_at)
            booking.lost_by = _broken(draft, journey, booking.leg, held, opened_on, earliest, not_before)
            if booking.lost_by is None:
                if opened_on is not None and opened_on is not held.window_day:
                    held = Slot(held.mailbox_id, held.send_at, opened_on, held.send_day)
                may_shift = opened_on is not None and _may_shift(draft, journey, number, held)
                draft.keep(journey, booking, held, not_before, may_shift=may_shift)
        day_before, before = booking.window_day, booking.slot


def _may_shift(draft: Draft, journey: Journey, number: int, held: Slot) -> bool:
    """Whether leg *number*, from 0, may leave at another instant of its window, for somebody else's sake."""
    if held.send_at <= draft.now + SETTLED_BEFORE or journey.enrollment.legs[number].is_set_by_hand:
        return False
    if journey.enrollment.sequence.pace is not None:
        return False
    # What gets its instant at once keeps it: else a replan would find room that the first plan did not.
    return not journey.shares_day(number) and not journey.fixes(number)


def floors(
    journey: Journey, number: int, day_before: date | None, before: Slot | None
) -> tuple[date | None, datetime | None]:
    """
    The first day of leg *number*, from 0, and the instant before which it must not leave.

    Behind another leg both are known as far as that one is kept, on *day_before* and at *before*.
    """
    enrollment = journey.enrollment
    leg = enrollment.legs[number]
    if number == 0:
        return enrollment.earliest_day(leg, day_before), journey.earliest_instant
    earliest = None if day_before is None else enrollment.earliest_day(leg, day_before)
    minutes = leg.wait.minutes if journey.counts_minutes else None
    return earliest, None if before is None or minutes is None else before.send_at + minutes


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
    timetable = draft.timetables.get(held.mailbox_id)
    if timetable is None or held.mailbox_id != journey.mailbox_id:
        return MoveCause.MAILBOX_HANDED_OVER
    if not timetable.mailbox.is_available:
        return None  # It waits for its mailbox, and is looked at again when that comes back.
    if held.send_at <= draft.now - LATE_AFTER and journey.enrollment.sequence.is_sending:
        return MoveCause.LATE
    if opened_on is None or not timetable.mailbox.works_at(held.send_at):
        return MoveCause.WINDOW_CHANGED
    is_too_soon = not_before is not None and held.send_at < not_before
    if is_too_soon or (earliest is not None and opened_on < earliest):
        return MoveCause.WAIT_CHANGED
    # Asked of every email that is kept: a call each would be felt where there is no gap.
    if draft.contact_days is not None and not draft.leaves_apart(journey, opened_on):
        return MoveCause.CONTACT_MIN_GAP
    return None


def shed(draft: Draft) -> None:
    """Take their slots from the latest-planned emails where there are too many, and of pairs too close."""
    for timetable in draft.timetables.values():
        if timetable.mailbox.is_available and timetable.has_bookings:
            for send_day, day in list(timetable.days.items()):
                _shed(draft, timetable, send_day, day)
            _slow_down(draft, timetable)
            _part(draft, timetable)
    for booking in draft.starts.surplus():
        if draft.available(None if booking.slot is None else booking.slot.mailbox_id) is not None:
            draft.drop(booking, MoveCause.CAPACITY_LOWERED)


def _shed(draft: Draft, timetable: Timetable, send_day: date, day: MailboxDay) -> None:
    if not day.is_over and timetable.mailbox.recipient_domain_daily_cap is None:
        return
    for holder, _ in reversed(day.holders()):
        is_over = day.is_over or timetable.domains.is_over(holder, send_day)
        if is_over and isinstance(holder, Booking):
            draft.drop(holder, MoveCause.CAPACITY_LOWERED)


def _slow_down(draft: Draft, timetable: Timetable) -> None:
    """Of an hour, or a stretch as long as a rate's, that holds too many, the last ones lose their slots."""
    for rate in timetable.mailbox.rates:
        sweep = Sweep[Booking](rate, timetable.mailbox.zone)
        for holder, instant in timetable.holders():
            left_at = counted_at(instant, now=draft.now)
            for booking in sweep.pass_over(
                Mark(left_at, left_at, holder if isinstance(holder, Booking) else None)
            ):
                draft.drop(booking, MoveCause.CAPACITY_LOWERED)


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
        if all(leg.former_at is None for leg in journey.enrollment.legs):
            continue
        timetable = draft.linked(journey)
        if timetable is None:
            continue
        mailbox_id = timetable.mailbox.id
        if mailbox_id not in instants:
            instants[mailbox_id] = [counted_at(instant, now=draft.now) for _, instant in timetable.holders()]
        _take_back(draft, journey, timetable, instants[mailbox_id])


def _take_back(draft: Draft, journey: Journey, timetable: Timetable, instants: list[datetime]) -> None:
    """*instants* are those at which the mailbox sends, in order."""
    day_before = journey.enrollment.last_window_day
    before: Slot | None = None
    for number, booking in enumerate(journey.bookings):
        former_at = booking.leg.former_at
        opened_on = None if former_at is None else journey.calendar.day_of(former_at)
        if former_at is not None and opened_on is not None and former_at > draft.now:
            former = Slot(timetable.mailbox.id, former_at, opened_on, timetable.layout.local_day(former_at))
            earliest, not_before = floors(journey, number, day_before, before)
            leg = booking.leg._replace(loses_slot=None)
            holds = _broken(draft, journey, leg, former, opened_on, earliest, not_before) is None
            holds = holds and may_start(draft, journey, number, opened_on)
            if holds and _is_free(timetable, former, journey.enrollment.recipient_domain, instants):
                draft.keep(journey, booking, former, not_before, may_shift=False)
                insort(instants, former_at)
        day_before, before = booking.window_day, booking.slot


def may_start(draft: Draft, journey: Journey, number: int, day: date) -> bool:
    """Whether leg *number*, from 0, may leave on *day*, as far as starts are limited."""
    return number > 0 or draft.starts.next_day(journey, day) == day


def _is_free(timetable: Timetable, slot: Slot, domain: str | None, instants: list[datetime]) -> bool:
    day = timetable.day(slot.send_day)
    if not day.has_capacity or not timetable.domains.have_room(slot.send_day, domain):
        return False
    at = bisect_left(instants, slot.send_at)
    near = instants[max(at - 1, 0) : at + 1]
    if any(abs(slot.send_at - other) < timetable.gap for other in near):
        return False
    rates, zone = timetable.mailbox.rates, timetable.mailbox.zone
    return all(is_kept(rate, zone, slot.send_at, instants) for rate in rates)
