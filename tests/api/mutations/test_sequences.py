"""Changing and moving sequences through the API."""

from typing import Any

import pytest
from sqlalchemy import select

from persistence.database import Database, listen
from persistence.tables import recalculations
from tests.api.client import ApiClient
from tests.api.mutations.asking import done, error, everything, mailbox, refused, sequence
from tests.support.world import MONDAY, make_enrollment, make_sequence

WINDOW = {"weekdays": [1, 2, 3, 4, 5], "intervals": [{"start": "09:00", "end": "17:00"}]}


async def test_a_change_of_the_window_replans(api: ApiClient, worker_db: Database) -> None:
    """The request is answered with the change, and waits for whoever replans."""
    async with worker_db.transaction() as conn:
        key = await make_sequence(conn, api.workspace_id)
        await make_enrollment(conn, api.workspace_id, key)

    payload = await done(
        api,
        "updateSequence",
        "sequence { name sendWindow { weekdays } version } recalculation { cause status sequence { id } }",
        sequenceId=sequence(key),
        name="Renamed",
        sendWindow=WINDOW,
        expectedVersion=1,
    )

    assert payload["sequence"] == {
        "name": "Renamed",
        "sendWindow": {"weekdays": [1, 2, 3, 4, 5]},
        "version": 2,
    }
    assert payload["recalculation"] == {
        "cause": "WINDOW_CHANGED",
        "status": "PENDING",
        "sequence": {"id": sequence(key)},
    }
    async with worker_db.transaction() as conn:
        row = (await conn.execute(select(recalculations))).one()
    assert (row.requested_at, row.workspace_id) == (MONDAY, api.workspace_id)


@pytest.mark.parametrize("changes", [{"name": "Renamed"}, {"zone": "UTC", "sendWindow": None}, {}])
async def test_what_moves_no_email_replans_nothing(
    api: ApiClient, worker_db: Database, changes: dict[str, Any]
) -> None:
    """A name, or a window that is the same as before."""
    async with worker_db.transaction() as conn:
        key = await make_sequence(conn, api.workspace_id)
        await make_enrollment(conn, api.workspace_id, key)

    payload = await done(api, "updateSequence", "recalculation { id }", sequenceId=sequence(key), **changes)

    assert payload["recalculation"] is None
    assert (await everything(worker_db))["recalculations"] == []


async def test_the_window_of_a_sequence_without_contacts_replans_nothing(
    api: ApiClient, worker_db: Database
) -> None:
    """There is nothing planned yet."""
    async with worker_db.transaction() as conn:
        key = await make_sequence(conn, api.workspace_id)

    payload = await done(
        api, "updateSequence", "recalculation { id }", sequenceId=sequence(key), zone="Europe/Berlin"
    )

    assert payload["recalculation"] is None


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"expectedVersion": 4},
            error("STALE_OBJECT", "expectedVersion", "The sequence is at version 1 by now."),
        ),
        ({"name": ""}, error("BLANK", "name", "Give it a name.")),
        (
            {"zone": "Nowhere"},
            error(
                "INVALID_ZONE",
                "zone",
                "“Nowhere” is not a zone of the IANA database, for example Europe/Berlin.",
            ),
        ),
        (
            {"sendWindow": {"weekdays": [1], "intervals": [{"start": "10:00", "end": "10:00"}]}},
            error(
                "INVALID_SEND_WINDOW", "sendWindow.intervals", "An interval ends where it starts, at 10:00."
            ),
        ),
        ({"weight": 101}, error("OUT_OF_RANGE", "weight", "It is a number from 1 to 100.")),
        ({"priority": -101}, error("OUT_OF_RANGE", "priority", "It is a number from -100 to 100.")),
        (
            {"maxNewContactsPerDay": 0},
            error("OUT_OF_RANGE", "maxNewContactsPerDay", "It is a number from 1 to 1000000."),
        ),
        (
            {"lastDate": "2026-02-28"},
            error("OUT_OF_RANGE", "lastDate", "The last date is before the first."),
        ),
    ],
)
async def test_a_wrong_change_is_refused(
    api: ApiClient, worker_db: Database, changes: dict[str, Any], expected: dict[str, object]
) -> None:
    """Also where it goes ill only with what is there: the sequence begins in March."""
    async with worker_db.transaction() as conn:
        key = await make_sequence(conn, api.workspace_id, first_date=MONDAY.date())

    errors = await refused(api, worker_db, "updateSequence", sequenceId=sequence(key), **changes)

    assert errors == [expected]


