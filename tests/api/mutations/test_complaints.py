"""Feedback reports handed in through the API, as they arrive."""

from typing import Any
from uuid import UUID

import pytest

from api.ids import global_id
from domain.ids import EmailId
from domain.threads import new_message_id
from persistence.database import Database
from tests.api.client import ApiClient
from tests.api.mutations.asking import done, everything
from tests.support.feedback import feedback_report
from tests.support.world import (
    MONDAY,
    make_contact,
    make_email,
    make_enrollment,
    make_mailbox,
    make_sequence,
)

REPORTED = EmailId(UUID(int=190))
IDENTIFIED = global_id("ScheduledEmail", REPORTED)
MESSAGE_ID = new_message_id(REPORTED, "desk@sender.example")
FIELDS = "kind settled email { id status enrollment { status } contact { status } }"
SEEN = """{
  suppressions { nodes { address reason email { id } } }
  auditLog { nodes { action objectId } }
}"""


async def make_sent(api: ApiClient, worker_db: Database) -> None:
    async with worker_db.transaction() as conn:
        mailbox_id = await make_mailbox(conn, api.workspace_id)
        sequence_id = await make_sequence(conn, api.workspace_id, mailboxes=[mailbox_id])
        contact_id = await make_contact(conn, api.workspace_id, email="someone@example.test")
        ids = (api.workspace_id, sequence_id, contact_id)
        enrollment_id = await make_enrollment(conn, *ids, mailbox_id=mailbox_id)
        sent: dict[str, Any] = {"status": "SENT", "sent_at": MONDAY, "attempt": 1, "last_attempt_at": MONDAY}
        await make_email(conn, enrollment_id, id=REPORTED, message_id=MESSAGE_ID, **sent)


async def test_a_complaint_is_handed_in(api: ApiClient, worker_db: Database) -> None:
    """It ends the contact's ways, suppresses the address, and says by which email."""
    await make_sent(api, worker_db)

    payload = await done(api, "recordInbound", FIELDS, message=feedback_report(MESSAGE_ID))
    seen = await api.data(SEEN)

    assert (payload["kind"], payload["settled"]) == ("COMPLAINT", False)
    assert payload["email"] == {
        "id": IDENTIFIED,
        "status": "SENT",
        "enrollment": {"status": "UNSUBSCRIBED"},
        "contact": {"status": "UNSUBSCRIBED"},
    }
    assert seen["suppressions"]["nodes"] == [
        {"address": "someone@example.test", "reason": "COMPLAINT", "email": {"id": IDENTIFIED}}
    ]
    assert seen["auditLog"]["nodes"][0] == {"action": "recordInbound", "objectId": IDENTIFIED}


async def test_no_spam_after_all_is_only_told(api: ApiClient, worker_db: Database) -> None:
    """The answer names the email, and nothing becomes of it."""
    await make_sent(api, worker_db)

    message = feedback_report(MESSAGE_ID, feedback="not-spam")
    payload = await done(api, "recordInbound", FIELDS, message=message)

    assert (payload["kind"], payload["settled"]) == ("NOTICE", False)
    assert payload["email"]["contact"] == {"status": "ACTIVE"}


@pytest.mark.parametrize(
    "message_id",
    [
        "[redacted]",
        new_message_id(UUID(int=191), "desk@sender.example"),
        new_message_id(REPORTED, "another.example"),
    ],
)
async def test_a_complaint_about_nothing_of_ours_stops_nobody(
    api: ApiClient, worker_db: Database, message_id: str
) -> None:
    """Struck out, unknown, or not just as it was written: the answer has the kind, and no email."""
    await make_sent(api, worker_db)
    before = await everything(worker_db)

    payload = await done(api, "recordInbound", FIELDS, message=feedback_report(message_id))

    assert payload == {"kind": "COMPLAINT", "settled": False, "email": None, "userErrors": []}
    assert {**await everything(worker_db), "audit_log": []} == {**before, "audit_log": []}


async def test_a_complaint_about_an_email_of_another_workspace_stops_nobody(
    api: ApiClient, stranger: ApiClient, worker_db: Database
) -> None:
    """Whoever knows its Message-ID got it, or read it somewhere."""
    await make_sent(api, worker_db)
    before = await everything(worker_db)

    payload = await done(stranger, "recordInbound", FIELDS, message=feedback_report(MESSAGE_ID))

    assert payload == {"kind": "COMPLAINT", "settled": False, "email": None, "userErrors": []}
    assert {**await everything(worker_db), "audit_log": []} == {**before, "audit_log": []}
