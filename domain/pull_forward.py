"""Pulling forward: room that became free goes to emails that are planned later."""

from collections import Counter
from collections.abc import Iterator
from datetime import date

from domain.draft import Draft
from domain.ids import MailboxId, SequenceId
from domain.itineraries import Slot
from domain.journeys import Booking, Journey

# A place in a mailbox's day, or among those who start a sequence on a day.
_Place = tuple[MailboxId | SequenceId, date]


class Holes:
    """
    The room of a draft's mailboxes on each of their days, as far as emails may be pulled forward into it.

    Who moves frees a place, and one more may move there; the place that this one frees stays empty until
    the next night. Without that bound one cancelled email could move everyone behind it.
    """

    def __init__(self, draft: Draft) -> None:
        self._draft = draft
        # Places on each day that a move freed and that may be used once more.
        self._second_hand: Counter[_Place] = Counter()

    def candidates(self) -> Iterator[Journey]:
        """Who was not written to yet and keeps every time as it is, the earliest planned first."""
        starting = [
            (booking.slot.send_at, journey.enrollment.id.int, journey)
            for journey in self._draft.journeys
            if journey.enrollment.last_window_day is None and _keeps_everything(journey)
            for booking in journey.bookings[:1]
            if booking.slot is not None
        ]
        return (journey for *_, journey in sorted(starting, key=lambda each: each[:2]))

    def pass_on(self, journey: Journey, booking: Booking, left: Slot) -> None:
        """Note that *booking*, which *left* its slot, has another day of the same mailbox."""
        if booking.send_day is None or booking.window_day is None:
            raise RuntimeError("What has no day left no place to anyone.")
        used = _places(journey, booking, left.mailbox_id, booking.send_day, booking.window_day)
        second_hand = [place for place in used if self._second_hand[place]]
        if second_hand:
            self._second_hand.subtract(second_hand)
            # As if it still sat there, for everyone who looks for room after it.
            self._draft.timetables[left.mailbox_id].hold(booking, left.send_at)
            self._draft.starts.occupy(journey, booking, left.window_day)
        else:
            self._second_hand.update(
                _places(journey, booking, left.mailbox_id, left.send_day, left.window_day)
            )


def _places(
    journey: Journey, booking: Booking, mailbox_id: MailboxId, send_day: date, window_day: date
) -> list[_Place]:
    """What *booking* has of its days: a place in the mailbox's, and that of a start if those are limited."""
    places: list[_Place] = [(mailbox_id, send_day)]
    if journey.has_limited_start and booking is journey.bookings[0]:
        places.append((journey.enrollment.sequence.id, window_day))
    return places


def _keeps_everything(journey: Journey) -> bool:
    return all(booking.is_kept for booking in journey.bookings)
