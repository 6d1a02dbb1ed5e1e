"""Asking for batches, their emails and their forecast."""

from datetime import timedelta

from api.ids import global_id
from persistence.database import Database
from tests.api.client import ApiClient
from tests.api.mutations.asking import done
from tests.support.batching import Batch, make_batch
from tests.support.world import MONDAY, make_email, make_enrollment, make_mailbox, make_sequence

BATCH = """
query ($id: ID!) { batch(id: $id) {
  id status count sent startsAt delayBetweenEmails hourlyLimit completedAt
  sequence { id stepCount } emails { status count }
} }
"""
BATCHES = "query ($filter: BatchFilter) { batches(filter: $filter) { totalCount nodes { id status } } }"
EMAILS = """
query ($filter: ScheduledEmailFilter) { scheduledEmails(filter: $filter) { nodes { sendAt batch { id } } } }
"""
FORECAST = """
query ($id: ID!) { batch(id: $id) { forecast {
  contacts emails completesAt days { day emails }
} } }
"""


async def a_batch(api: ApiClient, worker_db: Database, api_db: Database, contacts: int = 2) -> Batch:
    """One of the caller's workspace, an email a minute."""
    return await make_batch(
        worker_db, api_db, contacts, workspace_id=api.workspace_id, delay_between_emails_s=60
    )


def batch_id(batch: Batch) -> str:
    return global_id("Batch", batch.sequence_id)


async def test_a_batch_tells_how_far_it_is(api: ApiClient, worker_db: Database, api_db: Database) -> None:
    """As scheduled, with its emails by state once they are placed."""
    batch = await a_batch(api, worker_db, api_db)
    await batch.plan()

    found = (await api.data(BATCH, id=batch_id(batch)))["batch"]

    emails = {each["status"]: each["count"] for each in found.pop("emails")}
    assert emails == {**dict.fromkeys(emails, 0), "PENDING": 2}
    assert found == {
        "id": batch_id(batch),
        "status": "ACTIVE",
        "count": 2,
        "sent": 0,
        "startsAt": "2026-03-02T09:00:00Z",
        "delayBetweenEmails": 60,
        "hourlyLimit": None,
        "completedAt": None,
        "sequence": {"id": global_id("Sequence", batch.sequence_id), "stepCount": 1},
    }


async def test_sent_emails_are_counted(api: ApiClient, worker_db: Database, api_db: Database) -> None:
    """One of two was accepted."""
    batch = await a_batch(api, worker_db, api_db)
    first, _ = await batch.enrollments()
    async with worker_db.transaction() as conn:
        await make_email(conn, first.id, mailbox_id=batch.mailbox_ids[0], status="SENT", sent_at=MONDAY)

    assert (await api.data(BATCH, id=batch_id(batch)))["batch"]["sent"] == 1


async def test_a_batch_is_forecast(api: ApiClient, worker_db: Database, api_db: Database) -> None:
    """Before it is planned, too: the last of 31 leaves half an hour after the start, if one mailbox may."""
    batch = await make_batch(
        worker_db,
        api_db,
        31,
        workspace_id=api.workspace_id,
        mailbox={"daily_capacity": 50},
        delay_between_emails_s=60,
    )

    before = (await api.data(FORECAST, id=batch_id(batch)))["batch"]["forecast"]
    await batch.plan()
    planned = (await api.data(FORECAST, id=batch_id(batch)))["batch"]["forecast"]

    assert (
        before
        == planned
        == {
            "contacts": 31,
            "emails": 31,
            "completesAt": "2026-03-02T09:30:00Z",
            "days": [{"day": "2026-03-02", "emails": 31}],
        }
    )


async def test_batches_are_listed_apart_from_sequences(
    api: ApiClient, worker_db: Database, api_db: Database
) -> None:
    """Latest first, by state; archiving its sequence ends a batch."""
    first, second = [await a_batch(api, worker_db, api_db) for _ in range(2)]
    async with worker_db.transaction() as conn:
        sequence_id = await make_sequence(conn, api.workspace_id)
    await done(
        api, "archiveSequence", "sequence { status }", sequenceId=global_id("Sequence", first.sequence_id)
    )

    everything = (await api.data(BATCHES))["batches"]
    active = (await api.data(BATCHES, filter={"status": ["ACTIVE"]}))["batches"]
    of_sequences = await api.data("{ sequences { totalCount nodes { id } } }")

    assert everything == {
        "totalCount": 2,
        "nodes": [
            {"id": batch_id(second), "status": "ACTIVE"},
            {"id": batch_id(first), "status": "ARCHIVED"},
        ],
    }
    assert [node["id"] for node in active["nodes"]] == [batch_id(second)]
    assert of_sequences["sequences"] == {
        "totalCount": 1,
        "nodes": [{"id": global_id("Sequence", sequence_id)}],
    }
    assert {each.status for each in await first.enrollments()} == {"CANCELLED"}


async def test_batches_that_did_not_change_since_are_left_out(
    api: ApiClient, worker_db: Database, api_db: Database
) -> None:
    """By the database's clock, as everywhere."""
    await a_batch(api, worker_db, api_db)

    for since, number in (("2020-01-01T00:00:00Z", 1), ("2999-01-01T00:00:00Z", 0)):
        found = (await api.data(BATCHES, filter={"updatedSince": since}))["batches"]
        assert found["totalCount"] == number


async def test_emails_are_found_by_their_batch(api: ApiClient, worker_db: Database, api_db: Database) -> None:
    """And lead back to it; those of sequences lead to none."""
    batch = await a_batch(api, worker_db, api_db)
    await batch.plan()
    async with worker_db.transaction() as conn:
        mailbox_id = await make_mailbox(conn, api.workspace_id)
        other = await make_sequence(conn, api.workspace_id)
        enrollment_id = await make_enrollment(conn, api.workspace_id, other, mailbox_id=mailbox_id)
        await make_email(conn, enrollment_id, send_at=MONDAY + timedelta(hours=1))

    of_batch = await api.data(EMAILS, filter={"batchId": batch_id(batch)})
    of_sequence = await api.data(EMAILS, filter={"sequenceId": global_id("Sequence", other)})

    assert of_batch["scheduledEmails"]["nodes"] == [
        {"sendAt": f"2026-03-02T09:0{minute}:00Z", "batch": {"id": batch_id(batch)}} for minute in (0, 1)
    ]
    assert of_sequence["scheduledEmails"]["nodes"] == [{"sendAt": "2026-03-02T10:00:00Z", "batch": None}]


async def test_what_is_no_batch_of_ours_is_not_found(
    api: ApiClient, stranger: ApiClient, worker_db: Database, api_db: Database
) -> None:
    """Nobody else's, and no sequence that was made as such."""
    theirs = await a_batch(stranger, worker_db, api_db)
    async with worker_db.transaction() as conn:
        sequence_id = await make_sequence(conn, api.workspace_id)

    for wanted in (batch_id(theirs), global_id("Batch", sequence_id)):
        assert await api.refusal(BATCH, id=wanted) == ("NOT_FOUND", "There is no batch with this id.")
    code, _ = await api.refusal(BATCH, id=global_id("Sequence", sequence_id))
    assert code == "BAD_USER_INPUT"
