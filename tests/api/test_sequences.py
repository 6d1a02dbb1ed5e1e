"""Asking for sequences: their steps, mailboxes and counts."""

from datetime import timedelta

from sqlalchemy import update

from api.ids import global_id
from persistence.database import Database
from persistence.tables import steps
from tests.api.client import ApiClient
from tests.support.world import (
    MONDAY,
    make_email,
    make_enrollment,
    make_mailbox,
    make_sequence,
)

NAMES = "query ($filter: SequenceFilter) { sequences(filter: $filter) { nodes { name } } }"


async def test_a_sequence_is_answered_with_its_steps_and_mailboxes(
    api: ApiClient, worker_db: Database
) -> None:
    """Steps in their order with the text in force; removed ones are gone; mailboxes oldest first."""
    async with worker_db.transaction() as conn:
        older = await make_mailbox(conn, api.workspace_id, name="older")
        newer = await make_mailbox(conn, api.workspace_id, name="newer")
        three = ((0, "One", "first"), (2, "Two", "second"), (1, "Three", "third"))
        sequence_id = await make_sequence(
            conn,
            api.workspace_id,
            steps=three,
            mailboxes=(newer, older),
            zone="Europe/Berlin",
            send_window={"weekdays": [5, 1], "intervals": [["09:00", "17:00"], ["22:00", "02:00"]]},
        )
        removed = update(steps).where(steps.c.sequence_id == sequence_id, steps.c.position == 3)
        await conn.execute(removed.values(position=None, removed_at=MONDAY))

    data = await api.data(
        """query ($id: ID!) { sequence(id: $id) {
            name status zone stepCount openTrackingEnabled clickTrackingEnabled version
            whenMailboxPaused whenMailboxRemoved whenStepFails
            sendWindow { weekdays intervals { start end } }
            steps { position waitDays subject bodyText bodyHtml startsThread }
            mailboxes { name }
        } }""",
        id=global_id("Sequence", sequence_id),
    )

    assert data["sequence"] == {
        "name": "Welcome Campaign",
        "status": "ACTIVE",
        "zone": "Europe/Berlin",
        "stepCount": 2,
        "openTrackingEnabled": True,
        "clickTrackingEnabled": True,
        "version": 1,
        "whenMailboxPaused": "WAIT",
        "whenMailboxRemoved": "TRANSFER",
        "whenStepFails": "STOP",
        "sendWindow": {
            "weekdays": [1, 5],
            "intervals": [{"start": "09:00", "end": "17:00"}, {"start": "22:00", "end": "02:00"}],
        },
        "steps": [
            {
                "position": 1,
                "waitDays": 0,
                "subject": "One",
                "bodyText": "first",
                "bodyHtml": None,
                "startsThread": False,
            },
            {
                "position": 2,
                "waitDays": 2,
                "subject": "Two",
                "bodyText": "second",
                "bodyHtml": None,
                "startsThread": False,
            },
        ],
        "mailboxes": [{"name": "older"}, {"name": "newer"}],
    }


async def test_counts_list_every_state(api: ApiClient, worker_db: Database) -> None:
    """With 0 where nothing is in it."""
    async with worker_db.transaction() as conn:
        mailbox_id = await make_mailbox(conn, api.workspace_id)
        sequence_id = await make_sequence(conn, api.workspace_id)
        await make_sequence(conn, api.workspace_id, name="Another")
        for enrollment, second_email in (
            ("ACTIVE", "PENDING"),
            ("ACTIVE", "PENDING"),
            ("REPLIED", "CANCELLED"),
        ):
            enrollment_id = await make_enrollment(conn, api.workspace_id, sequence_id, status=enrollment)
            await make_email(conn, enrollment_id, mailbox_id=mailbox_id, status="SENT")
            await make_email(conn, enrollment_id, position=2, mailbox_id=mailbox_id, status=second_email)

    data = await api.data(
        """query ($id: ID!) { sequence(id: $id) {
            counts { enrollments { status count } emails { status count } }
        } }""",
        id=global_id("Sequence", sequence_id),
    )

    counts = data["sequence"]["counts"]
    assert {entry["status"]: entry["count"] for entry in counts["enrollments"]} == {
        "ACTIVE": 2,
        "PAUSED": 0,
        "COMPLETED": 0,
        "REPLIED": 1,
        "BOUNCED": 0,
        "UNSUBSCRIBED": 0,
        "FAILED": 0,
        "CANCELLED": 0,
    }
    assert {entry["status"]: entry["count"] for entry in counts["emails"] if entry["count"]} == {
        "PENDING": 2,
        "SENT": 3,
        "CANCELLED": 1,
    }
    assert len(counts["emails"]) == 9


async def test_sequences_are_listed_newest_first_and_filtered(api: ApiClient, worker_db: Database) -> None:
    """By status, and by when they were last changed."""
    async with worker_db.transaction() as conn:
        await make_sequence(conn, api.workspace_id, name="draft", status="DRAFT")
        await make_sequence(conn, api.workspace_id, name="old", updated_at=MONDAY - timedelta(days=1))
        await make_sequence(conn, api.workspace_id, name="new", updated_at=MONDAY)

    everything = await api.data(NAMES)
    drafts = await api.data(NAMES, filter={"status": ["DRAFT", "ARCHIVED"]})
    none = await api.data(NAMES, filter={"status": []})
    changed = await api.data(
        NAMES, filter={"status": ["ACTIVE"], "updatedSince": "2026-03-02T10:00:00+01:00"}
    )

    assert [node["name"] for node in everything["sequences"]["nodes"]] == ["new", "old", "draft"]
    assert drafts == {"sequences": {"nodes": [{"name": "draft"}]}}
    assert none == {"sequences": {"nodes": []}}
    assert changed == {"sequences": {"nodes": [{"name": "new"}]}}


async def test_another_workspaces_sequence_cannot_be_told_from_none(
    api: ApiClient, stranger: ApiClient, worker_db: Database
) -> None:
    """NOT_FOUND by id, absent from the list."""
    async with worker_db.transaction() as conn:
        sequence_id = await make_sequence(conn, stranger.workspace_id)

    refusal = await api.refusal(
        "query ($id: ID!) { sequence(id: $id) { name } }", id=global_id("Sequence", sequence_id)
    )

    assert refusal == ("NOT_FOUND", "There is no sequence with this id.")
    assert await api.data(NAMES) == {"sequences": {"nodes": []}}
