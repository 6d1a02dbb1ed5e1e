"""The days on which contacts in several enrollments are written to."""

from collections.abc import Collection
from datetime import date, timedelta
from typing import Any

import pytest

from domain.contact_gap import ContactDay, ContactGap
from domain.ids import ContactId, EnrollmentId, SequenceId
from persistence.contact_gaps import contact_gap
from persistence.database import Database
from persistence.planning_terms import planning_terms
from tests.persistence.delivery import NOW, TODAY, Delivery, make_delivery
from tests.support.world import make_contact, make_email, make_enrollment, make_sequence

DAY = timedelta(days=1)
SINCE = TODAY - 3 * DAY


class Office:
    """A contact in the sequence of *delivery*, who may be in others too."""

    def __init__(self, delivery: Delivery, contact_id: ContactId) -> None:
        self.delivery = delivery
        self.contact_id = contact_id

    async def enroll(self, sequence_id: SequenceId | None = None, **overrides: Any) -> EnrollmentId:
        delivery = self.delivery
        async with delivery.db.transaction() as conn:
            if sequence_id is None:
                sequence_id = await make_sequence(
                    conn, delivery.workspace_id, mailboxes=[delivery.mailbox_id], **overrides
                )
            return await make_enrollment(
                conn, delivery.workspace_id, sequence_id, self.contact_id, mailbox_id=delivery.mailbox_id
            )

    async def email(self, enrollment_id: EnrollmentId, days: int, **overrides: Any) -> date:
        """An email of *enrollment_id*, so many *days* from now."""
        async with self.delivery.db.transaction() as conn:
            await make_email(conn, enrollment_id, send_at=NOW + days * DAY, **overrides)
        return TODAY + days * DAY

    async def gap(
        self, ids: Collection[EnrollmentId], planned: Collection[EnrollmentId]
    ) -> ContactGap | None:
        delivery = self.delivery
        async with delivery.db.transaction() as conn:
            terms = await planning_terms(conn, delivery.workspace_id)
            return await contact_gap(
                conn, delivery.workspace_id, ids, since=SINCE, planned=planned, terms=terms
            )

    async def set_gap(self, days: int) -> None:
        async with self.delivery.db.transaction() as conn:
            await conn.exec_driver_sql("SET LOCAL ROLE none")
            await conn.exec_driver_sql(f"UPDATE workspaces SET contact_min_gap_days = {days}")


@pytest.fixture
async def office(worker_db: Database) -> Office:
    delivery = await make_delivery(worker_db)
    async with worker_db.transaction() as conn:
        return Office(delivery, await make_contact(conn, delivery.workspace_id))


async def test_without_the_setting_nothing_is_read(office: Office) -> None:
    """A connection that cannot read anything is enough."""
    delivery = office.delivery
    async with delivery.db.transaction() as conn:
        terms = await planning_terms(conn, delivery.workspace_id)
        await conn.exec_driver_sql("SET LOCAL ROLE none")
        await conn.exec_driver_sql("ALTER TABLE enrollments RENAME TO gone")

        found = await contact_gap(
            conn,
            delivery.workspace_id,
            [EnrollmentId(delivery.sequence_id)],
            since=SINCE,
            planned=(),
            terms=terms,
        )
        await conn.rollback()

    assert found is None


async def test_the_days_of_others_and_of_what_left(office: Office) -> None:
    """Pending ones of those planned are theirs to move; what failed or was cancelled does not count."""
    await office.set_gap(3)
    mine, beside = await office.enroll(), await office.enroll()
    await office.email(mine, 0, position=2)
    sent = await office.email(mine, -2, status="SENT", sent_at=NOW - 2 * DAY)
    waiting = await office.email(beside, 4)
    await office.email(beside, 1, position=2, status="FAILED")
    await office.email(beside, 1, position=2, status="CANCELLED")

    found = await office.gap([mine], [mine])

    assert found is not None
    assert (found.days, found.contacts) == (3, {mine: office.contact_id})
    assert sorted(found.taken[office.contact_id]) == sorted(
        [ContactDay(mine, sent), ContactDay(beside, waiting)]
    )


async def test_an_explanation_sees_the_pending_ones_too(office: Office) -> None:
    """Where nothing is planned, everybody's email is where it is."""
    await office.set_gap(1)
    mine, beside = await office.enroll(), await office.enroll()
    days = [ContactDay(each, await office.email(each, ahead)) for ahead, each in enumerate((mine, beside))]

    found = await office.gap([mine], [])

    assert found is not None
    assert sorted(found.taken[office.contact_id]) == sorted(days)


async def test_what_is_too_long_ago_is_not_read(office: Office) -> None:
    """As far back as the gap reaches behind the first day that an email may have."""
    await office.set_gap(2)
    mine, beside = await office.enroll(), await office.enroll()
    await office.email(beside, -5, status="SENT", sent_at=NOW - 5 * DAY)
    near = await office.email(beside, -4, position=2, status="SENT", sent_at=NOW - 4 * DAY)

    found = await office.gap([mine], [mine])

    assert found is not None
    assert found.taken == {office.contact_id: [ContactDay(beside, near)]}


async def test_a_contact_who_is_in_one_sequence_alone_is_nobodys_concern(office: Office) -> None:
    """Nothing of theirs is read."""
    await office.set_gap(2)
    alone = await office.enroll()
    await office.email(alone, -1, status="SENT", sent_at=NOW - DAY)

    assert await office.gap([alone], [alone]) == ContactGap(2, {}, {})


async def test_urgent_sequences_are_left_out(office: Office) -> None:
    """Neither do their enrollments keep the gap, nor do their emails count."""
    await office.set_gap(2)
    mine, urgent = await office.enroll(), await office.enroll(priority=1)
    await office.email(urgent, 0)

    assert await office.gap([mine, urgent], [mine]) == ContactGap(2, {mine: office.contact_id}, {})
