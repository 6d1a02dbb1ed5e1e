"""Changing and moving mailboxes through the API."""

from typing import Any

import pytest
from sqlalchemy import select

from api.context import Services
from persistence.database import Database
from persistence.tables import recalculations
from tests.api.client import ApiClient
from tests.api.mutations.asking import done, error, everything, mailbox, refused, sequence
from tests.support.world import MONDAY, make_mailbox


@pytest.mark.parametrize(
    "changes",
    [{"dailyCapacity": 10}, {"zone": "Europe/Berlin"}, {"minimumGapSeconds": 60}, {"hourlyLimit": 5}],
)
async def test_another_capacity_replans(api: ApiClient, worker_db: Database, changes: dict[str, Any]) -> None:
    """Whatever decides how many emails fit where."""
    async with worker_db.transaction() as conn:
        key = await make_mailbox(conn, api.workspace_id)

    payload = await done(
        api,
        "updateMailbox",
        "mailbox { version } recalculation { cause mailbox { id } }",
        mailboxId=mailbox(key),
        expectedVersion=1,
        **changes,
    )

    assert payload["mailbox"] == {"version": 2}
    assert payload["recalculation"] == {"cause": "CAPACITY_CHANGED", "mailbox": {"id": mailbox(key)}}


async def test_other_changes_replan_nothing(api: ApiClient, worker_db: Database) -> None:
    """Names and servers; null takes a name away, and the same capacity is no change."""
    async with worker_db.transaction() as conn:
        key = await make_mailbox(conn, api.workspace_id, owner="Office", daily_capacity=30)

    payload = await done(
        api,
        "updateMailbox",
        "mailbox { name fromName owner host security port } recalculation { id }",
        mailboxId=mailbox(key),
        name="Sales",
        fromName="Sales team",
        owner=None,
        host="smtp.example.com",
        security="TLS",
        port=465,
        dailyCapacity=30,
    )

    assert payload["mailbox"] == {
        "name": "Sales",
        "fromName": "Sales team",
        "owner": None,
        "host": "smtp.example.com",
        "security": "TLS",
        "port": 465,
    }
    assert payload["recalculation"] is None


async def test_a_new_password_brings_a_refused_mailbox_back(
    api: ApiClient, services: Services, worker_db: Database
) -> None:
    """And replans what waited for it."""
    async with worker_db.transaction() as conn:
        key = await make_mailbox(conn, api.workspace_id, status="NEEDS_AUTH", status_reason="535 5.7.8 no")

    payload = await done(
        api,
        "updateMailbox",
        "mailbox { status statusReason } recalculation { cause }",
        mailboxId=mailbox(key),
        password="right",
    )

    assert payload["mailbox"] == {"status": "ACTIVE", "statusReason": None}
    assert payload["recalculation"] == {"cause": "MAILBOX_RESUMED"}
    [row] = (await everything(worker_db))["mailboxes"]
    assert services.vault.decrypt(row.password_encrypted, row_id=row.id) == "right"


async def test_a_paused_mailbox_stays_paused_with_a_new_password(api: ApiClient, worker_db: Database) -> None:
    """Somebody put it on hold; null takes the password away."""
    async with worker_db.transaction() as conn:
        key = await make_mailbox(conn, api.workspace_id, status="PAUSED", password_encrypted=b"old")

    changed = await done(api, "updateMailbox", "mailbox { status }", mailboxId=mailbox(key), password="new")
    await done(api, "updateMailbox", "mailbox { status }", mailboxId=mailbox(key), password=None)

    assert changed["mailbox"] == {"status": "PAUSED"}
    [row] = (await everything(worker_db))["mailboxes"]
    assert row.password_encrypted is None


@pytest.mark.parametrize(
    ("mutation", "status", "after", "cause"),
    [
        ("pauseMailbox", "ACTIVE", "PAUSED", "MAILBOX_PAUSED"),
        ("resumeMailbox", "PAUSED", "ACTIVE", "MAILBOX_RESUMED"),
        ("resumeMailbox", "NEEDS_AUTH", "ACTIVE", "MAILBOX_RESUMED"),
        ("removeMailbox", "ACTIVE", "REMOVED", "MAILBOX_REMOVED"),
    ],
)
async def test_a_mailbox_moves_and_replans(
    api: ApiClient, worker_db: Database, mutation: str, status: str, after: str, cause: str
) -> None:
    """Each with its own cause."""
    async with worker_db.transaction() as conn:
        key = await make_mailbox(conn, api.workspace_id, status=status)

    payload = await done(api, mutation, "mailbox { status } recalculation { cause }", mailboxId=mailbox(key))

    assert payload["mailbox"] == {"status": after}
    assert payload["recalculation"] == {"cause": cause}


TROUBLED = {"host_troubles": 4, "host_rests_until": MONDAY, "host_error": "421 4.3.2"}


@pytest.mark.parametrize("status", ["ACTIVE", "BLOCKED"])
async def test_a_resumed_mailbox_tries_its_server_at_once(
    api: ApiClient, worker_db: Database, status: str
) -> None:
    """Whoever resumes it says that the trouble with its server is over."""
    async with worker_db.transaction() as conn:
        key = await make_mailbox(conn, api.workspace_id, status=status, **TROUBLED)

    answer = "mailbox { status circuit { state troubles until lastError } }"
    payload = await done(api, "resumeMailbox", answer, mailboxId=mailbox(key))

    circuit = {"state": "CLOSED", "troubles": 0, "until": None, "lastError": None}
    assert payload["mailbox"] == {"status": "ACTIVE", "circuit": circuit}


