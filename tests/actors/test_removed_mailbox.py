"""A mailbox that is removed while one of its emails waits in RabbitMQ."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from actors.planner import Planner
from actors.recalculator import Recalculator
from domain.ids import MailboxId
from domain.lifecycle import MailboxEvent
from domain.recalculations import RecalculationCause
from persistence.database import Database
from persistence.mailboxes import move_mailbox
from persistence.recalculation_requests import request_recalculation
from tests.support.post_office import Campaign, PostOffice, make_campaign, post_office
from tests.support.smtp_server import ScriptedSmtpServer
from tests.support.world import make_mailbox

FIVE = timedelta(minutes=5)
FIFTEEN = timedelta(minutes=15)
LATER = "451 4.7.1 Greylisted"


@pytest.mark.parametrize("first", ["message", "recalculation"])
async def test_what_waits_for_a_removed_mailbox_leaves_from_another(worker_db: Database, first: str) -> None:
    """Whichever comes first: the same email, accepted once, with the Message-ID that it had."""
    async with ScriptedSmtpServer() as server:
        server.next_answers["RCPT"] = [LATER, LATER]
        campaign = await make_campaign(worker_db, port=server.port)
        other = await link_another(worker_db, campaign, port=server.port)
        async with post_office(worker_db) as office:
            await office.send_due()
            await office.wait_and_send(FIVE)
            waiting = office.broker.waiting()
            before = await office.email(campaign.email_ids[0])
            await remove(office, campaign)
            if first == "recalculation":
                await recalculate(office, campaign)
            await office.wait_and_send(FIFTEEN)
            held = await office.email(campaign.email_ids[0])
            await recalculate(office, campaign)
            office.clock.pass_by((await office.email(campaign.email_ids[0])).send_at - office.clock.present)
            await office.send_due()

            sent = await office.email(campaign.email_ids[0])

    assert waiting["sender.wait.15m"] == 1
    assert held.status == "PENDING"
    assert (sent.status, sent.mailbox_id, sent.message_id) == ("SENT", other, before.message_id)
    assert len(server.letters) == 1


async def link_another(worker_db: Database, campaign: Campaign, *, port: int) -> MailboxId:
    """Another mailbox that serves the campaign's sequence."""
    async with worker_db.transaction() as conn:
        mailbox_id = await make_mailbox(conn, campaign.workspace_id, port=port)
        await conn.execute(text("SET LOCAL ROLE none"))
        await conn.execute(
            text(
                "INSERT INTO sequence_mailboxes (workspace_id, sequence_id, mailbox_id)"
                " SELECT workspace_id, id, :mailbox_id FROM sequences"
            ),
            {"mailbox_id": mailbox_id},
        )
    return mailbox_id


async def remove(office: PostOffice, campaign: Campaign) -> None:
    """As the mutation does it."""
    now = office.clock.present
    async with office.database.transaction() as conn:
        await conn.execute(text("SET LOCAL ROLE none"))
        await move_mailbox(
            conn, campaign.workspace_id, campaign.mailbox_id, event=MailboxEvent.REMOVE, now=now
        )
        await request_recalculation(
            conn,
            campaign.workspace_id,
            cause=RecalculationCause.MAILBOX_REMOVED,
            mailbox_id=campaign.mailbox_id,
            requested_by="a test",
            now=now,
        )
        await conn.execute(text("UPDATE recalculations SET created_at = created_at - interval '1 s'"))


async def recalculate(office: PostOffice, campaign: Campaign) -> None:
    """Carry out what was asked for, and plan what has no slot."""
    for actor in (Recalculator, Planner):
        await actor(database=office.database, clock=office.clock)(None, str(campaign.workspace_id))
