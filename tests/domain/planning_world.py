"""Worlds to plan in: small ones made at hand, and any that Hypothesis can think of."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from functools import cache, partial
from uuid import UUID
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from domain.contact_gap import ContactGap
from domain.enrollments import Enrollment
from domain.ids import EmailId, EnrollmentId, MailboxId, SequenceId, StepId
from domain.itineraries import Leg, Slot
from domain.layouts import Layouts
from domain.mailboxes import Mailbox, Ramp
from domain.plan import Plan, Taken
from domain.planning import plan
from domain.send_window import EVERY_DAY, Calendar, SendWindow
from domain.sequences import Sequence
from domain.starts import StartDay
from domain.waits import Wait
from tests.domain.planning_calendars import closings, waits, working_hours

BERLIN = ZoneInfo("Europe/Berlin")
WORKDAYS = frozenset(range(1, 6))
# Zones on both sides of the date line, and some whose clocks change at midnight.
ZONES = tuple(
    map(
        ZoneInfo,
        (
            "UTC",
            "Europe/Berlin",
            "America/New_York",
            "America/Santiago",
            "Africa/Cairo",
            "Asia/Kolkata",
            "Pacific/Auckland",
            "Pacific/Kiritimati",
            "Pacific/Pago_Pago",
        ),
    )
)
# Days before a clock change somewhere, and one in a quiet month.
STARTS = tuple(
    datetime(2026, month, day, tzinfo=UTC)
    for month, day in ((3, 27), (4, 2), (4, 22), (9, 4), (9, 25), (10, 23), (10, 28), (12, 30), (7, 6))
)
INTERVALS = (
    ((9, 0, 17, 0),),
    ((13, 0, 14, 0),),
    ((9, 0, 12, 0), (13, 30, 17, 0)),
    ((22, 0, 2, 0),),
    ((23, 30, 0, 30), (2, 0, 3, 0)),
    ((1, 30, 2, 30), (3, 0, 4, 0)),
    ((0, 0, 6, 0), (18, 0, 0, 0)),
)


def hours(*spans: tuple[int, int, int, int], days: Iterable[int] = EVERY_DAY) -> SendWindow:
    """A window of wall-clock spans (hour, minute, hour, minute) on ISO weekdays."""
    return SendWindow(frozenset(days), tuple((time(h, m % 60), time(k, n)) for h, m, k, n in spans))


def mailbox(number: int, *, capacity: int = 30, zone: ZoneInfo = BERLIN, gap_s: int = 1) -> Mailbox:
    return Mailbox(MailboxId(UUID(int=number)), zone, capacity, timedelta(seconds=gap_s))


def sequence(
    number: int, calendar: Calendar, mailboxes: Iterable[Mailbox], *, priority: int = 0, weight: int = 1
) -> Sequence:
    linked = tuple(box.id for box in mailboxes)
    return Sequence(SequenceId(UUID(int=number)), calendar, linked, priority, weight)


def enrolled(
    count: int, in_sequence: Sequence, *, waits: Iterable[int | Wait] = (0,), at: datetime, first: int = 1
) -> list[Enrollment]:
    """*count* contacts enrolled at once, numbered from *first* within their sequence."""
    base = in_sequence.id.int * 1_000_000
    legs = tuple(
        Leg(StepId(UUID(int=base + position)), position, wait if isinstance(wait, Wait) else Wait(wait))
        for position, wait in enumerate(waits, 1)
    )
    return [
        Enrollment(EnrollmentId(UUID(int=base + number)), in_sequence, at, legs)
        for number in range(first, first + count)
    ]


@dataclass(frozen=True)
class World:
    """Everything that one plan depends on."""

    now: datetime
    mailboxes: tuple[Mailbox, ...]
    enrollments: tuple[Enrollment, ...]
    taken: tuple[Taken, ...] = ()
    starts: Mapping[StartDay, int] = field(default_factory=dict)
    # Of all plans that are made of this world and what becomes of it.
    layouts: Layouts = field(default_factory=Layouts)
    contact_gap: ContactGap | None = None

    def plan(self, *, pulls_forward: bool = False) -> Plan:
        return plan(
            self.enrollments,
            self.mailboxes,
            now=self.now,
            taken=self.taken,
            starts=self.starts,
            pulls_forward=pulls_forward,
            layouts=self.layouts,
            contact_gap=self.contact_gap,
        )

    def holding(self, made: Plan) -> "World":
        """The world after *made* was written: legs hold their slots, everyone is bound, shifts happened."""
        itineraries = {each.enrollment_id: each for each in made.itineraries}
        shifted = {shift.email_id: shift.send_at for shift in made.shifts}
        held = []
        for enrollment in self.enrollments:
            itinerary = itineraries[enrollment.id]
            legs = tuple(
                email.leg._replace(
                    email_id=_email_id(enrollment, email.leg), held=email.slot, loses_slot=None
                )
                for email in itinerary.emails
            )
            displaced_at = self.now if itinerary.is_displaced else enrollment.displaced_at
            held.append(
                replace(enrollment, legs=legs, mailbox_id=itinerary.mailbox_id, displaced_at=displaced_at)
            )
        taken = (replace(each, send_at=shifted.get(each.email_id, each.send_at)) for each in self.taken)
        return replace(self, enrollments=tuple(held), taken=tuple(taken))


def slots_of(made: Plan) -> list[Slot]:
    return [email.slot for itinerary in made.itineraries for email in itinerary.emails if email.slot]


def _email_id(enrollment: Enrollment, leg: Leg) -> EmailId:
    return leg.email_id or EmailId(UUID(int=(enrollment.id.int << 32) + leg.step_id.int))


windows = st.none() | st.builds(
    lambda days, spans: hours(*spans, days=days),
    st.sampled_from((EVERY_DAY, WORKDAYS, frozenset({7}), frozenset({1, 3, 6}))),
    st.sampled_from(INTERVALS),
)
ramps = st.none() | st.builds(
    Ramp,
    st.integers(1, 3),
    st.integers(0, 2),
    st.sampled_from([start.date() + timedelta(days=2) for start in STARTS]),
)


# Strategies are made once, not for each world: to check a new one takes longer than to draw from it.
zones = st.sampled_from(ZONES)
capacities = st.sampled_from((0, 1, 2, 3, 5, 30))
gaps_s = st.sampled_from((0, 1, 60, 600, 5400))
starts = st.sampled_from(STARTS)
seconds_ahead = st.integers(0, 4 * 86400)
priorities = st.sampled_from((0, 0, 0, 1))
hours_ago = st.sampled_from((0, 0, 5, 40))
seconds_away = st.integers(-86400, 3 * 86400)
numbers = cache(partial(st.integers, 1))
places = cache(lambda number: st.sampled_from(range(number)))
choices = cache(lambda number: st.lists(places(number), min_size=1, unique=True))
chains = cache(lambda most: st.lists(waits, min_size=1, max_size=most))


@cache
@st.composite
def calendars(draw: st.DrawFn) -> Calendar:
    return Calendar(draw(zones), draw(windows), closed=draw(closings))


@cache
@st.composite
def mailboxes(draw: st.DrawFn, number: int) -> Mailbox:
    return Mailbox(
        MailboxId(UUID(int=number)),
        draw(zones),
        draw(capacities),
        timedelta(seconds=draw(gaps_s)),
        draw(ramps),
        working_hours=draw(working_hours),
    )


@cache
@st.composite
def worlds(draw: st.DrawFn, *, taken: bool = True, most: int = 3) -> World:
    """Up to *most* mailboxes that so many sequences share, with twice as many contacts in each."""
    now = draw(starts) + timedelta(seconds=draw(seconds_ahead))
    boxes = tuple(draw(mailboxes(number)) for number in range(1, 1 + draw(numbers(most))))
    enrollments: list[Enrollment] = []
    for number in range(1, 1 + draw(numbers(most))):
        linked = [boxes[place] for place in draw(choices(len(boxes)))]
        shared = sequence(number, draw(calendars()), linked, priority=draw(priorities))
        its_waits = draw(chains(most))
        at = now - timedelta(hours=draw(hours_ago))
        enrollments += enrolled(draw(numbers(2 * most)), shared, waits=its_waits, at=at)
    others = draw(st.lists(taken_slots(now, boxes, enrollments), max_size=2 * most)) if taken else []
    numbered = (
        replace(each, email_id=EmailId(UUID(int=7000 + number))) for number, each in enumerate(others)
    )
    return World(now, boxes, tuple(enrollments), tuple(numbered))


@st.composite
def taken_slots(
    draw: st.DrawFn, now: datetime, boxes: tuple[Mailbox, ...], enrollments: list[Enrollment]
) -> Taken:
    """An email outside of the plan; with a calendar only if that is open at its instant."""
    send_at = now + timedelta(seconds=draw(seconds_away))
    calendar = draw(st.sampled_from([None, *dict.fromkeys(each.sequence.calendar for each in enrollments)]))
    if calendar is not None and calendar.day_of(send_at) is None:
        calendar = None
    return Taken(EmailId(UUID(int=7000)), draw(st.sampled_from(boxes)).id, send_at, calendar)


@st.composite
def crowded(draw: st.DrawFn) -> World:
    """Wide windows hold most slots of a mailbox with a wide gap, and narrow ones are enrolled beside them."""
    box = mailbox(1, capacity=draw(st.sampled_from((0, 8))), gap_s=draw(st.sampled_from((1800, 3600))))
    now = datetime(2026, 11, 23, 6, tzinfo=UTC)
    wide, narrow = (
        [
            sequence(number, Calendar(BERLIN, hours(draw(st.sampled_from(spans)))), [box])
            for number in range(first, first + draw(st.integers(1, 2)))
        ]
        for first, spans in (
            (1, ((9, 0, 17, 0), (9, 0, 13, 0), (10, 0, 0, 0))),
            (3, ((13, 0, 14, 0), (11, 0, 14, 0), (22, 0, 2, 0))),
        )
    )
    early = [each for one in wide for each in enrolled(draw(st.integers(1, 8)), one, waits=(0, 1), at=now)]
    late = [each for one in narrow for each in enrolled(draw(st.integers(1, 3)), one, waits=(0, 1), at=now)]
    held = World(now, (box,), tuple(early))
    made = plan(early, [box], now=now, calendars={box.id: [one.calendar for one in narrow]})
    held = held.holding(made)
    if not draw(st.booleans()):
        return replace(held, enrollments=(*held.enrollments, *late))
    others = (
        Taken(email_of(leg), box.id, leg.held.send_at, each.calendar)
        for each in held.enrollments
        for leg in each.legs
        if leg.held is not None
    )
    return replace(held, enrollments=tuple(late), taken=tuple(others))


def email_of(leg: Leg) -> EmailId:
    assert leg.email_id is not None
    return leg.email_id
