"""What left changes what follows: its text was the one in force, and waits count from when it left."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from actors.planner import Planner
from persistence.database import Database
from persistence.steps import StepText, lock_step, rewrite_step
from persistence.tables import step_versions, steps
from tests.support.post_office import make_campaign, post_office
from tests.support.smtp_server import ScriptedSmtpServer
from tests.support.world import MONDAY

MINUTE = timedelta(minutes=1)
NIGHT = MONDAY + timedelta(hours=14, minutes=57)


@pytest.mark.parametrize("late", [False, True])
async def test_a_follow_up_waits_from_when_the_email_before_it_left(worker_db: Database, late: bool) -> None:
    """Planned for Monday before midnight; refused once, it left on Tuesday, and two days on is Thursday."""
    async with ScriptedSmtpServer() as server:
        server.next_answers["RCPT"] = ["451 4.7.1 Greylisted"] if late else []
        campaign = await make_campaign(worker_db, port=server.port)
        async with post_office(worker_db) as office:
            first, second = campaign.email_ids
            async with worker_db.transaction() as conn:
                await conn.exec_driver_sql("SET LOCAL ROLE none")
                await conn.exec_driver_sql(
                    "UPDATE scheduled_emails SET send_at = %s WHERE id = %s", (NIGHT, first)
                )
            office.clock.present = NIGHT
            await office.send_due()
            await office.wait_and_send(5 * MINUTE)
            left = await office.email(first)
            before = await office.enrollment(campaign.enrollment_id)
            await Planner(database=worker_db, clock=office.clock)(None, str(campaign.workspace_id))

            follow_up = await office.email(second)

    days = timedelta(days=3 if late else 2)
    assert (left.status, left.sent_at) == ("SENT", NIGHT + 5 * MINUTE if late else NIGHT)
    # The sender moves nothing: it says what is next, and lets the planner look where a wait broke.
    assert (before.next_position, before.planned_at is None) == (2, late)
    assert follow_up.window_day == MONDAY.date() + days
    assert (follow_up.send_at == MONDAY + timedelta(days=2)) is not late


async def test_a_corrected_text_reaches_those_who_were_not_written_to(worker_db: Database) -> None:
    """From the next claim on; what was sent stays as it was written, and no time moves."""
    async with ScriptedSmtpServer() as server:
        campaign = await make_campaign(worker_db, port=server.port)
        _, second = campaign.email_ids
        async with post_office(worker_db) as office:
            await office.send_due()
            planned = (await office.email(second)).send_at
            async with worker_db.transaction() as conn:
                await conn.exec_driver_sql("SET LOCAL ROLE none")
                for step_id in (await conn.scalars(select(steps.c.id).order_by(steps.c.id))).all():
                    step = await lock_step(conn, campaign.workspace_id, step_id)
                    text = StepText("Corrected, {{ first_name }}", "Better", None)
                    await rewrite_step(conn, campaign.workspace_id, step, text=text)
            unmoved = (await office.email(second)).send_at
            office.clock.present = planned
            await office.send_due()

            bodies = [(await office.letter(each)).body_text for each in campaign.email_ids]

    async with worker_db.transaction() as conn:
        versions = (await conn.scalars(select(step_versions.c.version))).all()
    assert unmoved == planned
    assert sorted(versions) == [1, 1, 2, 2]
    assert bodies == ["Hello", "Better"]
    assert [b"Better" in letter.content for letter in server.letters] == [False, True]
