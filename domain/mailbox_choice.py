"""Which mailbox an enrollment is bound to: the one that can start it earliest."""

from datetime import UTC, date, datetime, timedelta
from heapq import heappop, heappush
from typing import NamedTuple

from domain.agenda import Opening
from domain.draft import Draft
from domain.ids import MailboxId
from domain.itineraries import MoveCause
from domain.journeys import Journey
from domain.pacing import PacedOpening
from domain.sequences import Sequence

# A slot that is earlier by no more than this is not worth a move.
THRESHOLD = timedelta(days=1)
_EVER = datetime.min.replace(tzinfo=UTC)


class _Rank(NamedTuple):
    """How good a mailbox is, the smallest being the best; the first three fields tell ranks apart."""

    day: date
    negative_room: int
    number: int
    mailbox_id: MailboxId
    opening: Opening

    @property
    def is_current(self) -> bool:
        """Whether the room is what it was. An earlier day only gets room when a slot is given back."""
        return self.opening.day.room(self.opening.ranges) == -self.negative_room


class _Asked(NamedTuple):
    """What the mailboxes of *sequence* are ranked for."""

    sequence: Sequence
    first: date
    not_before: datetime | None
    recipient_domain: str | None


class _Ranking:
    """
    Mailboxes by rank, and how many of the draft's released slots that takes into account.

    Days fill up while a plan is made, so a rank that was true once has mostly become too hopeful: a heap
    whose top is checked again finds the best of 200 mailboxes without asking them all. Where a slot is given
    back, the rank may have become better, and is entered again.
    """

    def __init__(self, draft: Draft, asked: _Asked) -> None:
        self._draft = draft
        self._asked = asked
        self._linked = draft.linked_ids[asked.sequence]
        self._seen = len(draft.released)
        self._heap: list[_Rank] = []
        self._entered: set[tuple[date, int, int]] = set()
        for mailbox_id in self._linked:
            self._enter(mailbox_id)

    def no_earlier_than(self) -> date | None:
        """A day before which no mailbox is free; it costs nothing, and may be too early."""
        return self._heap[0].day if self._heap else None

    def best(self) -> _Rank | None:
        while self._heap:
            top = self._heap[0]
            if self._asked.recipient_domain is None and top.is_current:
                return top
            current = _rank(self._draft, top.mailbox_id, self._asked)
            if current is not None and current[:3] == top[:3]:
                return top
            self._entered.discard(heappop(self._heap)[:3])
            self._push(current)
        return None

    def keep_up(self) -> None:
        """Rank those anew that were given a slot back."""
        released = self._draft.released
        if self._seen < len(released):
            for mailbox_id in self._linked.intersection(released[self._seen :]):
                self._enter(mailbox_id)
            self._seen = len(released)

    def _enter(self, mailbox_id: MailboxId) -> None:
        self._push(_rank(self._draft, mailbox_id, self._asked))

    def _push(self, entry: _Rank | None) -> None:
        if entry is not None and entry[:3] not in self._entered:
            self._entered.add(entry[:3])
            heappush(self._heap, entry)


def _rank(draft: Draft, mailbox_id: MailboxId, asked: _Asked) -> _Rank | None:
    """The rank of a mailbox; None when it cannot be had."""
    timetable = draft.available(mailbox_id)
    if timetable is None:
        return None
    opening = timetable.first_opening(
        asked.sequence.calendar, asked.first, asked.not_before, asked.recipient_domain
    )
    if opening is None:
        return None
    room = opening.day.room(opening.ranges)
    return _Rank(opening.window_day, -room, mailbox_id.int, mailbox_id, opening)


class MailboxChoice:
    """The best mailbox for each enrollment in turn."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft
        self._rankings: dict[_Asked, _Ranking] = {}
        # The mailboxes of sequences that keep a pace, the one that was not chosen for longest first.
        self._turns: dict[Sequence, list[MailboxId]] = {}

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

    def earlier_than_home(self, journey: Journey, first: date) -> MailboxId | None:
        """
        The mailbox that lets *journey*, which has its times, start earliest from *first* on.

        None unless that is earlier by more than the threshold, and earlier than its own could.
        """
        start, home = journey.bookings[0], self._draft.linked(journey)
        if start.slot is None or home is None or not self._might_gain(journey, first):
            return None
        best = self.earliest(journey, first)
        if best is None or best[1] == home.mailbox.id or start.slot.window_day - best[0] <= THRESHOLD:
            return None
        at_home = self._draft.earliest(journey, start, home, first, journey.earliest_instant)
        return None if at_home is not None and at_home.window_day <= best[0] else best[1]

    def _might_gain(self, journey: Journey, first: date) -> bool:
        """Whether any mailbox may be earlier, by enough, than the slot that *journey* starts with."""
        start = journey.bookings[0].slot
        if start is None or journey.enrollment.sequence.pace is not None:
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
        if journey.enrollment.sequence.pace is not None:
            return self._soonest(journey, first)
        draft, start = self._draft, journey.bookings[0]
        if draft.contact_days is None and not journey.has_limited_start:
            return self._earliest(journey, first)
        while True:
            first = draft.next_day(journey, start, first)
            best = self._earliest(journey, first)
            if best is None or draft.next_day(journey, start, best[0]) == best[0]:
                return best
            first = best[0]

    def _earliest(self, journey: Journey, first: date) -> tuple[date, MailboxId] | None:
        """As :meth:`earliest`, by the room of mailboxes alone."""
        sequence, not_before = journey.enrollment.sequence, self._put_off_until(journey)
        domain = journey.enrollment.recipient_domain
        best = self._ranking(sequence, first, not_before, None).best()
        # Few domains ever fill a day: only they have a ranking of their own.
        if best is not None and domain is not None:
            with_room = _rank(self._draft, best.mailbox_id, _Asked(sequence, first, not_before, domain))
            if with_room is None or with_room.day != best.day:
                best = self._ranking(sequence, first, not_before, domain).best()
        return None if best is None else (best.day, best.mailbox_id)

    def _soonest(self, journey: Journey, first: date) -> tuple[date, MailboxId] | None:
        """The mailbox that an email which keeps a pace leaves from soonest; of several, they take turns."""
        sequence, not_before = journey.enrollment.sequence, journey.earliest_instant
        turns = self._turns.setdefault(sequence, sorted(self._draft.linked_ids[sequence]))
        no_sooner = self._draft.paces[sequence.id].first_free(max(self._draft.now, not_before or _EVER))
        best: PacedOpening | None = None
        for mailbox_id in turns:
            if (timetable := self._draft.available(mailbox_id)) is not None:
                opening = self._draft.paced_opening(timetable, journey, first, not_before)
                if opening is not None and (best is None or opening.send_at < best.send_at):
                    best = opening
            if best is not None and best.send_at <= no_sooner:
                break
        if best is None:
            return None
        chosen = best.timetable.mailbox.id
        turns.remove(chosen)
        turns.append(chosen)
        return best.window_day, chosen

    def _put_off_until(self, journey: Journey) -> datetime | None:
        not_before = journey.earliest_instant
        return None if not_before is None or not_before <= self._draft.now else not_before

    def _ranking(
        self, sequence: Sequence, first: date, not_before: datetime | None, domain: str | None
    ) -> _Ranking:
        first = max(first, self._draft.earliest_window(sequence.calendar))
        asked = _Asked(sequence, first, not_before, domain)
        ranking = self._rankings.get(asked)
        if ranking is None:
            ranking = self._rankings[asked] = _Ranking(self._draft, asked)
        else:
            ranking.keep_up()
        return ranking
