"""
The floor of the API: an endpoint of plain Starlette that answers the one list with the one statement.

`python -m bench.plain_endpoint URL WORKSPACE PORT`: no GraphQL, no key, and one workspace for everyone.
"""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import psycopg
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.connections import cursor_of
from api.ids import global_id
from bench.listing import SQL

_CONNECTIONS = 10
_Row = tuple[Any, ...]


class _Endpoint:
    def __init__(self, url: str, workspace_id: str) -> None:
        self._url, self._workspace_id = url, workspace_id
        self._idle: asyncio.LifoQueue[psycopg.AsyncConnection[_Row]] = asyncio.LifoQueue()

    @asynccontextmanager
    async def connected(self, _: Starlette) -> AsyncIterator[None]:
        connections = [
            await psycopg.AsyncConnection.connect(
                self._url, autocommit=True, options="-c timezone=UTC", cursor_factory=psycopg.AsyncRawCursor
            )
            for _ in range(_CONNECTIONS)
        ]
        for each in connections:
            self._idle.put_nowait(each)
        yield
        for each in connections:
            await each.close()

    async def answer(self, request: Request) -> Response:
        first = json.loads(await request.body())["variables"]["first"]
        conn = await self._idle.get()
        try:
            found = conn.cursor(binary=True).execute(SQL, [self._workspace_id, first + 1])
            rows = await (await found).fetchall()
        finally:
            self._idle.put_nowait(conn)
        body = {"data": {"scheduledEmails": _page(rows, first)}}
        return Response(
            json.dumps(body, ensure_ascii=False, separators=(",", ":")), media_type="application/json"
        )


def _page(rows: list[_Row], first: int) -> dict[str, Any]:
    shown = rows[:first]
    return {
        "nodes": [_email(row) for row in shown],
        "pageInfo": {
            "hasNextPage": len(rows) > first,
            "endCursor": cursor_of((shown[-1][-1], str(shown[-1][0]))) if shown else None,
        },
    }


def _email(row: _Row) -> dict[str, Any]:
    key, status, send_at, retries, to, first_name, company, position, subject, mailbox, address, _ = row
    return {
        "id": global_id("ScheduledEmail", key),
        "status": status,
        "sendAt": None if send_at is None else _instant(send_at),
        "retryCount": retries,
        "contact": {"email": to, "firstName": first_name, "company": company},
        "step": {"position": position, "subject": subject},
        "mailbox": None if mailbox is None else {"name": mailbox, "email": address},
    }


def _instant(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def main(url: str, workspace_id: str, port: int) -> None:
    endpoint = _Endpoint(url, workspace_id)
    app = Starlette(
        routes=[Route("/graphql", endpoint.answer, methods=["POST"])], lifespan=endpoint.connected
    )
    uvicorn.run(app, host="127.0.0.1", port=port, loop="uvloop", log_level="warning", access_log=False)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
