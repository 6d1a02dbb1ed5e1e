"""Which mailbox an enrollment is bound to: the one that can start it earliest."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from heapq import heappop, heappush

from domain.draft import Draft
from domain.ids import MailboxId
from domain.itineraries import MoveCause
from domain.journeys import Journey
from domain.sequences import Sequence

# A slot that is earlier by no more than this is not worth a move.
THRESHOLD = timedelta(days=1)
# First free day, its room as a negative number, the mailbox's id as a number: the smallest is the best.
_Rank = tuple[date, int, int, MailboxId]


class _Ranking:
    """
    Mailboxes by rank, and how many of the draft's released slots that takes into account.

    Days fill up while a plan is made, so a rank that was true once has mostly become too hopeful: a heap
    whose top is checked again finds the best of 200 mailboxes without asking them all. Where a slot is given
    back, the rank may have become better, and is entered again.
    """

    def __init__(self, rank_of: Callable[[MailboxId], _Rank | None], *, seen: int) -> None:
        self.seen = seen
        self._rank_of = rank_of
        self._heap: list[_Rank] = []
        self._entered: set[_Rank] = set()

    def enter(self, mailbox_id: MailboxId) -> None:
        self._push(self._rank_of(mailbox_id))

    def no_earlier_than(self) -> date | None:
        """A day before which no mailbox is free; it costs nothing, and may be too early."""
        return self._heap[0][0] if self._heap else None

    def best(self) -> _Rank | None:
        while self._heap:
            top = self._heap[0]
            current = self._rank_of(top[3])
            if current == top:
                return top
            self._entered.discard(heappop(self._heap))
            self._push(current)
        return None

    def _push(self, rank: _Rank | None) -> None:
        if rank is not None and rank not in self._entered:
            self._entered.add(rank)
            heappush(self._heap, rank)


class MailboxChoice:
    """The best mailbox for each enrollment in turn."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft
        self._rankings: dict[tuple[Sequence, date, datetime | None, str | None], _Ranking] = {}

    def mailbox_for(self, journey: Journey, first: date) -> MailboxId | None:
        """The mailbox that *journey* is bound to, or the one that can start it earliest from *first* on."""
        home = journey.mailbox_id
        if home is not None and not journey.enrollment.may_change_mailbox:
            return home
        if home is not None and not self._might_gain(journey, first):
            return home
        best = self.earliest(journey, first)
        if best is None or best[1] == home:
            return home
        promised = None if home is None else self._promised(journey, first)
        if promised is not None and promised - best[0] <= THRESHOLD:
            return home
        for booking in journey.bookings:
            if booking.is_kept:
                self._draft.drop(booking, MoveCause.EARLIER)
        return best[1]

    def _might_gain(self, journey: Journey, first: date) -> bool:
        """Whether any mailbox may be earlier, by enough, than the slot that *journey* starts with."""
        start = journey.bookings[0].slot
        if start is None:
            return True
        # Not by its own instant: a ranking for each would cost more than it saves.
        earliest = self._ranking(journey.enrollment.sequence, first, None, None).no_earlier_than()
        return earliest is not None and start.window_day - earliest > THRESHOLD

    def _promised(self, journey: Journey, first: date) -> date | None:
        """The day on which *journey* starts if it stays where it is; None when it cannot stay."""
        if (slot := journey.bookings[0].slot) is not None:
            return slot.window_day
        home = self._draft.linked(journey)
        if home is None:
            return None
        start, not_before = journey.bookings[0], journey.earliest_instant
        opening = self._draft.earliest(journey, start, home, first, not_before)
        return None if opening is None else opening.window_day

    def earliest(self, journey: Journey, first: date) -> tuple[date, MailboxId] | None:
        """The first free day at or after *first* and its mailbox; of several the one with most room then."""
        starts = self._draft.starts
        while True:
            first = starts.next_day(journey, first)
            best = self._earliest(journey, first)
            if best is None or starts.next_day(journey, best[0]) == best[0]:
                return best
            first = best[0]

    def _earliest(self, journey: Journey, first: date) -> tuple[date, MailboxId] | None:
        """As :meth:`earliest`, however many start on that day."""
        sequence, not_before = journey.enrollment.sequence, self._put_off_until(journey)
        domain = journey.enrollment.recipient_domain
        best = self._ranking(sequence, first, not_before, None).best()
        # Few domains ever fill a day: only they have a ranking of their own.
        if best is not None and domain is not None:
            with_room = self._rank(sequence, best[3], first, not_before, domain)
            if with_room is None or with_room[0] != best[0]:
                best = self._ranking(sequence, first, not_before, domain).best()
        return None if best is None else (best[0], best[3])

    def _put_off_until(self, journey: Journey) -> datetime | None:
        not_before = journey.earliest_instant
        return None if not_before is None or not_before <= self._draft.now else not_before

    def _ranking(
        self, sequence: Sequence, first: date, not_before: datetime | None, domain: str | None
    ) -> _Ranking:
        first = max(first, self._draft.earliest_window(sequence.calendar))
        linked, released = self._draft.linked_ids[sequence], self._draft.released
        ranking = self._rankings.get((sequence, first, not_before, domain))
        if ranking is None:
            asked = (first, not_before, domain)
            ranking = _Ranking(lambda each: self._rank(sequence, each, *asked), seen=len(released))
            self._rankings[sequence, first, not_before, domain] = ranking
            for mailbox_id in linked:
                ranking.enter(mailbox_id)
        if ranking.seen < len(released):
            for mailbox_id in linked.intersection(released[ranking.seen :]):
                ranking.enter(mailbox_id)
            ranking.seen = len(released)
        return ranking

    def _rank(
        self,
        sequence: Sequence,
        mailbox_id: MailboxId,
        first: date,
        not_before: datetime | None,
        domain: str | None,
    ) -> _Rank | None:
        timetable = self._draft.available(mailbox_id)
        if timetable is None:
            return None
        opening = timetable.first_opening(sequence.calendar, first, not_before, domain)
        if opening is None:
            return None
        return opening.window_day, -opening.day.room(opening.ranges), mailbox_id.int, mailbox_id
