"""Which mailbox an enrollment is bound to: the one that can start it earliest."""

from datetime import date, timedelta
from heapq import heapify, heappop, heappush

from domain.draft import Draft
from domain.enrollments import Enrollment
from domain.ids import MailboxId
from domain.sequences import Sequence

# First free day, its room as a negative number, mailbox: the smallest is the best.
_Rank = tuple[date, int, MailboxId]


class MailboxChoice:
    """
    The best mailbox for each enrollment in turn.

    Days only fill up while a plan is made, so a rank that was true once can only have become too hopeful:
    a heap whose top is checked again finds the best of 200 mailboxes without asking them all.
    """

    def __init__(self, draft: Draft) -> None:
        self._draft = draft
        self._heaps: dict[tuple[Sequence, date], list[_Rank]] = {}

    def earliest(self, enrollment: Enrollment, first: date) -> tuple[date, MailboxId] | None:
        """The first free day at or after *first* and its mailbox; of several the one with most room then."""
        first = max(first, self._draft.now.astimezone(enrollment.calendar.zone).date() - timedelta(days=1))
        key = (enrollment.sequence, first)
        if key not in self._heaps:
            ranks = (self._rank(enrollment, each, first) for each in enrollment.sequence.mailbox_ids)
            self._heaps[key] = [rank for rank in ranks if rank is not None]
            heapify(self._heaps[key])
        heap = self._heaps[key]
        while heap:
            current = self._rank(enrollment, heap[0][2], first)
            if current == heap[0]:
                return current[0], current[2]
            heappop(heap)
            if current is not None:
                heappush(heap, current)
        return None

    def _rank(self, enrollment: Enrollment, mailbox_id: MailboxId, first: date) -> _Rank | None:
        timetable = self._draft.available(mailbox_id)
        if timetable is None:
            return None
        opening = timetable.first_opening(enrollment.calendar, first, enrollment.not_before)
        return None if opening is None else (opening.window_day, -opening.room, mailbox_id)
