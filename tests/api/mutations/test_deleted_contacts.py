"""Contacts that are deleted: what ends, what is erased, what stays, and what happens when they come again."""

import json
from typing import Any

from sqlalchemy import insert, select

from api.ids import global_id, uuid_of
from domain.ids import ContactId
from domain.lifecycle import EmailEvent
from persistence.audit import PROMISES, breach_of
from persistence.database import Database
from persistence.email_events import Happening, record_events
from persistence.tables import letters, scheduled_emails
from tests.api.client import ApiClient
from tests.api.mutations.asking import contact, done, error, everything, mutate, refused, sequence
from tests.support.world import MONDAY, make_contact, make_email, make_enrollment, make_mailbox, make_sequence

ADA: dict[str, Any] = {
    "email": "Ada@Example.test",
    "firstName": "Augusta",
    "lastName": "Lovelace",
    "company": "Engines",
    "phone": "+44 1815",
    "customFields": {"note": "poetical"},
}
SECRETS = ("ada@example.test", "augusta", "lovelace", "engines", "1815", "poetical")
KEPT = "contact { id status email firstName customFields deletedAt unsubscribedAt version }"
TWO_STEPS = [(0, "Hello {{ first_name }}", "Hi"), (3, "Again {{ first_name }}", "Ho")]


async def _imported(api: ApiClient) -> ContactId:
    """Ada, as somebody imported her and changed her afterwards."""
    await done(api, "importContacts", "created", contacts=[ADA])
    found = await api.data('{ contacts(filter: { email: "ada@example.test" }) { nodes { id } } }')
    key = found["contacts"]["nodes"][0]["id"]
    await done(api, "updateContact", "contact { id }", contactId=key, phone="+44 1815-12")
    return ContactId(uuid_of("Contact", key))


async def _written_to(api: ApiClient, worker_db: Database, contact_id: ContactId) -> str:
    """Her id as an enrollment has it: one email was sent, the next is planned."""
    async with worker_db.transaction() as conn:
        mailbox_id = await make_mailbox(conn, api.workspace_id)
        key = await make_sequence(conn, api.workspace_id, mailboxes=[mailbox_id], steps=TWO_STEPS)
        enrollment_id = await make_enrollment(
            conn, api.workspace_id, key, contact_id, mailbox_id=mailbox_id, next_position=2, planned_at=MONDAY
        )
        sent = await make_email(
            conn, enrollment_id, status="SENT", sent_at=MONDAY, attempt=1, subject="Hello Augusta"
        )
        await make_email(conn, enrollment_id, position=2)
        (row,) = (await conn.execute(select(scheduled_emails).where(scheduled_emails.c.id == sent))).all()
        happened = Happening.of_row(row, EmailEvent.ACCEPT, reply="250 <ada@example.test> is queued")
        await record_events(conn, [happened], at=MONDAY)
        ours = {"workspace_id": api.workspace_id, "email_id": sent}
        await conn.execute(insert(letters).values(**ours, body_text="Hi Augusta", body_html=None))
    return global_id("Enrollment", enrollment_id)


async def test_nothing_tells_who_it_was(api: ApiClient, worker_db: Database) -> None:
    """Not in any column of any table: contact, letters, replies, audit log, errors of imports."""
    contact_id = await _imported(api)
    await _written_to(api, worker_db, contact_id)
    bad = ADA | {"email": "ADA@example.test ", "zone": "Mars"}
    await mutate(api, "importContacts", contacts=[bad, {"email": "bo@example.test"}])
    before = json.dumps(await everything(worker_db), default=str).lower()

    payload = await done(api, "deleteContact", KEPT, contactId=contact(contact_id))

    assert [secret for secret in SECRETS if secret not in before] == []
    after = json.dumps(await everything(worker_db), default=str).lower()
    assert [secret for secret in SECRETS if secret in after] == []
    assert "bo@example.test" in after
    kept = payload["contact"]
    assert kept.pop("email").endswith("@erased.invalid")
    assert kept == {
        "id": contact(contact_id),
        "status": "DELETED",
        "firstName": None,
        "customFields": {},
        "deletedAt": "2026-03-02T09:00:00Z",
        "unsubscribedAt": None,
        "version": 3,
    }


