"""Saying through the API what became of emails."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from api.ids import global_id
from domain.ids import EmailId, EnrollmentId
from domain.threads import new_message_id
from persistence.database import Database
from persistence.tables import scheduled_emails
from tests.api.client import ApiClient
from tests.api.mutations.asking import done, error, refused
from tests.support.world import MONDAY, make_email, make_enrollment, make_mailbox, make_sequence

DOUBTFUL = EmailId(UUID(int=190))
MESSAGE_ID = new_message_id(DOUBTFUL, "desk@sender.example")
REPLY = f"From: someone@example.test\nSubject: Re: Welcome\nIn-Reply-To: {MESSAGE_ID}\n\nThank you!\n"


async def make_in_doubt(api: ApiClient, worker_db: Database, **overrides: Any) -> EmailId:
    async with worker_db.transaction() as conn:
        mailbox_id = await make_mailbox(conn, api.workspace_id, in_doubt_policy="HOLD")
        sequence_id = await make_sequence(conn, api.workspace_id, mailboxes=[mailbox_id])
        enrollment_id = await make_enrollment(conn, api.workspace_id, sequence_id, mailbox_id=mailbox_id)
        ordinary: dict[str, Any] = {
            "id": DOUBTFUL,
            "status": "IN_DOUBT",
            "message_id": MESSAGE_ID,
            "attempt": 1,
            "last_attempt_at": MONDAY,
            "committing_at": MONDAY,
        }
        return await make_email(conn, enrollment_id, **ordinary | overrides)


def email(key: EmailId) -> str:
    return global_id("ScheduledEmail", key)


@pytest.mark.parametrize(
    ("settlement", "status"), [("SENT", "SENT"), ("FAILED", "FAILED"), ("RESEND", "RETRYING")]
)
async def test_a_doubt_is_settled(api: ApiClient, worker_db: Database, settlement: str, status: str) -> None:
    """The email is answered as it is then, and so is its enrollment."""
    doubtful = await make_in_doubt(api, worker_db)

    payload = await done(
        api, "resolveInDoubt", "email { id status }", emailId=email(doubtful), settlement=settlement
    )

    assert payload["email"] == {"id": email(doubtful), "status": status}


async def test_what_is_known_cannot_be_settled(api: ApiClient, worker_db: Database) -> None:
    """The message tells the status."""
    known = await make_in_doubt(api, worker_db, status="SENT", sent_at=MONDAY)

    assert await refused(api, worker_db, "resolveInDoubt", emailId=email(known), settlement="SENT") == [
        error("WRONG_STATUS", "emailId", "The email's status is SENT.")
    ]


async def test_an_email_is_not_sent_again_out_of_order(api: ApiClient, worker_db: Database) -> None:
    """The second step has left."""
    doubtful = await make_in_doubt(api, worker_db)
    async with worker_db.transaction() as conn:
        of_email = select(scheduled_emails.c.enrollment_id).where(scheduled_emails.c.id == doubtful)
        enrollment_id = EnrollmentId((await conn.execute(of_email)).scalar_one())
        later = {"status": "SENT", "sent_at": MONDAY, "last_attempt_at": MONDAY.replace(hour=10)}
        await make_email(conn, enrollment_id, position=2, **later)

    assert await refused(api, worker_db, "resolveInDoubt", emailId=email(doubtful), settlement="RESEND") == [
        error(
            "OUT_OF_ORDER",
            "settlement",
            "A later email of the same enrollment has left already; settle this one as SENT or FAILED.",
        )
    ]


async def test_no_such_email(api: ApiClient, worker_db: Database) -> None:
    """Another kind of thing's id, and one that nothing has."""
    unknown = email(EmailId(api.workspace_id))
    wrong = global_id("Mailbox", api.workspace_id)

    assert await refused(api, worker_db, "resolveInDoubt", emailId=unknown, settlement="SENT") == [
        error("NOT_FOUND", "emailId", "There is no email with this id.")
    ]
    (problem,) = await refused(api, worker_db, "resolveInDoubt", emailId=wrong, settlement="SENT")
    assert (problem["code"], problem["path"]) == ("INVALID_ID", ["emailId"])


async def test_a_reply_is_handed_in(api: ApiClient, worker_db: Database) -> None:
    """It settles the doubt, and ends the contact's way."""
    doubtful = await make_in_doubt(api, worker_db)

    payload = await done(
        api, "recordInbound", "kind settled email { id status enrollment { status } }", message=REPLY
    )

    assert payload == {
        "kind": "REPLY",
        "settled": True,
        "email": {"id": email(doubtful), "status": "SENT", "enrollment": {"status": "REPLIED"}},
        "userErrors": [],
    }


async def test_a_message_about_nothing_of_ours_is_read_and_let_be(
    api: ApiClient, worker_db: Database
) -> None:
    """The answer says what it is."""
    payload = await done(api, "recordInbound", "kind settled email { id }", message=REPLY)

    assert payload == {"kind": "REPLY", "settled": False, "email": None, "userErrors": []}


async def test_a_body_alone_is_no_message(api: ApiClient, worker_db: Database) -> None:
    """The headers were left out."""
    assert await refused(api, worker_db, "recordInbound", message="\nThank you!") == [
        error(
            "INVALID_MESSAGE",
            "message",
            "There is no header: hand in the message as it arrived, headers first.",
        )
    ]
