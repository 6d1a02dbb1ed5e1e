"""Why an email has the time that it has: what held it back, one thing after the other, and until when."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum

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
    FAIR_SHARE = "FAIR_SHARE"
    FIRST_DATE = "FIRST_DATE"
    PLANNED = "PLANNED"
    WINDOW = "WINDOW"
    NO_SLOT_LEFT = "NO_SLOT_LEFT"
    MAILBOX_FULL = "MAILBOX_FULL"
    SLOT_TAKEN = "SLOT_TAKEN"
    EVEN_SPACING = "EVEN_SPACING"
    KEPT = "KEPT"


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
        opening = _first_room(chain, timetable, enrollment.calendar, first, held)
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
        left_at = before.held.send_at + (_A_SECOND if leg.wait_days == 0 else timedelta())
        chain.push(Constraint.PREVIOUS_STEP, left_at, f"step {before.position} leaves before it")
    elif day_before is not None:
        left_on = instant(day_before, time(0), zone)
        chain.push(
            Constraint.PREVIOUS_STEP, left_on, f"the step before it left in the window of {day_before}"
        )
    first = _first_day(enrollment, leg)
    if first is None:
        return None
    if leg.wait_days:
        since = first - timedelta(days=leg.wait_days)
        chain.push(Constraint.WAIT, instant(first, time(0), zone), f"{_days(leg.wait_days)} after {since}")
    if before is None and enrollment.not_before is not None:
        chain.push(Constraint.NOT_BEFORE, enrollment.not_before, "it was put off until then")
    if before is None and enrollment.displaced_at is not None:
        gave_way = "its place went to a contact of another sequence"
        chain.push(Constraint.FAIR_SHARE, enrollment.displaced_at, gave_way)
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


def _first_day(enrollment: Enrollment, leg: Leg) -> date | None:
    """The first day whose window *leg* may leave in; None while the step before it has no day."""
    day_before = _day_before(enrollment, leg)
    if day_before is None and _before(enrollment, leg) is not None:
        return None
    return enrollment.earliest_day(leg, day_before)


def _first_room(
    chain: _Chain, timetable: Timetable, calendar: Calendar, first: date, held: Slot
) -> Opening | None:
    """Push to the first opening with room, at most as far as the window that *held* is in."""
    full: list[date] = []
    has_opened = False
    for window_day in calendar.days(first, limit=(held.window_day - first).days + 1):
        spans = [span for span in calendar.spans(window_day) if span.end > chain.cursor]
        if spans and not has_opened:
            chain.push(Constraint.WINDOW, spans[0].start, f"the next window opens on {window_day}")
            has_opened = True
        for opening in timetable.openings(calendar, window_day, chain.cursor):
            if opening.day.room(opening.ranges) > 0:
                _push_past(chain, full, _begin(chain, timetable, calendar, opening))
                return opening
            full.append(opening.send_day)
    return None


def _push_past(chain: _Chain, full: list[date], until: datetime) -> None:
    """Push past days that are *full*; where there are none, past a window without a slot."""
    if not full:
        chain.push(Constraint.NO_SLOT_LEFT, until, "the rest of the window has none of the mailbox's slots")
    elif full[0] == full[-1]:
        chain.push(Constraint.MAILBOX_FULL, until, f"full on {full[0]}")
    else:
        days = _days(len(set(full)))
        chain.push(Constraint.MAILBOX_FULL, until, f"full on {days} from {full[0]} to {full[-1]}")


def _begin(chain: _Chain, timetable: Timetable, calendar: Calendar, opening: Opening) -> datetime:
    """When the window of *opening* is open on its day for the first time."""
    earliest = max(timetable.bounds(opening.send_day).start, chain.cursor)
    spans = calendar.spans(opening.window_day)
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
