"""The rules of planning, checked from first principles: nothing here asks the planner's own code."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo

from holidays import country_holidays

from domain.enrollments import Enrollment
from domain.ids import MailboxId
from domain.itineraries import Itinerary, PlannedEmail
from domain.mailboxes import Mailbox
from domain.plan import Plan
from domain.send_window import Calendar
from domain.waits import WaitUnit
from tests.domain.planning_world import World

DAY = timedelta(days=1)


def breaches(world: World, made: Plan) -> list[str]:
    """What is wrong with *made*; nothing, if the rules hold."""
    rules = {
        "1 (wait)": _wait,
        "2 (capacity)": _capacity,
        "3 (spacing)": _spacing,
        "5 (calendar)": _calendar,
        "5 (calendar of others)": _shifts,
        "6 (mailbox)": _mailbox,
        "10 (complete)": _complete,
        "14 (order)": _order,
    }
    return [f"rule {rule}: {each}" for rule, check in rules.items() for each in check(world, made)]


def _pairs(world: World, made: Plan) -> Iterator[tuple[Enrollment, Itinerary]]:
    """Enrollments with their itineraries, of those whose mailbox is not merely waited for."""
    enrollments = {each.id: each for each in world.enrollments}
    unavailable = {box.id for box in world.mailboxes if not box.is_available}
    for itinerary in made.itineraries:
        if itinerary.mailbox_id not in unavailable:
            yield enrollments[itinerary.enrollment_id], itinerary


def _wait(world: World, made: Plan) -> Iterator[str]:
    """Rule 1: never before the wait, counted from the day on which the window before opened."""
    for enrollment, itinerary in _pairs(world, made):
        day_before = enrollment.last_window_day
        left_at = enrollment.left_at or enrollment.enrolled_at
        for number, email in enumerate(itinerary.emails):
            if email.slot is None:
                break
            if number == 0 and day_before is None:
                enrolled_on = enrollment.enrolled_at.astimezone(enrollment.calendar.zone).date()
                if email.leg.wait.amount and not has_waited(email, enrollment.calendar, enrolled_on, None):
                    yield f"first step {email} before its wait"
                if email.slot.send_at < enrollment.enrolled_at:
                    yield f"first step {email} before it was enrolled"
            elif day_before is not None and not has_waited(email, enrollment.calendar, day_before, None):
                yield f"{email} before its wait from {day_before}"
            if not has_waited(email, enrollment.calendar, None, left_at):
                yield f"{email} before its wait from {left_at}"
            if number == 0 and enrollment.not_before and email.slot.send_at < enrollment.not_before:
                yield f"{email} before {enrollment.not_before}"
            day_before, left_at = email.slot.window_day, email.slot.send_at


def has_waited(email: PlannedEmail, calendar: Calendar, since: date | None, left_at: datetime | None) -> bool:
    """Whether *email* leaves late enough after window day *since*, and after instant *left_at*."""
    assert email.slot is not None
    wait = email.leg.wait
    if wait.unit is WaitUnit.MINUTES:
        return left_at is None or (email.slot.send_at - left_at).total_seconds() >= wait.amount * 60
    if since is None:
        return True
    passed = [since + DAY * ahead for ahead in range(1, (email.slot.window_day - since).days + 1)]
    if wait.unit is WaitUnit.WORKING_DAYS:
        passed = [day for day in passed if day.isoweekday() < 6 and not is_closed(calendar, day)]
    return email.slot.window_day >= since and len(passed) >= wait.amount


def is_closed(calendar: Calendar, day: date) -> bool:
    """Whether *day* is a date of one's own or a public holiday, as the library lists a whole year."""
    closed = calendar.closed
    if closed.country is None:
        return day in closed.dates
    listed = _listed(closed.country, closed.subdivision, day.year)
    return day in closed.dates or day in listed


@cache
def _listed(country: str, subdivision: str | None, year: int) -> frozenset[date]:
    return frozenset(country_holidays(country, subdiv=subdivision, years=year))


