"""How many statements an answer takes: as many for fifty entries as for one."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import event, insert

from persistence.database import Database
from persistence.tables import email_events, email_moves
from tests.api.client import ApiClient, SteppingClock
from tests.support.world import MONDAY, make_email, make_enrollment, make_mailbox, make_sequence

EMAILS = """
query ($first: Int) { scheduledEmails(first: $first) { totalCount nodes {
  id recipientEmail subject firstSendAt
  contact { email } step { position } mailbox { name capacity { remaining } } sequence { name stepCount }
  enrollment { status contact { email } itinerary { sendAt step { subject } } }
  events { kind mailbox { name } email { id } } moves { cause toMailbox { name } }
} } }
"""
SEQUENCES = """
query ($first: Int) { sequences(first: $first) { totalCount nodes {
  name stepCount steps { subject } mailboxes { name capacity { planned } }
  counts { enrollments { count } emails { count } } stats { enrolled sentEmails }
} } }
"""
MAILBOXES = """
query ($first: Int) { mailboxes(first: $first) { totalCount nodes {
  capacity { remaining } deliveryStats { sent }
  health { level lately { sent } alerts { kind mailbox { name } } }
} } }
"""


async def _fifty_of_each(api: ApiClient, worker_db: Database) -> None:
    """Fifty sequences, each with a mailbox, a contact on its way, and two emails of which one was moved."""
    async with worker_db.transaction() as conn:
        for _ in range(50):
            mailbox_id = await make_mailbox(conn, api.workspace_id)
            sequence_id = await make_sequence(conn, api.workspace_id, mailboxes=(mailbox_id,))
            enrollment_id = await make_enrollment(conn, api.workspace_id, sequence_id, mailbox_id=mailbox_id)
            email_id = await make_email(conn, enrollment_id)
            of_email = {"workspace_id": api.workspace_id, "email_id": email_id, "at": MONDAY}
            happened = {"enrollment_id": enrollment_id, "mailbox_id": mailbox_id, "kind": "CLAIM"}
            await conn.execute(insert(email_events).values(of_email | happened))
            moved = {"cause": "LATE", "to_mailbox_id": mailbox_id}
            await conn.execute(insert(email_moves).values(of_email | moved))


@contextmanager
def _statements(database: Database) -> Iterator[list[str]]:
    """The statements that are executed inside the block, without those that only enter the workspace."""
    executed: list[str] = []

    def note(*arguments: object) -> None:
        statement = str(arguments[2])
        if "set_config" not in statement:
            executed.append(statement)

    event.listen(database.engine.sync_engine, "before_cursor_execute", note)
    yield executed
    event.remove(database.engine.sync_engine, "before_cursor_execute", note)


@pytest.mark.parametrize(
    ("document", "statements"),
    [(EMAILS, 15), (SEQUENCES, 9), (MAILBOXES, 7)],
    ids=["emails", "sequences", "mailboxes"],
)
async def test_a_page_takes_as_many_statements_as_one_entry(
    api: ApiClient, worker_db: Database, api_db: Database, document: str, statements: int
) -> None:
    """However deep it is nested: each kind of thing is read once per level."""
    await _fifty_of_each(api, worker_db)
    await api.data(document, first=1)

    with _statements(api_db) as for_one:
        await api.data(document, first=1)
    with _statements(api_db) as for_fifty:
        answered = await api.data(document, first=50)

    [page] = answered.values()
    assert len(page["nodes"]) == 50
    assert len(for_fifty) == len(for_one), "\n".join(for_fifty)
    assert len(for_fifty) == statements, "\n".join(for_fifty)


async def test_the_clock_is_asked_once(api: ApiClient, worker_db: Database, clock: SteppingClock) -> None:
    """It may be a row of the database, and every mailbox wants to know its today."""
    await _fifty_of_each(api, worker_db)

    data = await api.data("{ queueStats { asOf } mailboxes(first: 50) { nodes { capacity { day } } } }")

    assert len(data["mailboxes"]["nodes"]) == 50
    assert clock.times_asked == 1