async def test_what_is_planned_ends_and_what_was_sent_stays(api: ApiClient, worker_db: Database) -> None:
    """The enrollment is cancelled, its email for that reason; counts and the audit's promises hold."""
    contact_id = await _imported(api)
    key = await _written_to(api, worker_db, contact_id)
    before = await _broken_promises(worker_db)

    await done(api, "deleteContact", "contact { id }", contactId=contact(contact_id))

    assert await _broken_promises(worker_db) == before
    found = await api.data(
        """query ($id: ID!) { enrollment(id: $id) {
          status contact { status } itinerary { id }
          scheduledEmails { nodes { status subject bodyText events { kind cause reply } } }
          sequence { stats { sentEmails active } }
        } }""",
        id=key,
    )
    enrollment = found["enrollment"]
    sent, cancelled = enrollment.pop("scheduledEmails")["nodes"]
    assert enrollment == {
        "status": "CANCELLED",
        "contact": {"status": "DELETED"},
        "itinerary": [],
        "sequence": {"stats": {"sentEmails": 1, "active": 0}},
    }
    assert (sent["status"], sent["subject"], sent["bodyText"]) == ("SENT", "Hello {{ first_name }}", None)
    assert sent["events"] == [{"kind": "ACCEPT", "cause": None, "reply": None}]
    assert cancelled["status"] == "CANCELLED"
    assert cancelled["events"] == [{"kind": "CANCEL", "cause": "CONTACT_DELETED", "reply": None}]


async def _broken_promises(worker_db: Database) -> list[str]:
    """What `drumbeat verify` finds: of emails that were made by hand no mailbox's day knows."""
    async with worker_db.transaction() as conn:
        broken = [promise.name for promise in PROMISES if (await breach_of(conn, promise)).count]
    assert set(broken) <= {"counters are rows"}
    return broken


async def test_lists_leave_it_out(api: ApiClient) -> None:
    """Unless they are asked for the deleted; by its id it is still found."""
    key = contact(await _imported(api))
    await done(api, "deleteContact", "contact { id }", contactId=key)

    data = await api.data(
        """query ($id: ID!) {
          contacts { totalCount } gone: contacts(filter: { status: DELETED }) { nodes { id } }
          contact(id: $id) { status }
        }""",
        id=key,
    )

    assert data == {
        "contacts": {"totalCount": 0},
        "gone": {"nodes": [{"id": key}]},
        "contact": {"status": "DELETED"},
    }


async def test_who_comes_again_is_suppressed(api: ApiClient, worker_db: Database) -> None:
    """By import, or by hand: a new contact, whom nobody writes to until somebody takes the address off."""
    old = contact(await _imported(api))
    async with worker_db.transaction() as conn:
        key = await make_sequence(conn, api.workspace_id)
    await done(api, "deleteContact", "contact { id }", contactId=old)
    listed = (await api.data("{ suppressions { nodes { address reason } } }"))["suppressions"]["nodes"]

    imported = await done(api, "importContacts", "created updated suppressed", contacts=[ADA])
    enrolled = await done(
        api, "enrollContacts", "enrolled suppressed", sequenceId=sequence(key), contacts=[ADA]
    )
    again = (await api.data("{ suppressions { nodes { address reason } } }"))["suppressions"]["nodes"]
    freed = await done(api, "unsuppress", "unsuppressed", emails=["ada@example.test"])
    at_last = await done(
        api, "enrollContacts", "enrolled suppressed", sequenceId=sequence(key), contacts=[ADA]
    )

    assert [each["reason"] for each in listed] == ["DELETED"]
    assert listed[0]["address"].endswith("@erased.invalid")
    assert imported == {"created": 1, "updated": 0, "suppressed": 1, "userErrors": []}
    assert enrolled == {"enrolled": 0, "suppressed": 1, "userErrors": []}
    assert again == [{"address": "ada@example.test", "reason": "DELETED"}]
    assert freed["unsuppressed"] == 1
    assert at_last == {"enrolled": 1, "suppressed": 0, "userErrors": []}


async def test_a_forgotten_address_can_be_taken_off(api: ApiClient) -> None:
    """Before anybody imports it again: it is known by its pseudonym."""
    await done(api, "deleteContact", "contact { id }", contactId=contact(await _imported(api)))

    freed = await done(api, "unsuppress", "unsuppressed", emails=["ADA@example.test"])
    imported = await done(api, "importContacts", "suppressed", contacts=[ADA])

    assert (freed["unsuppressed"], imported["suppressed"]) == (1, 0)


async def test_without_suppression_it_may_come_again(api: ApiClient) -> None:
    """As if it had never been there; twice deleted, two are kept apart."""
    for _ in range(2):
        key = contact(await _imported(api))
        await done(api, "deleteContact", "contact { id }", contactId=key, suppress=False)

    imported = await done(api, "importContacts", "created suppressed", contacts=[ADA])

    assert imported == {"created": 1, "suppressed": 0, "userErrors": []}
    gone = await api.data("{ contacts(filter: { status: DELETED }) { nodes { email } } }")
    assert len({each["email"] for each in gone["contacts"]["nodes"]}) == 2


