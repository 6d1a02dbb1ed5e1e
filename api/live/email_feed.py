"""The feed of a workspace: what happens to its emails, each event once, in the order of their writing."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass
from functools import partial

from sqlalchemy.ext.asyncio import AsyncConnection

from api.live.changes import Changes
from api.live.states import steadily
from domain.ids import WorkspaceId
from persistence.database import Database
from persistence.reading.email_changes import Position, events_after, position
from persistence.reading.pages import AnyRow
from persistence.reading.scheduled_emails import emails_by_id

# Events that are read together, and how far back a feed begins to look for what is not committed yet.
PAGE = 500
_LOOK_BACK = 5_000
# Emails are written down within milliseconds; who waits for a plan of minutes begins further back.
_LOOKS_AT_FIRST, _LOOKS_EVERY_S = 20, 0.05
# Nothing is lost while a listener is away, but it comes later.
_LOOKS_ANYWAY_S = 60.0


@dataclass(frozen=True, slots=True)
class Happened:
    """*event* of an email, and the row of the *email* as it was then or a moment later."""

    event: AnyRow
    email: AnyRow


@dataclass(frozen=True, slots=True)
class Batch:
    """
    What was found together. Whoever has heard it, and all before, goes on after *number*: everything up to
    there is told, nothing above it is sure to be.
    """

    number: int
    happened: Sequence[Happened]

    def greeting(self) -> "Batch":
        """For whoever comes after it."""
        return Batch(self.number, ())


class EmailFeed:
    """
    The events of a workspace's emails from its beginning on, each once.

    A transaction that has taken a lower number may commit after one with a higher. So a number counts as
    settled only when every transaction that was open when it was the last has ended; what is above is read
    again and again.
    """

    def __init__(self, database: Database, workspace_id: WorkspaceId) -> None:
        self._database = database
        self._workspace_id = workspace_id
        self._settled = 0
        self._seen: set[int] = set()
        self._unsettled = Position(0, 0, 0)

    async def follow(self, changes: Changes) -> AsyncGenerator[Batch]:
        """At first an empty batch, which tells where it begins; then what happens."""
        async with changes.of(self._workspace_id) as changed:
            yield await steadily(self._begin)
            while True:
                changed.clear()
                async for batch in self._news():
                    yield batch
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_LOOKS_ANYWAY_S):
                        await changed.wait()

    async def _begin(self) -> Batch:
        begun = await self._position()
        is_settled = await self._is_settled(begun)
        self._settled = begun.number if is_settled else max(begun.number - _LOOK_BACK, 0)
        async with self._database.transaction(self._workspace_id) as conn:
            before = await events_after(conn, self._workspace_id, self._settled, most=_LOOK_BACK)
        self._seen = {row.id for row in before if row.id <= begun.number}
        self._unsettled = begun
        return Batch(self._settled, ())

    async def _is_settled(self, begun: Position) -> bool:
        """Whether all that was open at *begun* ends within moments: it is then the newest that is told."""
        if begun.is_settled:
            return True
        for _ in range(_LOOKS_AT_FIRST):
            await asyncio.sleep(_LOOKS_EVERY_S)
            if (await self._position()).oldest_open >= begun.next_one:
                return True
        return False

    async def _news(self) -> AsyncIterator[Batch]:
        now = await steadily(self._position)
        after = self._settled
        while page := await steadily(partial(self._page, after)):
            self._seen.update(each.event.id for each in page)
            after = page[-1].event.id
            is_last = len(page) < PAGE
            if is_last:
                self._settle(now)
            yield Batch(self._settled, page)
            if is_last:
                return
        self._settle(now)

    async def _position(self) -> Position:
        async with self._database.transaction(self._workspace_id) as conn:
            return await position(conn)

    async def _page(self, after: int) -> Sequence[Happened]:
        async with self._database.transaction(self._workspace_id) as conn:
            rows = await events_after(conn, self._workspace_id, after, without=self._seen, most=PAGE)
            return await _with_emails(conn, self._workspace_id, rows)

    def _settle(self, now: Position) -> None:
        """What was open when the unsettled position was taken may have ended at *now*, and was read since."""
        if now.is_settled:
            self._unsettled = now
        if now.is_settled or now.oldest_open >= self._unsettled.next_one:
            self._settled = max(self._settled, self._unsettled.number)
            self._seen = {each for each in self._seen if each > self._settled}
            self._unsettled = now


async def replay(
    database: Database, workspace_id: WorkspaceId, number: int, *, most: int
) -> Sequence[Happened] | None:
    """What has happened after *number*; None when it was more than *most*."""
    async with database.transaction(workspace_id) as conn:
        rows = await events_after(conn, workspace_id, number, most=most + 1)
        return None if len(rows) > most else await _with_emails(conn, workspace_id, rows)


async def _with_emails(
    conn: AsyncConnection, workspace_id: WorkspaceId, events: Sequence[AnyRow]
) -> Sequence[Happened]:
    ids = {event.email_id for event in events}
    emails = {email.id: email for email in await emails_by_id(conn, workspace_id, ids)} if ids else {}
    return [Happened(event, emails[event.email_id]) for event in events]
