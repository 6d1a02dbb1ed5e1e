"""Fair shares: whose turn it is, and who gives way to newcomers."""

from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from uuid import UUID

import pytest

from domain.fair_shares import Newcomers, Starts, in_fair_order, who_yields
from domain.ids import EnrollmentId, SequenceId
from domain.journeys import Journey
from domain.send_window import Calendar
from tests.domain.planning_examples import NOW, OFFICE
from tests.domain.planning_world import BERLIN, enrolled, mailbox, sequence

MONDAY, TUESDAY = date(2026, 11, 23), date(2026, 11, 24)
BIG, SMALL, OTHER = (SequenceId(UUID(int=number)) for number in (1, 2, 3))
BOX = mailbox(1)


def starting(
    number: int,
    *,
    of: SequenceId = BIG,
    on: date = MONDAY,
    weight: int = 1,
    emails: int = 1,
    yielding: int | None = None,
) -> Starts:
    able = number if yielding is None else yielding
    ids = [EnrollmentId(UUID(int=of.int * 10_000 + on.day * 100 + n)) for n in range(able)]
    return Starts(of, weight, on, number, tuple((each, emails) for each in ids))


def coming(number: int, *, weight: int = 1, emails: int = 1) -> Newcomers:
    return Newcomers(SMALL, weight, number, number * emails)


def given_up(newcomers: Newcomers, *starts: Starts) -> Counter[tuple[SequenceId, date]]:
    """How many of *starts* the newcomers get, by sequence and day."""
    found = who_yields(newcomers, starts)
    assert len(set(found)) == len(found)
    of = {
        enrollment_id: (each.sequence_id, each.day) for each in starts for enrollment_id, _ in each.yielding
    }
    return Counter(of[enrollment_id] for enrollment_id in found)


def order(*weights_and_numbers: tuple[int, int], priorities: tuple[int, ...] = (0, 0, 0)) -> str:
    """Whose newcomers are placed one after the other, when the sequences enrolled theirs a minute apart."""
    journeys = [
        Journey.of(each)
        for at, (weight, number) in enumerate(weights_and_numbers)
        for each in enrolled(
            number,
            sequence(at + 1, OFFICE, [BOX], weight=weight, priority=priorities[at]),
            at=NOW + timedelta(minutes=at),
        )
    ]
    in_turn = sorted(journeys, key=lambda journey: journey.enrollment.turn)
    return "".join("ABC"[each.enrollment.sequence.id.int - 1] for each in in_fair_order(in_turn))


@pytest.mark.parametrize(
    ("crowds", "expected"),
    [
        (((1, 4), (1, 4)), "ABABABAB"),
        (((2, 4), (1, 2)), "ABAABA"),
        (((1, 2), (3, 6)), "ABBBABBB"),
        (((1, 5), (1, 2)), "ABABAAA"),
        (((1, 3), (1, 3), (1, 3)), "ABCABCABC"),
    ],
)
def test_newcomers_take_turns_by_weight(crowds: tuple[tuple[int, int], ...], expected: str) -> None:
    """Who has no one left lends its turns to the others; nobody waits for the first one."""
    assert order(*crowds) == expected


def test_high_priority_still_goes_first() -> None:
    """Weights count between sequences of one priority."""
    assert order((1, 3), (9, 3), (1, 3), priorities=(0, 0, 1)) == "CCCABBBAA"


def test_a_sequence_keeps_its_own_order_and_those_on_their_way_keep_their_places() -> None:
    """Only newcomers change places: a contact who is bound, or was sent a step, is placed where it was."""
    first, second = (sequence(number, OFFICE, [BOX]) for number in (1, 2))
    a, b = enrolled(3, first, at=NOW), enrolled(3, second, at=NOW + timedelta(minutes=1))
    a[0] = replace(a[0], last_window_day=MONDAY)
    a[1] = replace(a[1], mailbox_id=BOX.id)
    journeys = [Journey.of(each) for each in (*a, *b)]

    placed = [each.enrollment for each in in_fair_order(journeys)]

    assert placed == [a[0], a[1], a[2], b[0], b[1], b[2]]
    assert [each for each in placed if each.sequence is second] == b


def test_one_sequence_is_left_in_turn() -> None:
    """Seen in two zones it is still one."""
    here = sequence(1, OFFICE, [BOX])
    there = replace(here, calendar=Calendar(BERLIN))
    journeys = [
        Journey.of(each)
        for one, first in ((here, 1), (there, 4))
        for each in enrolled(3, one, at=NOW, first=first)
    ]

    assert in_fair_order(journeys) == journeys


@pytest.mark.parametrize(
    ("newcomers", "monday", "tuesday"),
    [
        (coming(10), 10, 0),
        (coming(40), 15, 15),
        (coming(40, weight=2), 20, 20),
        (coming(5, emails=3), 5, 0),
    ],
)
def test_each_day_is_shared_by_weight(newcomers: Newcomers, monday: int, tuesday: int) -> None:
    """Of thirty starts a day, the big sequence keeps the share of its weight."""
    found = given_up(newcomers, starting(30), starting(30, on=TUESDAY), starting(30, on=date(2026, 12, 1)))

    assert (found[BIG, MONDAY], found[BIG, TUESDAY]) == (monday, tuesday)


def test_a_day_with_room_for_one_has_room_for_a_newcomer() -> None:
    """However small its share is: the first start of each day, and no second one."""
    days = [MONDAY + timedelta(days=ahead) for ahead in range(5)]
    ones = given_up(coming(3), *(starting(1, on=day) for day in days))
    light = given_up(coming(3), *(starting(90, on=day, weight=100) for day in days))

    assert ones == light == {(BIG, day): 1 for day in days[:3]}


def test_what_the_newcomers_sequence_has_already_counts() -> None:
    """With ten of thirty starts its own, five more make it half; with fifteen, none."""
    assert given_up(coming(10), starting(20), starting(10, of=SMALL), starting(90, on=TUESDAY)) == {
        (BIG, MONDAY): 5,
        (BIG, TUESDAY): 5,
    }
    assert given_up(coming(10), starting(15), starting(15, of=SMALL), starting(90, on=TUESDAY)) == {
        (BIG, TUESDAY): 10
    }


def test_who_has_most_per_weight_gives_up_most() -> None:
    """Of nineteen and eleven starts and none, about ten remain for each."""
    found = given_up(coming(9), starting(19), starting(11, of=OTHER), starting(50, of=OTHER, on=TUESDAY))

    assert found == {(BIG, MONDAY): 8, (OTHER, MONDAY): 1}


@pytest.mark.parametrize("waiting", [5, 10])
def test_only_a_bigger_sequence_gives_way(waiting: int) -> None:
    """Placed again behind the newcomers, contacts of a smaller one would wait far too long."""
    assert given_up(coming(10), starting(waiting)) == {}
    assert given_up(coming(10), starting(waiting), starting(11 - waiting, on=TUESDAY)) != {}


def test_no_more_emails_give_way_than_come() -> None:
    """Ten newcomers with an email each are worth three contacts with three."""
    assert given_up(coming(10), starting(30, emails=3)) == {(BIG, MONDAY): 3}


def test_whoever_may_not_yield_stays() -> None:
    """Those who did before, or are about to leave, still count as starts."""
    assert given_up(coming(10), starting(30, yielding=2), starting(30, on=TUESDAY, yielding=0)) == {
        (BIG, MONDAY): 2
    }
