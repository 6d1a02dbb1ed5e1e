"""Enrolling contacts through the API, and holding, sending on and stopping them."""

from typing import Any

import pytest

from domain.ids import ContactId, SequenceId
from persistence.database import Database, listen
from tests.api.client import ApiClient
from tests.api.mutations.asking import contact, done, enrollment, error, everything, refused, sequence
from tests.support.world import MONDAY, make_contact, make_enrollment, make_sequence

COUNTS = """
    sequence { status } enrolled alreadyEnrolled suppressed invalid { index email field reason }
"""


async def make_world(
    api: ApiClient, worker_db: Database, **overrides: Any
) -> tuple[SequenceId, list[ContactId]]:
    async with worker_db.transaction() as conn:
        key = await make_sequence(conn, api.workspace_id, **overrides)
        return key, [await make_contact(conn, api.workspace_id) for _ in range(3)]


async def test_contacts_are_enrolled_by_id_and_by_address(
    api: ApiClient, worker_db: Database, database_url: str
) -> None:
    """New ones are made, known ones brought up to date; the planner hears of it, nothing is placed yet."""
    key, known = await make_world(api, worker_db)
    async with worker_db.transaction() as conn:
        by_address = await make_contact(conn, api.workspace_id, email="ada@example.test")

    async with listen(database_url) as listener:
        payload = await done(
            api,
            "enrollContacts",
            COUNTS,
            sequenceId=sequence(key),
            contactIds=[contact(each) for each in known],
            contacts=[
                {"email": "ADA@example.test", "firstName": "Ada"},
                {"email": "new@example.test"},
                {"email": "nonsense"},
            ],
        )
        heard = await listener.next(timeout_s=5)

    assert payload == {
        "sequence": {"status": "ACTIVE"},
        "enrolled": 5,
        "alreadyEnrolled": 0,
        "suppressed": 0,
        "invalid": [
            {
                "index": 2,
                "email": "nonsense",
                "field": "email",
                "reason": "An email address must have an @-sign.",
            }
        ],
        "userErrors": [],
    }
    assert heard == "plan"
    written = await everything(worker_db)
    new = next(row.id for row in written["contacts"] if row.email == "new@example.test")
    assert [row.contact_id for row in written["enrollments"]] == [*known, by_address, new]
    assert {(row.status, row.enrolled_at, row.planned_at) for row in written["enrollments"]} == {
        ("ACTIVE", MONDAY, None)
    }
    assert [row.first_name for row in written["contacts"] if row.id == by_address] == ["Ada"]
    assert written["scheduled_emails"] == []


async def test_whoever_is_on_the_way_is_counted(api: ApiClient, worker_db: Database) -> None:
    """Once for every further time that the call names them."""
    key, known = await make_world(api, worker_db)
    ids = [contact(each) for each in known]
    await done(api, "enrollContacts", COUNTS, sequenceId=sequence(key), contactIds=ids[:1])

    payload = await done(
        api,
        "enrollContacts",
        COUNTS,
        sequenceId=sequence(key),
        contactIds=[*ids, ids[2]],
        contacts=[{"email": "a@example.test"}, {"email": "A@example.test"}],
    )

    assert (payload["enrolled"], payload["alreadyEnrolled"]) == (3, 3)
    assert len((await everything(worker_db))["enrollments"]) == 4


async def test_whoever_is_not_written_to_is_counted(api: ApiClient, worker_db: Database) -> None:
    """By address too: the contact is made, but not enrolled."""
    key, known = await make_world(api, worker_db)
    async with worker_db.transaction() as conn:
        bounced = await make_contact(conn, api.workspace_id, status="BOUNCED")
    await done(api, "suppress", "suppressed", emails=["listed@example.test"])

    payload = await done(
        api,
        "enrollContacts",
        COUNTS,
        sequenceId=sequence(key),
        contactIds=[contact(bounced), contact(known[0])],
        contacts=[{"email": "Listed@example.test"}],
    )

    assert (payload["enrolled"], payload["suppressed"]) == (1, 2)


