"""Watching emails: each change is told once, in every process, and after a reconnection."""

import asyncio
from typing import Any

import psycopg
import pytest
from sqlalchemy import text

from api.ids import global_id
from api.subscriptions import emails as module
from domain.lifecycle import EmailEvent
from persistence.api_keys import create_api_key
from persistence.database import Database, libpq_url
from persistence.email_events import Happening, record_events
from persistence.results import Result
from tests.api.live.conftest import Serve
from tests.api.live.watching import Socket, browser, event_source, logged_in
from tests.persistence.delivery import NOW, Delivery, make_delivery

CHANGES = """
subscription ($sequenceId: ID, $after: String) { emailStatusChanged(sequenceId: $sequenceId, after: $after) {
  number changes { status event { id kind code } email { id status contact { email } } }
} }
"""


@pytest.fixture
async def delivery(worker_db: Database) -> Delivery:
    return await make_delivery(worker_db)


@pytest.fixture
async def key(delivery: Delivery, api_db: Database) -> str:
    async with api_db.transaction(delivery.workspace_id) as conn:
        return await create_api_key(conn, delivery.workspace_id, name="watches")


def _kinds(told: dict[str, Any]) -> list[str]:
    return [change["event"]["kind"] for change in told["emailStatusChanged"]["changes"]]


async def _heard(client: Socket, count: int) -> list[dict[str, Any]]:
    """The next *count* changes, however they are told together."""
    changes: list[dict[str, Any]] = []
    while len(changes) < count:
        changes += (await client.next())["emailStatusChanged"]["changes"]
    return changes


async def test_what_happens_to_an_email_is_told(url: str, key: str, delivery: Delivery) -> None:
    """With the email and what it leads to, of the sequence that is asked for."""
    [email_id] = await delivery.due()
    sequence_id = global_id("Sequence", delivery.sequence_id)
    async with logged_in(url, key) as client:
        await client.subscribe(CHANGES, sequenceId=sequence_id)
        at_first = await client.next()
        await delivery.sent(email_id)
        changes = await _heard(client, 2)

    assert at_first["emailStatusChanged"]["changes"] == []
    assert [(each["event"]["kind"], each["event"]["code"]) for each in changes] == [
        ("COMMIT", None),
        ("ACCEPT", 250),
    ]
    assert changes[-1]["status"] == "SENT"
    assert changes[-1]["email"]["id"] == global_id("ScheduledEmail", email_id)
    assert changes[-1]["email"]["contact"]["email"].endswith("@example.test")


async def test_it_begins_with_what_is_newest(
    url: str, key: str, delivery: Delivery, worker_db: Database
) -> None:
    """However young the events before it are, and also for who connects again with its number."""
    before, after = await delivery.due(2)
    await delivery.sent(before)
    async with worker_db.transaction() as conn:
        newest = await conn.scalar(text("SELECT max(id) FROM email_events"))

    async with logged_in(url, key) as client:
        await client.subscribe(CHANGES)
        begun = (await client.next())["emailStatusChanged"]
    async with logged_in(url, key) as client:
        await client.subscribe(CHANGES, after=begun["number"])
        again = (await client.next())["emailStatusChanged"]
        await delivery.sent(after)
        heard = await _heard(client, 2)

    assert int(begun["number"]) >= newest
    assert (begun["changes"], again["changes"]) == ([], [])
    assert {each["email"]["id"] for each in heard} == {global_id("ScheduledEmail", after)}


