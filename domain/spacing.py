"""Spacing: instants that keep a least distance from each other."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable
from datetime import datetime, timedelta

from typing_extensions import override

from domain.mailboxes import Mailbox
from domain.rates import counted_at, first_kept


class Spacing:
    """
    The *instants* at which emails leave, and the first one that is at least *gap* away from all of them.

    *freed* are those that were given back, in order: whoever looked before may find an earlier one now.
    """

    def __init__(self, gap: timedelta, instants: Iterable[datetime] = ()) -> None:
        self.gap = gap
        self.freed: list[datetime] = []
        self._instants = sorted(instants)

    def add(self, moment: datetime) -> None:
        insort(self._instants, moment)

    def remove(self, moment: datetime) -> None:
        del self._instants[bisect_left(self._instants, moment)]
        self.freed.append(moment)

    def first_free(self, since: datetime) -> datetime:
        """The first instant from *since* on that keeps the gap."""
        at = bisect_right(self._instants, since - self.gap)
        while at < len(self._instants) and self._instants[at] < since + self.gap:
            since = self._instants[at] + self.gap
            at += 1
        return since


class RatedSpacing(Spacing):
    """
    As :class:`Spacing`, of one *mailbox*, whose rates are kept too.

    Emails that are planned lie a rate's gap apart; others may be closer together, before *now* above all.
    """

    def __init__(
        self, mailbox: Mailbox, gap: timedelta, instants: Iterable[datetime], *, now: datetime
    ) -> None:
        self._mailbox = mailbox
        self._now = now
        super().__init__(max([gap, *(rate.gap for rate in mailbox.rates)]), instants)
        self._counted = [counted_at(each, now=now) for each in self._instants]

    @override
    def add(self, moment: datetime) -> None:
        super().add(moment)
        insort(self._counted, counted_at(moment, now=self._now))

    @override
    def remove(self, moment: datetime) -> None:
        super().remove(moment)
        del self._counted[bisect_left(self._counted, counted_at(moment, now=self._now))]

    @override
    def first_free(self, since: datetime) -> datetime:
        rates, zone = self._mailbox.rates, self._mailbox.zone
        while True:
            moment = super().first_free(since)
            kept = (first_kept(rate, zone, moment, self._counted) for rate in rates)
            since = max(kept, default=moment)
            if since == moment:
                return moment