@pytest.mark.parametrize(("status", "after"), [("DRAFT", "DRAFT"), ("COMPLETED", "ACTIVE")])
async def test_drafts_and_completed_sequences_take_contacts(
    api: ApiClient, worker_db: Database, status: str, after: str
) -> None:
    """A completed one is open again."""
    key, known = await make_world(api, worker_db, status=status)

    payload = await done(
        api, "enrollContacts", COUNTS, sequenceId=sequence(key), contactIds=[contact(known[0])]
    )

    assert (payload["enrolled"], payload["sequence"]) == (1, {"status": after})


@pytest.mark.parametrize(("status", "word"), [("PAUSED", "paused"), ("ARCHIVED", "archived")])
async def test_other_sequences_take_none(api: ApiClient, worker_db: Database, status: str, word: str) -> None:
    """And no contact is made on the way."""
    key, known = await make_world(api, worker_db, status=status)

    errors = await refused(
        api,
        worker_db,
        "enrollContacts",
        sequenceId=sequence(key),
        contactIds=[contact(known[0])],
        contacts=[{"email": "new@example.test"}],
    )

    assert errors == [
        error("SEQUENCE_NOT_ACTIVE", "sequenceId", f"The sequence is {word} and takes no contacts.")
    ]


async def test_contacts_of_another_workspace_do_not_exist(
    api: ApiClient, stranger: ApiClient, worker_db: Database
) -> None:
    """Nobody is enrolled: neither those that do, nor into a foreign sequence."""
    key, known = await make_world(api, worker_db)
    foreign_key, foreign = await make_world(stranger, worker_db)

    of_contact = await refused(
        api,
        worker_db,
        "enrollContacts",
        sequenceId=sequence(key),
        contactIds=[contact(known[0]), contact(foreign[0]), contact(foreign[1])],
    )
    of_sequence = await refused(
        api, worker_db, "enrollContacts", sequenceId=sequence(foreign_key), contactIds=[contact(known[0])]
    )

    assert of_contact == [
        error("NOT_FOUND", "contactIds.1", "There is no contact with this id."),
        error("NOT_FOUND", "contactIds.2", "There is no contact with this id."),
    ]
    assert of_sequence == [error("NOT_FOUND", "sequenceId", "There is no sequence with this id.")]


async def test_ids_that_cannot_be_read_are_named(api: ApiClient, worker_db: Database) -> None:
    """Each at its place."""
    key, known = await make_world(api, worker_db)

    errors = await refused(
        api,
        worker_db,
        "enrollContacts",
        sequenceId="x",
        contactIds=[contact(known[0]), sequence(key)],
    )

    assert errors == [
        error("INVALID_ID", "sequenceId", "“x” is not an id."),
        error("INVALID_ID", "contactIds.1", f"“{sequence(key)}” is not an id of a Contact."),
    ]


async def test_one_call_takes_five_thousand(api: ApiClient, worker_db: Database) -> None:
    """Over HTTP they have to fit in its limit as well, so the addresses are short."""
    key, _ = await make_world(api, worker_db)
    listed = [{"email": f"c{number}@ex.test"} for number in range(5_001)]

    errors = await refused(api, worker_db, "enrollContacts", sequenceId=sequence(key), contacts=listed)
    payload = await done(api, "enrollContacts", "enrolled", sequenceId=sequence(key), contacts=listed[:5_000])

    assert errors == [error("TOO_MANY", "contacts", "There are more than 5000.")]
    assert payload["enrolled"] == 5_000


async def test_an_enrollment_is_held_sent_on_and_stopped(api: ApiClient, worker_db: Database) -> None:
    """Each by a mutation of its own."""
    key, known = await make_world(api, worker_db)
    async with worker_db.transaction() as conn:
        enrolled = await make_enrollment(conn, api.workspace_id, key, known[0])
    given = {"enrollmentId": enrollment(enrolled)}
    shown = "enrollment { status pausedAt version }"

    paused = await done(api, "pauseEnrollment", shown, **given, expectedVersion=1)
    resumed = await done(
        api, "resumeEnrollment", f"{shown} recalculation {{ cause status }}", **given, expectedVersion=2
    )
    stopped = await done(api, "stopEnrollment", shown, **given, expectedVersion=3)

    assert [payload["enrollment"] for payload in (paused, resumed, stopped)] == [
        {"status": "PAUSED", "pausedAt": "2026-03-02T09:00:00Z", "version": 2},
        {"status": "ACTIVE", "pausedAt": None, "version": 3},
        {"status": "CANCELLED", "pausedAt": None, "version": 4},
    ]
    assert resumed["recalculation"] == {"cause": "ENROLLMENT_RESUMED", "status": "PENDING"}


