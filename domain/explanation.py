"""Why an email has the time that it has: what held it back, one thing after the other, and until when."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import TypeAlias

from domain.agenda import Opening
from domain.enrollments import Enrollment
from domain.itineraries import Leg, Slot, UnplacedReason
from domain.send_window import Calendar, instant
from domain.surroundings import Surroundings
from domain.timetable import Timetable

_A_SECOND = timedelta(seconds=1)


class Constraint(StrEnum):
    """What keeps an email from leaving earlier."""

    ENROLLED = "ENROLLED"
    PREVIOUS_STEP = "PREVIOUS_STEP"
    WAIT = "WAIT"
    NOT_BEFORE = "NOT_BEFORE"
    FIRST_DATE = "FIRST_DATE"
    PLANNED = "PLANNED"
    HOLIDAY = "HOLIDAY"
    WINDOW = "WINDOW"
    WORKING_HOURS = "WORKING_HOURS"
    NO_SLOT_LEFT = "NO_SLOT_LEFT"
    MAILBOX_FULL = "MAILBOX_FULL"
    RECIPIENT_DOMAIN_FULL = "RECIPIENT_DOMAIN_FULL"
    NEW_CONTACTS_FULL = "NEW_CONTACTS_FULL"
    SLOT_TAKEN = "SLOT_TAKEN"
    EVEN_SPACING = "EVEN_SPACING"
    KEPT = "KEPT"


# A day on which there was no room, and what was full.
_Full: TypeAlias = tuple[Constraint, date]


@dataclass(frozen=True, slots=True)
class Push:
    """*constraint* held the email back *until* then, in UTC; *detail* names the days or steps concerned."""

    constraint: Constraint
    until: datetime
    detail: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """
    The constraints that bound, in order; their instants never go back.

    The last one is the email's time. Without a slot they end where *unplaced_reason* stood in the way.
    """

    pushes: tuple[Push, ...]
    unplaced_reason: UnplacedReason | None = None


def explain(
    enrollment: Enrollment,
    leg: Leg,
    *,
    surroundings: Surroundings | None,
    planned_at: datetime | None = None,
    unplaced_reason: UnplacedReason | None = None,
) -> Explanation:
    """
    Say why *leg* of *enrollment* has its time, or how far it got before *unplaced_reason* stopped it.

    It is what the rules of planning say of the state today, with everyone else where they are; it knows no
    clock. *planned_at* is when the enrollment was planned last: slots before that were gone.

    Raises:
        ValueError: *leg* has a slot, and there are no *surroundings* to see it in.
    """
    held = leg.held
    chain = _Chain(None if held is None else held.send_at)
    first = _floors(chain, enrollment, leg, planned_at)
    if held is None:
        return Explanation(tuple(chain.pushes), unplaced_reason)
    if surroundings is None:
        raise ValueError("A slot is explained by what surrounds it.")
    if first is not None and not chain.is_broken:
        timetable = surroundings.timetable(enrollment.calendar, chain.cursor)
        opening = _first_room(chain, timetable, enrollment, leg, surroundings, first, held)
        if opening is not None:
            _within_day(chain, enrollment, opening, held)
    chain.end()
    return Explanation(tuple(chain.pushes))


def days_between(enrollment: Enrollment, leg: Leg) -> tuple[date, date] | None:
    """The first and last local day of the mailbox on which :func:`explain` looks at other emails."""
    if leg.held is None:
        return None
    first = _first_day(enrollment, leg)
    start = leg.held.send_day if first is None else min(first, leg.held.send_day)
    # Zones are up to 26 hours apart, and the neighbours of a day are kept apart from it.
    return start - timedelta(days=2), leg.held.send_day + timedelta(days=1)


class _Chain:
    """Pushes in the making, none of them beyond *last*, the time that the email has."""

    def __init__(self, last: datetime | None) -> None:
        self.pushes: list[Push] = []
        self.cursor = datetime.min.replace(tzinfo=UTC)
        self.is_broken = False
        self.kept_because = "today's rules would give it another time"
        self._last = last

    def push(self, constraint: Constraint, until: datetime, detail: str) -> None:
        """Note that *constraint* pushed to *until*, unless something else had pushed as far."""
        self.is_broken = self.is_broken or (self._last is not None and until > self._last)
        if until > self.cursor and not self.is_broken:
            self.pushes.append(Push(constraint, until, detail))
            self.cursor = until

    def end(self) -> None:
        """Whatever the rules of today do not say is a promise that is kept."""
        if self._last is not None and self.cursor < self._last:
            self.pushes.append(Push(Constraint.KEPT, self._last, self.kept_because))


def _floors(chain: _Chain, enrollment: Enrollment, leg: Leg, planned_at: datetime | None) -> date | None:
    """Push over everything that does not depend on other emails; the first day of a window, if known."""
    chain.push(Constraint.ENROLLED, enrollment.enrolled_at, "the contact was enrolled")
    before, day_before = _before(enrollment, leg), _day_before(enrollment, leg)
    zone = enrollment.calendar.zone
    if before is not None and before.held is not None:
        left_at = before.held.send_at + (_A_SECOND if leg.wait.amount == 0 else timedelta())
        chain.push(Constraint.PREVIOUS_STEP, left_at, f"step {before.position} leaves before it")
    elif enrollment.left_at is not None and before is None:
        chain.push(Constraint.PREVIOUS_STEP, enrollment.left_at, "the step before it left then")
    elif day_before is not None:
        left_on = instant(day_before, time(0), zone)
        chain.push(
            Constraint.PREVIOUS_STEP, left_on, f"the step before it left in the window of {day_before}"
        )
    first = _first_day(enrollment, leg)
    if first is None:
        return None
    if not leg.wait.may_end_at_once:
        since = day_before or enrollment.enrolled_at.astimezone(zone).date()
        chain.push(Constraint.WAIT, instant(first, time(0), zone), f"{leg.wait} after {since}")
    elif leg.wait.minutes is not None:
        chain.push(
            Constraint.WAIT, _counts_from(enrollment, before) + leg.wait.minutes, f"{leg.wait} after it"
        )
    if before is None and enrollment.not_before is not None:
        chain.push(Constraint.NOT_BEFORE, enrollment.not_before, "it was put off until then")
    opens_on = enrollment.calendar.first_date
    if opens_on is not None:
        chain.push(Constraint.FIRST_DATE, instant(opens_on, time(0), zone), f"the first date is {opens_on}")
    # Planned later than its time, it was found due and left where it is.
    if planned_at is not None and (leg.held is None or planned_at <= leg.held.send_at):
        chain.push(Constraint.PLANNED, planned_at, "the enrollment was last planned then")
    return first


def _before(enrollment: Enrollment, leg: Leg) -> Leg | None:
    return next((each for each in reversed(enrollment.legs) if each.position < leg.position), None)


def _day_before(enrollment: Enrollment, leg: Leg) -> date | None:
    """The day that the wait of *leg* counts from."""
    before = _before(enrollment, leg)
    if before is None:
        return enrollment.last_window_day
    return None if before.held is None else before.held.window_day


def _counts_from(enrollment: Enrollment, before: Leg | None) -> datetime:
    """The instant that a wait in minutes counts from."""
    if before is not None and before.held is not None:
        return before.held.send_at
    return enrollment.left_at or enrollment.enrolled_at


def _first_day(enrollment: Enrollment, leg: Leg) -> date | None:
    """The first day whose window *leg* may leave in; None while the step before it has no day."""
    day_before = _day_before(enrollment, leg)
    if day_before is None and _before(enrollment, leg) is not None:
        return None
    return enrollment.earliest_day(leg, day_before)


def _first_room(
    chain: _Chain,
    timetable: Timetable,
    enrollment: Enrollment,
    leg: Leg,
    surroundings: Surroundings,
    first: date,
    held: Slot,
) -> Opening | None:
    """Push to the first opening with room, at most as far as the window that *held* is in."""
    calendar, full = enrollment.calendar, list[_Full]()
    is_start = leg is enrollment.legs[0] and enrollment.last_window_day is None
    has_opened = is_off = False
    for window_day in _days_until(first, held.window_day):
        if calendar.is_closed_on(window_day):
            _push_past_holiday(chain, full, calendar, window_day)
            has_opened = False
            continue
        spans = [span for span in calendar.spans(window_day) if span.end > chain.cursor]
        if spans and not has_opened:
            chain.push(Constraint.WINDOW, spans[0].start, f"the next window opens on {window_day}")
            has_opened = True
        worked = [span for span in timetable.spans(calendar, window_day) if span.end > chain.cursor]
        if spans and not worked:
            is_off = True
        elif worked and not full and (is_off or worked[0].start > spans[0].start):
            chain.push(Constraint.WORKING_HOURS, worked[0].start, "the mailbox works from then on")
        for opening in timetable.openings(calendar, window_day, chain.cursor):
            is_full = _limit_reached(opening, timetable, enrollment)
            if is_full is None and is_start and window_day < held.window_day:
                is_full = _starts_reached(surroundings, enrollment, window_day)
            if is_full is None:
                _push_past(chain, full, _begin(chain, timetable, calendar, opening))
                return opening
            full.append((is_full, opening.send_day))
    return None


def _days_until(first: date, last: date) -> Iterator[date]:
    return (first + timedelta(days=ahead) for ahead in range((last - first).days + 1))


def _push_past_holiday(chain: _Chain, full: list[_Full], calendar: Calendar, day: date) -> None:
    """Push past closed *day*, and before that to it where others are *full*."""
    begins, ends = (instant(each, time(0), calendar.zone) for each in (day, day + timedelta(days=1)))
    if full:
        _push_past(chain, full, begins)
        full.clear()
    closed = calendar.closed
    holiday = closed.holiday(day)
    if holiday is None or closed.country is None:
        detail = f"the sequence is closed on {day}"
    else:
        detail = f"{holiday} on {day} in {'-'.join(filter(None, (closed.country, closed.subdivision)))}"
    chain.push(Constraint.HOLIDAY, ends, detail)


def _limit_reached(opening: Opening, timetable: Timetable, enrollment: Enrollment) -> Constraint | None:
    if opening.day.room(opening.ranges) <= 0:
        return Constraint.MAILBOX_FULL
    if not timetable.domains.have_room(opening.send_day, enrollment.recipient_domain):
        return Constraint.RECIPIENT_DOMAIN_FULL
    return None


def _starts_reached(surroundings: Surroundings, enrollment: Enrollment, day: date) -> Constraint | None:
    most = enrollment.sequence.max_new_contacts_per_day
    starts = surroundings.starts.get((enrollment.sequence.id, day), 0)
    return Constraint.NEW_CONTACTS_FULL if most is not None and starts >= most else None


def _push_past(chain: _Chain, full: list[_Full], until: datetime) -> None:
    """Push past days that are *full*, for the last one's reason; past a window without a slot if none is."""
    if not full:
        chain.push(Constraint.NO_SLOT_LEFT, until, "the rest of the window has none of the mailbox's slots")
        return
    (_, first), (constraint, last) = full[0], full[-1]
    if first == last:
        chain.push(constraint, until, f"full on {first}")
    else:
        days = _days(len({day for _, day in full}))
        chain.push(constraint, until, f"full on {days} from {first} to {last}")


