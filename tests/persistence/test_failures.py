"""Failures: what one email given up for good means for its enrollment and its contact."""

from typing import Any

import pytest
from sqlalchemy import select

from domain.lifecycle import EmailEvent
from persistence.database import Database
from persistence.results import Result
from persistence.tables import contacts, enrollments, mailbox_days, sequences, suppressions
from tests.persistence.delivery import NOW, Delivery, make_delivery
from tests.support.world import make_email, make_enrollment, make_sequence


async def fail(delivery: Delivery) -> None:
    (due,) = await delivery.due(contact={"email": "ada@example.test"})
    attempt = await delivery.committed(due)
    await delivery.end(Result(attempt, EmailEvent.FAIL, "rejected", 550, "5.7.1 Spam"))


async def states(delivery: Delivery) -> tuple[list[str], list[str]]:
    """The statuses of all enrollments and all sequences, by id."""
    async with delivery.db.transaction() as conn:
        people = await conn.scalars(select(enrollments.c.status).order_by(enrollments.c.id))
        campaigns = await conn.scalars(select(sequences.c.status).order_by(sequences.c.id))
        return list(people), list(campaigns)


async def test_by_default_a_failed_step_ends_the_enrollment(delivery: Delivery) -> None:
    """And a sequence with nobody left; the contact may be written to by others."""
    await fail(delivery)

    assert await states(delivery) == (["FAILED"], ["COMPLETED"])
    async with delivery.db.transaction() as conn:
        assert await conn.scalar(select(contacts.c.status)) == "ACTIVE"
        assert (await conn.scalars(select(suppressions.c.address))).all() == []


async def test_a_sequence_may_go_on_with_its_next_step(worker_db: Database) -> None:
    """The step is over, though it was not sent: nothing has started."""
    delivery = await make_delivery(worker_db, when_step_fails="CONTINUE")
    (due,) = await delivery.due()
    attempt = await delivery.committed(due)

    await delivery.end(Result(attempt, EmailEvent.FAIL, "rejected", 554))

    enrollment = await delivery.enrollment_of(due)
    assert (enrollment.status, enrollment.next_position, enrollment.current_step) == ("ACTIVE", 2, 1)
    assert enrollment.started_at is None


async def test_where_the_last_step_fails_a_sequence_that_goes_on_is_complete(worker_db: Database) -> None:
    """There is no next step."""
    delivery = await make_delivery(worker_db, when_step_fails="CONTINUE", steps=((0, "Hi", "Hello"),))

    await fail(delivery)

    assert await states(delivery) == (["COMPLETED"], ["COMPLETED"])


@pytest.mark.parametrize("policy", ["STOP", "CONTINUE"])
async def test_an_address_that_does_not_exist_is_written_to_no_more(worker_db: Database, policy: str) -> None:
    """Its contact is suppressed and taken off all its sequences, with what was queued there."""
    delivery = await make_delivery(worker_db, when_step_fails=policy)
    (due,) = await delivery.due(contact={"email": "ada@example.test"})
    attempt = await delivery.committed(due)
    async with delivery.db.transaction() as conn:
        other_sequence = await make_sequence(conn, delivery.workspace_id)
        elsewhere = await make_enrollment(
            conn, delivery.workspace_id, other_sequence, attempt.contact_id, mailbox_id=delivery.mailbox_id
        )
        queued = await make_email(conn, elsewhere)
    assert await delivery.claimed() == [queued]
    reserved = await delivery.day()

    await delivery.end(Result(attempt, EmailEvent.FAIL, "unknown", 550, "5.1.1 Unknown", bounces=True))

    assert await states(delivery) == (["BOUNCED", "BOUNCED"], ["COMPLETED", "COMPLETED"])
    assert await delivery.statuses(due, queued) == ["FAILED", "CANCELLED"]
    assert (reserved, await delivery.day()) == ((30, 2, 0, 0), (30, 0, 0, 1))
    async with delivery.db.transaction() as conn:
        contact = (await conn.execute(select(contacts))).one()
        listed = (await conn.execute(select(suppressions))).one()
    assert (contact.status, contact.bounced_at) == ("BOUNCED", NOW)
    assert (listed.address, listed.reason, listed.email_id) == ("ada@example.test", "HARD_BOUNCE", due)


async def test_an_enrollment_that_ended_meanwhile_stays_as_it_ended(delivery: Delivery) -> None:
    """Its contact answered while the email was on its way; nobody else is left in the sequence."""
    (due,) = await delivery.due()
    attempt = await delivery.committed(due)
    await delivery.change(enrollments, attempt.enrollment_id, status="REPLIED")

    assert await delivery.end(Result(attempt, EmailEvent.FAIL, "rejected", 554)) == {due}
    assert await states(delivery) == (["REPLIED"], ["COMPLETED"])


@pytest.mark.parametrize(
    ("kind", "counts", "soft_bounces"),
    [
        ("bounces", (1, 0), 0),
        ("bounces_softly", (1, 0), 1),
        ("is_refused_by_policy", (0, 1), 0),
        (None, (0, 0), 0),
    ],
)
async def test_a_failure_counts_for_whom_it_is_about(
    delivery: Delivery, kind: str | None, counts: tuple[int, int], soft_bounces: int
) -> None:
    """Bounces and refusals by policy for the mailbox's standing; one that stays full for the contact."""
    (due,) = await delivery.due()
    attempt = await delivery.committed(due)
    about: dict[str, Any] = {kind: True} if kind else {}

    await delivery.end(Result(attempt, EmailEvent.FAIL, "rejected", 550, **about))

    async with delivery.db.transaction() as conn:
        day = (await conn.execute(mailbox_days.select())).one()
        contact = (await conn.execute(contacts.select())).one()
    assert ((day.bounced, day.refused), contact.soft_bounces) == (counts, soft_bounces)
    assert (day.used, day.failed) == (0, 1)
    assert contact.status == ("BOUNCED" if kind == "bounces" else "ACTIVE")
