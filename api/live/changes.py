"""Changes as they are announced: one connection that listens, for however many watch."""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg
import structlog

from domain.ids import WorkspaceId
from persistence.changes import CHANGES
from persistence.database import Database, Role, listen

log: structlog.stdlib.BoundLogger = structlog.get_logger()

_PATIENCE_S = 60.0
_RETRY_S = 1.0


class Changes:
    """Listens while anybody watches, on a connection of its own; a lost one is opened again."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._watches: defaultdict[str, set[asyncio.Event]] = defaultdict(set)
        self._listening: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def of(self, workspace_id: WorkspaceId) -> AsyncIterator[asyncio.Event]:
        """
        An event that is set at every change of the workspace from now on; whoever waits for it clears it.

        It is also set when something may have been missed, at the beginning for one.
        """
        changed = asyncio.Event()
        self._watches[str(workspace_id)].add(changed)
        if self._listening is None:
            self._listening = asyncio.create_task(self._listen())
        else:
            changed.set()
        try:
            yield changed
        finally:
            self._watches[str(workspace_id)].discard(changed)
            if not self._watches[str(workspace_id)]:
                del self._watches[str(workspace_id)]
            if not self._watches and self._listening is not None:
                listening, self._listening = self._listening, None
                listening.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await listening

    async def _listen(self) -> None:
        url = self._database.engine.url.render_as_string(hide_password=False)
        while True:
            try:
                async with listen(url, role=Role.API, channel=CHANGES) as listener:
                    # What was said before is not repeated.
                    for workspace in list(self._watches):
                        self._wake(workspace)
                    while True:
                        workspace_id = await listener.next(timeout_s=_PATIENCE_S)
                        if workspace_id is not None:
                            self._wake(workspace_id)
            except (psycopg.Error, OSError) as lost:
                log.warning("changes.interrupted", cause=type(lost).__name__)
            await asyncio.sleep(_RETRY_S)

    def _wake(self, workspace_id: str) -> None:
        for changed in self._watches.get(workspace_id, ()):
            changed.set()