def _begin(chain: _Chain, timetable: Timetable, calendar: Calendar, opening: Opening) -> datetime:
    """When the window of *opening* is open on its day for the first time."""
    earliest = max(timetable.bounds(opening.send_day).start, chain.cursor)
    spans = timetable.spans(calendar, opening.window_day)
    return next(max(span.start, earliest) for span in spans if span.end > earliest)


def _within_day(chain: _Chain, enrollment: Enrollment, opening: Opening, held: Slot) -> None:
    """Push from the beginning of *opening* to the slot *held*, if that is in it."""
    if (opening.window_day, opening.send_day) != (held.window_day, held.send_day):
        chain.kept_because = f"there is room on {opening.send_day} by now"
        return
    first_slot = opening.day.grid.instant(opening.ranges[0][0])
    if not enrollment.calendar.is_open(held.window_day, held.send_at) or held.send_at < first_slot:
        return
    free = opening.day.first_free(opening.ranges)
    until = held.send_at if free is None else min(free, held.send_at)
    if until > first_slot:
        chain.push(Constraint.SLOT_TAKEN, until, f"from {first_slot:%H:%M} UTC on other emails leave")
    if enrollment.sequence.priority > 0:
        chain.kept_because = "an earlier slot of the day has become free since"
    else:
        chain.push(Constraint.EVEN_SPACING, held.send_at, "the emails of a day are spread over its open time")


def _days(count: int) -> str:
    return f"{count} day" if count == 1 else f"{count} days"
