"""A workspace to schedule batches in, and how that is asked for."""

from typing import Any

from domain.ids import ContactId, MailboxId
from persistence.database import Database
from tests.api.client import Answer, ApiClient
from tests.api.mutations.asking import done
from tests.support.world import make_contact, make_mailbox

TEXT = {"subject": "Welcome, {{ first_name }}", "bodyText": "Hello", "bodyHtml": "<p>Hello</p>"}
ONE = [{"email": "new@example.test"}]
COUNTS = "scheduled duplicates suppressed invalid { index email field reason }"


async def make_world(
    api: ApiClient, worker_db: Database, **overrides: Any
) -> tuple[MailboxId, list[ContactId]]:
    async with worker_db.transaction() as conn:
        mailbox_id = await make_mailbox(conn, api.workspace_id, **overrides)
        return mailbox_id, [await make_contact(conn, api.workspace_id) for _ in range(2)]


async def schedule(api: ApiClient, selection: str = COUNTS, **given: Any) -> Answer:
    return await done(api, "scheduleEmails", selection, **{**TEXT, **given})
