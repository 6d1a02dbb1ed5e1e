"""Asking what happened to emails, and how they were moved."""

from datetime import timedelta

from sqlalchemy import insert

from api.ids import global_id
from persistence.database import Database
from persistence.tables import email_events, email_moves, recalculations
from tests.api.client import ApiClient
from tests.support.world import MONDAY, make_email, make_enrollment, make_mailbox, make_sequence

HOUR = timedelta(hours=1)
ONE = "query ($id: ID!) { scheduledEmail(id: $id) { %s } }"


async def test_events_are_listed_latest_first_and_filtered(api: ApiClient, worker_db: Database) -> None:
    """By kind, email, enrollment, mailbox and time."""
    async with worker_db.transaction() as conn:
        mailbox_id = await make_mailbox(conn, api.workspace_id)
        sequence_id = await make_sequence(conn, api.workspace_id)
        enrollment_id = await make_enrollment(conn, api.workspace_id, sequence_id, mailbox_id=mailbox_id)
        other_id = await make_enrollment(conn, api.workspace_id, sequence_id)
        email_id = await make_email(conn, enrollment_id)
        other_email = await make_email(conn, other_id, mailbox_id=mailbox_id)
        for row in (
            {"email_id": email_id, "enrollment_id": enrollment_id, "kind": "CLAIM", "at": MONDAY},
            {
                "email_id": email_id,
                "enrollment_id": enrollment_id,
                "kind": "ACCEPT",
                "at": MONDAY + HOUR,
                "mailbox_id": mailbox_id,
            },
            {"email_id": other_email, "enrollment_id": other_id, "kind": "CANCEL", "at": MONDAY},
        ):
            await conn.execute(insert(email_events).values(row | {"workspace_id": api.workspace_id}))

    async def found(**conditions: object) -> list[str]:
        document = "query ($filter: EmailEventFilter) { emailEvents(filter: $filter) { nodes { kind } } }"
        data = await api.data(document, filter=conditions)
        return [node["kind"] for node in data["emailEvents"]["nodes"]]

    assert await found() == ["ACCEPT", "CANCEL", "CLAIM"]
    assert await found(kind=["CLAIM", "ACCEPT"]) == ["ACCEPT", "CLAIM"]
    assert await found(scheduledEmailId=global_id("ScheduledEmail", other_email)) == ["CANCEL"]
    assert await found(enrollmentId=global_id("Enrollment", enrollment_id)) == ["ACCEPT", "CLAIM"]
    assert await found(mailboxId=global_id("Mailbox", mailbox_id)) == ["ACCEPT"]
    assert await found(since="2026-03-02T10:00:00Z") == ["ACCEPT"]
    assert await found(until="2026-03-02T10:00:00Z") == ["CANCEL", "CLAIM"]


async def test_an_email_shows_what_happened_to_it_and_how_it_was_moved(
    api: ApiClient, worker_db: Database
) -> None:
    """Oldest first; the first time that it had is the one that was promised."""
    async with worker_db.transaction() as conn:
        mailbox_id = await make_mailbox(conn, api.workspace_id, name="first")
        second_id = await make_mailbox(conn, api.workspace_id, name="second")
        sequence_id = await make_sequence(conn, api.workspace_id)
        enrollment_id = await make_enrollment(conn, api.workspace_id, sequence_id, mailbox_id=second_id)
        email_id = await make_email(conn, enrollment_id, send_at=MONDAY + 2 * HOUR)
        cause = {"workspace_id": api.workspace_id, "cause": "MAILBOX_REMOVED", "mailbox_id": mailbox_id}
        asked = {"requested_by": "someone", "requested_at": MONDAY}
        [recalculation_id] = (
            await conn.execute(insert(recalculations).values(cause | asked).returning(recalculations.c.id))
        ).one()
        of_email = {"workspace_id": api.workspace_id, "email_id": email_id, "at": MONDAY}
        for move in (
            {
                "from_send_at": MONDAY,
                "to_send_at": MONDAY + HOUR,
                "cause": "MAILBOX_HANDED_OVER",
                "from_mailbox_id": mailbox_id,
                "to_mailbox_id": second_id,
                "recalculation_id": recalculation_id,
            },
            {"from_send_at": MONDAY + HOUR, "to_send_at": MONDAY + 2 * HOUR, "cause": "SPACING"},
        ):
            await conn.execute(insert(email_moves).values(of_email | move))
        for event in (
            {"kind": "BEGIN", "attempt": 1},
            {"kind": "RETRY", "attempt": 1, "code": 451, "reply": "4.7.1 later", "mailbox_id": second_id},
        ):
            await conn.execute(
                insert(email_events).values(of_email | {"enrollment_id": enrollment_id} | event)
            )

    data = await api.data(
        ONE
        % """firstSendAt
            events { kind at attempt code reply cause email { id } mailbox { name } }
            moves { fromSendAt toSendAt cause at fromMailbox { name } toMailbox { name }
                recalculation { cause mailbox { name } sequence { id } } }""",
        id=global_id("ScheduledEmail", email_id),
    )

    at, of_this = "2026-03-02T09:00:00Z", {"id": global_id("ScheduledEmail", email_id)}
    assert data["scheduledEmail"] == {
        "firstSendAt": at,
        "events": [
            {
                "kind": "BEGIN",
                "at": at,
                "attempt": 1,
                "code": None,
                "reply": None,
                "cause": None,
                "email": of_this,
                "mailbox": None,
            },
            {
                "kind": "RETRY",
                "at": at,
                "attempt": 1,
                "code": 451,
                "reply": "4.7.1 later",
                "cause": None,
                "email": of_this,
                "mailbox": {"name": "second"},
            },
        ],
        "moves": [
            {
                "fromSendAt": at,
                "toSendAt": "2026-03-02T10:00:00Z",
                "cause": "MAILBOX_HANDED_OVER",
                "at": at,
                "fromMailbox": {"name": "first"},
                "toMailbox": {"name": "second"},
                "recalculation": {
                    "cause": "MAILBOX_REMOVED",
                    "mailbox": {"name": "first"},
                    "sequence": None,
                },
            },
            {
                "fromSendAt": "2026-03-02T10:00:00Z",
                "toSendAt": "2026-03-02T11:00:00Z",
                "cause": "SPACING",
                "at": at,
                "fromMailbox": None,
                "toMailbox": None,
                "recalculation": None,
            },
        ],
    }
