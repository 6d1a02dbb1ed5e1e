"""Asking for scheduled emails, what happened to them, and how they were moved."""

from datetime import timedelta
from typing import Any

from sqlalchemy import insert

from api.ids import global_id
from persistence.database import Database
from persistence.tables import email_events, letters
from tests.api.client import ApiClient
from tests.support.world import (
    MONDAY,
    make_contact,
    make_email,
    make_enrollment,
    make_mailbox,
    make_sequence,
)

HOUR = timedelta(hours=1)
IDS = "query ($filter: ScheduledEmailFilter) { scheduledEmails(filter: $filter) { nodes { id } } }"
ONE = "query ($id: ID!) { scheduledEmail(id: $id) { %s } }"


async def test_an_email_that_was_sent_shows_what_was_written(api: ApiClient, worker_db: Database) -> None:
    """Subject and text as the recipient got them."""
    async with worker_db.transaction() as conn:
        mailbox_id = await make_mailbox(conn, api.workspace_id, email="desk@example.com")
        sequence_id = await make_sequence(conn, api.workspace_id, priority=3)
        contact_id = await make_contact(conn, api.workspace_id, email="reader@example.test")
        enrollment_id = await make_enrollment(
            conn, api.workspace_id, sequence_id, contact_id, mailbox_id=mailbox_id
        )
        email_id = await make_email(
            conn,
            enrollment_id,
            status="SENT",
            sent_at=MONDAY + HOUR,
            last_attempt_at=MONDAY + HOUR,
            retry_count=1,
            last_error="451 4.7.1 later",
            subject="Welcome, Reader",
            message_id="<1@example.com>",
        )
        written = {"email_id": email_id, "workspace_id": api.workspace_id, "body_text": "Hello"}
        await conn.execute(insert(letters).values(written))

    data = await api.data(
        ONE
        % """recipientEmail subject bodyText bodyHtml sendAt sentAt status retryCount lastAttemptAt lastError
            priority unplacedReason messageId firstSendAt mailbox { email } step { position }
            contact { email } enrollment { id } sequence { name }""",
        id=global_id("ScheduledEmail", email_id),
    )

    assert data["scheduledEmail"] == {
        "recipientEmail": "reader@example.test",
        "subject": "Welcome, Reader",
        "bodyText": "Hello",
        "bodyHtml": None,
        "sendAt": "2026-03-02T09:00:00Z",
        "sentAt": "2026-03-02T10:00:00Z",
        "status": "SENT",
        "retryCount": 1,
        "lastAttemptAt": "2026-03-02T10:00:00Z",
        "lastError": "451 4.7.1 later",
        "priority": 3,
        "unplacedReason": None,
        "messageId": "<1@example.com>",
        "firstSendAt": "2026-03-02T09:00:00Z",
        "mailbox": {"email": "desk@example.com"},
        "step": {"position": 1},
        "contact": {"email": "reader@example.test"},
        "enrollment": {"id": global_id("Enrollment", enrollment_id)},
        "sequence": {"name": "Welcome Campaign"},
    }


async def test_an_email_that_was_not_tried_yet_shows_the_template_in_force(
    api: ApiClient, worker_db: Database
) -> None:
    """A corrected subject reaches everyone who was not written to."""
    async with worker_db.transaction() as conn:
        sequence_id = await make_sequence(conn, api.workspace_id)
        enrollment_id = await make_enrollment(conn, api.workspace_id, sequence_id)
        email_id = await make_email(conn, enrollment_id, send_at=None, unplaced_reason="NO_MAILBOX")

    data = await api.data(
        ONE % "subject bodyText sendAt unplacedReason mailbox { id } firstSendAt",
        id=global_id("ScheduledEmail", email_id),
    )

    assert data["scheduledEmail"] == {
        "subject": "Welcome, {{ first_name }}",
        "bodyText": None,
        "sendAt": None,
        "unplacedReason": "NO_MAILBOX",
        "mailbox": None,
        "firstSendAt": None,
    }


