"""Every fault at every stage of the conversation, through the real sender, against a table made by hand."""

import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from structlog.testing import capture_logs

import actors.sender
from actors.judgement import Judgement, judge
from actors.smtp import Handover, Interrupted, Withheld
from domain.delivery import ActsOn, verdict
from domain.ids import EmailId, MailboxId
from persistence.attempts import Attempt
from persistence.database import Database
from persistence.ids import uuid7
from persistence.tables import contacts, mailboxes, scheduled_emails
from tests.support.certificates import Certificate, self_signed
from tests.support.post_office import VAULT, post_office
from tests.support.smtp_server import Answer, Manner, ScriptedSmtpServer, Trouble
from tests.support.world import (
    MONDAY,
    make_email,
    make_enrollment,
    make_mailbox,
    make_sequence,
    make_workspace,
)

TIMEOUT_S, DOT_TIMEOUT_S, TOLERANCE_S = 2.0, 1.0, 1.0

FAULTS: dict[str, Answer] = {
    "421": "421 4.3.2 closing",
    "451": "451 4.2.0 not now",
    "550": "550 5.1.1 no such user",
    "drop": Trouble.DROP,
    "reset": Trouble.RESET,
    "hang": Trouble.HANG,
    "dribble": Trouble.DRIBBLE,
    "endless": Trouble.ENDLESS,
    "too_long": Trouble.TOO_LONG,
    "garbage": Trouble.GARBAGE,
    "slow": Manner.SLOW,
    "wordy": Manner.WORDY,
}

# HANDSHAKE is what a server does after its 220 to STARTTLS, BODY what it does after its 354. A letter that
# the line swallows whole is in doubt even if the server never read it: there is no telling.
TABLE = """
           421   451   550       drop  reset hang  dribble endless too_long garbage slow wordy
CONNECT    HOST  HOST  HOST      HOST  HOST  HOST  HOST    HOST    HOST     HOST    SENT SENT
EHLO       HOST  HOST  HOST      HOST  HOST  HOST  HOST    HOST    HOST     HOST    SENT SENT
STARTTLS   HOST  HOST  HOST      HOST  HOST  HOST  HOST    HOST    HOST     HOST    SENT SENT
HANDSHAKE  HOST  HOST  HOST      HOST  HOST  HOST  HOST    HOST    HOST     HOST    SENT SENT
AUTH       HOST  HOST  NO_LOGIN  HOST  HOST  HOST  HOST    HOST    HOST     HOST    SENT SENT
MAIL       BUSY  LATER NO_SENDER HOST  HOST  HOST  HOST    HOST    HOST     HOST    SENT SENT
RCPT       BUSY  LATER BOUNCE    BUSY  BUSY  BUSY  BUSY    BUSY    BUSY     BUSY    SENT SENT
DATA       BUSY  LATER BOUNCE    BUSY  BUSY  BUSY  BUSY    BUSY    BUSY     BUSY    SENT SENT
BODY       BUSY  LATER BOUNCE    BUSY  BUSY  DOUBT DOUBT   BUSY    BUSY     BUSY    SENT SENT
DOT        BUSY  LATER BOUNCE    DOUBT DOUBT DOUBT DOUBT   DOUBT   DOUBT    DOUBT   SENT SENT
QUIT       SENT  SENT  SENT      SENT  SENT  SENT  SENT    SENT    SENT     SENT    SENT SENT
"""


@dataclass(frozen=True)
class Ending:
    """The email's status, what the verdict acts on, how many retries are spent, and who else is marked."""

    status: str
    acts_on: ActsOn
    retries: int = 0
    mailbox: str = "ACTIVE"
    contact: str = "ACTIVE"


