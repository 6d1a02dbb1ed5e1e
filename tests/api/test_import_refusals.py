"""Imports that are refused: what is no file of contacts, too much of one, and who may not send any."""

import pytest

from api import imports as uploading
from api.context import Services
from api.ids import global_id
from domain.access import Scope
from persistence.api_keys import create_api_key
from persistence.database import Database
from persistence.ids import uuid7
from tests.api.client import ApiClient
from tests.api.importing import CSV, addresses, upload
from tests.api.mutations.asking import everything


@pytest.mark.parametrize(
    ("file", "says"),
    [
        ("", "The header line names no column “email”."),
        ("name\nAda\n", "The header line names no column “email”."),
        ("email,\na@example.test,\n", "Column 2 has no name in the header line."),
        ("email,e-mail\n", "Two columns are email."),
        ("Größe,email\n".encode("latin-1"), "In line 1 stands the byte 0xf6, which is not UTF-8."),
        ("email\n".encode("utf-16"), "In line 1 stands the byte 0xff, which is not UTF-8."),
    ],
)
async def test_a_file_without_a_header_leaves_nothing(
    api: ApiClient, worker_db: Database, file: str | bytes, says: str
) -> None:
    """It says what is wrong; there is no import of it."""
    before = await everything(worker_db)

    status, answered = await upload(api, file)

    [error] = answered["errors"]
    assert (status, error["extensions"]["code"]) == (400, "BAD_USER_INPUT")
    assert says in error["message"]
    assert await everything(worker_db) == before


async def test_a_mapping_of_no_column_is_refused(api: ApiClient, worker_db: Database) -> None:
    """A slip of the pen would lose a column."""
    unknown = await upload(api, "email\n", "?column=Mail:email")
    odd = await upload(api, "email\n", "?column=email")

    assert unknown[1]["errors"][0]["message"] == "The header line names no column “Mail”."
    assert (odd[0], odd[1]["errors"][0]["extensions"]["code"]) == (400, "BAD_USER_INPUT")
    assert (await everything(worker_db))["imports"] == []


async def test_a_file_has_bounds(
    api: ApiClient, worker_db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In bytes and in rows; what is within them is there."""
    rows = "email\n" + "".join(f"{number}@example.test\n" for number in range(20))
    monkeypatch.setattr(uploading, "BATCH", 5)
    monkeypatch.setattr(uploading, "MOST_ROWS", 10)
    many = await upload(api, rows)
    monkeypatch.setattr(uploading, "MOST_BYTES", 100)
    large = await upload(api, rows)

    assert (many[0], many[1]["import"]["status"], many[1]["import"]["created"]) == (400, "FAILED", 10)
    assert "more than 10 rows" in many[1]["errors"][0]["message"]
    assert (large[0], large[1]["errors"][0]["message"]) == (413, "The file has more than 100 bytes.")
    assert len(await addresses(worker_db)) == 10


async def test_only_callers_with_the_scope_send_files(
    api: ApiClient, services: Services, worker_db: Database
) -> None:
    """As for GraphQL; and a file is a file, not a form."""
    form = await api.http.post("/imports", content=b"email\n", headers={"Content-Type": "text/plain"})
    async with services.database.transaction(api.workspace_id) as conn:
        key = await create_api_key(conn, api.workspace_id, name="reader", scopes=[Scope.READ])
    api.http.headers["Authorization"] = f"Bearer {key}"
    reader = await upload(api, "email\na@example.test\n")
    api.http.headers["Authorization"] = "Bearer db_nobody"
    nobody = await api.http.post("/imports", content=b"email\n", headers=CSV)

    assert (form.status_code, reader[0], nobody.status_code) == (415, 403, 401)
    assert nobody.headers["www-authenticate"] == "Bearer"
    assert (await everything(worker_db))["contacts"] == []


async def test_a_reader_of_errors_needs_an_import(api: ApiClient) -> None:
    """Not an id of something else."""
    missing = await api.http.get(f"/imports/{global_id('Import', uuid7())}/errors.csv")
    odd = await api.http.get("/imports/nonsense/errors.csv")

    assert (missing.status_code, odd.status_code) == (404, 400)