async def test_timetable_archive_and_doubts_are_filters(api: ApiClient, worker_db: Database) -> None:
    """By every reference, by times from (included) to (excluded), and by whether there is a slot."""
    async with worker_db.transaction() as conn:
        mailbox_id = await make_mailbox(conn, api.workspace_id)
        another_id = await make_mailbox(conn, api.workspace_id)
        sequence_id = await make_sequence(conn, api.workspace_id)
        contact_id = await make_contact(conn, api.workspace_id)
        one = await make_enrollment(conn, api.workspace_id, sequence_id, contact_id, mailbox_id=mailbox_id)
        other_sequence = await make_sequence(conn, api.workspace_id)
        other = await make_enrollment(conn, api.workspace_id, other_sequence, mailbox_id=another_id)
        sent = await make_email(conn, one, status="SENT", sent_at=MONDAY + HOUR, updated_at=MONDAY)
        planned = await make_email(conn, one, position=2, send_at=MONDAY + 2 * HOUR)
        doubtful = await make_email(conn, other, status="IN_DOUBT", send_at=MONDAY + HOUR)
        unplaced = await make_email(conn, other, position=2, send_at=None, unplaced_reason="NO_CAPACITY")
    names = {
        global_id("ScheduledEmail", key): name
        for key, name in [
            (sent, "sent"),
            (planned, "planned"),
            (doubtful, "doubtful"),
            (unplaced, "unplaced"),
        ]
    }

    async def found(**conditions: object) -> list[str]:
        data = await api.data(IDS, filter=conditions)
        return [names[node["id"]] for node in data["scheduledEmails"]["nodes"]]

    assert await found() == ["sent", "doubtful", "planned", "unplaced"]
    assert await found(status=["IN_DOUBT"]) == ["doubtful"]
    assert await found(status=["SENT", "PENDING"]) == ["sent", "planned", "unplaced"]
    assert await found(isUnplaced=True) == ["unplaced"]
    assert await found(isUnplaced=False) == ["sent", "doubtful", "planned"]
    assert await found(mailboxId=global_id("Mailbox", mailbox_id)) == ["sent", "planned"]
    assert await found(sequenceId=global_id("Sequence", other_sequence)) == ["doubtful", "unplaced"]
    assert await found(enrollmentId=global_id("Enrollment", one)) == ["sent", "planned"]
    assert await found(contactId=global_id("Contact", contact_id)) == ["sent", "planned"]
    assert await found(sendFrom="2026-03-02T10:00:00Z", sendTo="2026-03-02T11:00:00Z") == ["doubtful"]
    assert await found(sentFrom="2026-03-02T10:00:00Z", sentTo="2026-03-02T10:00:01Z") == ["sent"]
    assert await found(updatedSince="2026-03-02T09:00:01Z") == ["doubtful", "planned", "unplaced"]


async def test_another_workspaces_email_is_not_found(
    api: ApiClient, stranger: ApiClient, worker_db: Database
) -> None:
    """Nor listed, nor its events."""
    async with worker_db.transaction() as conn:
        mailbox_id = await make_mailbox(conn, stranger.workspace_id)
        sequence_id = await make_sequence(conn, stranger.workspace_id)
        enrollment_id = await make_enrollment(conn, stranger.workspace_id, sequence_id, mailbox_id=mailbox_id)
        email_id = await make_email(conn, enrollment_id)
        event = {"workspace_id": stranger.workspace_id, "email_id": email_id, "enrollment_id": enrollment_id}
        await conn.execute(insert(email_events).values(event | {"kind": "CLAIM", "at": MONDAY}))

    refusal = await api.refusal(ONE % "subject", id=global_id("ScheduledEmail", email_id))

    assert refusal == ("NOT_FOUND", "There is no scheduled email with this id.")
    assert await api.data("{ scheduledEmails { totalCount } emailEvents { totalCount } }") == {
        "scheduledEmails": {"totalCount": 0},
        "emailEvents": {"totalCount": 0},
    }


