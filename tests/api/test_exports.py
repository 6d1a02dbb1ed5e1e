"""Exports over HTTP: contacts and emails as CSV, in pages, without a formula in it."""

import csv
import io
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from api import exports
from api.context import Services
from api.csv_cells import FORMULA, csv_lines, unguarded
from api.ids import global_id
from domain.access import Scope
from persistence.api_keys import create_api_key
from persistence.database import Database
from tests.api.client import ApiClient
from tests.api.mutations.asking import done, everything
from tests.support.world import MONDAY, make_contact, make_email, make_enrollment, make_mailbox, make_sequence

HOUR = timedelta(hours=1)
NOWHERE = global_id("Sequence", UUID(int=7))


async def table(api: ApiClient, path: str) -> list[list[str]]:
    response = await api.http.get(path)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"].startswith("text/csv")
    assert "attachment" in response.headers["content-disposition"]
    return list(csv.reader(io.StringIO(response.text)))


@pytest.mark.parametrize("sign", FORMULA)
def test_no_cell_is_a_formula(sign: str) -> None:
    """Each is a text to the program that opens it, and the same again when it is read back."""
    cell = f'{sign}cmd|"/C calc"!A0'

    written = csv_lines([[cell, "harmless", -5, None, True]]).decode()

    [[read, *others]] = csv.reader(io.StringIO(written, newline=""))
    assert read == f"'{cell}"
    assert unguarded(read) == cell
    assert others == ["harmless", "-5", "", "true"]
    assert unguarded("'tis") == "'tis"


async def test_contacts_are_exported_in_pages(
    api: ApiClient, stranger: ApiClient, worker_db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each once, with a column for each custom field; those of no other workspace."""
    monkeypatch.setattr(exports, "PAGE", 2)
    people = [
        {"email": f"{n}@example.test", "phone": "+49 30 1", "customFields": {"plan": n, "status": "vip"}}
        for n in range(5)
    ]
    await done(api, "importContacts", "created", contacts=people)
    async with worker_db.transaction() as conn:
        await make_contact(conn, stranger.workspace_id)

    header, *rows = await table(api, "/exports/contacts.csv")

    assert header == [
        "email",
        "first_name",
        "last_name",
        "company",
        "phone",
        "zone",
        "status",
        "created_at",
        "plan",
        "custom_status",
    ]
    assert [row[0] for row in rows] == [f"{n}@example.test" for n in range(5)]
    assert {(row[4], row[6], row[9]) for row in rows} == {("'+49 30 1", "ACTIVE", "vip")}
    assert [row[8] for row in rows] == ["0", "1", "2", "3", "4"]


async def test_what_was_exported_is_imported_as_it_was(
    api: ApiClient, stranger: ApiClient, worker_db: Database
) -> None:
    """Guards before formulas are taken away again."""
    odd = {"email": "a@example.test", "firstName": "=Ada", "phone": "+49 30 1", "company": "- & Co"}
    await done(api, "importContacts", "created", contacts=[odd])
    file = await api.http.get("/exports/contacts.csv")

    query = "?column=status:&column=created_at:"
    headers = {"Content-Type": "text/csv"}
    await stranger.http.post(f"/imports{query}", content=file.content, headers=headers)

    names = ("email", "first_name", "phone", "company", "custom_fields")
    first, second = [
        [getattr(row, name) for name in names] for row in (await everything(worker_db))["contacts"]
    ]
    assert first == second


async def test_contacts_are_filtered_as_in_graphql(api: ApiClient, worker_db: Database) -> None:
    """By the same names; several states are given one by one."""
    async with worker_db.transaction() as conn:
        await make_contact(conn, api.workspace_id, email="1@example.test")
        await make_contact(conn, api.workspace_id, email="2@example.test", status="BOUNCED")
        await make_contact(conn, api.workspace_id, email="3@example.com", status="UNSUBSCRIBED")
        await make_sequence(conn, api.workspace_id)

    async def found(query: str) -> list[str]:
        return [row[0][0] for row in (await table(api, f"/exports/contacts.csv?{query}"))[1:]]

    assert await found("status=BOUNCED&status=UNSUBSCRIBED") == ["2", "3"]
    assert await found("domain=example.com") == ["3"]
    assert await found("email=1@EXAMPLE.test") == ["1"]
    assert await found("updatedSince=2999-01-01T00:00:00Z") == []
    assert await found("isSuppressed=true") == []


async def test_sent_emails_are_exported(api: ApiClient, worker_db: Database) -> None:
    """As they were written, with who got them, when, and from where."""
    async with worker_db.transaction() as conn:
        box = await make_mailbox(conn, api.workspace_id, email="desk@example.com")
        key = await make_sequence(conn, api.workspace_id)
        emails = []
        for number in range(3):
            who = await make_contact(conn, api.workspace_id, email=f"{number}@example.test")
            enrolled = await make_enrollment(conn, api.workspace_id, key, who, mailbox_id=box)
            sent: dict[str, Any] = {"status": "SENT", "sent_at": MONDAY + number * HOUR, "subject": "=Hi"}
            emails.append(
                await make_email(conn, enrolled, send_at=MONDAY + number * HOUR, **sent if number else {})
            )

    header, first, second = await table(api, "/exports/scheduled-emails.csv?status=SENT")
    _, planned = await table(api, "/exports/scheduled-emails.csv?status=PENDING")
    _, late = await table(api, "/exports/scheduled-emails.csv?sentFrom=2026-03-02T11:00:00Z")

    assert dict(zip(header, second, strict=True)) == {
        "id": global_id("ScheduledEmail", emails[-1]),
        "recipient_email": "2@example.test",
        "subject": "'=Hi",
        "status": "SENT",
        "send_at": "2026-03-02T11:00:00Z",
        "sent_at": "2026-03-02T11:00:00Z",
        "mailbox": "desk@example.com",
        "step": "1",
        "retry_count": "0",
        "last_error": "",
        "failure_reason": "",
        "message_id": "",
    }
    assert first[1] == "1@example.test"
    assert planned[2] == "Welcome, {{ first_name }}"
    assert late == second


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("contacts.csv?mailboxId=x", 400, "There is no parameter `mailboxId`"),
        ("contacts.csv?status=HAPPY", 400, "`status` cannot be “HAPPY”."),
        ("contacts.csv?updatedSince=2026-01-01T00:00:00", 400, "`updatedSince` cannot be"),
        ("contacts.csv?isSuppressed=yes", 400, "`isSuppressed` cannot be “yes”."),
        (f"contacts.csv?notEnrolledInId={NOWHERE}", 404, "There is no sequence"),
        ("scheduled-emails.csv?mailboxId=x", 400, "“x” is not an id."),
    ],
)
async def test_what_cannot_be_asked_for_is_told(api: ApiClient, path: str, status: int, says: str) -> None:
    """Before anything is handed out."""
    response = await api.http.get(f"/exports/{path}")

    assert response.status_code == status
    assert says in response.json()["errors"][0]["message"]


@pytest.mark.parametrize("path", ["contacts.csv", "scheduled-emails.csv"])
async def test_only_readers_fetch_files(api: ApiClient, services: Services, path: str) -> None:
    """As for GraphQL."""
    async with services.database.transaction(api.workspace_id) as conn:
        key = await create_api_key(conn, api.workspace_id, name="writer", scopes=[Scope.WRITE])
    api.http.headers["Authorization"] = f"Bearer {key}"
    writer = await api.http.get(f"/exports/{path}")
    del api.http.headers["Authorization"]
    nobody = await api.http.get(f"/exports/{path}")

    assert (writer.status_code, nobody.status_code) == (403, 401)
