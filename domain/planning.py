"""Planning: a time for every remaining email of every enrollment, moved as little as possible.

One pure function serves enrolling, the nightly run and every recalculation. An enrollment reserves its
follow-ups when it is placed, so follow-ups never starve behind new contacts.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta

from domain.draft import Draft, place_of
from domain.enrollments import Enrollment
from domain.ids import MailboxId, StepId
from domain.itineraries import Itinerary, Leg, MoveCause, PlannedEmail, Slot, UnplacedReason
from domain.keeping import LATE_AFTER, keep_what_holds, shed
from domain.mailbox_choice import MailboxChoice
from domain.mailboxes import Mailbox
from domain.plan import Plan, Taken
from domain.send_window import Calendar
from domain.timetable import HORIZON_DAYS

# A slot that is earlier by no more than this is not worth a move.
THRESHOLD = timedelta(days=1)
# An email that lost its slot for one of these is not wanted earlier than it was promised.
_NOT_EARLIER = frozenset({MoveCause.MAILBOX_HANDED_OVER, MoveCause.CAPACITY_LOWERED, MoveCause.SPACING})

Reasons = dict[StepId, UnplacedReason]


def plan(
    enrollments: Iterable[Enrollment],
    mailboxes: Iterable[Mailbox],
    *,
    now: datetime,
    taken: Iterable[Taken] = (),
    calendars: Mapping[MailboxId, Sequence[Calendar]] | None = None,
) -> Plan:
    """
    Place every leg of *enrollments* in the timetables of *mailboxes*.

    *taken* are the other emails of these mailboxes; *calendars* those of all sequences that a mailbox
    serves, beside the ones of *enrollments*. Same arguments, same plan: nothing here knows a clock or
    chance. Legs that hold a slot keep it unless a rule broke; replanning an unchanged state changes nothing.
    """
    ordered = sorted(enrollments, key=lambda each: each.turn)
    draft = Draft(ordered, mailboxes, now=now, taken=taken, calendars=calendars or {})
    for enrollment in ordered:
        keep_what_holds(draft, enrollment)
    shed(draft, ordered)
    choice = MailboxChoice(draft)
    routed = [(enrollment, *_route(draft, choice, enrollment)) for enrollment in ordered]
    shifts = draft.assign()
    return Plan(tuple(_itinerary(draft, *each) for each in routed), shifts)


def _route(draft: Draft, choice: MailboxChoice, enrollment: Enrollment) -> tuple[MailboxId | None, Reasons]:
    """Place the legs of *enrollment* in order; its mailbox, and the reasons of legs that have no slot."""
    mailbox_id = _mailbox_for(draft, choice, enrollment)
    reasons: Reasons = {}
    day_before = enrollment.last_window_day
    not_before = enrollment.not_before
    for leg in enrollment.legs:
        if reasons:
            if place_of(enrollment, leg) in draft.kept:
                draft.drop(place_of(enrollment, leg), MoveCause.WAIT_CHANGED)
            reasons[leg.step_id] = UnplacedReason.WAITS_FOR_STEP
            continue
        first = _first_day(draft, enrollment, leg, day_before)
        slot = _place(draft, enrollment, leg, mailbox_id, first, not_before)
        if slot is None:
            reasons[leg.step_id] = _why_not(draft, enrollment, mailbox_id, first)
            continue
        day_before, not_before = slot.window_day, None
    return mailbox_id, reasons


def _place(
    draft: Draft,
    enrollment: Enrollment,
    leg: Leg,
    mailbox_id: MailboxId | None,
    first: date,
    not_before: datetime | None,
) -> Slot | None:
    place = place_of(enrollment, leg)
    kept = draft.kept.get(place)
    if kept is not None:
        is_too_soon = kept.window_day < first
        if not is_too_soon and not _would_gain(draft, enrollment, kept, first, not_before):
            return kept
        draft.drop(place, MoveCause.WAIT_CHANGED if is_too_soon else MoveCause.EARLIER)
    timetable = draft.available(mailbox_id)
    if timetable is None:
        return None
    return draft.reserve(place, timetable, enrollment.calendar, first, not_before)


def _first_day(draft: Draft, enrollment: Enrollment, leg: Leg, day_before: date | None) -> date:
    first = enrollment.earliest_day(leg, day_before)
    if leg.held is not None and draft.lost.get(place_of(enrollment, leg)) in _NOT_EARLIER:
        return max(first, leg.held.window_day)
    return first


def _would_gain(
    draft: Draft, enrollment: Enrollment, kept: Slot, first: date, not_before: datetime | None
) -> bool:
    """Whether a day that is earlier by more than the threshold has room."""
    timetable = draft.available(kept.mailbox_id)
    if timetable is None or not enrollment.may_gain or kept.send_at <= draft.now + LATE_AFTER:
        return False
    opening = timetable.first_opening(enrollment.calendar, first, not_before)
    return opening is not None and kept.window_day - opening.window_day > THRESHOLD


def _mailbox_for(draft: Draft, choice: MailboxChoice, enrollment: Enrollment) -> MailboxId | None:
    """The mailbox that *enrollment* is bound to, or the one that can start it earliest."""
    if not enrollment.legs or (enrollment.mailbox_id is not None and not enrollment.may_change_mailbox):
        return enrollment.mailbox_id
    leg = enrollment.legs[0]
    best = choice.earliest(enrollment, _first_day(draft, enrollment, leg, enrollment.last_window_day))
    kept = draft.kept.get(place_of(enrollment, leg))
    if best is None or kept is None:
        return enrollment.mailbox_id if best is None else best[1]
    if best[1] == kept.mailbox_id or kept.window_day - best[0] <= THRESHOLD:
        return kept.mailbox_id
    for other in enrollment.legs:
        if place_of(enrollment, other) in draft.kept:
            draft.drop(place_of(enrollment, other), MoveCause.EARLIER)
    return best[1]


def _why_not(
    draft: Draft, enrollment: Enrollment, mailbox_id: MailboxId | None, first: date
) -> UnplacedReason:
    """The one reason why an email that may leave from *first* on has no slot."""
    if mailbox_id is None and not any(each in draft.timetables for each in enrollment.sequence.mailbox_ids):
        return UnplacedReason.NO_MAILBOX
    usable = enrollment.sequence.mailbox_ids if mailbox_id is None else (mailbox_id,)
    if all(draft.available(each) is None for each in usable):
        return UnplacedReason.MAILBOX_UNAVAILABLE
    calendar = enrollment.calendar
    today = draft.now.astimezone(calendar.zone).date()
    if calendar.last_date is not None and max(first, today) > calendar.last_date:
        return UnplacedReason.AFTER_LAST_DATE
    if next(calendar.days(max(first, today - timedelta(days=1)), limit=HORIZON_DAYS), None) is None:
        return UnplacedReason.WINDOW_NEVER_OPENS
    return UnplacedReason.NO_CAPACITY if calendar.last_date is None else UnplacedReason.AFTER_LAST_DATE


def _itinerary(
    draft: Draft,
    enrollment: Enrollment,
    mailbox_id: MailboxId | None,
    reasons: Mapping[StepId, UnplacedReason],
) -> Itinerary:
    emails = []
    for leg in enrollment.legs:
        place = place_of(enrollment, leg)
        slot = draft.kept.get(place) or draft.placed.get(place)
        has_moved = leg.held is not None and (
            slot is None or (slot.send_at, slot.mailbox_id) != (leg.held.send_at, leg.held.mailbox_id)
        )
        cause = draft.lost.get(place, MoveCause.EARLIER) if has_moved else None
        emails.append(PlannedEmail(leg, slot, reasons.get(leg.step_id), cause))
    return Itinerary(enrollment.id, mailbox_id, tuple(emails))
