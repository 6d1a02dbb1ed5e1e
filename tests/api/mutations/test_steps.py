"""Adding, changing, moving and removing steps through the API."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from domain.ids import SequenceId
from persistence.database import Database
from persistence.tables import enrollments, steps
from tests.api.client import ApiClient
from tests.api.mutations.asking import done, error, everything, refused, sequence, step
from tests.support.world import make_email, make_enrollment, make_mailbox, make_sequence

ABC = ((0, "A", "Hello"), (1, "B", "Hello"), (1, "C", "Hello"))
ORDER = "sequence { steps { position subject waitDays } } recalculation { cause }"


async def make_abc(
    api: ApiClient, worker_db: Database, **overrides: Any
) -> tuple[SequenceId, dict[str, UUID]]:
    async with worker_db.transaction() as conn:
        key = await make_sequence(conn, api.workspace_id, steps=ABC, **overrides)
        ids = await conn.scalars(
            select(steps.c.id).where(steps.c.sequence_id == key).order_by(steps.c.position)
        )
        return key, dict(zip("ABC", ids, strict=True))


def subjects(payload: dict[str, Any]) -> str:
    return "".join(each["subject"] for each in payload["sequence"]["steps"])


async def test_a_step_is_added_where_it_is_wanted(api: ApiClient, worker_db: Database) -> None:
    """At the end without a position; nothing is replanned while nobody is on the way."""
    key, _ = await make_abc(api, worker_db)

    front = await done(
        api,
        "addStep",
        ORDER,
        sequenceId=sequence(key),
        step={"subject": "N", "bodyText": "Hello", "position": 1},
    )
    back = await done(
        api, "addStep", ORDER, sequenceId=sequence(key), step={"subject": "Z", "bodyText": "Hello"}
    )

    assert front["sequence"]["steps"][0] == {"position": 1, "subject": "N", "waitDays": 0}
    assert back["sequence"]["steps"][-1] == {"position": 5, "subject": "Z", "waitDays": 1}
    assert (subjects(front), subjects(back)) == ("NABC", "NABCZ")
    assert (front["recalculation"], back["recalculation"]) == (None, None)


async def test_a_new_order_replans_and_says_who_is_sent_what_next(
    api: ApiClient, worker_db: Database
) -> None:
    """A contact that had A is beyond the step put in front of it."""
    key, _ = await make_abc(api, worker_db)
    async with worker_db.transaction() as conn:
        mailbox_id = await make_mailbox(conn, api.workspace_id)
        enrollment_id = await make_enrollment(
            conn, api.workspace_id, key, mailbox_id=mailbox_id, next_position=2
        )
        await make_email(conn, enrollment_id, status="SENT")

    payload = await done(
        api,
        "addStep",
        ORDER,
        sequenceId=sequence(key),
        step={"subject": "N", "bodyText": "Hello", "position": 1},
    )

    assert payload["recalculation"] == {"cause": "STEPS_CHANGED"}
    async with worker_db.transaction() as conn:
        assert await conn.scalar(select(enrollments.c.next_position)) == 3


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"position": 5}, error("OUT_OF_RANGE", "step.position", "It is a number from 1 to 4.")),
        ({"position": 0}, error("OUT_OF_RANGE", "step.position", "It is a number from 1 to 4.")),
        ({"waitDays": -1}, error("OUT_OF_RANGE", "step.waitDays", "It is a number from 0 to 730.")),
        ({"subject": ""}, error("BLANK", "step.subject", "Write something.")),
        (
            {"bodyText": "{{ nonsense }}"},
            error(
                "UNKNOWN_VARIABLE",
                "step.bodyText",
                "No contact has nonsense; further fields are written custom.NAME.",
            ),
        ),
    ],
)
async def test_a_wrong_step_is_not_added(
    api: ApiClient, worker_db: Database, changes: dict[str, Any], expected: dict[str, object]
) -> None:
    """Nor do the others make room for it."""
    key, _ = await make_abc(api, worker_db)
    given = {"subject": "N", "bodyText": "Hello"} | changes

    errors = await refused(api, worker_db, "addStep", sequenceId=sequence(key), step=given)

    assert errors == [expected]


async def test_a_step_is_moved(api: ApiClient, worker_db: Database) -> None:
    """To where it is already, it changes nothing."""
    key, ids = await make_abc(api, worker_db)
    async with worker_db.transaction() as conn:
        await make_enrollment(conn, api.workspace_id, key)

    moved = await done(api, "moveStep", ORDER, stepId=step(ids["C"]), position=1)
    again = await done(api, "moveStep", ORDER, stepId=step(ids["C"]), position=1)

    assert (subjects(moved), moved["recalculation"]) == ("CAB", {"cause": "STEPS_CHANGED"})
    assert (subjects(again), again["recalculation"]) == ("CAB", None)


@pytest.mark.parametrize("position", [0, 4])
async def test_a_step_is_not_moved_beyond_the_others(
    api: ApiClient, worker_db: Database, position: int
) -> None:
    """There would be a hole."""
    _, ids = await make_abc(api, worker_db)

    errors = await refused(api, worker_db, "moveStep", stepId=step(ids["A"]), position=position)

    assert errors == [error("OUT_OF_RANGE", "position", "It is a number from 1 to 3.")]


async def test_a_step_is_removed_and_the_others_close_up(api: ApiClient, worker_db: Database) -> None:
    """It is still there to be seen; its emails are cancelled by the recalculation."""
    key, ids = await make_abc(api, worker_db)
    async with worker_db.transaction() as conn:
        await make_enrollment(conn, api.workspace_id, key)

    payload = await done(api, "removeStep", f"step {{ position removedAt }} {ORDER}", stepId=step(ids["A"]))

    assert payload["step"] == {"position": None, "removedAt": "2026-03-02T09:00:00Z"}
    assert (subjects(payload), payload["recalculation"]) == ("BC", {"cause": "STEPS_CHANGED"})


async def test_whoever_has_nothing_left_is_complete(api: ApiClient, worker_db: Database) -> None:
    """With the removal of the last step to come, and the sequence with the last contact."""
    key, ids = await make_abc(api, worker_db)
    async with worker_db.transaction() as conn:
        mailbox_id = await make_mailbox(conn, api.workspace_id)
        enrollment_id = await make_enrollment(
            conn, api.workspace_id, key, mailbox_id=mailbox_id, next_position=3
        )
        await make_email(conn, enrollment_id, position=1, status="SENT")
        await make_email(conn, enrollment_id, position=2, status="SENT")

    payload = await done(api, "removeStep", "sequence { status }", stepId=step(ids["C"]))

    assert payload["sequence"] == {"status": "COMPLETED"}
    [row] = (await everything(worker_db))["enrollments"]
    assert (row.status, row.next_position) == ("COMPLETED", 3)


async def test_the_only_step_of_a_sequence_that_sends_stays(api: ApiClient, worker_db: Database) -> None:
    """A draft can lose it."""
    async with worker_db.transaction() as conn:
        only = ((0, "A", "Hello"),)
        active = await make_sequence(conn, api.workspace_id, steps=only)
        draft = await make_sequence(conn, api.workspace_id, steps=only, status="DRAFT")
        rows = await conn.execute(select(steps.c.sequence_id, steps.c.id))
        ids = {row.sequence_id: row.id for row in rows}

    errors = await refused(api, worker_db, "removeStep", stepId=step(ids[active]))
    payload = await done(api, "removeStep", "sequence { stepCount }", stepId=step(ids[draft]))

    assert errors == [error("NO_STEPS", "stepId", "It is the only step; archive the sequence instead.")]
    assert payload["sequence"] == {"stepCount": 0}


@pytest.mark.parametrize(
    ("mutation", "given"),
    [("updateStep", {"subject": "Mine"}), ("moveStep", {"position": 2}), ("removeStep", {})],
)
async def test_a_step_of_another_workspace_does_not_exist(
    api: ApiClient, stranger: ApiClient, worker_db: Database, mutation: str, given: dict[str, Any]
) -> None:
    """Nor does a removed one, or an id of another kind."""
    _, foreign = await make_abc(stranger, worker_db)
    key, own = await make_abc(api, worker_db)
    await done(api, "removeStep", "step { id }", stepId=step(own["A"]))

    for unknown in (foreign["A"], own["A"]):
        errors = await refused(api, worker_db, mutation, stepId=step(unknown), **given)
        assert errors == [error("NOT_FOUND", "stepId", "There is no step with this id.")]
    errors = await refused(api, worker_db, mutation, stepId=sequence(key), **given)
    assert errors == [error("INVALID_ID", "stepId", f"“{sequence(key)}” is not an id of a Step.")]


async def test_a_step_is_not_added_to_another_workspaces_sequence(
    api: ApiClient, stranger: ApiClient, worker_db: Database
) -> None:
    """It does not exist for this one."""
    foreign, _ = await make_abc(stranger, worker_db)

    errors = await refused(
        api,
        worker_db,
        "addStep",
        sequenceId=sequence(foreign),
        step={"subject": "N", "bodyText": "Hello"},
    )

    assert errors == [error("NOT_FOUND", "sequenceId", "There is no sequence with this id.")]


@pytest.mark.parametrize(
    ("mutation", "values"),
    [
        ("addStep", {"sequenceId": "S", "step": {"subject": "N", "bodyText": "Hello"}}),
        ("updateStep", {"stepId": "B", "subject": "N"}),
        ("updateStep", {"stepId": "B", "waitDays": 4}),
        ("moveStep", {"stepId": "B", "position": 1}),
        ("removeStep", {"stepId": "B"}),
    ],
)
async def test_a_change_of_steps_is_another_version_of_the_sequence(
    api: ApiClient, worker_db: Database, mutation: str, values: dict[str, Any]
) -> None:
    """By one, and it is found by those who keep a copy; whoever adds to the old one is told."""
    key, ids = await make_abc(api, worker_db)
    before = await api.data("{ sequences { nodes { version updatedAt } } }")
    named = {"S": sequence(key), "B": step(ids["B"])}
    given = {field: named.get(str(value), value) for field, value in values.items()}

    changed = await done(api, mutation, "sequence { version updatedAt }", **given)
    stale = await refused(
        api,
        worker_db,
        "addStep",
        sequenceId=sequence(key),
        step={"subject": "N", "bodyText": "Hello"},
        expectedVersion=1,
    )

    (shown,) = before["sequences"]["nodes"]
    assert (shown["version"], changed["sequence"]["version"]) == (1, 2)
    assert changed["sequence"]["updatedAt"] > shown["updatedAt"]
    assert stale == [error("STALE_OBJECT", "expectedVersion", "The sequence is at version 2 by now.")]


@pytest.mark.parametrize(
    ("mutation", "values"), [("updateStep", {"subject": "B"}), ("moveStep", {"position": 2})]
)
async def test_what_changes_no_step_changes_no_version(
    api: ApiClient, worker_db: Database, mutation: str, values: dict[str, Any]
) -> None:
    """The same text, or the same place."""
    _, ids = await make_abc(api, worker_db)

    same = await done(api, mutation, "sequence { version }", stepId=step(ids["B"]), **values)

    assert same["sequence"] == {"version": 1}
