"""Phases: what the indexes of emails know of a status, and what they must not know."""

from sqlalchemy import text

from domain.lifecycle import PHASE_OF, EmailEvent, EmailPhase, EmailStatus
from persistence.results import Result
from tests.persistence.delivery import NOW, Delivery

# What changes from one step of an email's way to the next.
CHANGING = (
    "status",
    "attempt",
    "attempt_token",
    "lease_until",
    "last_attempt_at",
    "committing_at",
    "message_id",
    "subject",
    "step_version_id",
    "updated_at",
)
_NAMED_BY_INDEXES = text("""
SELECT i.indexrelid::regclass::text || ' ' || a.attname
FROM pg_index AS i JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum > 0
WHERE i.indrelid = 'scheduled_emails'::regclass AND a.attname = ANY (:names)
    AND (
        a.attnum = ANY (i.indkey::int2[])
        OR concat_ws(' ', pg_get_expr(i.indexprs, i.indrelid), pg_get_expr(i.indpred, i.indrelid))
            ~ ('\\m' || a.attname || '\\M')
    )
""")


def test_every_status_has_a_phase() -> None:
    """A new status without one would violate a constraint at its first use."""
    assert set(PHASE_OF) == set(EmailStatus)
    assert set(PHASE_OF.values()) == set(EmailPhase)


async def test_no_index_names_what_changes_on_the_way(delivery: Delivery) -> None:
    """One that did would cost an entry in every index at every step, which is most of what sending costs."""
    async with delivery.db.transaction() as conn:
        named = list(await conn.scalars(_NAMED_BY_INDEXES, {"names": list(CHANGING)}))

    assert named == []


async def test_the_phase_follows_the_status(delivery: Delivery) -> None:
    """By the database itself: whoever changes a status changes both. It is another one at the end alone."""
    (due,) = await delivery.due()
    before = (await delivery.email(due)).phase

    attempt = await delivery.begun(due)
    begun = (await delivery.email(due)).phase
    await delivery.commit(attempt, now=NOW)
    committed = (await delivery.email(due)).phase
    await delivery.end(Result(attempt, EmailEvent.ACCEPT, "accepted", 250))

    assert (before, begun, committed) == ("OPEN", "OPEN", "OPEN")
    assert (await delivery.email(due)).phase == "SETTLED"


async def test_an_email_that_is_sent_gets_no_entry_for_those_to_come_or_failed(delivery: Delivery) -> None:
    """Both indexes are for lists, and cost nothing on the way out: none has a phase of what was sent."""
    async with delivery.db.transaction() as conn:
        told = await conn.execute(
            text("""
                SELECT relname, pg_get_expr(indpred, indrelid) AS predicate FROM pg_index
                JOIN pg_class ON pg_class.oid = indexrelid
                WHERE relname IN ('scheduled_emails_to_come_idx', 'scheduled_emails_failed_idx')
            """)
        )
        predicates: dict[str, str] = {row.relname: row.predicate for row in told}

    sent = PHASE_OF[EmailStatus.SENT]
    assert len(predicates) == 2
    assert [name for name, predicate in predicates.items() if f"'{sent}'" in predicate] == []
    assert f"'{PHASE_OF[EmailStatus.FAILED]}'" in predicates["scheduled_emails_failed_idx"]