async def test_another_sequence_and_another_workspace_are_not_heard(
    url: str, key: str, delivery: Delivery, worker_db: Database, api_db: Database
) -> None:
    """Its ids are unknown to others."""
    other = await make_delivery(worker_db)
    async with api_db.transaction(other.workspace_id) as conn:
        foreign_key = await create_api_key(conn, other.workspace_id, name="theirs")
    sequence_id = global_id("Sequence", delivery.sequence_id)

    async with logged_in(url, foreign_key) as theirs, logged_in(url, key) as ours:
        await theirs.subscribe(CHANGES, sequenceId=sequence_id)
        refused = await theirs.hear()
        await theirs.subscribe(CHANGES)
        await theirs.next()
        await ours.subscribe(CHANGES)
        await ours.next()
        [mine], [foreign] = await delivery.due(), await other.due()
        await delivery.sent(mine)
        heard = await _heard(ours, 2)
        await other.sent(foreign)
        heard_by_them = await _heard(theirs, 2)

    assert (refused["type"], refused["payload"][0]["extensions"]["code"]) == ("error", "NOT_FOUND")
    assert {each["email"]["id"] for each in heard} == {global_id("ScheduledEmail", mine)}
    assert {each["email"]["id"] for each in heard_by_them} == {global_id("ScheduledEmail", foreign)}


async def test_two_processes_tell_the_same_and_either_goes_on_for_the_other(
    serve: Serve, key: str, delivery: Delivery, worker_db: Database
) -> None:
    """From the last number, whatever happened while nobody was connected."""
    first_url, second_url = await serve(), await serve()
    first, missed = await delivery.due(2)
    async with logged_in(first_url, key) as one, logged_in(second_url, key) as other:
        await one.subscribe(CHANGES)
        await one.next()
        await other.subscribe(CHANGES)
        await other.next()
        await delivery.sent(first)
        heard = [await _heard(client, 2) for client in (one, other)]
        async with worker_db.transaction() as conn:
            written = await conn.scalar(text("SELECT max(id) FROM email_events"))
        number = 0
        # A number is settled when transactions have ended that are open, in any database of the server.
        while number < written:
            await delivery.sent(*await delivery.due())
            number = int((await one.next())["emailStatusChanged"]["number"])
    await delivery.sent(missed)

    async with logged_in(second_url, key) as client:
        await client.subscribe(CHANGES, after=str(number))
        again = await client.next()

    assert heard[0] == heard[1]
    found = {change["email"]["id"] for change in again["emailStatusChanged"]["changes"]}
    assert global_id("ScheduledEmail", missed) in found
    assert global_id("ScheduledEmail", first) not in found


async def test_a_browser_goes_on_by_itself(url: str, key: str, delivery: Delivery) -> None:
    """It sends the id of the last event that it has."""
    first, second = await delivery.due(2)
    async with browser(url, key) as http:
        async with event_source(http, CHANGES) as source:
            begun = await source.next()
            await delivery.sent(first)
            told = await source.next()
        await delivery.sent(second)
        assert begun is not None
        assert told is not None
        assert told.id is not None
        async with event_source(http, CHANGES, {"Last-Event-ID": told.id}) as source:
            again = await source.data()

    found = {change["email"]["id"] for change in again["emailStatusChanged"]["changes"]}
    assert global_id("ScheduledEmail", second) in found


