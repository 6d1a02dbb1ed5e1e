"""A mailbox whose host is in trouble: left alone after three times, tried with one email, and found again."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import func, select, update
from structlog.testing import capture_logs

from domain.ids import MailboxId
from persistence.database import Database
from persistence.tables import mailboxes, scheduled_emails
from tests.support.post_office import PostOffice, post_office
from tests.support.smtp_server import ScriptedSmtpServer
from tests.support.world import (
    MONDAY,
    make_email,
    make_enrollment,
    make_mailbox,
    make_sequence,
    make_workspace,
)

FIVE, FIFTEEN = timedelta(minutes=5), timedelta(minutes=15)
BUSY = "421 4.3.2 shutting down"


async def due_from_one_mailbox(database: Database, number: int, *, port: int) -> MailboxId:
    """*number* emails, due at `MONDAY`, without a gap between them."""
    async with database.transaction() as conn:
        workspace_id = await make_workspace(conn)
        sequence_id = await make_sequence(conn, workspace_id, steps=[(0, "Welcome", "Hello")])
        mailbox_id = await make_mailbox(conn, workspace_id, port=port, minimum_gap_s=0)
        for _ in range(number):
            enrollment_id = await make_enrollment(
                conn, workspace_id, sequence_id, mailbox_id=mailbox_id, planned_at=MONDAY
            )
            await make_email(conn, enrollment_id)
    return mailbox_id


async def send_all(office: PostOffice) -> None:
    """As the clock does: dispatch again and again until nothing more is given out."""
    for _ in range(10):
        await office.send_due()


async def plan_late(office: PostOffice) -> None:
    """As the planner does with what is late: a time from now on."""
    pending = update(scheduled_emails).where(scheduled_emails.c.status == "PENDING")
    async with office.database.transaction() as conn:
        await conn.execute(pending.values(send_at=office.clock.present))


async def statuses(office: PostOffice) -> dict[str, int]:
    columns = scheduled_emails.c
    async with office.database.transaction() as conn:
        rows = await conn.execute(
            select(columns.status, func.count().label("emails")).group_by(columns.status)
        )
        return {row.status: row.emails for row in rows}


async def spent(office: PostOffice) -> int:
    async with office.database.transaction() as conn:
        return int(await conn.scalar(select(func.sum(scheduled_emails.c.retry_count))) or 0)


def named(logs: Sequence[Any], event: str) -> list[Any]:
    return [log for log in logs if log["event"] == event]


async def test_a_host_in_trouble_is_left_alone_and_found_again(worker_db: Database) -> None:
    """Three emails meet it; the other seven wait in the plan. One tries it again, and then all leave."""
    async with ScriptedSmtpServer({"CONNECT": BUSY}) as server:
        mailbox_id = await due_from_one_mailbox(worker_db, 10, port=server.port)
        async with post_office(worker_db) as office:
            with capture_logs() as logs:
                await send_all(office)
                met, first = server.connections, await office.mailbox(mailbox_id)
                waiting = await statuses(office)
                office.clock.pass_by(FIVE)
                await send_all(office)
                tried, second = server.connections, await office.mailbox(mailbox_id)
                server.answers.clear()
                office.clock.pass_by(FIFTEEN - timedelta(seconds=1))
                await send_all(office)
                still = server.connections
                office.clock.pass_by(timedelta(seconds=1))
                await office.wait_and_send(timedelta())
                await plan_late(office)
                await send_all(office)
            in_the_end = await statuses(office)
            mailbox = await office.mailbox(mailbox_id)
            retries = await spent(office)

    # Two at a time: the fourth was on its way when the third opened the circuit.
    assert met in (3, 4)
    assert (first.host_troubles, first.host_rests_until) == (3, MONDAY + FIVE)
    assert first.host_error == BUSY
    assert waiting == {"RETRYING": met, "PENDING": 10 - met}
    assert (tried, second.host_troubles) == (met + 1, 4)
    assert second.host_rests_until == MONDAY + FIVE + FIFTEEN
    assert still == tried
    assert (in_the_end, retries) == ({"SENT": 10}, 0)
    assert (mailbox.host_troubles, mailbox.host_rests_until, mailbox.host_error) == (0, None, None)
    assert [log["troubles"] for log in named(logs, "mailbox.circuit_opened")] == [3, 4]
    assert len(named(logs, "mailbox.circuit_closed")) == 1


async def test_only_one_email_tries_the_host(worker_db: Database) -> None:
    """However many are due, and however often the dispatcher looks."""
    async with ScriptedSmtpServer({"EHLO": BUSY}) as server:
        mailbox_id = await due_from_one_mailbox(worker_db, 10, port=server.port)
        async with worker_db.transaction() as conn:
            await conn.execute(mailboxes.update().values(host_troubles=3, host_rests_until=MONDAY))
        async with post_office(worker_db) as office:
            await send_all(office)
            mailbox = await office.mailbox(mailbox_id)
            found = await statuses(office)

    assert (server.connections, mailbox.host_troubles) == (1, 4)
    assert found == {"RETRYING": 1, "PENDING": 9}


async def test_trouble_with_one_mailboxs_host_holds_no_other(worker_db: Database) -> None:
    """Each mailbox has a circuit of its own, even at the same host."""
    async with ScriptedSmtpServer() as server:
        away = await due_from_one_mailbox(worker_db, 3, port=1)
        well = await due_from_one_mailbox(worker_db, 3, port=server.port)
        async with post_office(worker_db) as office:
            await send_all(office)
            troubles = [(await office.mailbox(each)).host_troubles for each in (away, well)]

    assert (len(server.letters), troubles) == (3, [3, 0])