async def test_who_wanted_no_more_emails_gets_none(api: ApiClient) -> None:
    """The reason stays, whatever is asked for; the address does not."""
    key = contact(await _imported(api))
    await done(api, "suppress", "suppressed", emails=["ada@example.test"])
    await done(api, "deleteContact", "contact { id }", contactId=key, suppress=False)
    listed = (await api.data("{ suppressions { nodes { address reason } } }"))["suppressions"]["nodes"]

    imported = await done(api, "importContacts", "suppressed", contacts=[ADA])
    twice = contact(await _imported(api))
    await done(api, "deleteContact", "contact { id }", contactId=twice)
    at_last = (await api.data("{ suppressions { nodes { address reason } } }"))["suppressions"]["nodes"]

    assert [each["reason"] for each in listed] == ["MANUAL"]
    assert imported["suppressed"] == 1
    assert at_last == listed


async def test_the_same_address_of_another_workspace_stays(api: ApiClient, stranger: ApiClient) -> None:
    """Nobody hears there that somebody was deleted here."""
    mine, theirs = contact(await _imported(api)), contact(await _imported(stranger))

    await done(api, "deleteContact", "contact { id }", contactId=mine)

    found = await stranger.data("query ($id: ID!) { contact(id: $id) { status email } }", id=theirs)
    assert found["contact"] == {"status": "ACTIVE", "email": "Ada@example.test"}
    imported = await done(stranger, "importContacts", "suppressed", contacts=[ADA])
    assert imported["suppressed"] == 0


async def test_it_is_on_record_without_what_was_erased(api: ApiClient) -> None:
    """Who did it and when; that the address changed, and not what it was."""
    key = contact(await _imported(api))
    await done(api, "deleteContact", "contact { id }", contactId=key)

    log = await api.data("{ auditLog { nodes { action asked before after } } }")

    deleted, updated, imported = log["auditLog"]["nodes"]
    assert deleted["action"] == "deleteContact"
    assert deleted["asked"] == {"contactId": key, "suppress": True}
    assert deleted["before"]["status"] == "ACTIVE"
    assert {deleted["before"][name] for name in ("email", "first_name", "custom_fields")} == {"***"}
    assert updated == {"action": "updateContact", "asked": None, "before": None, "after": None}
    assert imported == {"action": "importContacts", "asked": None, "before": None, "after": None}


async def test_a_deletion_is_rehearsed(api: ApiClient, worker_db: Database) -> None:
    """What would leave the plan is told, and nothing is written; the token does just that."""
    contact_id = await _imported(api)
    await _written_to(api, worker_db, contact_id)
    before = await everything(worker_db)
    preview = "contact { id } preview { cancelled token }"

    rehearsed = await done(api, "deleteContact", preview, contactId=contact(contact_id), dryRun=True)

    assert await everything(worker_db) == before
    assert rehearsed["contact"] is None
    token = rehearsed["preview"].pop("token")
    assert rehearsed["preview"] == {"cancelled": 1}
    other = await refused(
        api, worker_db, "deleteContact", contactId=contact(contact_id), suppress=False, planToken=token
    )
    assert [each["code"] for each in other] == ["TOKEN_OF_OTHER_INPUT"]
    await done(api, "deleteContact", "contact { id }", contactId=contact(contact_id), planToken=token)


async def test_what_cannot_be_deleted_is_refused(api: ApiClient, worker_db: Database) -> None:
    """Somebody who was changed meanwhile, who is gone already, who never was; nothing is written."""
    async with worker_db.transaction() as conn:
        key = contact(await make_contact(conn, api.workspace_id))
    stale = await refused(api, worker_db, "deleteContact", contactId=key, expectedVersion=3)
    malformed = await refused(api, worker_db, "deleteContact", contactId="nobody")
    await done(api, "deleteContact", "contact { id }", contactId=key)
    gone = await refused(api, worker_db, "deleteContact", contactId=key)
    changed = await refused(api, worker_db, "updateContact", contactId=key, firstName="Ada")

    assert stale == [error("STALE_OBJECT", "expectedVersion", "The contact is at version 1 by now.")]
    assert [(each["code"], each["path"]) for each in malformed] == [("INVALID_ID", ["contactId"])]
    assert [(each["code"], each["path"]) for each in gone] == [("NOT_FOUND", ["contactId"])]
    assert [(each["code"], each["path"]) for each in changed] == [("NOT_FOUND", ["contactId"])]
