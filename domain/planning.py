"""Planning: a time for every remaining email of every enrollment, moved as little as possible.

One pure function serves enrolling, the nightly run and every recalculation. An enrollment reserves its
follow-ups when it is placed, so follow-ups never starve behind new contacts.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import NamedTuple

from domain.agenda import Opening, Seat
from domain.contact_gap import ContactGap
from domain.displacement import Displacement
from domain.draft import Draft
from domain.enrollments import Enrollment
from domain.fair_shares import in_fair_order
from domain.ids import MailboxId
from domain.itineraries import MoveCause, Slot, UnplacedReason
from domain.journeys import Booking, Journey
from domain.keeping import keep_what_holds, shed, take_back
from domain.layouts import Layouts
from domain.mailbox_choice import THRESHOLD, MailboxChoice
from domain.mailboxes import Mailbox
from domain.pacing import PacedOpening
from domain.plan import Plan, Taken, TakenDay
from domain.pull_forward import Holes
from domain.send_window import Calendar
from domain.starts import StartDay
from domain.timetable import Timetable
from domain.unplaced import why_not

_A_SECOND = timedelta(seconds=1)


def plan(
    enrollments: Iterable[Enrollment],
    mailboxes: Iterable[Mailbox],
    *,
    now: datetime,
    taken: Iterable[Taken | TakenDay] = (),
    calendars: Mapping[MailboxId, Sequence[Calendar]] | None = None,
    starts: Mapping[StartDay, int] | None = None,
    pulls_forward: bool = False,
    layouts: Layouts | None = None,
    contact_gap: ContactGap | None = None,
) -> Plan:
    """
    Place every leg of *enrollments* in the timetables of *mailboxes*.

    *taken* are the other emails of these mailboxes; *calendars* those of all sequences that a mailbox
    serves, beside the ones of *enrollments*; *starts* how many others start on the days of sequences that
    limit that. Same arguments, same plan: nothing here knows a clock or chance. Legs that hold a slot keep
    it unless a rule broke; replanning an unchanged state changes nothing. Whoever gives way to a newcomer is
    placed again after everyone else. With *pulls_forward* room that became free goes to emails that are
    planned later. *layouts* are kept by whoever plans over the same calendars again. With *contact_gap* the
    emails that a contact gets from several enrollments are days apart.
    """
    asking, boxes, others = tuple(enrollments), tuple(mailboxes), tuple(taken)
    layouts = layouts or Layouts()
    draft = Draft(
        asking,
        boxes,
        now=now,
        taken=others,
        calendars=calendars or {},
        starts=starts or {},
        layouts=layouts,
        contact_gap=contact_gap,
    )
    for journey in draft.journeys:
        keep_what_holds(draft, journey)
    shed(draft)
    take_back(draft)
    choice = MailboxChoice(draft)
    displacement = Displacement(draft, choice)
    for journey in in_fair_order(draft.journeys):
        if not journey.is_displaced:
            displacement.make_place(journey)
            _route(draft, choice, journey)
    displaced = [journey for journey in draft.journeys if journey.is_displaced]
    for journey in displaced:
        _route(draft, choice, journey)
    if lost := {each.enrollment.sequence.id for each in displaced if not each.is_placed}:
        # There is no room behind the newcomers, as before a last date: these sequences do not give way.
        staying = [replace(each, yields_to=None) if each.sequence.id in lost else each for each in asking]
        return plan(
            staying,
            boxes,
            now=now,
            taken=others,
            calendars=calendars,
            starts=starts,
            pulls_forward=pulls_forward,
            layouts=layouts,
            contact_gap=contact_gap,
        )
    if pulls_forward:
        holes = Holes(draft, choice)
        for journey in holes.candidates():
            holes.change_mailbox(journey)
            _route(draft, choice, journey, holes)
    shifts = draft.assign()
    return Plan(tuple([journey.itinerary() for journey in draft.journeys]), shifts)


def _route(draft: Draft, choice: MailboxChoice, journey: Journey, holes: Holes | None = None) -> None:
    """Choose a mailbox for *journey* if it has none, and place its legs in order."""
    if not journey.bookings:
        return
    first = journey.first_day(journey.bookings[0], None)
    journey.mailbox_id = choice.mailbox_for(journey, first)
    timetable = draft.linked(journey)
    before: Booking | None = None
    gains = holes is not None or journey.enrollment.may_gain
    not_before = journey.earliest_instant
    for number, booking in enumerate(journey.bookings):
        if timetable is None and booking.is_kept:
            continue  # It waits for its mailbox.
        if before is not None:
            first = journey.first_day(booking, before)
        not_before = _not_before(timetable, booking, before, not_before)
        if before is not None and before.reason is not None:
            _give_up(draft, booking, UnplacedReason.WAITS_FOR_STEP)
        elif timetable is None:
            booking.reason = why_not(draft, journey, booking, first, not_before)
        else:
            left = booking.slot
            if left is None or gains or _is_too_soon(left, before, first, not_before):
                asks = _Asks(timetable, journey, first, not_before, journey.fixes(number))
                _place(draft, booking, before, asks, holes)
        before = booking


class _Asks(NamedTuple):
    """What an email of *journey* asks *timetable* for; one that is fixed needs its instant at once."""

    timetable: Timetable
    journey: Journey
    first: date
    not_before: datetime | None
    is_fixed: bool

    def earliest(self, draft: Draft, booking: Booking) -> Opening | Seat | PacedOpening | None:
        return draft.earliest(
            self.journey, booking, self.timetable, self.first, self.not_before, is_fixed=self.is_fixed
        )


def _place(draft: Draft, booking: Booking, before: Booking | None, asks: _Asks, holes: Holes | None) -> None:
    left = booking.slot
    if left is not None:
        cause = _cause_to_leave(draft, booking, left, before, asks, may_gain=holes is not None)
        if cause is None:
            return
        draft.drop(booking, cause)
    match asks.earliest(draft, booking):
        case PacedOpening() as paced:
            draft.pace(asks.journey, booking, paced)
        case Seat() as seat:
            draft.fix(asks.journey, booking, seat, asks.timetable)
        case Opening() as opening:
            draft.reserve(asks.journey, booking, opening, asks.timetable)
        case None:
            booking.reason = why_not(draft, asks.journey, booking, asks.first, asks.not_before)
            return
    if holes is not None:
        left = left or holes.given_up(booking)
        if left is not None:
            holes.pass_on(asks.journey, booking, left)


def _cause_to_leave(
    draft: Draft, booking: Booking, kept: Slot, before: Booking | None, asks: _Asks, *, may_gain: bool
) -> MoveCause | None:
    """Why *booking* gives up the slot that it *kept* so far; None when it stays."""
    if _is_too_soon(kept, before, asks.first, asks.not_before):
        return MoveCause.WAIT_CHANGED
    if (may_gain or asks.journey.enrollment.may_gain) and not booking.leg.is_set_by_hand:
        found = asks.earliest(draft, booking)
        if found is not None and kept.window_day - found.window_day > THRESHOLD:
            return MoveCause.EARLIER
    return None


def _is_too_soon(kept: Slot, before: Booking | None, first: date, not_before: datetime | None) -> bool:
    """Whether *kept* no longer leaves the wait after the step *before* it."""
    if kept.window_day < first or (not_before is not None and kept.send_at < not_before):
        return True
    # The step before it gets another instant of the same day, which nobody knows yet.
    return before is not None and before.slot is None and before.window_day == kept.window_day


def _give_up(draft: Draft, booking: Booking, reason: UnplacedReason) -> None:
    if booking.is_kept:
        draft.drop(booking, MoveCause.WAIT_CHANGED)
    booking.reason = reason


def _not_before(
    timetable: Timetable | None, booking: Booking, before: Booking | None, not_before: datetime | None
) -> datetime | None:
    """The instant before which *booking* must not leave, if its first day does not say it all."""
    if before is None:
        return not_before
    if timetable is None or not booking.leg.wait.may_end_at_once or before.send_day is None:
        return None
    if before.slot is not None:
        return before.slot.send_at + (booking.leg.wait.minutes or _A_SECOND)
    # They leave on one day, in the order in which they ask.
    midnight = timetable.layout.bounds(before.send_day).start
    return midnight if not_before is None else max(not_before, midnight)
