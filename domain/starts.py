"""Starts: how many contacts of a sequence are sent their first email on each day."""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import TypeAlias

from domain.ids import SequenceId
from domain.journeys import Booking, Journey
from domain.sequences import Sequence

# By the day on which the window of the first email opens.
StartDay: TypeAlias = tuple[SequenceId, date]
_A_DAY = timedelta(days=1)


class Starts:
    """
    Counts the starts of sequences that limit them, over all their mailboxes; *outside* are those not planned.

    Days found full are skipped at once, so that the next one costs the same for the fifty-thousandth contact.
    """

    def __init__(self, outside: Mapping[StartDay, int]) -> None:
        self._counts: Counter[StartDay] = Counter(outside)
        self._days: dict[Booking, tuple[Sequence, date]] = {}
        self._onward: dict[SequenceId, dict[date, date]] = {}

    def next_day(self, journey: Journey, first: date) -> date:
        """The first day at or after *first* on which *journey* may start, if it has not."""
        if not journey.has_limited_start:
            return first
        sequence = journey.enrollment.sequence
        onward = self._onward.setdefault(sequence.id, {})
        day, full = first, []
        while not self._has_room(sequence, day):
            full.append(day)
            day = onward.get(day, day + _A_DAY)
        onward.update(dict.fromkeys(full, day))
        return day

    def add(self, journey: Journey, booking: Booking) -> None:
        """Note that *booking* has its day, if it is the one that *journey* starts with."""
        if journey.has_limited_start and booking is journey.bookings[0] and booking.window_day is not None:
            self._days[booking] = journey.enrollment.sequence, booking.window_day
            self.occupy(journey, booking, booking.window_day)

    def occupy(self, journey: Journey, booking: Booking, day: date) -> None:
        """Let nobody have the place of *booking* on *day*, if it is the one that *journey* starts with."""
        if journey.has_limited_start and booking is journey.bookings[0]:
            self._counts[journey.enrollment.sequence.id, day] += 1

    def remove(self, booking: Booking) -> None:
        if booking in self._days:
            sequence, day = self._days.pop(booking)
            self._counts[sequence.id, day] -= 1
            self._onward.pop(sequence.id, None)

    def surplus(self) -> Iterator[Booking]:
        """Those that start on a day with too many, the last one first; each is to be removed."""
        for booking, (sequence, day) in reversed(list(self._days.items())):
            most = sequence.max_new_contacts_per_day
            if most is not None and self._counts[sequence.id, day] > most:
                yield booking

    def _has_room(self, sequence: Sequence, day: date) -> bool:
        most = sequence.max_new_contacts_per_day
        return most is None or self._counts[sequence.id, day] < most
