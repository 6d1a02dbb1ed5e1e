"""Imports that break half way: what came before is there, and the file can be read again."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy import func, text, update

from api.context import Services
from api.ids import global_id
from persistence.contact_imports import begin_import
from persistence.database import Database
from persistence.tables import imports
from tests.api.client import ApiClient
from tests.api.importing import addresses, shown, upload


@pytest.mark.parametrize(
    ("last", "says"),
    [
        (b"x@example.test,M\xfcller\n", "In line 2002 stands the byte 0xfc, which is not UTF-8."),
        (b'x@example.test,"open\n', "Line 2002: unexpected end of data."),
    ],
)
async def test_a_file_that_breaks_half_way_is_seen_and_read_again(
    api: ApiClient, worker_db: Database, last: bytes, says: str
) -> None:
    """What came before is there; read again, nothing doubles."""
    start = b"email,first_name\n" + b"".join(b"%d@example.test,Ada\n" % number for number in range(2_000))

    status, answered = await upload(api, start + last)
    again = await upload(api, start + b"x@example.test,Bo\n")

    told, then = answered["import"], again[1]["import"]
    assert (status, told["status"]) == (400, "FAILED")
    assert says in answered["errors"][0]["message"]
    assert says in (await shown(api, told["id"]))["error"]
    assert 1_000 <= told["created"] <= 2_000
    assert (then["created"] + then["updated"], then["updated"]) == (2_001, told["created"])
    assert len(await addresses(worker_db)) == 2_001


async def test_a_client_that_is_gone_leaves_a_failed_import(
    api: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its file ends in silence."""
    monkeypatch.setattr("api.uploads.SILENCE_S", 0.05)

    async def stalling() -> AsyncIterator[bytes]:
        yield b"email\na@example.test\n"
        await asyncio.sleep(30)

    async with asyncio.timeout(20):
        status, answered = await upload(api, stalling())

    assert (status, answered["import"]["status"]) == (400, "FAILED")
    assert answered["import"]["error"] == "Nothing came for 0.05 seconds."


async def test_a_client_that_dawdles_is_cut_off(api: ApiClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Never silent for long, it would keep others from their turn."""
    monkeypatch.setattr("api.uploads.LONGEST_S", 0.0)

    async def dawdling() -> AsyncIterator[bytes]:
        yield b"email\n"
        await asyncio.sleep(0.01)
        yield b"a@example.test\n"

    status, answered = await upload(api, dawdling())

    assert (status, answered["errors"][0]["message"]) == (400, "It took longer than 0 seconds.")


async def test_an_import_whose_process_is_gone_has_failed(
    api: ApiClient, services: Services, worker_db: Database
) -> None:
    """Nobody was left to note it, so its silence tells."""
    async with services.database.transaction(api.workspace_id) as conn:
        import_id = await begin_import(conn, api.workspace_id, requested_by="someone")
    before = await shown(api, global_id("Import", import_id))
    async with worker_db.transaction() as conn:
        await conn.execute(text("SET LOCAL ROLE none"))
        await conn.execute(update(imports).values(updated_at=func.now() - timedelta(minutes=6)))

    after = await shown(api, global_id("Import", import_id))

    assert (before["status"], after["status"]) == ("RUNNING", "FAILED")
    assert after["error"] == "The process that read the file is gone."
    failed = await api.data("{ imports(filter: {status: [FAILED]}) { totalCount } }")
    assert failed["imports"]["totalCount"] == 1