async def test_a_sequence_is_activated_and_the_planner_hears_of_it(
    api: ApiClient, worker_db: Database, database_url: str
) -> None:
    """At the business time of the change."""
    async with worker_db.transaction() as conn:
        key = await make_sequence(conn, api.workspace_id, status="DRAFT")

    async with listen(database_url) as listener:
        payload = await done(
            api, "activateSequence", "sequence { status activatedAt version }", sequenceId=sequence(key)
        )
        heard = await listener.next(timeout_s=5)

    assert payload["sequence"] == {"status": "ACTIVE", "activatedAt": "2026-03-02T09:00:00Z", "version": 2}
    assert heard == "plan"


async def test_a_sequence_without_steps_is_not_activated(api: ApiClient, worker_db: Database) -> None:
    """It has nothing to send."""
    async with worker_db.transaction() as conn:
        key = await make_sequence(conn, api.workspace_id, steps=(), status="DRAFT")

    errors = await refused(api, worker_db, "activateSequence", sequenceId=sequence(key))

    assert errors == [error("NO_STEPS", "sequenceId", "The sequence has no step to send.")]


async def test_a_sequence_is_held_and_sent_on(api: ApiClient, worker_db: Database) -> None:
    """Coming back replans what became late."""
    async with worker_db.transaction() as conn:
        key = await make_sequence(conn, api.workspace_id)
        await make_enrollment(conn, api.workspace_id, key)

    paused = await done(api, "pauseSequence", "sequence { status }", sequenceId=sequence(key))
    resumed = await done(
        api,
        "resumeSequence",
        "sequence { status } recalculation { cause requestedAt }",
        sequenceId=sequence(key),
    )

    assert paused["sequence"] == {"status": "PAUSED"}
    assert resumed["sequence"] == {"status": "ACTIVE"}
    assert resumed["recalculation"] == {
        "cause": "SEQUENCE_RESUMED",
        "requestedAt": "2026-03-02T09:00:00Z",
    }


async def test_an_archived_sequence_ends_its_enrollments(api: ApiClient, worker_db: Database) -> None:
    """And cannot be changed any more."""
    async with worker_db.transaction() as conn:
        key = await make_sequence(conn, api.workspace_id)
        await make_enrollment(conn, api.workspace_id, key)

    archived = await done(api, "archiveSequence", "sequence { status archivedAt }", sequenceId=sequence(key))
    errors = await refused(api, worker_db, "updateSequence", sequenceId=sequence(key), name="Again")

    assert archived["sequence"] == {"status": "ARCHIVED", "archivedAt": "2026-03-02T09:00:00Z"}
    assert [row.status for row in (await everything(worker_db))["enrollments"]] == ["CANCELLED"]
    assert errors == [error("WRONG_STATUS", "sequenceId", "The sequence's status is ARCHIVED.")]


MOVES = ("updateSequence", "activateSequence", "pauseSequence", "resumeSequence", "archiveSequence")


@pytest.mark.parametrize("mutation", MOVES)
async def test_a_sequence_of_another_workspace_does_not_exist(
    api: ApiClient, stranger: ApiClient, worker_db: Database, mutation: str
) -> None:
    """Nothing is done to it."""
    async with worker_db.transaction() as conn:
        foreign = await make_sequence(conn, stranger.workspace_id)

    errors = await refused(api, worker_db, mutation, sequenceId=sequence(foreign))

    assert errors == [error("NOT_FOUND", "sequenceId", "There is no sequence with this id.")]


@pytest.mark.parametrize("mutation", MOVES)
async def test_an_id_of_another_kind_is_no_sequence(
    api: ApiClient, worker_db: Database, mutation: str
) -> None:
    """Whatever it names."""
    given = mailbox(api.workspace_id)

    errors = await refused(api, worker_db, mutation, sequenceId=given)

    assert errors == [error("INVALID_ID", "sequenceId", f"“{given}” is not an id of a Sequence.")]


@pytest.mark.parametrize(
    ("mutation", "status"),
    [
        ("activateSequence", "ACTIVE"),
        ("pauseSequence", "DRAFT"),
        ("resumeSequence", "COMPLETED"),
        ("archiveSequence", "ARCHIVED"),
    ],
)
async def test_a_move_that_its_status_does_not_allow_is_refused(
    api: ApiClient, worker_db: Database, mutation: str, status: str
) -> None:
    """It stays as it is."""
    async with worker_db.transaction() as conn:
        key = await make_sequence(conn, api.workspace_id, status=status)

    errors = await refused(api, worker_db, mutation, sequenceId=sequence(key))

    assert errors == [error("WRONG_STATUS", "sequenceId", f"The sequence's status is {status}.")]
