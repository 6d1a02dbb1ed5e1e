"""Changes to a planned world, and whether each email that moved had to."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from uuid import UUID

from hypothesis import strategies as st

from domain.enrollments import Enrollment
from domain.ids import MailboxId, StepId
from domain.itineraries import Itinerary, Leg, MoveCause, PlannedEmail, Slot
from domain.mailboxes import Mailbox
from domain.plan import Plan, Taken
from domain.send_window import Calendar
from domain.sequences import Sequence
from tests.domain.planning_calendars import closed_days, closings, waits, working_hours
from tests.domain.planning_contacts import days_beside, with_taken
from tests.domain.planning_rules import capacity_on, has_waited, is_open, moved, window_day, works
from tests.domain.planning_world import World, email_of, windows

LATE = timedelta(minutes=10)


@st.composite
def changed(draw: st.DrawFn, world: World) -> World:
    """*world*, in which everyone holds slots, after one change."""
    change = draw(
        st.sampled_from(
            (
                let_time_pass,
                lower_capacity,
                change_window,
                close_days,
                change_hours,
                change_wait,
                insert_step,
                widen_gap,
                hand_over,
                close,
            )
        )
    )
    return change(draw, world)


def let_time_pass(draw: st.DrawFn, world: World) -> World:
    """Hours go by: what was due was sent a few seconds late, but for that of up to two contacts."""
    now = world.now + timedelta(minutes=draw(st.integers(1, 3000)))
    return passed(world, now, missed=draw(st.integers(0, 2)), late=timedelta(seconds=3))


def passed(world: World, now: datetime, *, missed: int, late: timedelta) -> World:
    """*world* at *now*: what was due was sent, so *late*, but for that of the first *missed* contacts."""
    sent: list[Taken] = []
    left, gap = [], world.contact_gap
    for number, each in enumerate(world.enrollments):
        legs, last, left_at = list(each.legs), each.last_window_day, each.left_at
        while number >= missed and legs and (slot := legs[0].held) is not None and slot.send_at <= now:
            last, left_at = slot.window_day, slot.send_at + late
            sent.append(Taken(email_of(legs[0]), slot.mailbox_id, left_at))
            gap = gap and with_taken(gap, each, slot.window_day)
            del legs[0]
        left.append(replace(each, legs=tuple(legs), last_window_day=last, left_at=left_at))
    taken = (*world.taken, *sent)
    return replace(world, now=now, enrollments=tuple(left), taken=taken, contact_gap=gap)


def lower_capacity(draw: st.DrawFn, world: World) -> World:
    box = draw(st.sampled_from(world.mailboxes))
    lowered = replace(box, daily_capacity=draw(st.integers(1, 2)), ramp=None)
    return _with_mailbox(world, lowered)


def widen_gap(draw: st.DrawFn, world: World) -> World:
    box = draw(st.sampled_from(world.mailboxes))
    return _with_mailbox(world, replace(box, minimum_gap=box.minimum_gap + timedelta(minutes=45)))


def close(draw: st.DrawFn, world: World) -> World:
    """A mailbox becomes unavailable; its emails wait for it."""
    return _with_mailbox(world, replace(draw(st.sampled_from(world.mailboxes)), is_available=False))


def change_window(draw: st.DrawFn, world: World) -> World:
    old = draw(st.sampled_from(world.enrollments)).sequence
    calendar = Calendar(old.calendar.zone, draw(windows), closed=draw(closings))
    return _with_sequence(world, old, replace(old, calendar=calendar))


def close_days(draw: st.DrawFn, world: World) -> World:
    """A sequence gets other holidays and dates of its own; its window stays."""
    old = draw(st.sampled_from(world.enrollments)).sequence
    return _with_sequence(
        world, old, replace(old, calendar=replace(old.calendar, closed=draw(closed_days())))
    )


def change_hours(draw: st.DrawFn, world: World) -> World:
    box = draw(st.sampled_from(world.mailboxes))
    return _with_mailbox(world, replace(box, working_hours=draw(working_hours)))


def change_wait(draw: st.DrawFn, world: World) -> World:
    chosen = draw(st.sampled_from(world.enrollments))
    step_id = draw(st.sampled_from(chosen.legs)).step_id
    wait = draw(waits)
    return _with_legs(
        world,
        lambda each: tuple(leg._replace(wait=wait) if leg.step_id == step_id else leg for leg in each.legs),
    )


def insert_step(draw: st.DrawFn, world: World) -> World:
    chosen = draw(st.sampled_from(world.enrollments)).sequence
    at = draw(st.integers(0, 2))
    fresh = Leg(StepId(UUID(int=9_999)), at + 1, draw(waits))
    return _with_legs(
        world,
        lambda each: (*each.legs[:at], fresh, *each.legs[at:]) if each.sequence is chosen else each.legs,
    )


def hand_over(draw: st.DrawFn, world: World) -> World:
    """A mailbox is unlinked from one sequence, and its enrollments leave it."""
    old = draw(st.sampled_from(world.enrollments)).sequence
    gone = draw(st.sampled_from(old.mailbox_ids))
    left = tuple(each for each in old.mailbox_ids if each != gone)
    unlinked = _with_sequence(world, old, replace(old, mailbox_ids=left))

    def leaving(each: Enrollment) -> Enrollment:
        if each.sequence.id != old.id or each.mailbox_id != gone:
            return each
        legs = (
            leg._replace(loses_slot=MoveCause.MAILBOX_HANDED_OVER if leg.held else None) for leg in each.legs
        )
        return replace(each, legs=tuple(legs), may_change_mailbox=True)

    return replace(unlinked, enrollments=tuple(map(leaving, unlinked.enrollments)))


def _with_mailbox(world: World, changed_box: Mailbox) -> World:
    boxes = tuple(changed_box if box.id == changed_box.id else box for box in world.mailboxes)
    return replace(world, mailboxes=boxes)


def _with_sequence(world: World, old: Sequence, new: Sequence) -> World:
    moved_over = (replace(each, sequence=new) if each.sequence is old else each for each in world.enrollments)
    return replace(world, enrollments=tuple(moved_over))


def _with_legs(world: World, legs_of: Callable[[Enrollment], tuple[Leg, ...]]) -> World:
    return replace(world, enrollments=tuple(replace(each, legs=legs_of(each)) for each in world.enrollments))


def needless(world: World, made: Plan) -> Iterator[str]:
    """The moves that nothing called for."""
    enrollments = {each.id: each for each in world.enrollments}
    held = Counter(_days_held(world))
    for itinerary in made.itineraries:
        enrollment = enrollments[itinerary.enrollment_id]
        for number, email in enumerate(itinerary.emails):
            has_moved = email in moved(Plan((itinerary,)))
            if has_moved != (email.moved_because is not None):
                yield f"{email} moved without a cause, or has one without a move"
            elif has_moved and not _is_called_for(world, enrollment, itinerary, number, held):
                yield f"{email} did not have to move"
    lowered = Counter(
        _day(world, email.leg.held)
        for email in moved(made)
        if email.moved_because is MoveCause.CAPACITY_LOWERED and email.leg.held is not None
    )
    boxes = {box.id: box for box in world.mailboxes}
    for (mailbox_id, day), count in lowered.items():
        if held[mailbox_id, day] - count < (capacity_on(boxes[mailbox_id], day) or 0):
            yield f"{count} moved from {day}, more than its overflow"


def _is_called_for(
    world: World,
    enrollment: Enrollment,
    itinerary: Itinerary,
    number: int,
    held: Counter[tuple[MailboxId, date]],
) -> bool:
    email = itinerary.emails[number]
    slot = email.leg.held
    assert slot is not None
    box = next((each for each in world.mailboxes if each.id == slot.mailbox_id), None)
    if email.moved_because is MoveCause.MAILBOX_HANDED_OVER:
        return email.leg.loses_slot is MoveCause.MAILBOX_HANDED_OVER
    if box is None or not box.is_available:
        return False
    match email.moved_because:
        case MoveCause.WINDOW_CHANGED:
            return window_day(enrollment.calendar, slot.send_at) is None or not works(box, slot.send_at)
        case MoveCause.WAIT_CHANGED:
            return _came_too_soon(enrollment, itinerary, number)
        case MoveCause.CAPACITY_LOWERED:
            return held[_day(world, slot)] > (capacity_on(box, _day(world, slot)[1]) or 10**9)
        case MoveCause.CONTACT_MIN_GAP:
            opened = window_day(enrollment.calendar, slot.send_at) or slot.window_day
            gap = 0 if world.contact_gap is None else world.contact_gap.days
            return any(abs((opened - day).days) < gap for day in days_beside(world, enrollment))
        case MoveCause.SPACING:
            return _has_close_neighbour(world, slot, box.minimum_gap)
        case MoveCause.NARROWER_WINDOW:
            return _shifted_inside(email, enrollment.calendar)
        case MoveCause.LATE:
            return slot.send_at <= world.now - LATE
    return False


def _came_too_soon(enrollment: Enrollment, itinerary: Itinerary, number: int) -> bool:
    email = itinerary.emails[number]
    held = email.leg.held
    assert held is not None
    opened = window_day(enrollment.calendar, held.send_at) or held.window_day
    kept = email._replace(slot=held._replace(window_day=opened))
    if number == 0:
        floor = enrollment.earliest_instant(email.leg)
        is_too_soon = floor is not None and held.send_at < floor
        return is_too_soon or opened < enrollment.earliest_day(email.leg, enrollment.last_window_day)
    before = itinerary.emails[number - 1]
    if before.slot is None:
        return True
    if email.leg.wait.amount == 0 and before.slot.window_day >= opened:
        return True
    return not has_waited(kept, enrollment.calendar, before.slot.window_day, before.slot.send_at)


def _shifted_inside(email: PlannedEmail, calendar: Calendar) -> bool:
    held, slot = email.leg.held, email.slot
    assert held is not None
    return (
        slot is not None
        and (slot.mailbox_id, slot.window_day, slot.send_day)
        == (held.mailbox_id, held.window_day, held.send_day)
        and is_open(calendar, held.window_day, slot.send_at)
    )


def _has_close_neighbour(world: World, slot: Slot, gap: timedelta) -> bool:
    instants = [each.send_at for each in world.taken if each.mailbox_id == slot.mailbox_id]
    instants += [each.send_at for each in _held(world) if each.mailbox_id == slot.mailbox_id]
    return sum(abs(instant - slot.send_at) < gap for instant in instants) > 1


def _held(world: World) -> list[Slot]:
    return [leg.held for each in world.enrollments for leg in each.legs if leg.held is not None]


def _days_held(world: World) -> Iterator[tuple[MailboxId, date]]:
    known = {box.id for box in world.mailboxes}
    yield from (_day(world, slot) for slot in _held(world) if slot.mailbox_id in known)
    zones = {box.id: box.zone for box in world.mailboxes}
    for other in world.taken:
        yield other.mailbox_id, other.send_at.astimezone(zones[other.mailbox_id]).date()


def _day(world: World, slot: Slot) -> tuple[MailboxId, date]:
    zone = next(box.zone for box in world.mailboxes if box.id == slot.mailbox_id)
    return slot.mailbox_id, slot.send_at.astimezone(zone).date()
