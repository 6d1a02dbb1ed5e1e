"""Pulling forward: room that became free goes to emails that are planned later."""

from collections import Counter
from collections.abc import Iterator
from datetime import date

from domain.draft import Draft
from domain.ids import MailboxId
from domain.itineraries import Slot
from domain.journeys import Booking, Journey


class Holes:
    """
    The room of a draft's mailboxes on each of their days, as far as emails may be pulled forward into it.

    Who moves frees a place, and one more may move there; the place that this one frees stays empty until
    the next night. Without that bound one cancelled email could move everyone behind it.
    """

    def __init__(self, draft: Draft) -> None:
        self._draft = draft
        # Places on each day that a move freed and that may be used once more.
        self._second_hand: Counter[tuple[MailboxId, date]] = Counter()

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

    def pass_on(self, booking: Booking, left: Slot) -> None:
        """Note that *booking*, which *left* its slot, has another day of the same mailbox."""
        if booking.send_day is None:
            raise RuntimeError("What has no day left no place to anyone.")
        if self._second_hand[left.mailbox_id, booking.send_day]:
            self._second_hand[left.mailbox_id, booking.send_day] -= 1
            # As if it still sat there, for everyone who looks for room after it.
            self._draft.timetables[left.mailbox_id].hold(booking, left.send_at)
        else:
            self._second_hand[left.mailbox_id, left.send_day] += 1


def _keeps_everything(journey: Journey) -> bool:
    return all(booking.is_kept for booking in journey.bookings)
