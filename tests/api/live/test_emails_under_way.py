"""Watching emails leave: which are QUEUED, SENDING or COMMITTING, though nothing is written of it."""

import pytest

from api.ids import global_id
from api.subscriptions import emails_under_way as module
from domain.lifecycle import EmailEvent
from persistence.api_keys import create_api_key
from persistence.attempts import Attempt, Ticket
from persistence.database import Database
from persistence.results import Result
from tests.api.live.conftest import Serve
from tests.api.live.watching import Socket, logged_in
from tests.persistence.delivery import Delivery, make_delivery

UNDER_WAY = """
subscription ($sequenceId: ID) { emailsUnderWay(sequenceId: $sequenceId) {
  total emails { id status contact { email } }
} }
"""


@pytest.fixture
async def delivery(worker_db: Database) -> Delivery:
    return await make_delivery(worker_db)


@pytest.fixture
async def key(delivery: Delivery, api_db: Database) -> str:
    return await _key(api_db, delivery)


async def _key(api_db: Database, delivery: Delivery) -> str:
    async with api_db.transaction(delivery.workspace_id) as conn:
        return await create_api_key(conn, delivery.workspace_id, name="watches")


async def _statuses(client: Socket) -> list[tuple[str, str]]:
    told = (await client.next())["emailsUnderWay"]
    assert told["total"] == len(told["emails"])
    assert all(email["contact"]["email"].endswith("@example.test") for email in told["emails"])
    return [(email["id"], email["status"]) for email in told["emails"]]


async def test_an_email_is_seen_from_the_queue_to_its_end(url: str, key: str, delivery: Delivery) -> None:
    """In each of its states on the way, and no longer when it is through; its end is an event."""
    [email_id] = await delivery.due()
    identified = global_id("ScheduledEmail", email_id)
    async with logged_in(url, key) as client:
        await client.subscribe(UNDER_WAY, sequenceId=global_id("Sequence", delivery.sequence_id))
        seen = [await _statuses(client)]
        await delivery.claim()
        seen.append(await _statuses(client))
        admitted = await delivery.begin(Ticket(email_id, 1))
        seen.append(await _statuses(client))
        attempt = admitted[email_id]
        assert isinstance(attempt, Attempt)
        await delivery.commit(attempt)
        seen.append(await _statuses(client))
        await delivery.end(Result(attempt, EmailEvent.ACCEPT, "accepted", 250))
        seen.append(await _statuses(client))

    on_its_way = ["QUEUED", "SENDING", "COMMITTING"]
    assert seen == [[], *([(identified, status)] for status in on_its_way), []]


async def test_who_comes_later_sees_what_is_under_way(url: str, key: str, delivery: Delivery) -> None:
    """At once, as every screen begins with how it is."""
    email_ids = await delivery.due(2)
    await delivery.claim()

    async with logged_in(url, key) as client:
        await client.subscribe(UNDER_WAY)
        seen = await _statuses(client)

    assert seen == [(global_id("ScheduledEmail", each), "QUEUED") for each in sorted(email_ids)]


async def test_others_are_not_seen(
    serve: Serve, key: str, delivery: Delivery, worker_db: Database, api_db: Database
) -> None:
    """Neither those of another sequence nor those of another workspace, whose ids are unknown here."""
    url, other = await serve(), await make_delivery(worker_db)
    [mine], _ = await delivery.due(), await other.due()
    await delivery.claim()
    foreign = global_id("Sequence", other.sequence_id)

    async with logged_in(url, key) as ours, logged_in(url, await _key(api_db, other)) as theirs:
        await ours.subscribe(UNDER_WAY)
        seen = await _statuses(ours)
        await theirs.subscribe(UNDER_WAY, sequenceId=foreign)
        seen_by_them = await theirs.next()
        await ours.subscribe(UNDER_WAY, sequenceId=foreign, name="2")
        refused = await ours.hear()

    assert seen == [(global_id("ScheduledEmail", mine), "QUEUED")]
    assert seen_by_them["emailsUnderWay"]["total"] == 1
    assert seen_by_them["emailsUnderWay"]["emails"][0]["id"] != seen[0][0]
    assert (refused["type"], refused["payload"][0]["extensions"]["code"]) == ("error", "NOT_FOUND")


async def test_a_long_list_is_cut_and_counted(
    serve: Serve, key: str, delivery: Delivery, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A screen shows some of them, and how many there are."""
    monkeypatch.setattr(module, "MOST_TOLD", 2)
    url = await serve()
    mailbox_ids = [await delivery.mailbox() for _ in range(3)]
    for mailbox_id in mailbox_ids:
        await delivery.add(mailbox_id=mailbox_id)
    await delivery.claim()

    async with logged_in(url, key) as client:
        await client.subscribe(UNDER_WAY)
        told = (await client.next())["emailsUnderWay"]

    assert (told["total"], len(told["emails"])) == (3, 2)
