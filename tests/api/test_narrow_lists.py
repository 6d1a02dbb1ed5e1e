"""Lists of few among many: a filter finds them, and does not read all the others for them."""

from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest

from api.ids import global_id
from persistence.database import Database, libpq_url
from tests.api.client import ApiClient
from tests.api.explaining import Statement, explained, filling

PEOPLE = 25_000
TO_COME = "[PENDING, QUEUED, SENDING, COMMITTING, RETRYING]"
# Of the last ones in the order of each list: whoever walks it reads all others before.
_AMONG_THEM = """
UPDATE scheduled_emails SET status = 'FAILED' WHERE id IN (
    SELECT id FROM scheduled_emails WHERE status = 'SENT' ORDER BY send_at DESC LIMIT 30);
UPDATE scheduled_emails SET status = 'IN_DOUBT' WHERE id IN (
    SELECT id FROM scheduled_emails WHERE status = 'SENT' ORDER BY send_at DESC LIMIT 30);
UPDATE scheduled_emails SET status = 'RETRYING', retry_at = now() WHERE id IN (
    SELECT id FROM scheduled_emails WHERE status = 'PENDING' ORDER BY send_at DESC LIMIT 30);
UPDATE scheduled_emails SET send_at = NULL, unplaced_reason = 'NO_CAPACITY' WHERE id IN (
    SELECT id FROM scheduled_emails WHERE status = 'PENDING' ORDER BY send_at DESC LIMIT 30);
UPDATE enrollments SET status = 'PAUSED' WHERE id IN (SELECT id FROM enrollments ORDER BY id LIMIT 30);
UPDATE enrollments SET status = 'BOUNCED' WHERE id IN (
    SELECT id FROM enrollments ORDER BY id LIMIT 30 OFFSET 30);
UPDATE contacts SET status = 'BOUNCED' WHERE id IN (SELECT id FROM contacts ORDER BY id LIMIT 30);
UPDATE contacts SET status = 'UNSUBSCRIBED' WHERE id IN (
    SELECT id FROM contacts ORDER BY id LIMIT 30 OFFSET 30);
UPDATE contacts SET status = 'DELETED' WHERE id IN (SELECT id FROM contacts ORDER BY id LIMIT 30 OFFSET 60)
"""
# Filters that screens have; `%s` are ids of the small sequence and one of its contacts.
NARROW = {
    "failed": "scheduledEmails(filter: { status: FAILED } {page})",
    "in doubt": "scheduledEmails(filter: { status: IN_DOUBT } {page})",
    "retrying": "scheduledEmails(filter: { status: [RETRYING] } {page})",
    "to come": "scheduledEmails(filter: { status: %s } {page})" % TO_COME,  # noqa: UP031
    "without a slot": "scheduledEmails(filter: { status: PENDING, isUnplaced: true } {page})",
    "of a sequence": 'scheduledEmails(filter: { sequenceId: "{sequence}" } {page})',
    "failed of a sequence": 'scheduledEmails(filter: { sequenceId: "{sequence}", status: FAILED } {page})',
    "to a contact": 'scheduledEmails(filter: { contactId: "{contact}" } {page})',
    "of a step": 'scheduledEmails(filter: { stepId: "{step}" } {page})',
    "from a mailbox": 'scheduledEmails(filter: { mailboxId: "{mailbox}" } {page})',
    "paused": "enrollments(filter: { status: PAUSED } {page})",
    "bounced enrollments": "enrollments(filter: { status: BOUNCED } {page})",
    "enrollments of a sequence": 'enrollments(filter: { sequenceId: "{sequence}" } {page})',
    "enrollments of a contact": 'enrollments(filter: { contactId: "{contact}" } {page})',
    "bounced contacts": "contacts(filter: { status: BOUNCED } {page})",
    "unreachable contacts": "contacts(filter: { status: [BOUNCED, UNSUBSCRIBED] } {page})",
    "deleted contacts": "contacts(filter: { status: DELETED } {page})",
}
# Read in vain: an entry or two of a page that is shared, and no walk.
FEW = 100


@pytest.fixture
async def ids(api: ApiClient, worker_db: Database, database_url: str) -> AsyncIterator[dict[str, str]]:
    """50,000 emails of one sequence, and twenty later ones of another with a mailbox of its own."""
    async with filling(worker_db, database_url, api.workspace_id, people=PEOPLE) as (admin, _):
        admin.execute(_AMONG_THEM)
    async with filling(worker_db, database_url, api.workspace_id, people=10) as (admin, given):
        later = "UPDATE scheduled_emails SET send_at = send_at + interval '1 year' WHERE sequence_id = %s"
        admin.execute(later, [given["sequence_id"]])
    with psycopg.connect(libpq_url(database_url), autocommit=True) as admin:
        admin.execute("VACUUM ANALYZE contacts, enrollments, scheduled_emails")
        theirs = "SELECT contact_id, step_id FROM scheduled_emails WHERE sequence_id = %s LIMIT 1"
        ((contact_id, step_id),) = admin.execute(theirs, [given["sequence_id"]])
    yield {
        "sequence": global_id("Sequence", given["sequence_id"]),
        "mailbox": global_id("Mailbox", given["mailbox_id"]),
        "contact": global_id("Contact", contact_id),
        "step": global_id("Step", step_id),
    }
    with psycopg.connect(libpq_url(database_url), autocommit=True) as admin:
        admin.execute("TRUNCATE contacts, enrollments, scheduled_emails, email_events CASCADE")


async def test_no_filter_reads_what_it_does_not_show(
    api: ApiClient, ids: dict[str, str], api_db: Database, pages: list[Statement]
) -> None:
    """Neither from the beginning of a list nor from its end, by what PostgreSQL says that it did."""
    walked: dict[tuple[str, str], Any] = {}
    empty = set()
    for name, field in NARROW.items():
        for page in ("first: 20", "last: 20"):
            asked = field.replace("{page}", page)
            for kind, key in ids.items():
                asked = asked.replace(f"{{{kind}}}", key)
            found = await api.data(f"{{ {asked} {{ nodes {{ id }} }} }}")
            plan = await explained(api_db, api.workspace_id, pages[-1], forced=False)
            if "Seq Scan" in plan.nodes or plan.passed_over > FEW or plan.blocks > 300:
                walked[name, page] = plan
            if not next(iter(found.values()))["nodes"] and name != "failed of a sequence":
                empty.add(name)

    assert (walked, empty) == ({}, set())
