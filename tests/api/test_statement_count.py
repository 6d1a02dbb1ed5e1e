"""How many statements an answer takes: as many for fifty entries as for one."""

import pytest
from sqlalchemy import insert

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
TIMETABLE = """
query ($first: Int) { scheduledEmails(first: $first) {
  edges { cursor node { id status sendAt ...Shown } } pageInfo { endCursor }
} }
fragment Shown on ScheduledEmail {
  subject recipientEmail contact { email } step { position } mailbox { name }
}
"""
SEQUENCES = """
query ($first: Int) { sequences(first: $first) { totalCount nodes {
  name stepCount steps { subject } mailboxes { name capacity { planned } }
  counts { enrollments { count } emails { count } } stats { enrolled sentEmails }
  deliveryStats(from: "2026-03-01", to: "2026-03-14") { days { sent } }
} } }
"""
MAILBOXES = """
query ($first: Int) { mailboxes(first: $first) { totalCount nodes {
  capacity { remaining } deliveryStats { sent }
  march: deliveryStats(from: "2026-03-01", to: "2026-03-14") { days { sent } }
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


@pytest.mark.parametrize(
    ("document", "most"),
    [(EMAILS, 14), (SEQUENCES, 11), (MAILBOXES, 8)],
    ids=["emails", "sequences", "mailboxes"],
)
async def test_a_page_takes_as_many_statements_as_one_entry(
    api: ApiClient, worker_db: Database, statements: list[str], document: str, most: int
) -> None:
    """However deep it is nested: each kind of thing is read once per level."""
    await _fifty_of_each(api, worker_db)
    await api.data(document, first=1)

    statements.clear()
    await api.data(document, first=1)
    for_one = statements.copy()
    statements.clear()
    answered = await api.data(document, first=50)

    [page] = answered.values()
    assert len(page["nodes"]) == 50
    assert len(statements) == len(for_one), "\n".join(statements)
    assert len(statements) == most, "\n".join(statements)


async def test_the_timetable_takes_two_statements(
    api: ApiClient, worker_db: Database, statements: list[str]
) -> None:
    """Whose key it is, and the emails with what they point to."""
    await _fifty_of_each(api, worker_db)
    await api.data("{ viewer { name } }")
    statements.clear()

    data = await api.data(TIMETABLE, first=20)

    assert len(data["scheduledEmails"]["edges"]) == 20
    assert len(statements) == 2, "\n".join(statements)


async def test_what_holds_emails_takes_no_statement_more(
    api: ApiClient, worker_db: Database, statements: list[str]
) -> None:
    """Twenty emails of twenty mailboxes and sequences: the list, and the sequences that are shown."""
    await _fifty_of_each(api, worker_db)
    await api.data("{ viewer { name } }")
    statements.clear()

    data = await api.data(
        "{ scheduledEmails(first: 20) { nodes { heldBy subject mailbox { status } sequence { name } } } }"
    )

    assert [node["heldBy"] for node in data["scheduledEmails"]["nodes"]] == [[]] * 20
    assert len(statements) == 3, "\n".join(statements)


async def test_the_clock_is_asked_once(api: ApiClient, worker_db: Database, clock: SteppingClock) -> None:
    """It may be a row of the database, and every mailbox wants to know its today."""
    await _fifty_of_each(api, worker_db)

    data = await api.data("{ queueStats { asOf } mailboxes(first: 50) { nodes { capacity { day } } } }")

    assert len(data["mailboxes"]["nodes"]) == 50
    assert clock.times_asked == 1
