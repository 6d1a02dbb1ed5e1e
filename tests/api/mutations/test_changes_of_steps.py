"""Steps are changed while contacts are on their way: who is sent what, and which times move."""

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from actors.planner import Planner
from actors.recalculator import Recalculator
from domain.ids import EnrollmentId
from persistence.database import Database
from persistence.tables import steps
from tests.api.client import ApiClient, SteppingClock
from tests.api.mutations.asking import done, sequence, step
from tests.support.planning_office import Planned, make_planned
from tests.support.standing_clock import StandingClock
from tests.support.world import MONDAY

ABC = ((0, "A", "A"), (2, "B", "B"), (7, "C", "C"))
THURSDAY = MONDAY + timedelta(days=3, hours=-1)
HALF_WAY = ("A SENT 2", "B SENT 4", "C PENDING 11")


class Course:
    """One contact who was sent A and B and waits for C, and one who joins on Thursday."""

    def __init__(self, world: Planned, api: ApiClient) -> None:
        self.world, self.api = world, api
        self.early = self.late = EnrollmentId(world.workspace_id)

    async def begin(self) -> None:
        [self.early] = await self.world.enroll(1)
        await self._act(Planner, MONDAY - timedelta(hours=1))
        await self.world.execute(
            "UPDATE scheduled_emails AS e SET status = 'SENT', sent_at = e.send_at FROM steps AS s"
            " WHERE s.id = e.step_id AND s.position < 3"
        )
        await self.world.execute(
            "UPDATE enrollments SET next_position = 3, current_step = 2, last_window_day = :day",
            day=MONDAY.date() + timedelta(days=2),
        )
        [self.late] = await self.world.enroll(1, enrolled_at=THURSDAY)
        await self._act(Planner, THURSDAY)

    async def change(self, mutation: str, **values: Any) -> None:
        """Do it, and carry out what it sets off."""
        await done(self.api, mutation, "recalculation { id }", **values)
        await self._act(Recalculator, THURSDAY)

    async def step(self, subject: str) -> str:
        async with self.world.database.transaction() as conn:
            position = "ABC".index(subject) + 1
            return step((await conn.scalars(select(steps.c.id).where(steps.c.position == position))).one())

    async def of(self, enrollment_id: EnrollmentId) -> tuple[str, ...]:
        """What is sent in which state on which day of March, soonest first; nothing of what is cancelled."""
        rows = await self.world.rows(
            "SELECT v.subject, e.status, e.send_day FROM scheduled_emails AS e"
            " JOIN step_versions AS v ON v.step_id = e.step_id AND v.version = 1"
            " WHERE e.enrollment_id = :id AND e.status <> 'CANCELLED' ORDER BY e.send_at",
            id=enrollment_id,
        )
        return tuple(f"{row.subject} {row.status} {_day(row.send_day)}" for row in rows)

    async def _act(self, actor: Any, now: Any) -> None:
        await actor(database=self.world.database, clock=StandingClock(now))(
            None, str(self.world.workspace_id)
        )


def _day(send_day: date) -> int:
    return (send_day - date(2026, 2, 28)).days


@pytest.fixture
def clock() -> SteppingClock:
    return SteppingClock(THURSDAY)


@pytest.fixture
async def course(api: ApiClient, worker_db: Database) -> Course:
    made = Course(await make_planned(worker_db, workspace_id=api.workspace_id, steps=ABC), api)
    await made.begin()
    assert (await made.of(made.early), await made.of(made.late)) == (
        HALF_WAY,
        ("A PENDING 5", "B PENDING 9", "C PENDING 16"),
    )
    return made


async def test_a_step_is_for_those_who_have_not_passed_its_place(course: Course) -> None:
    """Those get it, and what follows moves as far as the waits demand; others keep all they have."""
    new = {"position": 2, "waitDays": 4, "subject": "X", "bodyText": "X"}

    await course.change("addStep", sequenceId=sequence(course.world.sequence_id), step=new)

    # X four days after Thursday, B two days after that, C seven; for B that is two days later than before.
    assert await course.of(course.late) == ("A PENDING 5", "X PENDING 9", "B PENDING 11", "C PENDING 18")
    assert await course.of(course.early) == HALF_WAY
    assert {move.cause for move in await course.world.moves()} == {"WAIT_CHANGED"}


async def test_a_step_at_the_end_is_for_everyone_on_the_way(course: Course) -> None:
    """Nothing else moves."""
    new = {"waitDays": 1, "subject": "X", "bodyText": "X"}

    await course.change("addStep", sequenceId=sequence(course.world.sequence_id), step=new)

    assert await course.of(course.early) == (*HALF_WAY, "X PENDING 12")
    assert (await course.of(course.late))[2:] == ("C PENDING 16", "X PENDING 17")
    assert await course.world.moves() == []


async def test_behind_a_step_that_was_removed_the_waits_count_anew(course: Course) -> None:
    """C comes seven days after A now; for whoever was sent B it still counts from that."""
    await course.change("removeStep", stepId=await course.step("B"))

    assert await course.of(course.late) == ("A PENDING 5", "C PENDING 12")
    assert await course.of(course.early) == HALF_WAY


@pytest.mark.parametrize(
    ("subject", "position", "late"),
    [
        ("B", 1, ("B PENDING 9", "A PENDING 9", "C PENDING 16")),
        ("C", 2, ("A PENDING 5", "C PENDING 12", "B PENDING 16")),
    ],
)
async def test_in_another_order_no_step_is_sent_twice(
    course: Course, subject: str, position: int, late: tuple[str, ...]
) -> None:
    """Whoever was not sent a step gets all three in their new order; who was sent two, the third or none."""
    await course.change("moveStep", stepId=await course.step(subject), position=position)

    assert await course.of(course.late) == late
    sent = await course.of(course.early)
    assert sent[:2] == HALF_WAY[:2]
    # C in front of B is passed, as B was the last one.
    assert sent[2:] == (HALF_WAY[2:] if subject == "B" else ())


async def test_whoever_has_nothing_left_in_the_new_order_is_complete(course: Course) -> None:
    """Nobody is on the way for ever."""
    await course.change("moveStep", stepId=await course.step("C"), position=2)

    statuses = {each.id: each.status for each in await course.world.enrollments()}
    assert statuses == {course.early: "COMPLETED", course.late: "ACTIVE"}


@pytest.mark.parametrize(
    ("days", "early", "late"),
    [
        (9, "C PENDING 13", "C PENDING 18"),
        (8, "C PENDING 12", "C PENDING 17"),
        (6, "C PENDING 11", "C PENDING 16"),
        (4, "C PENDING 9", "C PENDING 13"),
    ],
)
async def test_a_longer_wait_moves_at_once_and_a_shorter_one_for_more_than_a_day(
    course: Course, days: int, early: str, late: str
) -> None:
    """From seven days to nine or eight, to six, and to four; nothing but C moves."""
    await course.change("updateStep", stepId=await course.step("C"), waitDays=days)

    assert await course.of(course.early) == (*HALF_WAY[:2], early)
    assert await course.of(course.late) == ("A PENDING 5", "B PENDING 9", late)
