"""Pulling forward: room that became free goes to emails that are planned later."""

from collections import Counter
from collections.abc import Iterator
from datetime import date

from domain.draft import Draft
from domain.ids import MailboxId, SequenceId
from domain.itineraries import MoveCause, Slot
from domain.journeys import Booking, Journey
from domain.mailbox_choice import MailboxChoice
from domain.mailboxes import Mailbox
from domain.timetable import Timetable

# A place in a mailbox's day, among its emails to one domain there, or among those who start a sequence then.
_Place = tuple[MailboxId | SequenceId, date, str | None]


class Holes:
    """
    The room of a draft's mailboxes on each of their days, as far as emails may be pulled forward into it.

    Who moves frees a place, and one more may move there; the place that this one frees stays empty until
    the next night. Without that bound one cancelled email could move everyone behind it.
    """

    def __init__(self, draft: Draft, choice: MailboxChoice) -> None:
        self._draft = draft
        self._choice = choice
        # The slots of those who changed their mailbox, until they have another one.
        self._given_up: dict[Booking, Slot] = {}
        # Places on each day that a move freed and that may be used once more.
        self._second_hand: Counter[_Place] = Counter()

    def candidates(self) -> Iterator[Journey]:
        """
        Who was not written to yet and keeps every time, with none set by hand; earliest planned first.

        Not of sequences that do not send: they keep what they have.
        """
        starting = [
            (booking.slot.send_at, journey.enrollment.id.int, journey)
            for journey in self._draft.journeys
            if journey.enrollment.last_window_day is None
            and journey.enrollment.sequence.is_sending
            and _keeps_everything(journey)
            for booking in journey.bookings[:1]
            if booking.slot is not None
        ]
        return (journey for *_, journey in sorted(starting, key=lambda each: each[:2]))

    def change_mailbox(self, journey: Journey) -> None:
        """Let *journey* leave its mailbox for one in which it starts earlier, and no step of it later."""
        if not journey.bookings or _is_tied_together(journey):
            return
        first = journey.first_day(journey.bookings[0], None)
        mailbox_id = self._choice.earlier_than_home(journey, first)
        timetable = self._draft.available(mailbox_id)
        if timetable is None or not self._suits(journey, timetable, first):
            return
        for booking in journey.bookings:
            if booking.slot is not None:
                self._given_up[booking] = booking.slot
                self._draft.drop(booking, MoveCause.EARLIER)
        journey.mailbox_id = mailbox_id

    def _suits(self, journey: Journey, timetable: Timetable, first: date) -> bool:
        """Whether no step of *journey* leaves later from the mailbox of *timetable* than it is planned."""
        not_before = journey.earliest_instant
        day_before: date | None = None
        for booking in journey.bookings:
            if day_before is not None:
                first, not_before = journey.enrollment.earliest_day(booking.leg, day_before), None
            found = self._draft.earliest(journey, booking, timetable, first, not_before)
            if found is None or booking.slot is None or found.window_day > booking.slot.window_day:
                return False
            day_before = found.window_day
        return True

    def given_up(self, booking: Booking) -> Slot | None:
        """The slot that *booking* gave up for another mailbox; told once."""
        return self._given_up.pop(booking, None)

    def pass_on(self, journey: Journey, booking: Booking, left: Slot) -> None:
        """Note that *booking*, which *left* its slot, has another day."""
        if booking.send_day is None or booking.window_day is None or journey.mailbox_id is None:
            raise RuntimeError("What has no day left no place to anyone.")
        timetable = self._draft.timetables[left.mailbox_id]
        taking = self._draft.timetables[journey.mailbox_id].mailbox
        used = _places(journey, booking, taking, booking.send_day, booking.window_day)
        second_hand = [place for place in used if self._second_hand[place]]
        if second_hand:
            self._second_hand.subtract(second_hand)
            # As if it still sat there, for everyone who looks for room after it.
            domain = journey.enrollment.recipient_domain
            timetable.hold(booking, left.send_at, recipient_domain=domain)
            self._draft.starts.occupy(journey, booking, left.window_day)
        else:
            freed = _places(journey, booking, timetable.mailbox, left.send_day, left.window_day)
            self._second_hand.update(freed)


def _places(
    journey: Journey, booking: Booking, mailbox: Mailbox, send_day: date, window_day: date
) -> list[_Place]:
    """What *booking* has of its days: a place in the mailbox's, and those that limits beside it count."""
    places: list[_Place] = [(mailbox.id, send_day, None)]
    domain = journey.enrollment.recipient_domain
    if domain is not None and mailbox.recipient_domain_daily_cap is not None:
        places.append((mailbox.id, send_day, domain))
    if journey.has_limited_start and booking is journey.bookings[0]:
        places.append((journey.enrollment.sequence.id, window_day, None))
    return places


def _is_tied_together(journey: Journey) -> bool:
    """Whether some of its steps may share a day, or keep a pace: what one gets depends on another."""
    if journey.enrollment.sequence.pace is not None:
        return True
    return any(journey.shares_day(at) or journey.fixes(at) for at in range(len(journey.bookings)))


def _keeps_everything(journey: Journey) -> bool:
    return all(booking.is_kept and not booking.leg.is_set_by_hand for booking in journey.bookings)
