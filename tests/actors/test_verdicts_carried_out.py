"""Each row of the table of verdicts as the sender carries it out: whom it acts on, and whom it spares."""

from dataclasses import dataclass
from datetime import timedelta

import pytest
from sqlalchemy import select

from persistence.database import Database
from persistence.tables import contacts, mailbox_days, suppressions
from tests.support.post_office import make_campaign, post_office
from tests.support.smtp_server import Answer, ScriptedSmtpServer, Trouble
from tests.support.world import MONDAY

FIVE, DAY = timedelta(minutes=5), timedelta(days=1)


@dataclass(frozen=True)
class Carried:
    """
    What became of everybody: an email that waits does so for *retry_in*.

    *used*, *failed*, *bounced* and *refused* are what the mailbox's day counts.
    """

    email: str
    reason: str | None = None
    retry_in: timedelta | None = None
    retries: int = 0
    contact: str = "ACTIVE"
    is_suppressed: bool = False
    enrollment: str = "ACTIVE"
    mailbox: str = "ACTIVE"
    host_troubles: int = 0
    used: int = 0
    failed: int = 0
    bounced: int = 0
    refused: int = 0


def failed(reason: str, *, refused: int = 0) -> Carried:
    return Carried("FAILED", reason, enrollment="FAILED", failed=1, refused=refused)


def retrying(retry_in: timedelta = FIVE, *, host_troubles: int = 0, retries: int = 1) -> Carried:
    return Carried("RETRYING", retry_in=retry_in, retries=retries, host_troubles=host_troubles)


def bounced(reason: str) -> Carried:
    return Carried(
        "FAILED", reason, contact="BOUNCED", is_suppressed=True, enrollment="BOUNCED", failed=1, bounced=1
    )


HOST = retrying(host_troubles=1, retries=0)
NEEDS_AUTH = Carried("PENDING", mailbox="NEEDS_AUTH")
BLOCKED = Carried("PENDING", mailbox="BLOCKED")


@pytest.mark.parametrize(
    ("stage", "answer", "carried"),
    [
        ("CONNECT", Trouble.DROP, HOST),
        ("EHLO", Trouble.DROP, HOST),
        ("EHLO", "421 4.3.2 busy", HOST),
        ("CONNECT", "554 5.7.1 no service", HOST),
        ("MAIL", Trouble.DROP, HOST),
        ("MAIL", "530 5.7.0 Authentication required", NEEDS_AUTH),
        ("MAIL", "550 5.7.30 Basic authentication is off", NEEDS_AUTH),
        ("RCPT", "421 4.3.0 later", retrying(host_troubles=1)),
        ("MAIL", "421 4.7.0 later", retrying(host_troubles=1)),
        ("RCPT", "450 4.2.1 too quickly", retrying(host_troubles=1)),
        ("RCPT", "452 4.5.3 too many", retrying(host_troubles=1)),
        ("DOT", "432 4.3.2 concurrent", retrying(host_troubles=1)),
        ("DATA", Trouble.DROP, retrying(host_troubles=1)),
        ("MAIL", "550 5.4.5 Daily limit", BLOCKED),
        ("RCPT", "554 5.2.0 limit exceeded", BLOCKED),
        ("RCPT", "550 5.2.252 too many", BLOCKED),
        ("RCPT", "451 4.7.1 Greylisted", retrying()),
        ("RCPT", "450 Greylisted, try again in 7 minutes", retrying(timedelta(minutes=7, seconds=10))),
        ("RCPT", "452 4.2.2 over quota", retrying(DAY)),
        ("DOT", "552 5.2.2 mailbox full", retrying(DAY)),
        ("RCPT", "550 5.1.1 nobody", bounced("unknown_address")),
        ("RCPT", "550-5.1.1 nobody\r\n550 5.1.1 really", bounced("unknown_address")),
        ("RCPT", "550-We are sorry:\r\n550 5.1.2 no such domain", bounced("unknown_domain")),
        ("DOT", "553 5.1.3 bad address", bounced("bad_address")),
        ("RCPT", "550 5.1.6 moved", bounced("moved_address")),
        ("RCPT", "550 5.1.10 no mail", bounced("no_mail_here")),
        ("RCPT", "550 5.2.1 disabled", bounced("disabled_address")),
        ("RCPT", "550 No such user", bounced("unknown_address")),
        ("DOT", "550 5.7.26 Unauthenticated", failed("policy", refused=1)),
        ("RCPT", "550 5.7.1 not you", failed("policy", refused=1)),
        ("DOT", "554 looks like spam", failed("policy", refused=1)),
        ("DOT", "552 5.3.4 too large", failed("too_large")),
        ("DOT", "554 5.6.0 malformed", failed("malformed")),
        ("MAIL", "501 syntax", failed("malformed")),
        ("RCPT", "555 5.5.4 parameters", failed("malformed")),
        ("RCPT", "550 requested action not taken", failed("rejected")),
        ("DOT", Trouble.DROP, Carried("IN_DOUBT", used=1, host_troubles=1)),
        ("DOT", Trouble.GARBAGE, Carried("IN_DOUBT", used=1, host_troubles=1)),
    ],
)
async def test_a_verdict_acts_on_whom_it_is_about(
    worker_db: Database, stage: str, answer: Answer, carried: Carried
) -> None:
    """Email, contact, mailbox, its host, its standing; a budget that was not used is given back."""
    async with ScriptedSmtpServer({stage: answer}) as server:
        campaign = await make_campaign(worker_db, port=server.port)
        async with post_office(worker_db) as office:
            await office.send_due()
            email = await office.email(campaign.email_ids[0])
            enrollment = await office.enrollment(campaign.enrollment_id)
            mailbox = await office.mailbox(campaign.mailbox_id)
    async with worker_db.transaction() as conn:
        contact_status = await conn.scalar(select(contacts.c.status))
        suppressed = (await conn.execute(select(suppressions))).all()
        day = (await conn.execute(select(mailbox_days))).one()

    assert carried == Carried(
        email=email.status,
        reason=email.failure_reason,
        retry_in=email.retry_at and email.retry_at - MONDAY,
        retries=email.retry_count,
        contact=str(contact_status),
        is_suppressed=bool(suppressed),
        enrollment=enrollment.status,
        mailbox=mailbox.status,
        host_troubles=mailbox.host_troubles,
        used=day.used,
        failed=day.failed,
        bounced=day.bounced,
        refused=day.refused,
    )


async def test_a_mailbox_that_stays_full_is_counted_and_nothing_more(worker_db: Database) -> None:
    """A day between the attempts; after the last retry it is a soft bounce, and the contact stays."""
    async with ScriptedSmtpServer({"RCPT": "452 4.2.2 over quota"}) as server:
        campaign = await make_campaign(worker_db, port=server.port)
        async with post_office(worker_db) as office:
            await office.send_due()
            for _ in range(3):
                office.clock.pass_by(DAY + timedelta(minutes=2))
                await office.rescuer(None)
                await office.send_queued()
            email = await office.email(campaign.email_ids[0])
    async with worker_db.transaction() as conn:
        contact = (await conn.execute(select(contacts))).one()
        days = (await conn.execute(select(mailbox_days).order_by(mailbox_days.c.day))).all()
        suppressed = (await conn.execute(select(suppressions))).all()

    assert (email.status, email.failure_reason, email.retry_count) == ("FAILED", "RETRIES_EXHAUSTED", 3)
    assert (contact.status, contact.soft_bounces, suppressed) == ("ACTIVE", 1, [])
    assert [(day.used, day.failed, day.bounced) for day in days] == [(0, 0, 0)] * 3 + [(0, 1, 1)]
