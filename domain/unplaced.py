"""Why an email has no slot: the one thing that would have to change first."""

from datetime import date

from domain.agenda import HORIZON_DAYS
from domain.draft import Draft
from domain.itineraries import UnplacedReason
from domain.journeys import Journey


def why_not(draft: Draft, journey: Journey, first: date) -> UnplacedReason:
    """The reason why an email of *journey* that may leave from *first* on has no slot."""
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
    return UnplacedReason.NO_CAPACITY if calendar.last_date is None else UnplacedReason.AFTER_LAST_DATE