@pytest.mark.parametrize(
    ("change", "troubles"), [({"port": 2526}, 0), ({"host": "localhost"}, 0), ({"name": "North"}, 4)]
)
async def test_a_mailbox_with_another_server_has_no_trouble_with_it_yet(
    api: ApiClient, worker_db: Database, change: dict[str, object], troubles: int
) -> None:
    """What was counted was the old one's."""
    async with worker_db.transaction() as conn:
        key = await make_mailbox(conn, api.workspace_id, **TROUBLED)

    answer = "mailbox { circuit { troubles } }"
    payload = await done(api, "updateMailbox", answer, mailboxId=mailbox(key), **change)

    assert payload["mailbox"] == {"circuit": {"troubles": troubles}}


async def test_a_removal_says_what_becomes_of_its_emails(api: ApiClient, worker_db: Database) -> None:
    """For the recalculation, instead of what each sequence says."""
    async with worker_db.transaction() as conn:
        key = await make_mailbox(conn, api.workspace_id)

    await done(api, "removeMailbox", "mailbox { id }", mailboxId=mailbox(key), policy="CANCEL")

    async with worker_db.transaction() as conn:
        assert await conn.scalar(select(recalculations.c.details)) == {"policy": "CANCEL"}


async def test_a_removed_mailbox_is_taken_back_on_hold(api: ApiClient, worker_db: Database) -> None:
    """Its password is gone, so it does not send by itself."""
    async with worker_db.transaction() as conn:
        key = await make_mailbox(conn, api.workspace_id, status="REMOVED", removed_at=MONDAY)

    payload = await done(api, "restoreMailbox", "mailbox { status }", mailboxId=mailbox(key))

    [row] = (await everything(worker_db))["mailboxes"]
    assert (payload["mailbox"], row.removed_at) == ({"status": "PAUSED"}, None)


async def test_a_mailbox_is_not_taken_back_beside_its_successor(api: ApiClient, worker_db: Database) -> None:
    """Two live ones must not share an address."""
    async with worker_db.transaction() as conn:
        key = await make_mailbox(conn, api.workspace_id, email="sales@example.com", status="REMOVED")
        await make_mailbox(conn, api.workspace_id, email="sales@example.com")

    errors = await refused(api, worker_db, "restoreMailbox", mailboxId=mailbox(key))

    message = "Another mailbox sends from this address already."
    assert errors == [error("ADDRESS_TAKEN", "mailboxId", message)]


@pytest.mark.parametrize(
    ("mutation", "status", "message"),
    [
        ("pauseMailbox", "PAUSED", "The mailbox's status is PAUSED."),
        ("resumeMailbox", "ACTIVE", "The mailbox's status is ACTIVE."),
        ("removeMailbox", "REMOVED", "The mailbox's status is REMOVED."),
        ("updateMailbox", "REMOVED", "The mailbox's status is REMOVED."),
        ("restoreMailbox", "PAUSED", "The mailbox's status is PAUSED."),
    ],
)
async def test_what_its_status_does_not_allow_is_refused(
    api: ApiClient, worker_db: Database, mutation: str, status: str, message: str
) -> None:
    """And no recalculation is asked for."""
    async with worker_db.transaction() as conn:
        key = await make_mailbox(conn, api.workspace_id, status=status)

    errors = await refused(api, worker_db, mutation, mailboxId=mailbox(key))

    assert errors == [error("WRONG_STATUS", "mailboxId", message)]


MOVES = ("updateMailbox", "pauseMailbox", "resumeMailbox", "removeMailbox", "restoreMailbox")


@pytest.mark.parametrize("mutation", MOVES)
async def test_a_mailbox_of_another_workspace_does_not_exist(
    api: ApiClient, stranger: ApiClient, worker_db: Database, mutation: str
) -> None:
    """Nothing is done to it; an id of another kind is none at all."""
    async with worker_db.transaction() as conn:
        foreign = await make_mailbox(conn, stranger.workspace_id, status="BLOCKED")

    unknown = await refused(api, worker_db, mutation, mailboxId=mailbox(foreign))
    wrong = await refused(api, worker_db, mutation, mailboxId=sequence(foreign))

    assert unknown == [error("NOT_FOUND", "mailboxId", "There is no mailbox with this id.")]
    assert wrong == [error("INVALID_ID", "mailboxId", f"“{sequence(foreign)}” is not an id of a Mailbox.")]


@pytest.mark.parametrize("mutation", MOVES)
async def test_a_stale_mailbox_is_not_changed(api: ApiClient, worker_db: Database, mutation: str) -> None:
    """Somebody else was faster."""
    async with worker_db.transaction() as conn:
        key = await make_mailbox(conn, api.workspace_id, status="BLOCKED", version=2)

    errors = await refused(api, worker_db, mutation, mailboxId=mailbox(key), expectedVersion=1)

    assert errors == [error("STALE_OBJECT", "expectedVersion", "The mailbox is at version 2 by now.")]
