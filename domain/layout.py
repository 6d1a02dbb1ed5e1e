"""The layout of a mailbox's days: when it may send on each of them, and at which slots."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from itertools import islice

from domain.agenda import A_YEAR
from domain.mailboxes import Mailbox
from domain.send_window import Calendar, Span, instant, joined, local_date
from domain.slot_grid import SlotGrid

_A_DAY = timedelta(days=1)
_AN_INSTANT = timedelta(microseconds=1)
_A_SECOND = timedelta(seconds=1)


class Layout:
    """
    The days of *mailbox* over the union of *calendars*, whoever holds a place in them.

    Where the mailbox has working hours, its calendars are open within them only. Nothing here depends on its
    id, so that mailboxes that are alike share one layout.
    """

    def __init__(self, mailbox: Mailbox, calendars: Iterable[Calendar]) -> None:
        self.gap = max(mailbox.minimum_gap, _A_SECOND)
        self._mailbox = mailbox
        self._calendars = tuple(dict.fromkeys(calendars))
        self._bounds: dict[date, Span] = {}
        self._apart: dict[date, Span] = {}
        self._reach: dict[tuple[Calendar, date], tuple[date, date]] = {}
        self._pieces: dict[tuple[Calendar, date], dict[date, tuple[Span, ...]]] = {}
        self._grids: dict[tuple[date, int], SlotGrid] = {}
        self._meetings: dict[tuple[Calendar, date], bool] = {}

    def local_day(self, moment: datetime) -> date:
        return local_date(moment, self._mailbox.zone)

    def bounds(self, send_day: date) -> Span:
        """From midnight to midnight where the mailbox is."""
        bounds = self._bounds.get(send_day)
        if bounds is None:
            zone = self._mailbox.zone
            bounds = self._bounds[send_day] = Span(
                instant(send_day, time(0), zone), instant(send_day + _A_DAY, time(0), zone)
            )
        return bounds

    def apart(self, send_day: date) -> Span:
        """From when to when on *send_day* an email keeps the gap to the days around; its end included."""
        apart = self._apart.get(send_day)
        if apart is None:
            bounds = self.bounds(send_day)
            apart = self._apart[send_day] = Span(bounds.start + self.gap, bounds.end - self.gap)
        return apart

    def spans(self, calendar: Calendar, window_day: date) -> list[Span]:
        """When the mailbox works in the window that opens on *window_day*, soonest first."""
        return [span for _, span in self.pieces(calendar, window_day)]

    def meets(self, calendar: Calendar, first: date, *, limit: int) -> bool:
        """Whether the mailbox works in any window that opens on one of the *limit* days from *first* on."""
        key = (calendar, first)
        if key not in self._meetings:
            # Windows repeat: where a year of them is in vain, all are.
            windows = islice(calendar.days(first, limit=limit), A_YEAR)
            self._meetings[key] = any(self.cut(calendar, day) for day in windows)
        return self._meetings[key]

    def pieces(self, calendar: Calendar, window_day: date) -> Iterator[tuple[date, Span]]:
        """When the window that opens on *window_day* is open, soonest first, each with the mailbox's day."""
        for send_day, spans in self.cut(calendar, window_day).items():
            for span in spans:
                yield send_day, span

    def cut(self, calendar: Calendar, window_day: date) -> dict[date, tuple[Span, ...]]:
        """The window that opens on *window_day*, cut at the mailbox's midnights."""
        key = (calendar, window_day)
        if key not in self._pieces:
            cut: dict[date, list[Span]] = {}
            for span in calendar.spans(window_day):
                for send_day in days_between(
                    self.local_day(span.start), self.local_day(span.end - _AN_INSTANT)
                ):
                    bounds = self.bounds(send_day)
                    piece = Span(max(span.start, bounds.start), min(span.end, bounds.end))
                    if worked := self._worked(piece, send_day):
                        cut.setdefault(send_day, []).extend(worked)
            self._pieces[key] = {send_day: tuple(spans) for send_day, spans in sorted(cut.items())}
        return self._pieces[key]

    def _worked(self, piece: Span, send_day: date) -> list[Span]:
        """What of *piece*, a part of *send_day*, lies in the mailbox's working hours."""
        hours = self._mailbox.hours
        if hours is None:
            return [piece]
        # The hours of the evening before may run past midnight.
        spans = (*hours.spans(send_day - _A_DAY), *hours.spans(send_day))
        met = (Span(max(piece.start, span.start), min(piece.end, span.end)) for span in spans)
        return joined(span for span in met if span.start < span.end)

    def grid(self, send_day: date, capacity: int) -> SlotGrid:
        """The slots of *send_day* for a mailbox that may send so many emails on it."""
        grid = self._grids.get((send_day, capacity))
        if grid is None:
            grid = self._grids[send_day, capacity] = self._grid(send_day, capacity)
        return grid

    def _grid(self, send_day: date, capacity: int) -> SlotGrid:
        by_calendar = [self._open_for(calendar, send_day) for calendar in self._calendars]
        spans = joined(span for theirs in by_calendar for span in theirs)
        shortest = min((_length(theirs) for theirs in by_calendar if theirs), default=_A_DAY)
        return SlotGrid(
            spans,
            capacity=capacity,
            gap=self.gap,
            least=1 if spans and self._stands_alone(send_day, spans[0].start) else 0,
            finer=-(-_length(spans) // shortest),
            windows=[theirs for theirs in by_calendar if theirs],
            most=self._most_slots(_length(spans)),
            jitter_percent=self._mailbox.jitter_percent,
        )

    def _most_slots(self, open_time: timedelta) -> int | None:
        jitter_percent = self._mailbox.jitter_percent
        slots = [rate.slots_in(open_time, jitter_percent=jitter_percent) for rate in self._mailbox.rates]
        return min(slots, default=None)

    def _open_for(self, calendar: Calendar, send_day: date) -> list[Span]:
        """When *calendar* is open on the mailbox's *send_day*."""
        window_days = days_between(*self.window_days(calendar, send_day))
        return joined(span for day in window_days for span in self.cut(calendar, day).get(send_day, ()))

    def window_days(self, calendar: Calendar, send_day: date) -> tuple[date, date]:
        """The first and last day on which a window may open that reaches into the mailbox's *send_day*."""
        key = (calendar, send_day)
        if key not in self._reach:
            bounds, zone = self.bounds(send_day), calendar.zone
            last = local_date(bounds.end - _AN_INSTANT, zone)
            self._reach[key] = (local_date(bounds.start, zone) - _A_DAY, last)
        return self._reach[key]

    def _stands_alone(self, send_day: date, opens: datetime) -> bool:
        """Whether no later day opens within the gap after *opens*: an email then is never too close."""
        following = days_between(send_day + _A_DAY, self.local_day(opens + self.gap))
        return all(
            span.start >= opens + self.gap
            for day in following
            for calendar in self._calendars
            for span in self._open_for(calendar, day)
        )


def _length(spans: Iterable[Span]) -> timedelta:
    return sum((span.end - span.start for span in spans), timedelta())


def days_between(first: date, last: date) -> Sequence[date]:
    """All days from *first* to *last*, both included."""
    return [first + timedelta(days=ahead) for ahead in range((last - first).days + 1)]
