"""The point of no return: whoever was stopped, or is too late, does not pass it."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from domain.ids import ContactId
from persistence.commits import Committing, mark_committing
from persistence.suppressions import SuppressionReason, suppress_addresses, unsubscribe
from persistence.tables import contacts, enrollments, mailboxes, scheduled_emails, sequences
from tests.persistence.delivery import LEASE, MINUTE, NOW, TODAY, Delivery, at, letter_of


async def test_what_was_written_is_stored_with_the_mark(delivery: Delivery) -> None:
    """The lease begins anew, and the days are those of the attempt from here on."""
    (due,) = await delivery.due(send_day=None, window_day=None)
    attempt = await delivery.begun(due)

    committed = await delivery.commit(attempt, now=NOW + MINUTE)

    email = await delivery.email(due)
    assert committed == {due}
    assert (email.status, email.committing_at, email.attempt) == ("COMMITTING", NOW + MINUTE, 1)
    assert (email.subject, await delivery.letter(due)) == ("Welcome, Ada", ("Hello", None))
    assert (email.parent_message_id, email.thread_root, email.thread_references) == (
        None,
        attempt.message_id,
        [],
    )
    assert email.step_version_id == attempt.step_version_id
    assert (email.window_day, email.send_day) == (TODAY, TODAY)
    assert LEASE - MINUTE < email.lease_until - email.updated_at < LEASE + MINUTE
    assert await delivery.events(due) == [("COMMIT", None)]


async def test_references_are_stored_one_by_one(delivery: Delivery) -> None:
    """The follow-up of this email will need them."""
    (due,) = await delivery.due()
    attempt = await delivery.begun(due)
    references = ("<1@example.com>", "<2@example.com>")
    letter = letter_of(attempt)._replace(references=references, parent=references[-1])

    async with delivery.db.transaction() as conn:
        await mark_committing(conn, [Committing(attempt, letter)], now=NOW, lease=LEASE)

    email = await delivery.email(due)
    assert email.thread_references == list(references)
    assert (email.thread_root, email.parent_message_id) == ("<1@example.com>", "<2@example.com>")


@pytest.mark.parametrize(
    ("table", "values"),
    [
        (enrollments, {"status": "PAUSED"}),
        (enrollments, {"status": "REPLIED"}),
        (sequences, {"status": "PAUSED"}),
        (mailboxes, {"status": "PAUSED"}),
        (contacts, {"status": "UNSUBSCRIBED"}),
        (scheduled_emails, {"attempt_token": uuid4()}),
        (scheduled_emails, {"status": "PENDING"}),
        (scheduled_emails, {"lease_until": at(0, day=1)}),
    ],
)
async def test_who_was_stopped_or_is_late_does_not_pass(
    delivery: Delivery, table: Any, values: dict[str, Any]
) -> None:
    """Another attempt took over, the lease ran out, or someone stopped it; the others of the group pass."""
    stopped, other = await delivery.due(), await delivery.due()
    attempts = [await delivery.begun(*stopped), await delivery.begun(*other)]
    email = await delivery.email(*stopped)
    if table in (sequences, mailboxes):
        attempts.pop()
    row_of = {
        enrollments: email.enrollment_id,
        sequences: email.sequence_id,
        mailboxes: email.mailbox_id,
        contacts: email.contact_id,
        scheduled_emails: email.id,
    }
    await delivery.change(table, row_of[table], **values)

    committed = await delivery.commit(*attempts)

    assert committed == {attempt.email_id for attempt in attempts[1:]}
    email = await delivery.email(*stopped)
    assert (email.status, email.subject) == (
        values.get("status", "SENDING") if table is scheduled_emails else "SENDING",
        None,
    )
    assert await delivery.events(*stopped) == []


async def test_who_unsubscribed_before_is_not_written_to(delivery: Delivery) -> None:
    """The email was cancelled with it, and its budget given back."""
    (due,) = await delivery.due()
    attempt = await delivery.begun(due)
    async with delivery.db.transaction() as conn:
        contact_id = ContactId((await delivery.email(due)).contact_id)
        await unsubscribe(conn, workspace_id=delivery.workspace_id, contact_id=contact_id, now=NOW)

    assert await delivery.commit(attempt) == frozenset()
    assert (await delivery.statuses(due), await delivery.day()) == (["CANCELLED"], (30, 0, 0, 0))


async def test_an_address_on_the_list_is_not_written_to(delivery: Delivery) -> None:
    """Though the contact itself is as it was, and even if its email had stayed."""
    (due,) = await delivery.due(contact={"email": "ada@example.test"})
    attempt = await delivery.begun(due)
    async with delivery.db.transaction() as conn:
        await suppress_addresses(
            conn,
            delivery.workspace_id,
            addresses=["ada@example.test"],
            reason=SuppressionReason.COMPLAINT,
            now=NOW,
        )
    email = await delivery.email(due)
    await delivery.change(enrollments, email.enrollment_id, status="ACTIVE")
    await delivery.change(
        scheduled_emails, due, status="SENDING", lease_until=at(0, day=31).replace(year=2100)
    )

    assert await delivery.commit(attempt) == frozenset()


async def test_a_lease_that_ran_out_by_the_databases_clock_is_over(delivery: Delivery) -> None:
    """Business time does not matter to it."""
    (due,) = await delivery.due()
    attempt = await delivery.begun(due, lease=timedelta(0))

    assert await delivery.commit(attempt) == frozenset()
    assert await delivery.statuses(due) == ["SENDING"]


async def test_nobody_passes_twice(delivery: Delivery) -> None:
    """A second mark of the same attempt finds it marked, and sends no second dot."""
    attempt = await delivery.committed((await delivery.due())[0])

    assert await delivery.commit(attempt) == frozenset()