def _capacity(world: World, made: Plan) -> Iterator[str]:
    """Rule 2: per mailbox and local date no more than its capacity of that date."""
    taken: Counter[tuple[MailboxId, date]] = Counter()
    planned: Counter[tuple[MailboxId, date]] = Counter()
    boxes = {box.id: box for box in world.mailboxes}
    for mailbox_id, instant, is_planned in _instants(world, made):
        box = boxes[mailbox_id]
        if box.is_available:
            (planned if is_planned else taken)[mailbox_id, instant.astimezone(box.zone).date()] += 1
    for (mailbox_id, day), count in planned.items():
        capacity = capacity_on(boxes[mailbox_id], day)
        if capacity is not None and count + taken[mailbox_id, day] > capacity:
            yield f"{count} planned and {taken[mailbox_id, day]} taken on {day} of {capacity}"


def capacity_on(box: Mailbox, day: date) -> int | None:
    """None is any number."""
    limits = [box.daily_capacity] if box.daily_capacity else []
    if box.ramp is not None:
        age = (day - box.ramp.started_on).days
        limits.append(box.ramp.start + (box.ramp.step * age if age > 0 else 0))
    return min(limits, default=None)


def _spacing(world: World, made: Plan) -> Iterator[str]:
    """Rule 3: neighbours of a mailbox, whatever their sequence and day, keep its minimum gap."""
    kept = {
        email.slot.send_at
        for itinerary in made.itineraries
        for email in itinerary.emails
        if email.slot is not None
        and (email.slot == email.leg.held or email.slot.send_at == email.leg.former_at)
    }
    by_mailbox: dict[MailboxId, list[tuple[datetime, bool]]] = defaultdict(list)
    for mailbox_id, instant, is_planned in _instants(world, made):
        by_mailbox[mailbox_id].append((instant, is_planned))
    for box in world.mailboxes:
        for (earlier, one), (later, other) in pairwise(sorted(by_mailbox[box.id])):
            # Between an email that is gone or due and one that keeps its time, the gate keeps the distance.
            gone = earlier <= world.now and (later in kept or not other)
            if box.is_available and (one or other) and not gone and later - earlier < box.minimum_gap:
                yield f"{earlier} and {later} are closer than {box.minimum_gap}"


def _instants(world: World, made: Plan) -> Iterator[tuple[MailboxId, datetime, bool]]:
    """Every email's mailbox and instant, and whether this plan could have moved it."""
    shifted = {shift.email_id: shift.send_at for shift in made.shifts}
    for other in world.taken:
        yield other.mailbox_id, shifted.get(other.email_id, other.send_at), other.email_id in shifted
    for itinerary in made.itineraries:
        for email in itinerary.emails:
            if email.slot is not None:
                yield email.slot.mailbox_id, email.slot.send_at, True


def _calendar(world: World, made: Plan) -> Iterator[str]:
    """Rule 5: inside the window by the wall clock, never in the past; days as they are defined."""
    boxes = {box.id: box for box in world.mailboxes}
    for enrollment, itinerary in _pairs(world, made):
        for email in itinerary.emails:
            if (slot := email.slot) is None:
                continue
            if not is_open(enrollment.calendar, slot.window_day, slot.send_at):
                yield f"{email} outside of its window"
            if not works(boxes[slot.mailbox_id], slot.send_at):
                yield f"{email} outside of the hours of its mailbox"
            if slot.send_day != slot.send_at.astimezone(boxes[slot.mailbox_id].zone).date():
                yield f"{email} on another day of its mailbox"
            if slot.send_at < world.now and slot != email.leg.held:
                yield f"{email} in the past"


def _shifts(world: World, made: Plan) -> Iterator[str]:
    """Rule 5 for those outside of the plan that make place: they stay inside their windows."""
    boxes = {box.id: box for box in world.mailboxes}
    of_taken = {other.email_id: other for other in world.taken}
    for shift in made.shifts:
        other = of_taken[shift.email_id]
        day = None if other.calendar is None else window_day(other.calendar, other.send_at)
        if other.calendar is None or day is None or not is_open(other.calendar, day, shift.send_at):
            yield f"{other} shifted out of its window to {shift.send_at}"
        if not works(boxes[shift.mailbox_id], shift.send_at):
            yield f"{other} shifted out of the hours of its mailbox to {shift.send_at}"


