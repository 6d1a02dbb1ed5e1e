"""One mailbox's day: even slots, exact room, and emails that make place for each other."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from domain.ids import EmailId, StepId
from domain.itineraries import Leg
from domain.journeys import Booking
from domain.mailbox_day import MailboxDay
from domain.send_window import Span
from domain.slot_grid import Ranges, SlotGrid
from domain.waits import Wait
from tests.domain.examples import examples

NINE = datetime(2026, 11, 23, 9, tzinfo=UTC)
FIVE = NINE + timedelta(hours=8)


def day_of(slots: int, *, gap: timedelta = timedelta(seconds=1), now: datetime = NINE) -> MailboxDay:
    return MailboxDay(SlotGrid([Span(NINE, FIVE)], capacity=slots, gap=gap), now=now)


def booking(number: int = 1) -> Booking:
    return Booking(Leg(StepId(UUID(int=number)), 1, Wait(0)))


def email(number: int) -> EmailId:
    return EmailId(UUID(int=number))


def fits(requests: list[set[int]]) -> bool:
    """Whether each request can have a slot of its own: augmenting paths, one request at a time."""
    owner: dict[int, int] = {}

    def seat(request: int, tried: set[int]) -> bool:
        for slot in requests[request] - tried:
            tried.add(slot)
            if slot not in owner or seat(owner[slot], tried):
                owner[slot] = request
                return True
        return False

    return all(seat(request, set()) for request in range(len(requests)))


def slots_in(ranges: Ranges) -> set[int]:
    return {number for low, high in ranges for number in range(low, high)}


@st.composite
def some_ranges(draw: st.DrawFn) -> Ranges:
    edges = sorted(draw(st.sets(st.integers(0, 10), min_size=2, max_size=4)))
    pieces = [(edges[0], edges[1])] if len(edges) < 4 else [(edges[0], edges[1]), (edges[2], edges[3])]
    return tuple(pieces)


@given(
    held=st.lists(
        st.tuples(st.integers(0, 9), st.booleans(), some_ranges()), max_size=5, unique_by=lambda h: h[0]
    ),
    asked=st.lists(st.tuples(some_ranges(), st.booleans()), max_size=12),
)
def test_a_day_has_room_exactly_when_everyone_can_be_seated(
    held: list[tuple[int, bool, Ranges]], asked: list[tuple[Ranges, bool]]
) -> None:
    """Room is refused only if no arrangement exists, and whoever was let in is given a slot of its window."""
    day = day_of(10)
    movable: dict[EmailId, set[int]] = {}
    seated: list[set[int]] = []
    for number, may_shift, ranges in held:
        day.hold(email(number), day.grid.instant(number), ranges if may_shift else ())
        shifts = may_shift and number in slots_in(ranges)
        movable[email(number)] = slots_in(ranges) if shifts else {number}
        seated.append(movable[email(number)])
    wanted: dict[Booking, set[int]] = {}

    for ranges, is_urgent in asked:
        expected = fits([*seated, slots_in(ranges)])
        assert (day.room(ranges) > 0) == expected
        if expected:
            mine = booking()
            day.reserve(mine, ranges, is_urgent=is_urgent)
            wanted[mine] = slots_in(ranges)
            seated.append(slots_in(ranges))

    number_at = {day.grid.instant(number): number for number in range(10)}
    assigned = {holder: number_at[instant] for holder, instant in day.assign()}
    assert all(assigned[each] in slots for each, slots in wanted.items())
    places = {email(number): number for number, _, _ in held} | assigned
    assert len(set(places.values())) == len(held) + len(wanted)
    assert all(places[each] in slots for each, slots in movable.items())


@given(
    start=st.integers(0, 1440),
    lengths=st.lists(st.tuples(st.integers(10, 700), st.integers(1, 200)), min_size=1, max_size=3),
    capacity=st.integers(0, 60),
    gap_s=st.sampled_from((1, 60, 90, 600)),
    wanted=st.integers(1, 60),
    passed=st.integers(-60, 600),
)
@examples(2000)
def test_any_number_of_emails_is_spread_over_the_open_time_that_remains(
    start: int, lengths: list[tuple[int, int]], capacity: int, gap_s: int, wanted: int, passed: int
) -> None:
    """The largest gap, in open time, is at most twice what an exactly even spread would have."""
    spans, at = [], NINE + timedelta(minutes=start)
    for length, pause in lengths:
        spans.append(Span(at, at + timedelta(minutes=length)))
        at = spans[-1].end + timedelta(minutes=pause)
    now = spans[0].start + timedelta(minutes=passed)
    day = MailboxDay(SlotGrid(spans, capacity=capacity, gap=timedelta(seconds=gap_s)), now=now)
    everywhere = day.ranges_in(spans)

    placed = 0
    while placed < wanted and day.room(everywhere) > 0:
        day.reserve(booking(), everywhere)
        placed += 1

    ahead = [Span(max(span.start, now), span.end) for span in spans if span.end > now]
    remaining = sum(((span.end - span.start) for span in ahead), timedelta())
    instants = sorted(instant for _, instant in day.assign())
    assert len(instants) == placed
    if placed:
        # A slot is a whole second, so that an even spread may be off by one.
        bound = 2 * remaining / placed + timedelta(seconds=1)
        opened = [_open_until(ahead, instant) for instant in instants]
        edges = [timedelta(), *opened, remaining]
        assert max(later - earlier for earlier, later in pairwise(edges)) <= bound


def _open_until(spans: list[Span], moment: datetime) -> timedelta:
    passed = (min(moment, span.end) - span.start for span in spans if span.start < moment)
    return sum(passed, timedelta())


def test_room_is_what_the_capacity_leaves() -> None:
    """Of 30 slots, two are held and three asked for."""
    day = day_of(30)
    everywhere: Ranges = ((0, 30),)
    day.hold(email(1), NINE)
    day.hold(email(2), NINE + timedelta(minutes=16))
    for number in range(3):
        day.reserve(booking(number), everywhere)

    assert day.room(everywhere) == 25
    assert day.count == 5


def test_what_is_given_back_is_free_again() -> None:
    """A released place can be asked for, and the day is no longer over its capacity."""
    day = day_of(2)
    everywhere: Ranges = ((0, 2),)
    for number in range(3):
        day.hold(email(number), NINE + timedelta(hours=number))
    assert day.is_over
    assert day.room(everywhere) == 0

    day.release(email(0))
    assert not day.is_over
    assert day.room(everywhere) == 0
    day.release(email(1))

    assert day.room(everywhere) == 1


def test_an_email_between_slots_keeps_the_gap_to_both() -> None:
    """At 09:05 with a gap of ten minutes, neither 09:00 nor 09:10 can be used."""
    day = day_of(0, gap=timedelta(minutes=10))

    day.hold(email(1), NINE + timedelta(minutes=5))

    assert day.room(((0, 3),)) == 1
    day.reserve(mine := booking(), ((0, 3),))
    assert dict(day.assign()) == {mine: NINE + timedelta(minutes=20)}


def test_slots_that_have_gone_by_are_not_offered() -> None:
    """At 16:00 two of the slots every half hour are ahead; one at exactly now still counts."""
    day = day_of(16, now=FIVE - timedelta(hours=1))

    assert day.ranges_in([Span(NINE, FIVE)]) == ((14, 16),)
    assert day.ranges_in([Span(NINE, FIVE)], FIVE - timedelta(minutes=40)) == ((15, 16),)


def test_those_who_have_no_slot_yet_make_place_before_those_who_hold_one() -> None:
    """The second request finds its slots taken: the first goes elsewhere, the movable holder stays."""
    day = day_of(8)
    day.hold(email(1), day.grid.instant(0), ((0, 8),))
    day.hold(email(2), day.grid.instant(6))
    first, second = booking(1), booking(2)

    day.reserve(first, ((2, 3), (5, 6)))
    day.reserve(second, ((0, 1), (2, 3), (6, 7)))

    assert dict(day.assign()) == {first: day.grid.instant(5), second: day.grid.instant(2)}


def test_a_day_that_is_closed_has_no_room() -> None:
    """Without any open time there is nothing to ask for, and what is held there does no harm."""
    day = MailboxDay(SlotGrid([], capacity=30, gap=timedelta(seconds=1)), now=NINE)

    day.hold(email(1), NINE)

    assert day.ranges_in([Span(NINE, FIVE)]) == ()
    assert day.room(()) == 0
    assert list(day.assign()) == []
