"""Linking mailboxes to sequences through the API."""

import pytest
from sqlalchemy import select

from persistence.database import Database
from persistence.tables import sequence_mailboxes
from tests.api.client import ApiClient
from tests.api.mutations.asking import done, error, mailbox, refused, sequence
from tests.support.world import make_enrollment, make_mailbox, make_sequence

LINKING = "sequence { mailboxes { id } } recalculation { cause }"


async def test_mailboxes_are_linked_and_unlinked(api: ApiClient, worker_db: Database) -> None:
    """Each change of who sends replans; one that changes nothing does not."""
    async with worker_db.transaction() as conn:
        first, second = [await make_mailbox(conn, api.workspace_id) for _ in range(2)]
        key = await make_sequence(conn, api.workspace_id, mailboxes=[first])
        await make_enrollment(conn, api.workspace_id, key)
    both = {"sequenceId": sequence(key), "mailboxIds": [mailbox(first), mailbox(second)]}

    linked = await done(api, "linkMailboxes", LINKING, **both)
    again = await done(api, "linkMailboxes", LINKING, **both)
    unlinked = await done(api, "unlinkMailboxes", LINKING, **(both | {"mailboxIds": [mailbox(first)]}))

    assert linked == {
        "sequence": {"mailboxes": [{"id": mailbox(first)}, {"id": mailbox(second)}]},
        "recalculation": {"cause": "MAILBOX_ADDED"},
        "userErrors": [],
    }
    assert again["recalculation"] is None
    assert unlinked == {
        "sequence": {"mailboxes": [{"id": mailbox(second)}]},
        "recalculation": {"cause": "MAILBOX_UNLINKED"},
        "userErrors": [],
    }


@pytest.mark.parametrize("mutation", ["linkMailboxes", "unlinkMailboxes"])
async def test_only_what_the_workspace_has_is_linked(
    api: ApiClient, stranger: ApiClient, worker_db: Database, mutation: str
) -> None:
    """Neither a foreign sequence nor a foreign mailbox, even together."""
    async with worker_db.transaction() as conn:
        own = await make_mailbox(conn, api.workspace_id)
        foreign = await make_mailbox(conn, stranger.workspace_id)
        own_sequence = await make_sequence(conn, api.workspace_id, mailboxes=[own])
        foreign_sequence = await make_sequence(conn, stranger.workspace_id, mailboxes=[foreign])

    of_mailbox = await refused(
        api,
        worker_db,
        mutation,
        sequenceId=sequence(own_sequence),
        mailboxIds=[mailbox(own), mailbox(foreign)],
    )
    of_sequence = await refused(
        api,
        worker_db,
        mutation,
        sequenceId=sequence(foreign_sequence),
        mailboxIds=[mailbox(foreign)],
    )

    assert of_mailbox == [error("NOT_FOUND", "mailboxIds.1", "There is no mailbox with this id.")]
    assert of_sequence == [error("NOT_FOUND", "sequenceId", "There is no sequence with this id.")]


async def test_a_removed_mailbox_is_not_linked(api: ApiClient, worker_db: Database) -> None:
    """It sends nothing any more."""
    async with worker_db.transaction() as conn:
        removed = await make_mailbox(conn, api.workspace_id, status="REMOVED")
        key = await make_sequence(conn, api.workspace_id)

    errors = await refused(
        api, worker_db, "linkMailboxes", sequenceId=sequence(key), mailboxIds=[mailbox(removed)]
    )

    assert errors == [error("WRONG_STATUS", "mailboxIds", "The mailbox's status is REMOVED.")]
    async with worker_db.transaction() as conn:
        assert (await conn.execute(select(sequence_mailboxes))).all() == []


async def test_another_choice_of_mailboxes_is_another_version(api: ApiClient, worker_db: Database) -> None:
    """Whoever saw the old one is told, and nothing is linked; one that changes nothing raises nothing."""
    async with worker_db.transaction() as conn:
        first, second = [await make_mailbox(conn, api.workspace_id) for _ in range(2)]
        key = await make_sequence(conn, api.workspace_id, mailboxes=[first])
    one = {"sequenceId": sequence(key), "mailboxIds": [mailbox(first)]}
    other = one | {"mailboxIds": [mailbox(second)]}
    selection = "sequence { version updatedAt }"

    same = await done(api, "linkMailboxes", selection, **one, expectedVersion=1)
    linked = await done(api, "linkMailboxes", selection, **other, expectedVersion=1)
    stale = [
        await refused(api, worker_db, mutation, **one, expectedVersion=1)
        for mutation in ("linkMailboxes", "unlinkMailboxes")
    ]
    unlinked = await done(api, "unlinkMailboxes", selection, **one, expectedVersion=2)
    again = await done(api, "unlinkMailboxes", selection, **one, expectedVersion=3)

    answers = [each["sequence"] for each in (same, linked, unlinked, again)]
    assert [each["version"] for each in answers] == [1, 2, 3, 3]
    assert answers[0]["updatedAt"] < answers[1]["updatedAt"] < answers[2]["updatedAt"]
    message = "The sequence is at version 2 by now."
    assert stale == [[error("STALE_OBJECT", "expectedVersion", message)]] * 2
