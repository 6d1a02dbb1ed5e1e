"""Why an email has the time that it has: what held it back, one thing after the other, and until when."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from domain.enrollments import Enrollment
from domain.explained_floors import first_day, push_over_floors
from domain.explained_room import push_by_pace, push_to_room, push_within_day
from domain.itineraries import Leg, UnplacedReason
from domain.pushes import Chain, Constraint, Push
from domain.surroundings import Surroundings


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
    chain = Chain(None if held is None else held.send_at)
    first = push_over_floors(chain, enrollment, leg, planned_at)
    if held is None:
        return Explanation(tuple(chain.pushes), unplaced_reason)
    if leg.is_set_by_hand:
        chain.end_by(Constraint.SET_BY_HAND, "somebody chose this time")
        return Explanation(tuple(chain.pushes))
    if surroundings is None:
        raise ValueError("A slot is explained by what surrounds it.")
    if first is not None and not chain.is_broken:
        timetable = surroundings.timetable(enrollment, leg, held, now=chain.cursor)
        if enrollment.sequence.pace is not None:
            push_by_pace(chain, timetable, enrollment, surroundings, first, held)
            opening = None
        else:
            opening = push_to_room(chain, timetable, enrollment, leg, surroundings, first, held)
        if opening is not None:
            push_within_day(chain, enrollment, opening, held)
    chain.end()
    return Explanation(tuple(chain.pushes))


def days_between(enrollment: Enrollment, leg: Leg) -> tuple[date, date] | None:
    """The first and last local day of the mailbox on which :func:`explain` looks at other emails."""
    if leg.held is None:
        return None
    first = first_day(enrollment, leg)
    start = leg.held.send_day if first is None else min(first, leg.held.send_day)
    # Zones are up to 26 hours apart, and the neighbours of a day are kept apart from it.
    return start - timedelta(days=2), leg.held.send_day + timedelta(days=1)
