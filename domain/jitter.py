"""Jitter: how far after its slot an email leaves; drawn once, and the same whenever it is asked for."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta

from domain.chance import drawn
from domain.journeys import Booking, Journey
from domain.timetable import Timetable

_A_SECOND = timedelta(seconds=1)


class Jitter:
    """The jitter of the emails of *journeys*, by who is written to, mailbox, day and the mailbox's seed."""

    def __init__(self, journeys: Iterable[Journey]) -> None:
        self._journeys = {booking: journey for journey in journeys for booking in journey.bookings}

    def moved(self, booking: Booking, timetable: Timetable, *, send_day: date, slot: datetime) -> datetime:
        """When *booking* leaves that got *slot*: not before it, and inside its interval, hour and day."""
        journey, box = self._journeys[booking], timetable.mailbox
        latest = timetable.throttle.latest(slot, timetable.day(send_day).grid.jitter)
        latest = min(latest, self._closes(booking, journey, timetable, slot))
        room = (latest - slot) // _A_SECOND
        ids = (journey.enrollment.id, booking.leg.step_id, box.id)
        return slot + drawn(*ids, on=send_day, seed=box.seed, below=room + 1) * _A_SECOND

    def _closes(self, booking: Booking, journey: Journey, timetable: Timetable, slot: datetime) -> datetime:
        """The last second of the interval that *slot* is in, and in which the mailbox works."""
        if booking.window_day is None:
            raise RuntimeError("What has no window has no slot.")
        spans = timetable.layout.spans(journey.calendar, booking.window_day)
        return next(span.end for span in spans if span.start <= slot < span.end) - _A_SECOND
