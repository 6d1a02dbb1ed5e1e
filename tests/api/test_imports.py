"""Imports over HTTP: a file of contacts is read as it comes, and what becomes of it can be watched."""

import asyncio
import csv
import io
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy import func, text, update

from api import imports as uploading
from api.context import Services
from api.ids import global_id
from domain.access import Scope
from persistence.api_keys import create_api_key
from persistence.contact_imports import begin_import
from persistence.database import Database
from persistence.ids import uuid7
from persistence.tables import imports
from tests.api.client import Answer, ApiClient
from tests.api.mutations.asking import done, everything

CSV = {"Content-Type": "text/csv"}
SHOWN = "status name rows created updated duplicates suppressed invalid bytesRead bytesTotal error errorsPath"


async def upload(
    api: ApiClient, content: str | bytes | AsyncIterator[bytes], query: str = "", **headers: str
) -> tuple[int, Answer]:
    body = content.encode() if isinstance(content, str) else content
    response = await api.http.post(f"/imports{query}", content=body, headers=CSV | headers)
    answered: Answer = response.json()
    return response.status_code, answered


async def shown(api: ApiClient, import_id: str) -> Answer:
    found: Answer = (await api.data(f"query ($id: ID!) {{ import(id: $id) {{ {SHOWN} }} }}", id=import_id))[
        "import"
    ]
    return found


async def addresses(database: Database) -> list[str]:
    return [row.email for row in (await everything(database))["contacts"]]


async def test_a_file_becomes_contacts(api: ApiClient, worker_db: Database) -> None:
    """Each row is told of: new, known, twice, suppressed, or not to be taken."""
    await done(api, "importContacts", "created", contacts=[{"email": "known@example.test", "company": "Old"}])
    await done(api, "suppress", "suppressed", emails=["gone@example.test"])
    file = (
        "\ufeffE-Mail;First name;Zone;Plan\r\n"
        "ada@example.test;Ada;Europe/Berlin;gold\r\n"
        "known@example.test;Kim;;\r\n"
        "\r\n"
        "ADA@example.test;;;silver\r\n"
        "gone@example.test;;;\r\n"
        "nonsense;;;\r\n"
        'new@example.test;"Two\nlines";;\r\n'
    )

    status, answered = await upload(api, file, "?name=people.csv")

    told = answered["import"]
    assert (status, told["status"]) == (200, "COMPLETED")
    counts = {"rows": 6, "created": 2, "updated": 1, "duplicates": 1, "suppressed": 1, "invalid": 2}
    assert {name: told[name] for name in counts} == counts
    size = len(file.encode())
    assert await shown(api, told["id"]) == counts | {
        "status": "COMPLETED",
        "name": "people.csv",
        "bytesRead": size,
        "bytesTotal": size,
        "error": None,
        "errorsPath": f"/imports/{told['id']}/errors.csv",
    }
    rows = {row.normalised_email: row for row in (await everything(worker_db))["contacts"]}
    assert sorted(rows) == ["ada@example.test", "gone@example.test", "known@example.test"]
    ada = rows["ada@example.test"]
    assert (ada.first_name, ada.zone, ada.custom_fields) == ("Ada", "Europe/Berlin", {"plan": "silver"})
    assert (rows["known@example.test"].first_name, rows["known@example.test"].company) == ("Kim", "Old")


async def test_what_could_not_be_taken_is_downloaded(api: ApiClient, stranger: ApiClient) -> None:
    """With line, field and reason; a formula among the addresses is none to who opens the file."""
    _, answered = await upload(api, "email,zone\nnonsense,\na@example.test,Mars\n=1+2,\n")
    path = answered["import"]["errorsPath"]

    response = await api.http.get(path)
    foreign = await stranger.http.get(path)

    assert response.headers["content-type"].startswith("text/csv")
    assert "attachment" in response.headers["content-disposition"]
    rows = list(csv.reader(io.StringIO(response.text)))
    assert rows[0] == ["line", "field", "email", "reason"]
    assert [row[:3] for row in rows[1:]] == [
        ["2", "email", "nonsense"],
        ["3", "zone", "a@example.test"],
        ["4", "email", "'=1+2"],
    ]
    assert (foreign.status_code, foreign.json()["errors"][0]["extensions"]["code"]) == (404, "NOT_FOUND")


async def test_columns_are_what_the_address_says(api: ApiClient, worker_db: Database) -> None:
    """Titles in any language; those without a field are left out."""
    query = "?column=Adresse:email&column=Vorname:first_name&column=Intern:&column=Rang:level"

    _, answered = await upload(api, "Adresse,Vorname,Intern,Rang\na@example.test,Ada,secret,7\n", query)

    [row] = (await everything(worker_db))["contacts"]
    assert answered["import"]["created"] == 1
    assert (row.email, row.first_name, row.custom_fields) == ("a@example.test", "Ada", {"level": "7"})


async def test_batches_add_up(api: ApiClient, worker_db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row is a duplicate in whatever batch its address came before."""
    monkeypatch.setattr(uploading, "BATCH", 2)
    names = [0, 1, 2, 0, 3, 3, 1]
    file = "email,plan\n" + "".join(f"{name}@example.test,{at}\n" for at, name in enumerate(names))

    _, answered = await upload(api, file)

    told = answered["import"]
    assert (told["rows"], told["created"], told["updated"], told["duplicates"]) == (7, 4, 0, 3)
    rows = {row.email: row.custom_fields["plan"] for row in (await everything(worker_db))["contacts"]}
    assert rows == {
        "0@example.test": "3",
        "1@example.test": "6",
        "2@example.test": "2",
        "3@example.test": "5",
    }


async def test_a_file_is_read_while_it_comes(api: ApiClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its progress is seen before it has ended; chunks end in the middle of anything."""
    monkeypatch.setattr(uploading, "BATCH", 2)
    watched: list[Answer] = []

    async def chunks() -> AsyncIterator[bytes]:
        text_ = "email,first_name\n" + "".join(f"{n}@example.test,Zoë\n" for n in range(4))
        for byte in text_.encode():
            yield bytes([byte])
        while not watched or watched[-1]["rows"] < 2:
            found = await api.data(f"{{ imports(filter: {{status: [RUNNING]}}) {{ nodes {{ {SHOWN} }} }} }}")
            watched.extend(found["imports"]["nodes"])
            await asyncio.sleep(0.01)
        yield b"4@example.test,Last\n"

    async with asyncio.timeout(30):
        status, answered = await upload(api, chunks())

    assert (status, answered["import"]["created"]) == (200, 5)
    assert (watched[-1]["status"], watched[-1]["bytesTotal"]) == ("RUNNING", None)


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


async def test_who_imported_is_in_the_audit_log(api: ApiClient) -> None:
    """With how its columns were read."""
    _, answered = await upload(api, "Mail\na@example.test\n", "?column=Mail:email")

    log = await api.data("{ auditLog { nodes { action asked objectId actorName } } }")

    assert log["auditLog"]["nodes"] == [
        {
            "action": "POST /imports",
            "asked": {"Mail": "email"},
            "objectId": answered["import"]["id"],
            "actorName": "tests",
        }
    ]


async def test_a_reader_of_errors_needs_an_import(api: ApiClient) -> None:
    """Not an id of something else."""
    missing = await api.http.get(f"/imports/{global_id('Import', uuid7())}/errors.csv")
    odd = await api.http.get("/imports/nonsense/errors.csv")

    assert (missing.status_code, odd.status_code) == (404, 400)
