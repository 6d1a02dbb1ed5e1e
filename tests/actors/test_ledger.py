"""The ledger: what a sender writes down, a group at a time, in a database that may refuse or be away."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DataError
from structlog.testing import capture_logs

from actors.ledger import Ledger
from domain.ids import EmailId, MailboxId
from domain.letter import Letter
from domain.lifecycle import EmailEvent
from persistence.attempts import Attempt, Ticket
from persistence.claims import claim_due
from persistence.commits import Committing
from persistence.database import Database
from persistence.rescue import rescue
from persistence.results import Result
from persistence.tables import mailboxes, scheduled_emails
from tests.support.post_office import LEASE, make_due_emails
from tests.support.standing_clock import StandingClock
from tests.support.unsteady_database import UnsteadyDatabase
from tests.support.world import MONDAY


async def claimed(database: Database, number: int) -> list[Ticket]:
    """Tickets for so many emails of mailboxes of their own."""
    await make_due_emails(database, number)
    async with database.transaction() as conn:
        found = await claim_due(conn, now=MONDAY, limit=number, most_queued=number, lease=LEASE)
    return [Ticket(each.email_id, each.attempt) for each in found.emails]


async def committed(ledger: Ledger, tickets: Sequence[Ticket]) -> list[Attempt]:
    """The attempts of *tickets*, past the point of no return."""
    begun = await ledger.begin(*tickets)
    attempts = [attempt for attempt in begun if isinstance(attempt, Attempt)]
    marks = await asyncio.gather(*(ledger.commit(Committing(each, letter_of(each))) for each in attempts))
    assert (len(attempts), set(marks)) == (len(tickets), {True})
    return attempts


def letter_of(attempt: Attempt) -> Letter:
    addresses = (attempt.from_address, attempt.recipient_address)
    return Letter(attempt.message_id, "Welcome", "Hello", None, (), None, *addresses, content=b"")


async def statuses(database: Database) -> dict[EmailId, str]:
    columns = scheduled_emails.c
    async with database.transaction() as conn:
        return {row.id: row.status for row in await conn.execute(select(columns.id, columns.status))}


async def test_copies_in_one_group_begin_one_attempt(worker_db: Database) -> None:
    """Of three messages about one email in the same moment, the first has the attempt."""
    (ticket,) = await claimed(worker_db, 1)
    ledger = Ledger(worker_db, StandingClock(), lease=LEASE)

    (first,), *copies = await asyncio.gather(*(ledger.begin(ticket) for _ in range(3)))

    assert isinstance(first, Attempt)
    assert (first.email_id, first.number, copies) == (ticket.email_id, 1, [[None], [None]])
    assert await statuses(worker_db) == {ticket.email_id: "SENDING"}


async def test_a_refused_ticket_takes_no_other_along(worker_db: Database) -> None:
    """What the database cannot look for begins nothing; the email in the same message does."""
    good, other = await claimed(worker_db, 2)
    bad = Ticket(other.email_id, 2**40)
    ledger = Ledger(worker_db, StandingClock(), lease=LEASE)

    with capture_logs() as logs:
        attempt, nothing = await ledger.begin(good, bad)

    assert isinstance(attempt, Attempt)
    assert nothing is None
    assert [each["event"] for each in logs] == ["group.refused", "email.abandoned"]
    assert await statuses(worker_db) == {good.email_id: "SENDING", bad.email_id: "QUEUED"}


async def test_a_group_costs_one_transaction(worker_db: Database) -> None:
    """Ten results that come together are written together."""
    database = UnsteadyDatabase(worker_db)
    ledger = Ledger(database, StandingClock(), lease=LEASE)
    attempts = await committed(ledger, await claimed(worker_db, 10))
    before = database.transactions

    counted = await asyncio.gather(
        *(ledger.end(Result(attempt, EmailEvent.ACCEPT, "accepted", 250, "ok")) for attempt in attempts)
    )

    assert (counted, database.transactions - before) == ([True] * 10, 1)
    assert set((await statuses(worker_db)).values()) == {"SENT"}


async def test_a_refused_result_takes_no_other_along(worker_db: Database) -> None:
    """What the database cannot store fails alone; the acceptance in the same group is recorded."""
    ledger = Ledger(worker_db, StandingClock(), lease=LEASE)
    good, bad = await committed(ledger, await claimed(worker_db, 2))

    counted, refused = await asyncio.gather(
        ledger.end(Result(good, EmailEvent.ACCEPT, "accepted", 250, "ok")),
        ledger.end(Result(bad, EmailEvent.ACCEPT, "accepted", 250, "a byte that text cannot hold: \0")),
        return_exceptions=True,
    )

    assert counted is True
    assert isinstance(refused, DataError)
    assert await statuses(worker_db) == {good.email_id: "SENT", bad.email_id: "COMMITTING"}


async def test_a_result_waits_for_the_database(worker_db: Database) -> None:
    """Away twice: the group is written at the third try, once, and told of as delayed."""
    database = UnsteadyDatabase(worker_db)
    ledger = Ledger(database, StandingClock(), lease=LEASE)
    attempts = await committed(ledger, await claimed(worker_db, 2))
    database.fail_next(2)

    with capture_logs() as logs:
        counted = await asyncio.gather(
            *(ledger.end(Result(attempt, EmailEvent.ACCEPT, "accepted")) for attempt in attempts)
        )

    delayed = {"event": "results.delayed", "log_level": "warning", "emails": 2, "cause": "OperationalError"}
    assert (counted, logs) == ([True, True], [delayed, delayed])
    assert set((await statuses(worker_db)).values()) == {"SENT"}


async def test_a_commit_does_not_wait_for_the_database(worker_db: Database) -> None:
    """Nobody in the group may send a dot, and nothing is marked: it is written down as not handed over."""
    database = UnsteadyDatabase(worker_db)
    ledger = Ledger(database, StandingClock(), lease=LEASE)
    tickets = await claimed(worker_db, 2)
    begun = await ledger.begin(*tickets)
    attempts = [attempt for attempt in begun if isinstance(attempt, Attempt)]
    database.fail_next(1)

    marks = await asyncio.gather(
        *(ledger.commit(Committing(attempt, letter_of(attempt))) for attempt in attempts)
    )

    assert marks == [False, False]
    assert list((await statuses(worker_db)).values()) == ["SENDING", "SENDING"]


async def test_what_nobody_waits_for_is_not_noted_while_the_database_is_away(worker_db: Database) -> None:
    database = UnsteadyDatabase(worker_db)
    ledger = Ledger(database, StandingClock(), lease=LEASE)
    database.fail_next(2)

    with capture_logs() as logs:
        await ledger.note_taken(uuid4())
        await ledger.note_processed(uuid4())

    assert [(line["event"], line["count"]) for line in logs] == [("dispatches.not_noted", 1)] * 2


@pytest.mark.parametrize(("act", "status"), [("block", "BLOCKED"), ("refuse_login", "NEEDS_AUTH")])
async def test_a_mailbox_is_set_aside_when_the_database_returns(
    worker_db: Database, act: str, status: str
) -> None:
    """Or what its server said of the email would be lost with it."""
    await claimed(worker_db, 1)
    async with worker_db.transaction() as conn:
        mailbox_id = MailboxId((await conn.scalars(select(mailboxes.c.id))).one())
    database = UnsteadyDatabase(worker_db)
    ledger = Ledger(database, StandingClock(), lease=LEASE)
    database.fail_next(1)

    if act == "block":
        await ledger.block(mailbox_id, rest=timedelta(hours=3), reason="limit")
    else:
        await ledger.refuse_login(mailbox_id, reason="535 5.7.8 wrong")

    async with worker_db.transaction() as conn:
        assert (await conn.execute(select(mailboxes.c.status))).scalar_one() == status


async def test_the_result_of_an_attempt_that_was_taken_over_does_not_count(worker_db: Database) -> None:
    """Another token: False, and the row stays as its new owner has it."""
    ledger = Ledger(worker_db, StandingClock(), lease=LEASE)
    (attempt,) = await committed(ledger, await claimed(worker_db, 1))
    stranger = replace(attempt, token=attempt.email_id)

    assert await ledger.end(Result(stranger, EmailEvent.ACCEPT, "accepted")) is False
    assert await statuses(worker_db) == {attempt.email_id: "COMMITTING"}


async def test_a_refusal_that_comes_too_late_for_its_lease_still_counts(worker_db: Database) -> None:
    """The others of its group as well; what was not said by the server is no refusal."""
    ledger = Ledger(worker_db, StandingClock(), lease=LEASE)
    slow, stopped, good = await committed(ledger, await claimed(worker_db, 3))
    async with worker_db.transaction() as conn:
        doubtful = [slow.email_id, stopped.email_id]
        await conn.execute(
            scheduled_emails.update()
            .where(scheduled_emails.c.id.in_(doubtful))
            .values(lease_until=func.clock_timestamp() - LEASE)
        )
        await rescue(conn, now=MONDAY)

    counted = await asyncio.gather(
        ledger.end(Result(slow, EmailEvent.FAIL, "rejected", 554, "no")),
        ledger.end(Result(stopped, EmailEvent.RETRY, "WITHHELD", retry_at=MONDAY)),
        ledger.end(Result(good, EmailEvent.ACCEPT, "accepted", 250, "ok")),
    )

    assert [*counted] == [True, False, True]
    assert await statuses(worker_db) == {
        slow.email_id: "FAILED",
        stopped.email_id: "IN_DOUBT",
        good.email_id: "SENT",
    }


@pytest.mark.parametrize(("status", "reason"), [("ACTIVE", "limit"), ("PAUSED", None)])
async def test_only_an_active_mailbox_is_blocked(
    worker_db: Database, status: str, reason: str | None
) -> None:
    """It rests from now; a mailbox that a person paused stays paused."""
    await claimed(worker_db, 1)
    async with worker_db.transaction() as conn:
        await conn.execute(text("UPDATE mailboxes SET status = :status"), {"status": status})
        mailbox_id = MailboxId((await conn.scalars(select(mailboxes.c.id))).one())
    ledger = Ledger(worker_db, StandingClock(), lease=LEASE)

    await ledger.block(mailbox_id, rest=timedelta(hours=3), reason="limit")

    async with worker_db.transaction() as conn:
        mailbox = (await conn.execute(select(mailboxes))).one()
    blocked = reason is not None
    assert mailbox.status == ("BLOCKED" if blocked else "PAUSED")
    assert mailbox.status_reason == reason
    assert mailbox.blocked_until == (MONDAY + timedelta(hours=3) if blocked else None)
