"""The example of server-sent events in docs/api.md, as it stands there, in a real Chromium."""

import asyncio
import json
import re
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import select

from api.cookies import SESSION
from domain.ids import WorkspaceId
from persistence.database import Database
from persistence.sessions import open_session
from persistence.tables import members
from tests.browser.explorer import GRAPHIQL, chromium
from tests.support.http_server import answer, listening, read_request
from tests.support.node import NODE, install_packages
from tests.support.serving import serving
from tests.support.world import (
    make_email,
    make_enrollment,
    make_mailbox,
    make_member,
    make_sequence,
    make_workspace,
)

ROOT = Path(__file__).parents[2]
(EXAMPLE,) = re.findall(
    r"^```js\n(.*?EventSource.*?)^```$", (ROOT / "docs" / "api.md").read_text(), re.MULTILINE | re.DOTALL
)
pytestmark = pytest.mark.timeout(600)


@dataclass
class _Elsewhere:
    """A server with an empty page."""

    port: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        await answer(writer, 200, b"<!doctype html>", fields="Content-Type: text/html\r\n")


@asynccontextmanager
async def _page(url: str, script: str, *, token: str | None) -> AsyncIterator[Process]:
    """A page at *url* that runs *script*, in a browser with the session of *token*; it tells what it logs."""
    install_packages(GRAPHIQL)
    cookie = {
        "name": SESSION,
        "value": token,
        "domain": "127.0.0.1",
        "path": "/",
        "secure": True,
        "httpOnly": True,
        "sameSite": "Lax",
    }
    browsing = await asyncio.create_subprocess_exec(
        str(NODE),
        str(Path(__file__).parent / "event_source.mjs"),
        str(GRAPHIQL / "package.json"),
        chromium(),
        json.dumps(cookie) if token else "",
        url,
        script,
        stdin=PIPE,
        stdout=PIPE,
    )
    try:
        yield browsing
    finally:
        assert browsing.stdin is not None
        browsing.stdin.close()
        await browsing.wait()


async def _logged(page: Process) -> str:
    """The next line that the page logs."""
    assert page.stdout is not None
    async with asyncio.timeout(60):
        return (await page.stdout.readline()).decode().strip()


async def _somebody(worker_db: Database, api_db: Database) -> tuple[WorkspaceId, str]:
    """A workspace, and what the browser of a member holds."""
    async with worker_db.transaction() as conn:
        workspace_id = await make_workspace(conn)
        member_id = await make_member(conn, workspace_id)
    async with api_db.transaction(workspace_id) as conn:
        user_id = (await conn.scalars(select(members.c.user_id).where(members.c.id == member_id))).one()
        return workspace_id, await open_session(conn, workspace_id, user_id)


async def _let_one_be_due(worker_db: Database, workspace_id: WorkspaceId) -> None:
    async with worker_db.transaction() as conn:
        mailbox_id = await make_mailbox(conn, workspace_id)
        key = await make_sequence(conn, workspace_id, mailboxes=[mailbox_id])
        await make_email(conn, await make_enrollment(conn, workspace_id, key, mailbox_id=mailbox_id))


async def test_a_page_of_the_server_hears_what_happens(
    database_url: str, worker_db: Database, api_db: Database
) -> None:
    """By the cookie of a login: how it is at first, and what changes afterwards."""
    workspace_id, token = await _somebody(worker_db, api_db)

    async with (
        serving(database_url) as url,
        _page(f"{url}/livez", EXAMPLE, token=token) as page,
    ):
        before = await _logged(page)
        await _let_one_be_due(worker_db, workspace_id)
        async with asyncio.timeout(60):
            while (after := await _logged(page)) == before:
                pass

    assert (before, after) == ("0", "1")


async def test_a_page_of_an_allowed_origin_hears_it_too(
    database_url: str, worker_db: Database, api_db: Database
) -> None:
    """Its own server is another one; a page of an origin that is not named hears nothing."""
    _, token = await _somebody(worker_db, api_db)
    told = []

    async with listening(_Elsewhere()) as elsewhere:
        origin = f"http://127.0.0.1:{elsewhere.port}"
        for allowed in (origin, "https://app.example.com"):
            async with serving(database_url, cors_origins=[allowed]) as url:
                script = EXAMPLE.replace("`/graphql/stream", f"`{url}/graphql/stream")
                async with _page(origin, script, token=token) as page:
                    told.append(await _logged(page))

    # 2: closed for good.
    assert told == ["0", "error 2"]


async def test_without_a_login_the_stream_is_refused(
    database_url: str, worker_db: Database, api_db: Database
) -> None:
    """The browser does not ask again."""
    await _somebody(worker_db, api_db)

    async with serving(database_url) as url, _page(f"{url}/livez", EXAMPLE, token=None) as page:
        assert await _logged(page) == "error 2"
