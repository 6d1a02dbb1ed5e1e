"""Imports over HTTP: a file of contacts is read as it comes, and what becomes of it can be watched."""

import asyncio
import csv
import io
from collections.abc import AsyncIterator

import pytest

from api import imports as uploading
from persistence.database import Database
from tests.api.client import Answer, ApiClient
from tests.api.importing import SHOWN, shown, upload
from tests.api.mutations.asking import done, everything


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


async def test_the_mutation_fills_the_file_too(api: ApiClient) -> None:
    """Rows of its text by their lines, entries of its list by their places."""
    payload = await done(
        api,
        "importContacts",
        "import { errorsPath }",
        csv="email\nnonsense\n",
        contacts=[{"email": "neither"}],
    )

    response = await api.http.get(payload["import"]["errorsPath"])

    rows = list(csv.reader(io.StringIO(response.text)))
    assert [row[:3] for row in rows] == [
        ["line", "field", "email"],
        ["2", "email", "nonsense"],
        ["1", "email", "neither"],
    ]


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
