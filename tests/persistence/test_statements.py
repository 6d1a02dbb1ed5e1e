"""Statements past SQLAlchemy: they share its transaction, and fail as its own do."""

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import IntegrityError, ProgrammingError

from persistence.arrays import given
from persistence.statements import Statement
from persistence.tables import scheduled_emails
from tests.persistence.delivery import Delivery

_columns = scheduled_emails.c
_GIVEN = given({"email_id": _columns.id.type, "cause": _columns.released_because.type})
_RELEASE = Statement(
    update(scheduled_emails)
    .where(_columns.id == _GIVEN.c.email_id, _columns.status.in_(["PENDING"]))
    .values(released_because=_GIVEN.c.cause)
    .returning(_columns.id, _columns.updated_at)
)


async def test_it_runs_in_the_transaction_that_it_is_given(delivery: Delivery) -> None:
    """With what the table adds to every update, and for those rows alone that were given."""
    first, second = await delivery.due(2)

    async with delivery.db.transaction() as conn:
        rows = await _RELEASE.rows(conn, email_ids=[first], causes=["DAY_FULL"])
        seen = (await conn.execute(select(_columns.id, _columns.released_because))).all()
        await conn.rollback()

    assert [row.id for row in rows] == [first]
    assert rows[0].updated_at.tzinfo is not None
    assert sorted(seen) == sorted([(first, "DAY_FULL"), (second, None)])
    assert (await delivery.email(first)).released_because is None


async def test_a_parameter_that_is_missing_is_an_error(delivery: Delivery) -> None:
    """NULL in its place would find nothing, and nobody would notice."""
    (due,) = await delivery.due()

    async with delivery.db.transaction() as conn:
        with pytest.raises(ProgrammingError, match="query parameter missing: causes"):
            await _RELEASE.rows(conn, email_ids=[due])


async def test_an_error_is_one_of_sqlalchemys(delivery: Delivery) -> None:
    """Those who wait for an outage or know a constraint catch these; parameters are not told."""
    (due,) = await delivery.due()
    broken = Statement(text("UPDATE scheduled_emails SET crashes = :crashes WHERE id = :id"))

    async with delivery.db.transaction() as conn:
        with pytest.raises(IntegrityError, match="scheduled_emails_counters_check") as refused:
            await broken.run(conn, id=due, crashes=-7)

    assert str(due) not in str(refused.value.statement)
    assert refused.value.params is None
    assert (await delivery.email(due)).crashes == 0