async def test_attempts_are_told_by_what_happened_in_each(api: ApiClient, worker_db: Database) -> None:
    """
    One after the other, with how they ended; what comes after the end is not of it.

    Their beginnings are no events: the email tells when the last one began, which is still under way.
    """
    happened = [
        ("RELEASE", 0, None, None),
        ("CLAIM", 0, None, None),
        ("RETRY", 1, 451, "4.7.1 later"),
        ("RELEASE", 1, None, None),
        ("COMMIT", 2, None, None),
        ("ACCEPT", 2, 250, "2.0.0 queued"),
        ("REPLY", 2, None, None),
    ]
    async with worker_db.transaction() as conn:
        mailbox_id = await make_mailbox(conn, api.workspace_id, email="desk@example.com")
        sequence_id = await make_sequence(conn, api.workspace_id)
        enrollment_id = await make_enrollment(conn, api.workspace_id, sequence_id, mailbox_id=mailbox_id)
        email_id = await make_email(
            conn, enrollment_id, status="SENDING", attempt=3, last_attempt_at=MONDAY + timedelta(minutes=7)
        )
        ours = {"workspace_id": api.workspace_id, "email_id": email_id, "enrollment_id": enrollment_id}
        for minute, (kind, attempt, code, reply) in enumerate(happened):
            at = MONDAY + timedelta(minutes=minute)
            row = {"kind": kind, "attempt": attempt, "code": code, "reply": reply, "at": at}
            await conn.execute(insert(email_events).values(ours | row | {"mailbox_id": mailbox_id}))

    data = await api.data(
        ONE % "attempts { number beganAt endedAt outcome code reply mailbox { email } }",
        id=global_id("ScheduledEmail", email_id),
    )

    def told(number: int, began: int, *end: object) -> dict[str, object]:
        ended, outcome, code, reply = end or (None, None, None, None)
        return {
            "number": number,
            "beganAt": f"2026-03-02T09:0{began}:00Z",
            "endedAt": ended and f"2026-03-02T09:0{ended}:00Z",
            "outcome": outcome,
            "code": code,
            "reply": reply,
            "mailbox": {"email": "desk@example.com"},
        }

    assert data["scheduledEmail"]["attempts"] == [
        told(1, 2, 2, "RETRY", 451, "4.7.1 later"),
        told(2, 4, 5, "ACCEPT", 250, "2.0.0 queued"),
        told(3, 7),
    ]


async def test_the_sent_table_is_ordered_by_when_emails_left(api: ApiClient, worker_db: Database) -> None:
    """In pages: all by the time that they are planned for, those that left by when they did."""
    async with worker_db.transaction() as conn:
        mailbox_id = await make_mailbox(conn, api.workspace_id)
        sequence_id = await make_sequence(conn, api.workspace_id)
        for number, hours in enumerate((3, 1, None, 2)):
            who = await make_contact(conn, api.workspace_id, email=f"{number}@example.test")
            enrolled = await make_enrollment(conn, api.workspace_id, sequence_id, who, mailbox_id=mailbox_id)
            left: dict[str, Any] = (
                {} if hours is None else {"status": "SENT", "sent_at": MONDAY + hours * HOUR}
            )
            await make_email(conn, enrolled, send_at=MONDAY + number * HOUR, **left)
    document = """
    query ($by: ScheduledEmailOrder!, $after: String) {
      scheduledEmails(orderBy: $by, order: ASC, first: 3, after: $after) {
        nodes { recipientEmail } pageInfo { endCursor }
      }
    }
    """

    async def walk(by: str) -> str:
        first = (await api.data(document, by=by))["scheduledEmails"]
        second = await api.data(document, by=by, after=first["pageInfo"]["endCursor"])
        nodes = [*first["nodes"], *second["scheduledEmails"]["nodes"]]
        return "".join(node["recipientEmail"][0] for node in nodes)

    assert (await walk("SENT_AT"), await walk("SEND_AT")) == ("130", "0123")
