"""Worlds whose mailboxes and sequences are limited in every way, and whether a plan keeps that."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta

from hypothesis import strategies as st

from domain.ids import MailboxId, SequenceId
from domain.mailboxes import Mailbox
from domain.plan import Plan
from domain.rates import Rate, RateKind
from tests.domain.planning_changes import changed
from tests.domain.planning_rules import breaches
from tests.domain.planning_world import World, worlds

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
DOMAINS = ("example.com", "example.org", None)


hourly_limits = st.none() | st.integers(1, 4)
sliding_limits = st.none() | st.tuples(
    st.integers(1, 4), st.sampled_from((60, 1800, 3 * 3600, 7 * 3600, 30 * 3600, 3 * 86400))
)
rolling_limits = st.none() | st.integers(1, 5)
ones_and_twos = st.none() | st.integers(1, 2)
jitters = st.sampled_from((0, 0, 10, 50))
variations = st.sampled_from((0, 0, 50))
seeds = st.integers(0, 3)
either = st.booleans()
recipients = st.sampled_from(DOMAINS)


@st.composite
def limited_mailbox(draw: st.DrawFn, box: Mailbox) -> Mailbox:
    """*box* under some limits: few emails an hour, in short and long stretches, to a domain."""
    hourly, sliding, rolling = draw(hourly_limits), draw(sliding_limits), draw(rolling_limits)
    rates = [
        *([Rate(RateKind.HOURLY, hourly)] if hourly else []),
        *([Rate(RateKind.SLIDING, sliding[0], timedelta(seconds=sliding[1]))] if sliding else []),
        *([Rate(RateKind.ROLLING_24H, rolling, DAY)] if rolling else []),
    ]
    return replace(
        box,
        rates=tuple(rates),
        recipient_domain_daily_cap=draw(ones_and_twos),
        jitter_percent=draw(jitters),
        day_variation_percent=draw(variations),
        seed=draw(seeds),
    )


@st.composite
def limited_worlds(draw: st.DrawFn) -> World:
    world = draw(worlds(most=2))
    sequences = {
        each: replace(each, max_new_contacts_per_day=draw(ones_and_twos))
        for each in dict.fromkeys(each.sequence for each in world.enrollments)
    }
    return replace(
        world,
        mailboxes=tuple([draw(limited_mailbox(box)) for box in world.mailboxes]),
        enrollments=tuple(
            replace(
                each,
                sequence=sequences[each.sequence],
                recipient_domain=draw(recipients),
            )
            for each in world.enrollments
        ),
        taken=tuple(replace(each, recipient_domain=draw(recipients)) for each in world.taken),
    )


@st.composite
def changed_limits(draw: st.DrawFn, held: World) -> World:
    """*held*, in which everyone holds slots, after any change, or under other limits."""
    if draw(either):
        return with_starts(held, draw(changed(held)))
    sequences = {
        each: replace(each, max_new_contacts_per_day=draw(ones_and_twos))
        for each in dict.fromkeys(each.sequence for each in held.enrollments)
    }
    return replace(
        held,
        mailboxes=tuple([draw(limited_mailbox(box)) for box in held.mailboxes]),
        enrollments=tuple(replace(each, sequence=sequences[each.sequence]) for each in held.enrollments),
    )


def with_starts(held: World, after: World) -> World:
    """*after* and the starts of those who held a slot for their first email in *held*, and have left."""
    began = {each.id: each for each in held.enrollments}
    starts: Counter[tuple[SequenceId, date]] = Counter(held.starts)
    for each in after.enrollments:
        before = began[each.id]
        slot = before.legs[0].held if before.legs else None
        if before.last_window_day is None and each.last_window_day is not None and slot is not None:
            starts[each.sequence.id, slot.window_day] += 1
    return replace(after, starts=dict(starts))


def all_breaches(world: World, made: Plan) -> list[str]:
    """What is wrong with *made*, limits included; nothing, if the rules hold."""
    limits = {"rates": _rates, "days": _days, "recipient domains": _domains, "starts": _starts}
    broken = (f"rule 2 ({limit}): {each}" for limit, check in limits.items() for each in check(world, made))
    return [*breaches(world, made), *broken]


def _rates(world: World, made: Plan) -> Iterator[str]:
    """No hour, and no stretch as long as a rate's, holds too many if the plan put any of them there."""
    for box in world.mailboxes:
        instants = sorted(_instants(world, made, box)) if box.is_available else []
        for rate in box.rates:
            for end, _ in instants:
                inside = [each for each in instants if _counts_at(rate, box, each[0], end)]
                if len(inside) > rate.most and any(is_planned for _, is_planned in inside):
                    yield f"{len(inside)} until {end} are more than {rate}"


