"""Times that somebody chooses for an email, and what speaks against one."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from enum import StrEnum

from domain.draft import Draft
from domain.enrollments import Enrollment
from domain.ids import EmailId
from domain.itineraries import MoveCause
from domain.journeys import Journey
from domain.keeping import floors, keep_what_holds, may_start, shed
from domain.rates import counted_at, is_kept
from domain.timetable import Timetable


class Obstacle(StrEnum):
    """Why an email cannot leave at an instant; the first that is found."""

    PAST = "PAST"
    NO_MAILBOX = "NO_MAILBOX"
    MAILBOX_UNAVAILABLE = "MAILBOX_UNAVAILABLE"
    OUTSIDE_WINDOW = "OUTSIDE_WINDOW"
    OUTSIDE_WORKING_HOURS = "OUTSIDE_WORKING_HOURS"
    STEP_BEFORE_UNPLACED = "STEP_BEFORE_UNPLACED"
    WAIT = "WAIT"
    NEW_CONTACTS_FULL = "NEW_CONTACTS_FULL"
    CONTACT_MIN_GAP = "CONTACT_MIN_GAP"
    DAY_FULL = "DAY_FULL"
    RECIPIENT_DOMAIN_FULL = "RECIPIENT_DOMAIN_FULL"
    RATE_FULL = "RATE_FULL"
    TOO_CLOSE = "TOO_CLOSE"
    PACE = "PACE"


def wanting(enrollment: Enrollment, email_id: EmailId, send_at: datetime) -> Enrollment:
    """*enrollment*, whose *email_id* gives up its slot and asks for *send_at*."""
    legs = [
        leg._replace(loses_slot=MoveCause.SET_BY_HAND, former_at=send_at) if leg.email_id == email_id else leg
        for leg in enrollment.legs
    ]
    return replace(enrollment, legs=tuple(legs))


def obstacle(draft: Draft, email_id: EmailId, send_at: datetime) -> Obstacle | None:
    """
    What keeps *email_id*, of a journey of a fresh *draft*, from leaving at *send_at*; None if nothing does.

    Raises:
        LookupError: It is in none of them.
    """
    for journey in draft.journeys:
        keep_what_holds(draft, journey)
    shed(draft)
    for journey in draft.journeys:
        for number, leg in enumerate(journey.enrollment.legs):
            if leg.email_id == email_id:
                return _obstacle(draft, journey, number, send_at)
    raise LookupError(email_id)


def _obstacle(draft: Draft, journey: Journey, number: int, send_at: datetime) -> Obstacle | None:
    opened_on, timetable = journey.calendar.day_of(send_at), draft.linked(journey)
    for is_so, found in (
        (send_at <= draft.now, Obstacle.PAST),
        (journey.mailbox_id is None, Obstacle.NO_MAILBOX),
        (timetable is None, Obstacle.MAILBOX_UNAVAILABLE),
        (opened_on is None, Obstacle.OUTSIDE_WINDOW),
    ):
        if is_so:
            return found
    if timetable is None or opened_on is None:
        raise RuntimeError("They were looked at above.")
    if not timetable.mailbox.works_at(send_at):
        return Obstacle.OUTSIDE_WORKING_HOURS
    return _before_its_turn(journey, number, send_at, opened_on) or _without_room(
        draft, journey, number, send_at, opened_on, timetable
    )


def _before_its_turn(journey: Journey, number: int, send_at: datetime, opened_on: date) -> Obstacle | None:
    before, day_before = None, journey.enrollment.last_window_day
    if number > 0:
        before, day_before = journey.bookings[number - 1].slot, journey.bookings[number - 1].window_day
        if before is None:
            return Obstacle.STEP_BEFORE_UNPLACED
        if send_at <= before.send_at:
            return Obstacle.WAIT
    earliest, not_before = floors(journey, number, day_before, before)
    is_too_soon = not_before is not None and send_at < not_before
    return Obstacle.WAIT if is_too_soon or (earliest is not None and opened_on < earliest) else None


def _without_room(
    draft: Draft, journey: Journey, number: int, send_at: datetime, opened_on: date, timetable: Timetable
) -> Obstacle | None:
    send_day = timetable.layout.local_day(send_at)
    sequence, domain = journey.enrollment.sequence, journey.enrollment.recipient_domain
    instants = [counted_at(instant, now=draft.now) for _, instant in timetable.holders()]
    rates, zone = timetable.mailbox.rates, timetable.mailbox.zone
    pace = draft.paces.get(sequence.id)
    for is_so, found in (
        (not may_start(draft, journey, number, opened_on), Obstacle.NEW_CONTACTS_FULL),
        (not draft.leaves_apart(journey, opened_on), Obstacle.CONTACT_MIN_GAP),
        (not timetable.day(send_day).has_capacity, Obstacle.DAY_FULL),
        (not timetable.domains.have_room(send_day, domain), Obstacle.RECIPIENT_DOMAIN_FULL),
        (not all(is_kept(rate, zone, send_at, instants) for rate in rates), Obstacle.RATE_FULL),
        (_is_too_close(timetable, send_at, instants), Obstacle.TOO_CLOSE),
        (pace is not None and pace.first_free(send_at) != send_at, Obstacle.PACE),
    ):
        if is_so:
            return found
    return None


def _is_too_close(timetable: Timetable, send_at: datetime, instants: Sequence[datetime]) -> bool:
    at = bisect_left(instants, send_at)
    return any(abs(send_at - other) < timetable.gap for other in instants[max(at - 1, 0) : at + 1])
