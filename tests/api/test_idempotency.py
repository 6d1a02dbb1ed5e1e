"""`Idempotency-Key`: a mutation that is asked for again is carried out once."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import select, text, update

from api import http as graphql_http
from api import idempotency
from api.context import Services
from api.schema import schema
from persistence.database import Database
from persistence.tables import enrollments, idempotency_keys, sequences
from tests.api.client import ApiClient, MakeProcess
from tests.api.mutations.asking import contact, everything, sequence
from tests.support.world import make_contact, make_sequence

ENROLL = """
mutation ($sequence: ID!, $contact: ID!) {
  enrollContacts(input: {sequenceId: $sequence, contactIds: [$contact]}) {
    enrolled alreadyEnrolled userErrors { code }
  }
}
"""
CREATE = """
mutation ($name: String!) {
  createSequence(input: {name: $name}) { sequence { name id } userErrors { code } }
}
"""
TWO = """
mutation {
  a: createSequence(input: {name: "A"}) { sequence { name } }
  b: createSequence(input: {name: "B"}) { sequence { name } }
}
"""


async def world(api: ApiClient, worker_db: Database) -> dict[str, str]:
    """An active sequence, and a contact who is not in it."""
    async with worker_db.transaction() as conn:
        key = await make_sequence(conn, api.workspace_id)
        return {"sequence": sequence(key), "contact": contact(await make_contact(conn, api.workspace_id))}


async def ask(api: ApiClient, document: str, *, key: str | None = "one", **variables: Any) -> httpx.Response:
    headers = {} if key is None else {"Idempotency-Key": key}
    body = {"query": document, "variables": variables}
    return await api.http.post("/graphql", json=body, headers=headers)


def code(response: httpx.Response) -> str:
    [error] = response.json()["errors"]
    return str(error["extensions"]["code"])


async def names(worker_db: Database) -> list[str]:
    async with worker_db.transaction() as conn:
        return sorted(await conn.scalars(select(sequences.c.name)))


async def test_fifty_parallel_requests_with_one_key_enroll_once(
    make_process: MakeProcess, api: ApiClient, worker_db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At two processes: all are answered what the one that acted was answered."""
    monkeypatch.setattr(idempotency, "_PATIENCE_S", 60.0)
    asked = await world(api, worker_db)
    processes = [await make_process(), await make_process()]

    answers = await asyncio.gather(*(ask(processes[n % 2], ENROLL, **asked) for n in range(50)))

    assert {answer.text for answer in answers} == {
        '{"data":{"enrollContacts":{"enrolled":1,"alreadyEnrolled":0,"userErrors":[]}}}'
    }
    assert sorted(answer.headers.get("idempotent-replayed", "") for answer in answers) == [""] + ["true"] * 49
    async with worker_db.transaction() as conn:
        assert len((await conn.execute(select(enrollments.c.id))).all()) == 1


async def test_the_same_answer_is_given_again(api: ApiClient, worker_db: Database) -> None:
    """Field by field in its order, with the ids of the first time; the header's quotes mean nothing."""
    first = await ask(api, CREATE, key="8e03978e-40d5", name="Spring")
    again = await ask(api, CREATE, key='"8e03978e-40d5"', name="Spring")

    assert (again.status_code, again.text) == (200, first.text)
    assert list(again.json()["data"]["createSequence"]["sequence"]) == ["name", "id"]
    assert (first.headers.get("idempotent-replayed"), again.headers["idempotent-replayed"]) == (None, "true")
    assert await names(worker_db) == ["Spring"]


async def test_another_request_with_the_key_is_a_conflict(api: ApiClient, worker_db: Database) -> None:
    """Whatever differs: a variable or the document; and nothing is done."""
    await ask(api, CREATE, name="Spring")

    others = [await ask(api, CREATE, name="Summer"), await ask(api, TWO)]

    assert [(other.status_code, code(other)) for other in others] == [(409, "CONFLICT")] * 2
    assert await names(worker_db) == ["Spring"]


async def test_each_workspace_and_each_key_is_by_itself(api: ApiClient, stranger: ApiClient) -> None:
    """A key of another workspace is no key; without one every request counts."""
    first = await ask(api, CREATE, name="Spring")
    theirs = await ask(stranger, CREATE, name="Summer")
    without = [await ask(api, CREATE, key=None, name="Spring") for _ in range(2)]

    assert theirs.json()["data"]["createSequence"]["sequence"]["name"] == "Summer"
    assert len({answer.text for answer in [first, *without]}) == 3


async def test_somebody_else_of_the_workspace_is_not_answered_the_same(
    api: ApiClient, worker_db: Database
) -> None:
    """Who may see what the first one was answered, the key does not say."""
    made = await api.data('mutation { createApiKey(input: {name: "other"}) { key } }')
    await ask(api, CREATE, name="Spring")

    api.http.headers["authorization"] = f"Bearer {made['createApiKey']['key']}"
    other = await ask(api, CREATE, name="Spring")

    assert code(other) == "CONFLICT"
    assert await names(worker_db) == ["Spring"]


async def test_a_refusal_of_the_input_is_given_again(api: ApiClient) -> None:
    """It is the answer, although nothing was done."""
    answers = [await ask(api, CREATE, name=" ") for _ in range(2)]

    assert [answer.json()["data"]["createSequence"]["userErrors"] for answer in answers] == [
        [{"code": "BLANK"}]
    ] * 2
    assert answers[1].headers["idempotent-replayed"] == "true"


async def test_what_was_not_executed_leaves_the_key_free(api: ApiClient, worker_db: Database) -> None:
    """A document that cannot be executed, mended under the same key."""
    refused = await ask(api, "mutation { makeSequence }")
    mended = await ask(api, CREATE, name="Spring")

    assert code(refused) == "BAD_USER_INPUT"
    assert "errors" not in mended.json()
    assert await names(worker_db) == ["Spring"]


