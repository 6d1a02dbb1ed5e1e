"""How emails ended: a sequence's own emails tell what the counters of its mailboxes tell."""

from datetime import date, timedelta
from typing import Any

import pytest

from actors.judgement import judge
from actors.smtp import Handover
from domain.delivery import RETRY_SCHEDULE
from domain.ids import EmailId
from domain.inbound import InboundKind
from domain.replies import Reply, Stage
from persistence.database import Database
from persistence.reading.deliveries import delivered_by_mailboxes, delivered_by_sequences
from persistence.tables import scheduled_emails
from tests.persistence.delivery import NOW, Delivery, make_delivery
from tests.persistence.receiving import message, record
from tests.support.world import make_sequence

EVER = (date(1, 1, 1), date(9999, 12, 31))
FIGURES = ("sent", "failed", "retried", "bounced", "refused")


@pytest.fixture
async def delivery(worker_db: Database) -> Delivery:
    return await make_delivery(worker_db)


async def answered(delivery: Delivery, code: int, text: str, *, retries: int = 0) -> EmailId:
    """An email whose dot its server answers so, as its judge sees it."""
    [email_id] = await delivery.due()
    if retries:
        await delivery.change(scheduled_emails, email_id, retry_count=retries)
    attempt = await delivery.committed(email_id)
    judged = judge(attempt, Handover(Stage.DOT, Reply(code, text)), now=NOW, schedule=RETRY_SCHEDULE)
    assert await delivery.end(judged.result) == {email_id}
    return email_id


async def figures(delivery: Delivery, first: date, last: date) -> list[tuple[Any, ...]]:
    """Of the mailbox, and of the sequence."""
    async with delivery.db.transaction() as conn:
        [mailbox] = await delivered_by_mailboxes(
            conn, delivery.workspace_id, [(delivery.mailbox_id, first, last)]
        )
        [sequence] = await delivered_by_sequences(
            conn, delivery.workspace_id, [(delivery.sequence_id, first, last)]
        )
    return [tuple(row._mapping[name] for name in FIGURES) for row in (mailbox, sequence)]


async def test_a_sequence_has_the_figures_of_its_mailbox(delivery: Delivery) -> None:
    """Every way in which an email ends, at once or when it comes back."""
    await answered(delivery, 250, "2.0.0 Ok")
    came_back = await answered(delivery, 250, "2.0.0 Ok")
    await answered(delivery, 550, "5.1.1 No such user here")
    await answered(delivery, 550, "No such user here")
    await answered(delivery, 550, "5.7.1 Blocked as spam")
    await answered(delivery, 554, "5.6.0 Malformed")
    await answered(delivery, 451, "4.7.1 Greylisted")
    before = await figures(delivery, *EVER)

    await record(delivery, await message(delivery, came_back, InboundKind.HARD_BOUNCE, status="5.1.1"))
    soft = await message(delivery, came_back, InboundKind.BOUNCE, status="5.7.1")
    await record(delivery, soft)

    assert before == [(2, 4, 1, 2, 1)] * 2
    assert await figures(delivery, *EVER) == [(2, 4, 1, 3, 1)] * 2


async def test_a_mailbox_that_stayed_full_counts_as_a_bounce(delivery: Delivery) -> None:
    """After its last retry, by whichever code; another trouble that lasted does not."""
    await answered(delivery, 250, "2.0.0 Ok")
    for code, text in ((452, "4.2.2 Mailbox full"), (552, "5.2.2 Over quota"), (451, "4.3.5 Confused")):
        await answered(delivery, code, text, retries=3)

    [mailbox, sequence] = await figures(delivery, *EVER)

    assert (mailbox[1], mailbox[3]) == (3, 2)
    assert (sequence[1], sequence[3]) == (3, 2)


async def test_days_are_included_and_others_are_not(delivery: Delivery) -> None:
    """By the day of the mailbox."""
    await answered(delivery, 250, "2.0.0 Ok")
    today, day = NOW.date(), timedelta(days=1)

    assert await figures(delivery, today, today) == [(1, 0, 0, 0, 0)] * 2
    assert await figures(delivery, today - day, today - day) == [(0, 0, 0, 0, 0)] * 2
    assert await figures(delivery, today + day, today + day) == [(0, 0, 0, 0, 0)] * 2


async def test_emails_of_other_sequences_and_workspaces_are_not_counted(delivery: Delivery) -> None:
    """A mailbox serves several; whoever asks for a foreign sequence gets nothing of it."""
    await answered(delivery, 250, "2.0.0 Ok")
    other = await make_delivery(delivery.db)
    async with delivery.db.transaction() as conn:
        second = await make_sequence(conn, delivery.workspace_id)
        spans = [(sequence_id, *EVER) for sequence_id in (second, delivery.sequence_id, other.sequence_id)]
        mine = await delivered_by_sequences(conn, delivery.workspace_id, spans)
        theirs = await delivered_by_sequences(conn, other.workspace_id, spans)

    assert {row.sequence_id: row.sent for row in mine} == {
        second: 0,
        delivery.sequence_id: 1,
        other.sequence_id: 0,
    }
    assert [row.sent for row in theirs] == [0, 0, 0]
