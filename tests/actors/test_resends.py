"""An email in doubt whose mailbox wants it sent once more: over the wire, and into the log."""

from datetime import timedelta
from email import message_from_bytes

from structlog.testing import capture_logs

from domain.delivery import RESEND_WAIT
from persistence.database import Database
from persistence.tables import enrollments, scheduled_emails
from tests.support.post_office import make_campaign, post_office
from tests.support.smtp_server import ScriptedSmtpServer, Trouble

MINUTE = timedelta(minutes=1)


async def test_the_same_letter_goes_out_once_more(worker_db: Database) -> None:
    """The reply to the first was lost: 15 minutes later it has the same Message-ID, and is sent."""
    async with ScriptedSmtpServer() as server:
        server.next_answers["DOT"] = [Trouble.DROP]
        campaign = await make_campaign(worker_db, port=server.port, in_doubt_policy="RESEND")
        async with post_office(worker_db) as office:
            await office.send_due()
            await office.rescuer(None)
            at_first = (await office.email(campaign.email_ids[0])).status, office.take_messages()
            office.clock.pass_by(RESEND_WAIT)
            with capture_logs() as logs:
                await office.rescuer(None)
            await office.send_queued()
            email = await office.email(campaign.email_ids[0])
            used = await office.used(campaign.mailbox_id)

    ids = [message_from_bytes(letter.content)["Message-ID"] for letter in server.letters]
    assert at_first == ("IN_DOUBT", [])
    assert ids == [email.message_id, email.message_id]
    assert (email.status, email.attempt, email.retry_count, used) == ("SENT", 2, 0, [(1, 1, 0)])
    assert [(log["event"], log["attempt"]) for log in logs] == [("email.resent", 2)]


async def test_a_doubt_behind_which_somebody_moved_on_is_not_sent_once_more(worker_db: Database) -> None:
    """The step after it left meanwhile: it stays in doubt, and the others are looked at."""
    async with ScriptedSmtpServer({"DOT": Trouble.DROP}) as server:
        campaign = await make_campaign(worker_db, port=server.port, in_doubt_policy="RESEND")
        async with post_office(worker_db) as office:
            await office.send_due()
            async with worker_db.transaction() as conn:
                later = scheduled_emails.update().where(scheduled_emails.c.id == campaign.email_ids[1])
                sent = {"status": "SENT", "last_attempt_at": office.clock.present + MINUTE}
                await conn.execute(later.values(**sent))
                await conn.execute(enrollments.update().values(next_position=3))
            office.clock.pass_by(RESEND_WAIT)
            with capture_logs() as logs:
                await office.rescuer(None)
                await office.rescuer(None)
            email = await office.email(campaign.email_ids[0])
            messages = office.take_messages()

    assert (email.status, email.retry_at, messages) == ("IN_DOUBT", None, [])
    assert [(log["event"], log["cause"]) for log in logs] == [("email.not_resent", "LaterEmailLeft")]