def works(box: Mailbox, moment: datetime) -> bool:
    """Whether *box* works at *moment*, by the clock on its wall."""
    return box.working_hours is None or window_day(Calendar(box.zone, box.working_hours), moment) is not None


def window_day(calendar: Calendar, moment: datetime) -> date | None:
    local = moment.astimezone(calendar.zone).date()
    return next((day for day in (local - DAY, local) if is_open(calendar, day, moment)), None)


def is_open(calendar: Calendar, day: date, moment: datetime) -> bool:
    """Whether *moment* is in the window that opens on *day*, by what clocks on the wall show."""
    if calendar.first_date is not None and day < calendar.first_date:
        return False
    if calendar.last_date is not None and day > calendar.last_date:
        return False
    if is_closed(calendar, day):
        return False
    if calendar.window is None:
        return moment.astimezone(calendar.zone).date() == day
    if day.isoweekday() not in calendar.window.weekdays:
        return False
    for start, end in calendar.window.intervals:
        closes = shown(calendar.zone, day if end > start else day + DAY, end)
        if shown(calendar.zone, day, start) <= moment < closes:
            return True
    return False


def shown(zone: ZoneInfo, day: date, wall: time) -> datetime:
    """The first moment at which clocks show *wall*; if they never do, as if they had not been put forward."""
    naive = datetime.combine(day, wall)
    noon_before = (naive - DAY).replace(tzinfo=zone).utcoffset()
    noon_after = (naive + DAY).replace(tzinfo=zone).utcoffset()
    assert noon_before is not None
    assert noon_after is not None
    utc = ZoneInfo("UTC")
    readings = [(naive - offset).replace(tzinfo=utc) for offset in (noon_before, noon_after)]
    matching = [each for each in readings if each.astimezone(zone).replace(tzinfo=None) == naive]
    return min(matching, default=readings[0])


def _mailbox(world: World, made: Plan) -> Iterator[str]:
    """Rule 6: all steps from one mailbox, the one that the enrollment is bound to, or one of its sequence."""
    for enrollment, itinerary in _pairs(world, made):
        used = {email.slot.mailbox_id for email in itinerary.emails if email.slot is not None}
        if used - {itinerary.mailbox_id}:
            yield f"{enrollment.id} leaves from {used}"
        if not used <= set(enrollment.sequence.mailbox_ids):
            yield f"{enrollment.id} leaves from a stranger"
        bound = enrollment.mailbox_id
        if bound is not None and used - {bound} and not enrollment.may_change_mailbox:
            yield f"{enrollment.id} left its mailbox"


def _complete(world: World, made: Plan) -> Iterator[str]:
    """Rule 10: every leg is answered, with a slot or with a reason."""
    legs = {each.id: each.legs for each in world.enrollments}
    if sorted(legs) != sorted(each.enrollment_id for each in made.itineraries):
        yield "somebody was forgotten, or doubled"
    for itinerary in made.itineraries:
        if tuple(email.leg for email in itinerary.emails) != legs[itinerary.enrollment_id]:
            yield f"legs of {itinerary.enrollment_id} are not those that were asked for"
        for email in itinerary.emails:
            if (email.slot is None) != (email.unplaced_reason is not None):
                yield f"{email} has not exactly one of slot and reason"


def _order(world: World, made: Plan) -> Iterator[str]:
    """Rule 14: in order, and nothing has a time while the step before it has none."""
    for _, itinerary in _pairs(world, made):
        for before, after in pairwise(itinerary.emails):
            if after.slot is not None and (before.slot is None or before.slot.send_at >= after.slot.send_at):
                yield f"{after} is not after {before}"


def moved(made: Plan) -> list[PlannedEmail]:
    """The emails that held a slot and have another time, another mailbox, or none."""
    return [
        email
        for itinerary in made.itineraries
        for email in itinerary.emails
        if (held := email.leg.held) is not None
        and (
            email.slot is None
            or (email.slot.send_at, email.slot.mailbox_id) != (held.send_at, held.mailbox_id)
        )
    ]
