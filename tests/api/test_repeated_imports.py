"""`Idempotency-Key` of an import: a file that is sent again is read once."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from sqlalchemy import text, update

from api import idempotency
from api import imports as uploading
from api.context import Services
from persistence.database import Database
from persistence.tables import idempotency_keys
from tests.api.client import ApiClient, MakeProcess
from tests.api.importing import CSV, addresses
from tests.api.mutations.asking import everything

FILE = "email\na@example.test\nb@example.test\n"
OTHER = "email\na@example.test\nc@example.test\n"
Content = str | AsyncIterator[bytes]


async def send(
    api: ApiClient, content: Content = FILE, *, key: str | None = "one", query: str = ""
) -> httpx.Response:
    headers = CSV if key is None else CSV | {"Idempotency-Key": key}
    return await api.http.post(f"/imports{query}", content=content, headers=headers)


def refused(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["errors"][0]["extensions"]["code"]


async def imports(worker_db: Database) -> list[str]:
    return [row.status for row in (await everything(worker_db))["imports"]]


# Any: columns of every type.
async def change(services: Services, api: ApiClient, **columns: Any) -> None:
    async with services.database.transaction(api.workspace_id) as conn:
        await conn.execute(update(idempotency_keys).values(columns))


async def test_the_same_answer_is_given_again(
    api: ApiClient, make_process: MakeProcess, worker_db: Database
) -> None:
    """By every process, and nothing is imported; without a key each file counts."""
    first, again = await send(api), await send(await make_process())
    without = await send(api, key=None)

    assert (first.status_code, first.headers.get("idempotent-replayed")) == (200, None)
    assert (again.status_code, again.headers["idempotent-replayed"]) == (200, "true")
    assert again.json() == first.json()
    assert first.json()["import"]["created"] == 2
    assert (without.json()["import"]["created"], without.json()["import"]["updated"]) == (0, 2)
    assert await imports(worker_db) == ["COMPLETED"] * 2


async def test_another_file_with_the_key_is_a_conflict(api: ApiClient, worker_db: Database) -> None:
    """Of the same length too; and so is another name or column, and a mutation."""
    await send(api)
    document = 'mutation { createSequence(input: {name: "A"}) { sequence { id } } }'

    others = [await send(api, OTHER), await send(api, query="?name=other.csv")]
    others.append(
        await api.http.post("/graphql", json={"query": document}, headers={"Idempotency-Key": "one"})
    )

    assert [refused(other) for other in others] == [(409, "CONFLICT")] * 3
    assert "another file" in others[0].json()["errors"][0]["message"]
    assert await addresses(worker_db) == ["a@example.test", "b@example.test"]
    assert len(await imports(worker_db)) == 1


async def test_each_workspace_has_keys_of_its_own(
    api: ApiClient, stranger: ApiClient, worker_db: Database
) -> None:
    """Nobody is answered what another one imported."""
    first, theirs = await send(api), await send(stranger)

    assert theirs.headers.get("idempotent-replayed") is None
    assert theirs.json()["import"]["created"] == 2
    assert theirs.json()["import"]["id"] != first.json()["import"]["id"]


async def test_a_file_that_was_refused_leaves_the_key_free(api: ApiClient, worker_db: Database) -> None:
    """Mended, it may be sent under the same key; a key that is none is refused before."""
    broken = await send(api, "name\nAda\n")
    mended = await send(api)
    odd = await send(api, key="two\twords")

    assert (refused(broken), refused(odd)) == ((400, "BAD_USER_INPUT"),) * 2
    assert mended.status_code == 200
    assert await imports(worker_db) == ["COMPLETED"]


async def test_whoever_sends_it_meanwhile_waits_for_the_answer(
    api: ApiClient, worker_db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And is told to ask again when it takes too long."""
    monkeypatch.setattr(idempotency, "_PATIENCE_S", 0.05)
    began, ends = asyncio.Event(), asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield b"email\n"
        began.set()
        await ends.wait()
        yield FILE.removeprefix("email\n").encode()

    first = asyncio.create_task(send(api, slow()))
    await began.wait()
    early = await send(api)
    monkeypatch.setattr(idempotency, "_PATIENCE_S", 60.0)
    waiting = asyncio.create_task(send(api))
    await asyncio.sleep(0.1)
    ends.set()

    assert refused(early) == (409, "CONFLICT")
    assert (await waiting).json() == (await first).json()
    assert (await waiting).headers["idempotent-replayed"] == "true"
    assert await imports(worker_db) == ["COMPLETED"]


async def test_a_try_that_is_overtaken_writes_no_more(
    api: ApiClient, services: Services, worker_db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its client was silent for longer than the claim lasts, and came back; what it wrote before stays."""
    monkeypatch.setattr(uploading, "BATCH", 1)
    wrote, ends = asyncio.Event(), asyncio.Event()

    async def silent() -> AsyncIterator[bytes]:
        yield b"email\na@example.test\nb@example.test\n"
        while not await addresses(worker_db):
            await asyncio.sleep(0.01)
        wrote.set()
        await ends.wait()
        yield b"late@example.test\n"

    first = asyncio.create_task(send(api, silent()))
    await wrote.wait()
    await change(services, api, claimed_until=text("now()"))
    second = await send(api, FILE)
    ends.set()

    assert second.json()["import"]["status"] == "COMPLETED"
    assert refused(await first) == (409, "CONFLICT")
    assert await addresses(worker_db) == ["a@example.test", "b@example.test"]
    assert sorted(await imports(worker_db)) == ["COMPLETED", "FAILED"]
    assert (await send(api, FILE)).json() == second.json()


async def test_a_try_that_died_is_repeated(
    api: ApiClient, services: Services, worker_db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before its last transaction nothing is kept: the file is read again, and nothing doubles."""

    async def dies(*_: object, **__: object) -> None:
        raise RuntimeError("the process is gone")

    with monkeypatch.context() as dying:
        for gone in ("api.imports.end_import", "api.repeated_imports.end"):
            dying.setattr(gone, dies)
        died = await send(api)
    before = await addresses(worker_db)
    await change(services, api, claimed_until=text("now()"))

    repeated = await send(api)

    assert refused(died) == (500, "INTERNAL")
    assert len(before) == 2
    assert (repeated.json()["import"]["created"], repeated.json()["import"]["updated"]) == (0, 2)
    assert await addresses(worker_db) == before


async def test_the_answer_is_kept_with_the_end_of_the_import(
    api: ApiClient, services: Services, worker_db: Database
) -> None:
    """In one transaction: whoever sees it completed is answered so."""
    first = await send(api)

    async with services.database.transaction(api.workspace_id) as conn:
        [kept] = (await conn.execute(idempotency_keys.select())).all()
    [row] = (await everything(worker_db))["imports"]

    assert json.loads(kept.answer)["answer"] == first.json()
    assert kept.updated_at == row.updated_at
