"""The operations that the documents show are carried out as they stand there."""

from pathlib import Path
from typing import Any

import graphql
import pytest

from api.ids import global_id
from persistence.database import Database
from tests.api.client import Answer, ApiClient
from tests.api.one_of_each import one_of_each
from tests.support.documented import operations
from tests.support.world import make_email, make_enrollment, make_mailbox, make_sequence

ROOT = Path(__file__).parents[2]
PAGES = ["docs/api.md", "docs/operations.md"]
SCREENS = {
    "Timetable",
    "Sent",
    "InDoubt",
    "Capacity",
    "Itinerary",
    "SequenceScreen",
    "Recalculations",
    "Now",
    "Contacts",
    "ContactScreen",
}
# What a later operation of a page takes from an earlier one: which id, and where it stands in the answer.
_MADE = {
    "CreateMailbox": ("mailboxIds", "createMailbox", "mailbox"),
    "CreateSequence": ("sequenceId", "createSequence", "sequence"),
}
# Operations that are about a thing in another state than the ordinary one.
_IN_STATE = {"Settle": {"emailId": "in doubt"}, "GoOn": {"mailboxId": "paused"}}

pages = pytest.mark.parametrize("page", PAGES)


async def _ids(api: ApiClient, worker_db: Database, api_db: Database) -> dict[str, str]:
    """An id for each variable, by its name, and those of things in other states."""
    keys = await one_of_each(api, worker_db, api_db)
    ids = {f"{kind[0].lower()}{kind[1:]}Id": str(global_id(kind, key)) for kind, key in keys.items()}
    ids |= {"emailId": ids["scheduledEmailId"], "ids": ids["contactId"], "mailboxIds": ids["mailboxId"]}
    async with worker_db.transaction() as conn:
        mailbox_id = await make_mailbox(conn, api.workspace_id)
        sequence_id = await make_sequence(conn, api.workspace_id, mailboxes=[mailbox_id])
        enrollment_id = await make_enrollment(conn, api.workspace_id, sequence_id, mailbox_id=mailbox_id)
        in_doubt = await make_email(conn, enrollment_id, status="IN_DOUBT", attempt=1)
        paused = await make_mailbox(conn, api.workspace_id, status="PAUSED")
    return ids | {
        "in doubt": str(global_id("ScheduledEmail", in_doubt)),
        "paused": str(global_id("Mailbox", paused)),
    }


@pages
def test_operations_are_valid(page: str) -> None:
    """Against the schema that is in the repository; each has a name of its own."""
    schema = graphql.build_schema((ROOT / "schema.graphql").read_text())
    shown = operations(page)

    assert [graphql.validate(schema, graphql.parse(each.text)) for each in shown] == [[]] * len(shown)
    assert len({each.name for each in shown}) == len(shown) > 5


def test_the_page_has_every_screen() -> None:
    """And how what they show is made."""
    assert {each.name for each in operations("docs/api.md")} > SCREENS


@pages
async def test_operations_do_what_they_say(
    api: ApiClient, worker_db: Database, api_db: Database, page: str
) -> None:
    """From the first to the last, each with what those before it made: no error, and nothing refused."""
    ids = await _ids(api, worker_db, api_db)

    # What subscriptions tell is tested where they are.
    asked = [each for each in operations(page) if not each.text.startswith("subscription")]
    for operation in asked:
        others = {name: ids[state] for name, state in _IN_STATE.get(operation.name, {}).items()}
        data = await api.data(operation.text, **operation.given(ids | others))

        assert _refusals(data) == [], operation.name
        assert None not in data.values(), operation.name
        if operation.name in _MADE:
            name, field, made = _MADE[operation.name]
            ids[name] = data[field][made]["id"]


# Any: JSON.
def _refusals(data: Answer) -> list[Any]:
    payloads = [each for each in data.values() if isinstance(each, dict)]
    return [
        each for payload in payloads for key in ("userErrors", "invalid") for each in payload.get(key, ())
    ]
