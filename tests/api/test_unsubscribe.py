"""Unsubscribe links, as people and mailbox providers follow them."""

import re

import httpx
import pytest
from sqlalchemy import select

from api.context import Services
from api.unsubscribe import unsubscribe_key
from domain.ids import ContactId, WorkspaceId
from domain.unsubscribe import unsubscribe_token
from persistence.database import Database
from persistence.tables import contacts, enrollments, scheduled_emails, suppressions
from tests.support.world import (
    make_contact,
    make_email,
    make_enrollment,
    make_mailbox,
    make_sequence,
    make_workspace,
)

URLENCODED = {"Content-Type": "application/x-www-form-urlencoded"}
MULTIPART = {"Content-Type": "multipart/form-data; boundary=b"}
ONE_CLICK = b"List-Unsubscribe=One-Click"
ONE_CLICK_MULTIPART = (
    b'--b\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--b--\r\n'
)


@pytest.fixture
async def reader(worker_db: Database) -> tuple[WorkspaceId, ContactId]:
    """A contact with an email on the way."""
    async with worker_db.transaction() as conn:
        workspace_id = await make_workspace(conn)
        mailbox_id = await make_mailbox(conn, workspace_id)
        sequence_id = await make_sequence(conn, workspace_id)
        contact_id = await make_contact(conn, workspace_id, email="reader@example.test")
        enrollment_id = await make_enrollment(
            conn, workspace_id, sequence_id, contact_id, mailbox_id=mailbox_id
        )
        await make_email(conn, enrollment_id)
    return workspace_id, contact_id


@pytest.fixture
def link(services: Services, reader: tuple[WorkspaceId, ContactId]) -> str:
    workspace_id, contact_id = reader
    key = unsubscribe_key(services.vault)
    token = unsubscribe_token(key, workspace_id=workspace_id, contact_id=contact_id, sequence_id=None)
    return f"/u/{token}"


async def _state(worker_db: Database) -> tuple[list[str], ...]:
    """Status of contacts, enrollments and emails, and the suppressed addresses."""
    async with worker_db.transaction() as conn:
        return (
            list(await conn.scalars(select(contacts.c.status))),
            list(await conn.scalars(select(enrollments.c.status))),
            list(await conn.scalars(select(scheduled_emails.c.status))),
            list(await conn.scalars(select(suppressions.c.address))),
        )


UNTOUCHED: tuple[list[str], ...] = (["ACTIVE"], ["ACTIVE"], ["PENDING"], [])
STOPPED = (["UNSUBSCRIBED"], ["UNSUBSCRIBED"], ["CANCELLED"], ["reader@example.test"])


async def test_looking_at_the_link_changes_nothing(
    http: httpx.AsyncClient, link: str, worker_db: Database
) -> None:
    """Scanners of links look too; a person finds one button."""
    for method in ("GET", "HEAD"):
        response = await http.request(method, link)
        assert response.status_code == 200

    page = (await http.get(link)).text
    assert page.count("<button>") == 1
    assert '<form method="post">' in page
    assert await _state(worker_db) == UNTOUCHED


async def test_the_page_loads_nothing_and_remembers_nothing(http: httpx.AsyncClient, link: str) -> None:
    """No script, no asset from elsewhere, no cookie, no copy in a cache, no trace in a referrer."""
    response = await http.get(link)

    assert re.findall(r"<script|<img|<link|<iframe|src=|href=|url\(", response.text) == []
    assert "set-cookie" not in response.headers
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["referrer-policy"] == "no-referrer"
    assert response.headers["content-security-policy"].startswith("default-src 'none';")


@pytest.mark.parametrize(
    ("headers", "body"),
    [(URLENCODED, ONE_CLICK), (MULTIPART, ONE_CLICK_MULTIPART), ({}, b"")],
    ids=["urlencoded", "multipart", "empty"],
)
async def test_one_click_stops_everything(
    http: httpx.AsyncClient, link: str, worker_db: Database, headers: dict[str, str], body: bytes
) -> None:
    """In either form encoding (RFC 8058 §3.2), answered directly, without a redirect or a cookie."""
    response = await http.post(link, content=body, headers=headers)

    assert response.status_code == 200
    assert "You are unsubscribed" in response.text
    assert "set-cookie" not in response.headers
    assert await _state(worker_db) == STOPPED


async def test_a_second_click_is_as_good_as_the_first(
    http: httpx.AsyncClient, link: str, worker_db: Database
) -> None:
    """200 again; providers repeat themselves."""
    await http.post(link, content=ONE_CLICK, headers=URLENCODED)

    response = await http.post(link, content=ONE_CLICK, headers=URLENCODED)

    assert response.status_code == 200
    assert await _state(worker_db) == STOPPED


async def test_a_link_that_was_not_made_here_does_nothing(
    http: httpx.AsyncClient, link: str, worker_db: Database
) -> None:
    """404, whether it is cut off or changed."""
    changed = link[:-1] + ("A" if link[-1] != "A" else "B")

    for wrong in (link[:-4], changed, "/u/x"):
        response = await http.post(wrong, content=ONE_CLICK, headers=URLENCODED)
        assert response.status_code == 404
        assert "This link is not complete" in response.text

    assert await _state(worker_db) == UNTOUCHED


async def test_a_link_signed_with_another_key_does_nothing(
    http: httpx.AsyncClient, reader: tuple[WorkspaceId, ContactId], worker_db: Database
) -> None:
    """Nobody can make one without our key."""
    workspace_id, contact_id = reader
    forged = unsubscribe_token(b"0" * 32, workspace_id=workspace_id, contact_id=contact_id, sequence_id=None)

    response = await http.post(f"/u/{forged}", content=ONE_CLICK, headers=URLENCODED)

    assert response.status_code == 404
    assert await _state(worker_db) == UNTOUCHED