def _counts_at(rate: Rate, box: Mailbox, instant: datetime, end: datetime) -> bool:
    if rate.kind is not RateKind.HOURLY:
        return end - rate.span < instant <= end
    one, other = (each.astimezone(box.zone) for each in (instant, end))
    return (one.date(), one.hour, one.fold) == (other.date(), other.hour, other.fold) and instant <= end


def _instants(world: World, made: Plan, box: Mailbox) -> Iterator[tuple[datetime, bool]]:
    """When emails leave *box*, and whether the plan put them there; what is gone may have been late."""
    shifted = {shift.email_id: shift.send_at for shift in made.shifts}
    for other in world.taken:
        if other.mailbox_id == box.id:
            at = shifted.get(other.email_id, other.send_at)
            yield (at if at >= world.now else at - MINUTE), other.email_id in shifted
    for itinerary in made.itineraries:
        for email in itinerary.emails:
            if email.slot is not None and email.slot.mailbox_id == box.id:
                at = email.slot.send_at
                yield (at if at >= world.now else at - MINUTE), True


def _days(world: World, made: Plan) -> Iterator[str]:
    """Rule 2 with variation: no more than what the day may have, however low that was drawn."""
    for box in world.mailboxes:
        planned: Counter[date] = Counter()
        for at, is_planned in _instants(world, made, box):
            day = (at if at >= world.now else at + MINUTE).astimezone(box.zone).date()
            planned[day] += is_planned
        for day, count in planned.items():
            if box.is_available and box.capacity_on(day) and count > box.capacity_on(day):
                yield f"{count} planned on {day} of {box.capacity_on(day)}"


def _domains(world: World, made: Plan) -> Iterator[str]:
    boxes = {box.id: box for box in world.mailboxes}
    domains = {each.id: each.recipient_domain for each in world.enrollments}
    counts: Counter[tuple[MailboxId, date, str]] = Counter()
    planned: defaultdict[tuple[MailboxId, date, str], int] = defaultdict(int)
    for other in world.taken:
        if other.recipient_domain is not None:
            day = other.send_at.astimezone(boxes[other.mailbox_id].zone).date()
            counts[other.mailbox_id, day, other.recipient_domain] += 1
    for itinerary in made.itineraries:
        domain = domains[itinerary.enrollment_id]
        for email in itinerary.emails:
            if email.slot is not None and domain is not None:
                planned[email.slot.mailbox_id, email.slot.send_day, domain] += 1
    for (mailbox_id, day, domain), count in planned.items():
        cap, box = boxes[mailbox_id].recipient_domain_daily_cap, boxes[mailbox_id]
        if box.is_available and cap is not None and count + counts[mailbox_id, day, domain] > cap:
            yield f"{count} to {domain} on {day}, beside {counts[mailbox_id, day, domain]}, of {cap}"


def _starts(world: World, made: Plan) -> Iterator[str]:
    enrollments = {each.id: each for each in world.enrollments}
    unavailable = {box.id for box in world.mailboxes if not box.is_available}
    starting: Counter[tuple[SequenceId, date]] = Counter()
    limits = {each.sequence.id: each.sequence.max_new_contacts_per_day for each in world.enrollments}
    for itinerary in made.itineraries:
        enrollment = enrollments[itinerary.enrollment_id]
        first = itinerary.emails[0].slot if itinerary.emails else None
        if enrollment.last_window_day is None and first is not None and first.mailbox_id not in unavailable:
            starting[enrollment.sequence.id, first.window_day] += 1
    for (sequence_id, day), count in starting.items():
        most = limits[sequence_id]
        if most is not None and count + world.starts.get((sequence_id, day), 0) > most:
            yield f"{count} of {most} start on {day}"
