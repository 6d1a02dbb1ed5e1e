"""Displacement: newcomers start in the places of contacts whose sequence has more than its fair share."""

from collections import Counter
from datetime import date

from domain.draft import Draft
from domain.ids import SequenceId
from domain.itineraries import MoveCause
from domain.journeys import Journey
from domain.keeping import SETTLED_BEFORE, keep_what_holds
from domain.mailbox_choice import MailboxChoice


class Displacement:
    """The places that enrollments of a draft yield to newcomers of another sequence."""

    def __init__(self, draft: Draft, choice: MailboxChoice) -> None:
        self._draft = draft
        self._choice = choice
        self._offers: dict[SequenceId, _Offer] = {}
        for journey in draft.journeys:
            sequence_id = journey.enrollment.yields_to
            if sequence_id is not None and _may_yield(draft, journey):
                self._offers.setdefault(sequence_id, _Offer()).add(journey)
        if self._offers:
            for journey in draft.journeys:
                if journey.enrollment.is_newcomer and (offer := self._offer_to(journey)):
                    offer.emails += len(journey.bookings)

    def make_place(self, journey: Journey) -> None:
        """Bind *journey* to the mailbox of somebody who yields, if that lets it start on an earlier day."""
        offer = self._offer_to(journey) if self._offers else None
        if offer is None or not journey.enrollment.is_newcomer or not journey.bookings:
            return
        first = journey.first_day(journey.bookings[0], None)
        found = self._choice.earliest(journey, first)
        starts_on = None if found is None else found[0]
        for day in offer.days(first, starts_on):
            while (giver := offer.next_giver(day)) is not None:
                earlier = self._displace(giver, journey, first, starts_on)
                if earlier is not None:
                    journey.mailbox_id = giver.mailbox_id
                    offer.emails -= len(giver.bookings)
                    offer.started[earlier] += 1
                    return
        if starts_on is not None:
            offer.started[starts_on] += 1

    def _offer_to(self, journey: Journey) -> "_Offer | None":
        return self._offers.get(journey.enrollment.sequence.id)

    def _displace(self, giver: Journey, journey: Journey, first: date, starts_on: date | None) -> date | None:
        """The day before *starts_on* on which *journey* may start without *giver*, who else stays."""
        timetable = self._draft.linked(giver)
        may_have = self._draft.linked_ids[journey.enrollment.sequence]
        is_higher = giver.enrollment.sequence.priority > journey.enrollment.sequence.priority
        if timetable is None or giver.mailbox_id not in may_have or is_higher:
            return None
        if not all(booking.is_kept for booking in giver.bookings):
            return None
        for booking in giver.bookings:
            self._draft.drop(booking, MoveCause.FAIR_SHARE)
        start, not_before = journey.bookings[0], journey.earliest_instant
        is_fixed = journey.fixes(0)
        found = self._draft.earliest(journey, start, timetable, first, not_before, is_fixed=is_fixed)
        if found is not None and (starts_on is None or found.window_day < starts_on):
            giver.is_displaced = True
            return found.window_day
        keep_what_holds(self._draft, giver)
        return None


class _Offer:
    """
    What is offered to the newcomers of one sequence: by day, those who yield their start on it.

    *emails* are those that the newcomers ask for, less those displaced; *started* counts who begins on a day,
    wherever the room came from.
    """

    def __init__(self) -> None:
        self.emails = 0
        self.started: Counter[date] = Counter()
        self._givers: dict[date, list[Journey]] = {}
        self._shares: Counter[date] = Counter()

    def add(self, giver: Journey) -> None:
        day = giver.bookings[0].window_day
        if day is not None:
            self._givers.setdefault(day, []).append(giver)
            self._shares[day] += 1

    def days(self, first: date, before: date | None) -> list[date]:
        """The days on which somebody yields, from *first* on and before *before*, soonest first."""
        return sorted(day for day in self._givers if day >= first and (before is None or day < before))

    def next_giver(self, day: date) -> Journey | None:
        """Take out whoever came last of those who yield on *day*; None when newcomers have their share."""
        givers = self._givers.get(day)
        if givers is None:
            return None
        if self.started[day] >= self._shares[day]:
            del self._givers[day]
            return None
        if len(givers[-1].bookings) > self.emails:
            return None
        giver = givers.pop()
        if not givers:
            del self._givers[day]
        return giver


def _may_yield(draft: Draft, journey: Journey) -> bool:
    """Whether *journey* keeps no pace, never gave way, and has places for its emails, none about to leave."""
    enrollment = journey.enrollment
    if enrollment.displaced_at is not None or enrollment.sequence.pace is not None:
        return False
    slots = [booking.slot for booking in journey.bookings]
    return bool(slots) and all(
        slot is not None and slot.send_at > draft.now + SETTLED_BEFORE for slot in slots
    )