async def test_a_query_needs_no_key(api: ApiClient, worker_db: Database) -> None:
    """It is answered anew each time, and nothing is kept of it."""
    answers = [await ask(api, "{ sequences { totalCount } }") for _ in range(2)]

    assert all("idempotent-replayed" not in answer.headers for answer in answers)
    assert (await everything(worker_db))["idempotency_keys"] == []


@pytest.mark.parametrize("key", ["", '""', "x" * 256, "two\twords", "naïve".encode("latin-1")])
async def test_a_key_that_is_none_is_refused(api: ApiClient, worker_db: Database, key: str) -> None:
    """Before anything is done."""
    refused = await ask(api, CREATE, key=key, name="Spring")

    assert (code(refused), await names(worker_db)) == ("BAD_USER_INPUT", [])


async def test_a_key_counts_for_a_day(api: ApiClient, services: Services, worker_db: Database) -> None:
    """Afterwards it may be used for anything, also while nobody has removed it yet."""
    await ask(api, CREATE, name="Spring")
    await _change(services, api, expires_at=text("now()"))

    later = await ask(api, CREATE, name="Summer")

    assert "errors" not in later.json()
    assert await names(worker_db) == ["Spring", "Summer"]
    async with services.database.transaction(api.workspace_id) as conn:
        [kept] = (await conn.execute(select(idempotency_keys))).all()
    left = kept.expires_at - datetime.now(UTC)
    assert timedelta(hours=23) < left <= timedelta(hours=24)


async def test_a_key_that_is_shown_once_is_not_kept(api: ApiClient, worker_db: Database) -> None:
    """Under whatever name it is answered; the rest of the answer is given again."""
    document = 'mutation { made: createApiKey(input: {name: "new"}) { secret: key apiKey { name } } }'

    first, again = await ask(api, document), await ask(api, document)

    secret = first.json()["data"]["made"]["secret"]
    assert again.json() == {"data": {"made": {"secret": None, "apiKey": {"name": "new"}}}}
    assert secret not in str(await everything(worker_db))


async def test_a_try_that_died_before_it_committed_is_repeated(
    api: ApiClient, services: Services, worker_db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its claim runs out; until then whoever asks waits."""
    with monkeypatch.context() as dying:
        dying.setattr(graphql_http, "_execute", _dies)
        dying.setattr(idempotency, "end", _dies)
        await ask(api, CREATE, name="Spring")

    waiting = asyncio.create_task(ask(api, CREATE, name="Spring"))
    await asyncio.sleep(0.1)
    early = await names(worker_db)
    await _change(services, api, claimed_until=text("now()"))
    repeated = await waiting

    assert early == []
    assert "errors" not in repeated.json()
    assert await names(worker_db) == ["Spring"]


async def test_a_try_that_lost_its_claim_commits_nothing(
    api: ApiClient, services: Services, worker_db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody took over while it was under way."""

    class TakenOver:
        async def execute(self, *arguments: Any, **named: Any) -> Any:
            await _change(services, api, claim=text("gen_random_uuid()"))
            return await schema.execute(*arguments, **named)

    monkeypatch.setattr(graphql_http, "schema", TakenOver())

    refused = await ask(api, CREATE, name="Spring")

    assert (code(refused), await names(worker_db)) == ("CONFLICT", [])


async def test_what_an_earlier_try_did_is_not_done_again(
    api: ApiClient, services: Services, worker_db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It committed, and died before its answer was kept: each next one is told what is done, and to what."""
    with monkeypatch.context() as dying:
        dying.setattr(idempotency, "end", _dies)
        await ask(api, TWO)
    await _change(services, api, claimed_until=text("now()"))

    answers = [await ask(api, TWO) for _ in range(2)]

    made = await api.data("{ sequences(order: ASC) { nodes { name id } } }")
    first = made["sequences"]["nodes"][0]
    for answered in answers:
        [error] = answered.json()["errors"]
        assert (first["name"], error["path"]) == ("A", ["a"])
        assert error["message"] == (
            "An earlier try has done this, and its answer is lost: read the thing with `objectId`."
        )
        assert error["extensions"] == {"code": "ALREADY_DONE", "objectId": first["id"]}
    assert await names(worker_db) == ["A", "B"]


async def test_what_was_done_to_many_has_no_id(
    api: ApiClient, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever asks again is told so."""
    suppress = 'mutation { suppress(input: {emails: ["a@example.test"]}) { suppressed } }'
    with monkeypatch.context() as dying:
        dying.setattr(idempotency, "end", _dies)
        await ask(api, suppress)
    await _change(services, api, claimed_until=text("now()"))

    [error] = (await ask(api, suppress)).json()["errors"]

    assert "look for what it made" in error["message"]
    assert error["extensions"] == {"code": "ALREADY_DONE", "objectId": None}


async def test_a_failure_of_ours_leaves_the_key_free(
    api: ApiClient, services: Services, worker_db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing was done, so the next try does it."""
    with monkeypatch.context() as broken:
        broken.setattr("api.mutations.sequences.changing", None)
        failed = await ask(api, CREATE, name="Spring")

    repeated = await ask(api, CREATE, name="Spring")

    assert code(failed) == "INTERNAL"
    assert "errors" not in repeated.json()
    assert await names(worker_db) == ["Spring"]


async def _dies(*_: object) -> None:
    raise RuntimeError("the process is gone")


# Any: columns of every type.
async def _change(services: Services, api: ApiClient, **columns: Any) -> None:
    async with services.database.transaction(api.workspace_id) as conn:
        await conn.execute(update(idempotency_keys).values(columns))
