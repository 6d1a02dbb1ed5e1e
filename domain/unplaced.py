"""Why an email has no slot: the one thing that would have to change first."""

from datetime import date, datetime

from domain.agenda import HORIZON_DAYS
from domain.draft import Draft
from domain.itineraries import UnplacedReason
from domain.journeys import Booking, Journey


def why_not(
    draft: Draft, journey: Journey, booking: Booking, first: date, not_before: datetime | None
) -> UnplacedReason:
    """The reason why *booking*, which may leave from *first* on, has no slot."""
    linked = journey.enrollment.sequence.mailbox_ids
    if not any(each in draft.timetables for each in linked):
        return UnplacedReason.NO_MAILBOX
    if journey.mailbox_id is None:
        serving = [timetable for each in linked if (timetable := draft.available(each)) is not None]
    else:
        serving = [timetable for timetable in [draft.linked(journey)] if timetable is not None]
    if not serving:
        return UnplacedReason.MAILBOX_UNAVAILABLE
    calendar = journey.calendar
    start = max(first, draft.earliest_window(calendar))
    if calendar.last_date is not None and start > calendar.last_date:
        return UnplacedReason.AFTER_LAST_DATE
    if not calendar.opens(start, limit=HORIZON_DAYS) or not any(
        each.layout.meets(calendar, start, limit=HORIZON_DAYS) for each in serving
    ):
        return UnplacedReason.WINDOW_NEVER_OPENS
    if calendar.last_date is None:
        return UnplacedReason.NO_CAPACITY
    domain = journey.enrollment.recipient_domain
    found = [each.first_opening(calendar, start, not_before, domain) for each in serving]
    days = {each.window_day for each in found if each is not None}
    if any(_is_kept_apart(draft, journey, booking, day) for day in days):
        return UnplacedReason.CONTACT_MIN_GAP
    return UnplacedReason.AFTER_LAST_DATE


def _is_kept_apart(draft: Draft, journey: Journey, booking: Booking, day: date) -> bool:
    """Whether nothing but the contact's gap keeps *booking* from leaving on *day*, which has room for it."""
    is_start = booking is journey.bookings[0]
    may_start = not is_start or draft.starts.next_day(journey, day) == day
    return may_start and not draft.leaves_apart(journey, day)
