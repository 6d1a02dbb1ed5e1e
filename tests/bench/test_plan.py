"""The benchmark of planning: it runs, does what it measures, and says so in its lines."""

import json
from uuid import UUID, uuid4

import pytest

from bench.campaign import make_campaign
from bench.figures import Figure, Measured, Reach, Work
from bench.floor import copy_floor, mark
from bench.lateness import percentile_95
from bench.office import SUNDAY, Office
from bench.plan import measure
from bench.timetable_checks import (
    Place,
    WrongResult,
    check_all_moved,
    check_nothing_moved,
    check_only_these_moved,
    check_placed,
    places,
)

FIRST, SECOND = UUID(int=1), UUID(int=2)
FIELDS = ["work", "value", "unit", "floor", "ratio", "reach", "met"]


@pytest.mark.servers
async def test_every_work_has_a_figure(database: str) -> None:
    """With a floor of its own, and after its result was looked at."""
    figures = await measure(database, contacts=200, rounds=1, growth=2, claims=2)

    lines = [json.loads(figure.line()) for figure in figures]
    assert [line["work"] for line in lines] == [
        "enroll and place",
        "insert a step",
        "preview a rebalance",
        "remove 1 mailbox",
        "replan everything",
        "memory of the planner",
        "memory of the recalculator, insert a step",
        "lateness of the dispatcher during a recalculation",
        "enroll and place, per email, many more contacts",
    ]
    assert [list(line) for line in lines] == [FIELDS] * 9
    assert all(line["value"] > 0 and line["floor"] > 0 for line in lines)


def test_a_percentile_of_few_is_one_of_them() -> None:
    """A busy machine may leave a single claim to take it of."""
    assert percentile_95([3.0]) == 3.0
    assert percentile_95([2.0, 1.0, 4.0, 3.0]) == 4.0
    assert percentile_95([float(number) for number in range(100, 0, -1)]) == 95.0


@pytest.mark.servers
async def test_the_floor_copies_what_was_written(database: str) -> None:
    """And leaves every email as it was."""
    campaign = make_campaign(database, contacts=20, steps=2, mailboxes=2)
    office = Office(database)
    await office.enroll(campaign)
    await office.plan(campaign.workspace_id)
    before, since = places(database), mark(database)

    everything, nothing = copy_floor(database), copy_floor(database, written_since=since)

    assert (everything.rows, nothing.rows) == (40, 0)
    assert places(database) == before
    await office.aclose()


def test_a_ratio_is_taken_within_each_round() -> None:
    """Rounds of a shared machine differ; their ratios differ less."""
    work = Work("copying", "s", Reach(2.0))
    figure = Figure(work, [Measured(1.0, 0.5), Measured(9.0, 3.0), Measured(2.0, 2.0)])

    assert json.loads(figure.line()) == {
        "work": "copying",
        "value": 2.0,
        "unit": "s",
        "floor": 2.0,
        "ratio": 2.0,
        "reach": "<= 2 x floor",
        "met": True,
    }


def test_a_reach_may_be_of_the_value_itself() -> None:
    """Memory is bounded in MB, whatever an idle process takes."""
    figure = Figure(Work("memory", "MB", Reach(more=400)), [Measured(401.0, 300.0)])

    line = json.loads(figure.line())

    assert (line["reach"], line["met"]) == ("<= 400 MB", False)


def test_an_email_without_a_time_spoils_the_figure() -> None:
    """A planner that places less would be faster."""
    with pytest.raises(WrongResult, match="1 of 2 emails have a time, and it should be 2"):
        check_placed({uuid4(): Place(FIRST, SUNDAY), uuid4(): Place(None, None)}, emails=2)


def test_a_move_elsewhere_spoils_the_figure() -> None:
    """Only the emails of the mailbox that went may move."""
    its_own, other = uuid4(), uuid4()
    before = {its_own: Place(FIRST, SUNDAY), other: Place(SECOND, SUNDAY)}

    check_only_these_moved(before, before | {its_own: Place(SECOND, None)}, mailbox_id=FIRST)
    with pytest.raises(WrongResult, match="1 others moved, and 1 of its own did not"):
        check_only_these_moved(before, before | {other: Place(SECOND, None)}, mailbox_id=FIRST)


def test_a_preview_that_moves_something_spoils_its_figure() -> None:
    """It is to write nothing."""
    email_id = uuid4()
    before = {email_id: Place(FIRST, SUNDAY)}

    check_nothing_moved(before, dict(before))
    with pytest.raises(WrongResult, match="emails moved, came or went"):
        check_nothing_moved(before, {email_id: Place(SECOND, SUNDAY)})


def test_an_email_that_stays_spoils_a_replan_of_everything() -> None:
    """In its mailbox, or at its time."""
    email_id = uuid4()
    before = {email_id: Place(FIRST, SUNDAY)}

    with pytest.raises(WrongResult, match="1 emails kept their mailbox, 0 their time"):
        check_all_moved(before, {email_id: Place(FIRST, None)})
    with pytest.raises(WrongResult, match="0 emails kept their mailbox, 1 their time"):
        check_all_moved(before, {email_id: Place(SECOND, SUNDAY)})


def test_a_reach_may_be_the_floor_and_some_more() -> None:
    """Lateness may grow by seconds, not by a factor: alone it is nearly nothing."""
    work = Work("lateness", "s", Reach(1, more=2))

    assert work.reach.says(work.unit) == "<= 1 x floor + 2 s"
    assert Figure(work, [Measured(2.4, 0.5)]).met
    assert not Figure(work, [Measured(2.6, 0.5)]).met