MOVES = (
    ("pauseEnrollment", "PAUSED", "The enrollment's status is PAUSED."),
    ("resumeEnrollment", "ACTIVE", "The enrollment's status is ACTIVE."),
    ("stopEnrollment", "REPLIED", "The enrollment's status is REPLIED."),
)


@pytest.mark.parametrize(("mutation", "status", "message"), MOVES)
async def test_a_move_that_is_not_allowed_is_refused(
    api: ApiClient,
    stranger: ApiClient,
    worker_db: Database,
    mutation: str,
    status: str,
    message: str,
) -> None:
    """By the enrollment's status, its version, or because it does not exist here."""
    key, known = await make_world(api, worker_db)
    foreign_key, foreign_contacts = await make_world(stranger, worker_db)
    async with worker_db.transaction() as conn:
        own = await make_enrollment(conn, api.workspace_id, key, known[0], status=status)
        foreign = await make_enrollment(
            conn, stranger.workspace_id, foreign_key, foreign_contacts[0], status=status
        )

    async def errors(**given: Any) -> list[dict[str, object]]:
        return await refused(api, worker_db, mutation, **given)

    assert await errors(enrollmentId=enrollment(own)) == [error("WRONG_STATUS", "enrollmentId", message)]
    assert await errors(enrollmentId=enrollment(own), expectedVersion=9) == [
        error("STALE_OBJECT", "expectedVersion", "The enrollment is at version 1 by now.")
    ]
    assert await errors(enrollmentId=enrollment(foreign)) == [
        error("NOT_FOUND", "enrollmentId", "There is no enrollment with this id.")
    ]
    assert await errors(enrollmentId=contact(own)) == [
        error("INVALID_ID", "enrollmentId", f"“{contact(own)}” is not an id of an Enrollment.")
    ]


async def test_enrolling_nobody_is_refused(api: ApiClient, worker_db: Database) -> None:
    """It would look done; a filter without conditions does name somebody, everybody."""
    async with worker_db.transaction() as conn:
        sequence_id = await make_sequence(conn, api.workspace_id)

    [error] = await refused(api, worker_db, "enrollContacts", sequenceId=sequence(sequence_id))
    everybody = await done(api, "enrollContacts", "enrolled", sequenceId=sequence(sequence_id), filter={})

    assert (error["code"], error["path"]) == ("NO_RECIPIENTS", ["contacts"])
    assert everybody["enrolled"] == 0


ENROLLED = "enrolled enrollments(first: 2) { totalCount nodes { status contact { email } } }"


async def test_enrolling_answers_who_is_on_the_way(
    api: ApiClient, stranger: ApiClient, worker_db: Database
) -> None:
    """New ones and those that were there, in pages; nobody else of the sequence, and none in a dry run."""
    async with worker_db.transaction() as conn:
        key = await make_sequence(conn, api.workspace_id)
        await make_enrollment(conn, api.workspace_id, key)
        foreign = await make_sequence(conn, stranger.workspace_id)
    asked = {"contacts": [{"email": f"{name}@example.test"} for name in ("ada", "bo", "cy")]}
    await done(api, "enrollContacts", "", sequenceId=sequence(key), contacts=asked["contacts"][:1])

    rehearsed = await done(api, "enrollContacts", ENROLLED, sequenceId=sequence(key), **asked, dryRun=True)
    mine = await done(api, "enrollContacts", ENROLLED, sequenceId=sequence(key), **asked)
    theirs = await done(stranger, "enrollContacts", ENROLLED, sequenceId=sequence(foreign), **asked)

    assert rehearsed["enrollments"] == {"totalCount": 0, "nodes": []}
    assert (mine["enrolled"], theirs["enrolled"]) == (2, 3)
    assert mine["enrollments"]["totalCount"] == 3
    assert {node["status"] for node in mine["enrollments"]["nodes"]} == {"ACTIVE"}
    assert len(mine["enrollments"]["nodes"]) == 2
    assert theirs["enrollments"]["totalCount"] == 3
