"""The room for an email: the days that others have filled, and its slot among theirs."""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import TypeAlias

from domain.agenda import Opening
from domain.enrollments import Enrollment
from domain.itineraries import Leg, Slot
from domain.pushes import Chain, Constraint
from domain.send_window import Calendar, instant
from domain.surroundings import Surroundings
from domain.timetable import Timetable

# A day on which there was no room, and what was full.
_Full: TypeAlias = tuple[Constraint, date]


def push_to_room(
    chain: Chain,
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
        if _push_apart(chain, full, surroundings, enrollment, window_day):
            has_opened = False
            continue
        spans = [span for span in calendar.spans(window_day) if span.end > chain.cursor]
        if spans and not has_opened:
            chain.push(Constraint.WINDOW, spans[0].start, f"the next window opens on {window_day}")
            has_opened = True
        worked = [span for span in timetable.layout.spans(calendar, window_day) if span.end > chain.cursor]
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


def _push_past_holiday(chain: Chain, full: list[_Full], calendar: Calendar, day: date) -> None:
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


def _push_apart(
    chain: Chain, full: list[_Full], surroundings: Surroundings, enrollment: Enrollment, day: date
) -> bool:
    """Push from *day* to the first one that leaves the contact its gap; whether it is another one."""
    gap = surroundings.contact_gap
    apart = day if gap is None else gap.first_apart(enrollment, day)
    if gap is None or apart == day:
        return False
    zone = enrollment.calendar.zone
    if full:
        _push_past(chain, full, instant(day, time(0), zone))
        full.clear()
    other = apart - timedelta(days=gap.days)
    detail = f"{_days(gap.days)} from the email of another enrollment on {other}"
    chain.push(Constraint.CONTACT_MIN_GAP, instant(apart, time(0), zone), detail)
    return True


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


def _push_past(chain: Chain, full: list[_Full], until: datetime) -> None:
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


def _begin(chain: Chain, timetable: Timetable, calendar: Calendar, opening: Opening) -> datetime:
    """When the window of *opening* is open on its day for the first time."""
    earliest = max(timetable.layout.bounds(opening.send_day).start, chain.cursor)
    spans = timetable.layout.spans(calendar, opening.window_day)
    return next(max(span.start, earliest) for span in spans if span.end > earliest)


def push_within_day(chain: Chain, enrollment: Enrollment, opening: Opening, held: Slot) -> None:
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
    if enrollment.sequence.priority > 0 and until < held.send_at:
        chain.kept_because = "an earlier slot of the day has become free since"
    else:
        chain.push(Constraint.EVEN_SPACING, held.send_at, "the emails of a day are spread over its open time")


def push_by_pace(
    chain: Chain,
    timetable: Timetable,
    enrollment: Enrollment,
    surroundings: Surroundings,
    first: date,
    held: Slot,
) -> None:
    """Push to the first instant that is free, and on to *held* by the pace of the sequence."""
    calendar, full = enrollment.calendar, list[_Full]()
    for window_day in calendar.days(first, limit=(held.window_day - first).days + 1):
        if _push_apart(chain, full, surroundings, enrollment, window_day):
            continue
        for send_day, span in timetable.layout.pieces(calendar, window_day):
            if span.end <= chain.cursor:
                continue
            if not timetable.day(send_day).has_capacity:
                full.append((Constraint.MAILBOX_FULL, send_day))
                continue
            if full:
                _push_past(chain, full, max(span.start, chain.cursor))
            chain.push(Constraint.WINDOW, span.start, f"the next window opens on {window_day}")
            free = timetable.spacing.first_free(chain.cursor)
            chain.push(Constraint.SLOT_TAKEN, min(free, held.send_at), "other emails of the mailbox leave")
            if held.send_at < span.end:
                chain.push(Constraint.PACE, held.send_at, "other emails of its batch leave before it")
                return


def _days(count: int) -> str:
    return f"{count} day" if count == 1 else f"{count} days"