ENDINGS = {
    "SENT": Ending("SENT", ActsOn.EMAIL),
    "DOUBT": Ending("IN_DOUBT", ActsOn.EMAIL),
    "HOST": Ending("RETRYING", ActsOn.HOST),
    "BUSY": Ending("RETRYING", ActsOn.HOST, retries=1),
    "LATER": Ending("RETRYING", ActsOn.EMAIL, retries=1),
    "BOUNCE": Ending("FAILED", ActsOn.CONTACT, contact="BOUNCED"),
    "NO_SENDER": Ending("FAILED", ActsOn.MAILBOX),
    "NO_LOGIN": Ending("PENDING", ActsOn.MAILBOX, mailbox="NEEDS_AUTH"),
}
_, *_ROWS = TABLE.strip().splitlines()
EXPECTED = {stage: dict(zip(FAULTS, words, strict=True)) for stage, *words in map(str.split, _ROWS)}


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return self_signed(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def acted_on(monkeypatch: pytest.MonkeyPatch) -> dict[EmailId, ActsOn]:
    """What the verdict of each email acts on, which no row tells."""
    noted: dict[EmailId, ActsOn] = {}

    def noting(attempt: Attempt, handover: Handover, **options: Any) -> Judgement:
        assert not isinstance(handover.answer, (Withheld, Interrupted))
        noted[attempt.email_id] = verdict(handover.stage, handover.answer).acts_on
        return judge(attempt, handover, **options)

    monkeypatch.setattr(actors.sender, "judge", noting)
    return noted


@pytest.mark.parametrize("stage", EXPECTED)
async def test_each_fault_ends_as_the_table_says(
    worker_db: Database, certificate: Certificate, acted_on: dict[EmailId, ActsOn], stage: str
) -> None:
    """All faults of a stage at once, each at a server of its own: status, blame, time, and what arrived."""
    async with servers_with(stage, certificate) as servers:
        email_ids = await make_emails(worker_db, servers)
        took_s = await send(worker_db, certificate.trusting)
        accepted = [len(server.accepted) for server in servers]
    endings = [await ending_of(worker_db, email_id, acted_on[email_id]) for email_id in email_ids]

    assert dict(zip(FAULTS, endings, strict=True)) == {
        fault: ENDINGS[word] for fault, word in EXPECTED[stage].items()
    }
    for ending, arrived in zip(endings, accepted, strict=True):
        assert ending.status in (("SENT", "IN_DOUBT") if arrived else _NOT_ACCEPTED)
    limit_s = TIMEOUT_S + (DOT_TIMEOUT_S if stage == "DOT" else 0) + TOLERANCE_S
    assert [took_s[str(email_id)] < limit_s for email_id in email_ids] == [True] * len(FAULTS)


@pytest.mark.parametrize(
    ("flaw", "said"),
    [
        ({"lasts": timedelta(seconds=-1)}, "certificate has expired"),
        ({"address": "127.0.0.2"}, "IP address mismatch, certificate is not valid for '127.0.0.1'."),
        (None, "self-signed certificate"),
    ],
    ids=["expired", "for another host", "nobody vouches for it"],
)
async def test_a_flawed_certificate_is_trouble_with_the_host(
    worker_db: Database,
    acted_on: dict[EmailId, ActsOn],
    tmp_path: Path,
    flaw: dict[str, Any] | None,
    said: str,
) -> None:
    """No password is sent, no retry spent, and the email tells why it waits."""
    flawed = self_signed(tmp_path, **(flaw or {}))
    async with ScriptedSmtpServer(tls_context=flawed.server) as server:
        (email_id,) = await make_emails(worker_db, [server])
        await send(worker_db, None if flaw is None else flawed.trusting)

    assert await ending_of(worker_db, email_id, acted_on[email_id]) == ENDINGS["HOST"]
    async with worker_db.transaction() as conn:
        assert await conn.scalar(select(scheduled_emails.c.last_error)) == said
    assert server.verbs() == ["EHLO", "STARTTLS"]


_NOT_ACCEPTED = ("PENDING", "RETRYING", "FAILED", "IN_DOUBT")


@asynccontextmanager
async def servers_with(stage: str, certificate: Certificate) -> AsyncIterator[list[ScriptedSmtpServer]]:
    """One server for each fault at *stage*."""
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(
                ScriptedSmtpServer({stage: answer}, tls_context=certificate.server, password="secret")
            )
            for answer in FAULTS.values()
        ]


async def send(database: Database, tls_context: ssl.SSLContext | None) -> dict[str, float]:
    """Send what is due; the seconds that each email took, by its id."""
    with capture_logs() as logs:
        async with post_office(
            database,
            in_flight=len(FAULTS),
            timeout_s=TIMEOUT_S,
            dot_timeout_s=DOT_TIMEOUT_S,
            tls_context=tls_context,
        ) as office:
            await office.send_due()
    return {log["email_id"]: log["ms"] / 1000 for log in logs if "ms" in log}


async def make_emails(database: Database, servers: Sequence[ScriptedSmtpServer]) -> list[EmailId]:
    """For each server a mailbox that logs in by STARTTLS, and an email that is due."""
    email_ids = []
    async with database.transaction() as conn:
        workspace_id = await make_workspace(conn)
        sequence_id = await make_sequence(conn, workspace_id, steps=[(0, "Welcome", "Hello")])
        for server in servers:
            mailbox_id = MailboxId(uuid7())
            await make_mailbox(
                conn,
                workspace_id,
                id=mailbox_id,
                port=server.port,
                security="STARTTLS",
                username="me",
                password_encrypted=VAULT.encrypt("secret", row_id=mailbox_id),
            )
            enrollment_id = await make_enrollment(
                conn, workspace_id, sequence_id, mailbox_id=mailbox_id, planned_at=MONDAY
            )
            email_ids.append(await make_email(conn, enrollment_id))
    return email_ids


async def ending_of(database: Database, email_id: EmailId, acts_on: ActsOn) -> Ending:
    columns = scheduled_emails.c
    marks = (
        select(columns.status, columns.retry_count, mailboxes.c.status, contacts.c.status)
        .join(mailboxes, mailboxes.c.id == columns.mailbox_id)
        .join(contacts, contacts.c.id == columns.contact_id)
        .where(columns.id == email_id)
    )
    async with database.transaction() as conn:
        status, retries, mailbox, contact = (await conn.execute(marks)).one()
    return Ending(status, acts_on, retries, mailbox, contact)
