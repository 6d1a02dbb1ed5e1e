"""The floors of an email's time: all that holds it back whatever other emails do."""

from datetime import date, datetime, time, timedelta

from domain.enrollments import Enrollment
from domain.itineraries import Leg
from domain.pushes import Chain, Constraint
from domain.send_window import instant

_A_SECOND = timedelta(seconds=1)


def push_over_floors(
    chain: Chain, enrollment: Enrollment, leg: Leg, planned_at: datetime | None
) -> date | None:
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
    first = first_day(enrollment, leg)
    if first is None:
        return None
    if not leg.wait.may_end_at_once:
        since = day_before or enrollment.waits_since
        chain.push(Constraint.WAIT, instant(first, time(0), zone), f"{leg.wait} after {since}")
    elif leg.wait.minutes is not None:
        chain.push(
            Constraint.WAIT, _counts_from(enrollment, before) + leg.wait.minutes, f"{leg.wait} after it"
        )
    if before is None:
        _put_off(chain, enrollment)
    opens_on = enrollment.calendar.first_date
    if opens_on is not None:
        chain.push(Constraint.FIRST_DATE, instant(opens_on, time(0), zone), f"the first date is {opens_on}")
    # Planned later than its time, it was found due and left where it is.
    if planned_at is not None and (leg.held is None or planned_at <= leg.held.send_at):
        chain.push(Constraint.PLANNED, planned_at, "the enrollment was last planned then")
    return first


def _put_off(chain: Chain, enrollment: Enrollment) -> None:
    """Push over what put off the first of the steps that remain."""
    if enrollment.not_before is not None:
        chain.push(Constraint.NOT_BEFORE, enrollment.not_before, "it was put off until then")
    if enrollment.displaced_at is not None:
        gave_way = "its place went to a contact of another sequence"
        chain.push(Constraint.FAIR_SHARE, enrollment.displaced_at, gave_way)


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
    return enrollment.left_at or enrollment.enrolled_at + enrollment.held_for


def first_day(enrollment: Enrollment, leg: Leg) -> date | None:
    """The first day whose window *leg* may leave in; None while the step before it has no day."""
    day_before = _day_before(enrollment, leg)
    if day_before is None and _before(enrollment, leg) is not None:
        return None
    return enrollment.earliest_day(leg, day_before)