async def test_who_comes_back_too_late_has_to_read_anew(
    url: str, key: str, delivery: Delivery, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And is told how."""
    monkeypatch.setattr(module, "MOST_REPLAYED", 1)
    [email_id] = await delivery.due()
    await delivery.sent(email_id)

    async with logged_in(url, key) as client:
        await client.subscribe(CHANGES, after="0")
        message = await client.hear()

    [error] = message["payload"]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert "updatedSince" in error["message"]


async def test_what_commits_late_is_told_and_not_passed_over(
    url: str, key: str, delivery: Delivery, worker_db: Database
) -> None:
    """A transaction with lower numbers commits after one with higher: nobody goes on behind it before."""
    early, late = await delivery.due(2)
    slow, quick = await delivery.email(early), await delivery.email(late)
    async with logged_in(url, key) as client:
        await client.subscribe(CHANGES)
        await client.next()
        async with worker_db.transaction() as conn:
            await record_events(conn, [Happening.of_row(slow, EmailEvent.RELEASE)], at=NOW)
            lowest = await conn.scalar(text("SELECT max(id) FROM email_events"))
            async with worker_db.transaction() as other:
                await record_events(other, [Happening.of_row(quick, EmailEvent.RESCUE)], at=NOW)
            meanwhile = await client.next()
        after = await client.next()

    assert (_kinds(meanwhile), _kinds(after)) == (["RESCUE"], ["RELEASE"])
    assert int(meanwhile["emailStatusChanged"]["number"]) < lowest


LISTENERS = "datname = current_database() AND application_name = 'drumbeat api listener'"


async def _listeners(url: str) -> int:
    async with await psycopg.AsyncConnection.connect(libpq_url(url), autocommit=True) as conn:
        found = await conn.execute(f"SELECT count(*) FROM pg_stat_activity WHERE {LISTENERS}")
        return int((await found.fetchall())[0][0])


async def _await_listeners(url: str, count: int) -> None:
    """A listener connects beside what it is for, and a moment later."""
    async with asyncio.timeout(20):
        while await _listeners(url) != count:
            await asyncio.sleep(0.02)


async def test_a_hundred_subscribers_cost_one_connection(
    serve: Serve, key: str, delivery: Delivery, database_url: str
) -> None:
    """All of them hear of a change; when they have gone, it is closed."""
    url = await serve()
    [email_id] = await delivery.due()
    sockets = [logged_in(url, key) for _ in range(5)]
    clients = [await each.__aenter__() for each in sockets]
    listening: list[int] = []
    for client in clients:
        for name in map(str, range(20)):
            await client.subscribe("subscription { emailStatusChanged { changes { status } } }", name=name)
            await client.next(name=name)
        listening.append(await _listeners(database_url))
    await _await_listeners(database_url, 1)

    await delivery.sent(email_id)
    heard = 0
    for client in clients:
        told: set[str] = set()
        while len(told) < 20:
            message = await client.hear()
            if {"status": "SENT"} in message["payload"]["data"]["emailStatusChanged"]["changes"]:
                told.add(message["id"])
        heard += len(told)
        listening.append(await _listeners(database_url))
    for each in sockets:
        await each.__aexit__(None, None, None)

    assert (heard, max(listening), listening[5:]) == (100, 1, [1] * 5)
    await _await_listeners(database_url, 0)


async def test_a_lost_listener_costs_no_change(
    url: str, key: str, delivery: Delivery, database_url: str
) -> None:
    """What happened while it was away is read when it is back."""
    [email_id] = await delivery.due()
    async with logged_in(url, key) as client:
        await client.subscribe(CHANGES)
        await client.next()
        await _await_listeners(database_url, 1)
        with psycopg.connect(libpq_url(database_url), autocommit=True) as conn:
            lost = conn.execute(
                f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {LISTENERS}"
            ).fetchall()
        await delivery.sent(email_id)

        assert (len(await _heard(client, 2)), lost) == (2, [(True,)])


async def test_one_transaction_says_once_that_a_workspace_changed(
    delivery: Delivery, database_url: str
) -> None:
    """However many of its emails changed, and in however many ways."""
    mailbox_ids = [await delivery.mailbox() for _ in range(3)]
    due = [await delivery.add(mailbox_id=mailbox_id) for mailbox_id in mailbox_ids]
    attempts = [await delivery.committed(email_id) for email_id in due]
    async with await psycopg.AsyncConnection.connect(libpq_url(database_url), autocommit=True) as conn:
        await conn.execute("LISTEN drumbeat_changes")
        kinds = (EmailEvent.ACCEPT, EmailEvent.ACCEPT, EmailEvent.FAIL)
        results = [Result(attempt, kind, "said") for attempt, kind in zip(attempts, kinds, strict=True)]
        await delivery.end(*results)
        heard = [said.payload async for said in conn.notifies(timeout=1)]

    assert heard == [str(delivery.workspace_id)]
