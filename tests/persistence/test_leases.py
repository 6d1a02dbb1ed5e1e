"""Leases: given by the database's clock, whatever the machine of a dispatcher or sender believes."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from sqlalchemy import func, select

from domain.ids import EmailId
from persistence.tables import scheduled_emails
from tests.persistence.delivery import LEASE, Delivery

A_WHILE = timedelta(minutes=1)


@pytest.mark.parametrize("wrong_by", [timedelta(hours=-1), timedelta(hours=1)])
async def test_no_machines_own_clock_stretches_or_shortens_a_lease(
    delivery: Delivery, wrong_by: timedelta
) -> None:
    """Neither that of the claim, nor of the attempt, nor of the mark before the dot."""
    (due,) = await delivery.due()

    with time_machine.travel(datetime.now(UTC) + wrong_by):
        await delivery.claim()
        of_claim = await left_of_lease(delivery, due)
        attempt = await delivery.begun(due)
        of_attempt = await left_of_lease(delivery, due)
        await delivery.commit(attempt)
        of_mark = await left_of_lease(delivery, due)

    assert [LEASE - A_WHILE < left <= LEASE for left in (of_claim, of_attempt, of_mark)] == [True] * 3


async def left_of_lease(delivery: Delivery, email_id: EmailId) -> timedelta:
    left = select(scheduled_emails.c.lease_until - func.clock_timestamp())
    async with delivery.db.transaction() as conn:
        found: timedelta | None = await conn.scalar(left.where(scheduled_emails.c.id == email_id))
    assert found is not None
    return found
