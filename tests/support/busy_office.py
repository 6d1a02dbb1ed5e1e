"""An office at its busiest: planner, recalculators, sender and clients at once, time as fast as they work."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import httpx
from sqlalchemy import text

from actors.planner import Planner
from actors.recalculator import Recalculator
from api.app import create_app
from api.context import Services
from domain.ids import WorkspaceId
from persistence.api_keys import create_api_key
from persistence.database import Database
from tests.api.client import ApiClient
from tests.support.post_office import VAULT, PostOffice, post_office
from tests.support.smtp_server import ScriptedSmtpServer
from tests.support.world import make_enrollment, make_mailbox, make_sequence, make_workspace

# Less than what makes an email late, so that none is for the slowness of the machine.
A_WHILE = timedelta(minutes=2)
STEPS = ((0, "Welcome", "Hello"), (0, "On the same day", "Hello"), (1, "One more thing", "Hello"))
GAP_S = 20
MORNINGS = {"weekdays": [1, 2, 3, 4, 5], "intervals": [["09:00", "11:00"]]}


@dataclass
class BusyOffice:
    """Everything of one workspace, and what a watcher saw of it."""

    api: ApiClient
    worker_db: Database
    post: PostOffice
    workspace_id: WorkspaceId
    server: ScriptedSmtpServer
    most_running: int = 0
    done: Counter[str] = field(default_factory=Counter)

    @property
    def now(self) -> datetime:
        return self.post.clock.present

    async def ids(self, statement: str) -> list[str]:
        async with self.worker_db.transaction() as conn:
            return [str(each) for each in await conn.scalars(text(statement))]

    async def plan(self) -> None:
        await Planner(database=self.worker_db, clock=self.post.clock)(None, str(self.workspace_id))

    async def recalculate(self) -> None:
        await Recalculator(database=self.worker_db, clock=self.post.clock)(None, str(self.workspace_id))

    async def work(self) -> None:
        """Let a while pass, or the night, and send what is due, with what was refused a while ago."""
        clock = self.post.clock
        clock.pass_by(A_WHILE if self.now.hour < 11 else timedelta(hours=22))
        self.post.broker.release_due(self.now)
        await self.post.rescuer(None)
        await self.post.send_due()

    async def watch(self) -> None:
        """Count how many recalculations run at once; those carried out together are one."""
        running = await self.ids(
            "SELECT id FROM recalculations WHERE status = 'RUNNING' AND part_of_id IS NULL"
        )
        self.most_running = max(self.most_running, len(running))

    async def run(self, clients: Iterable[Callable[[], Awaitable[None]]], *, seconds: float) -> None:
        """Let everyone work at once for *seconds*; whoever fails ends it for all."""
        ends = time.monotonic() + seconds

        async def again(act: Callable[[], Awaitable[None]], pause_s: float) -> None:
            while time.monotonic() < ends:
                await act()
                await asyncio.sleep(pause_s)

        async with asyncio.TaskGroup() as group:
            for act in (self.plan, self.recalculate, self.recalculate, self.work, self.watch):
                group.create_task(again(act, 0.05))
            for client in clients:
                group.create_task(again(client, 0.02))
        await self.post.sender.drain(timeout_s=10)

    async def come_to_rest(self) -> None:
        """Carry out what was asked for, and plan what is left, while the clock stands still."""
        for _ in range(3):
            await self.recalculate()
            await self.plan()


@asynccontextmanager
async def busy_office(worker_db: Database, api_db: Database, *, mailboxes: int) -> AsyncIterator[BusyOffice]:
    """Two sequences of three steps that share *mailboxes*, 09:00–11:00 on workdays, with 120 contacts."""
    async with ScriptedSmtpServer() as server, post_office(worker_db, in_flight=8) as post:
        async with worker_db.transaction() as conn:
            workspace_id = await make_workspace(conn)
            boxes = [
                await make_mailbox(
                    conn, workspace_id, port=server.port, daily_capacity=100, minimum_gap_s=GAP_S
                )
                for _ in range(mailboxes)
            ]
            for linked in (boxes, boxes[1:]):
                sequence_id = await make_sequence(
                    conn, workspace_id, steps=STEPS, mailboxes=linked, send_window=MORNINGS
                )
                for _ in range(60):
                    await make_enrollment(conn, workspace_id, sequence_id)
        async with api_db.transaction(workspace_id) as conn:
            key = await create_api_key(conn, workspace_id, name="tests")
        services = Services(
            database=api_db, vault=VAULT, clock=post.clock, public_url="https://mail.example.com"
        )
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(create_app(services)),
            base_url=services.public_url,
            headers={"Authorization": f"Bearer {key}"},
        ) as http:
            office = BusyOffice(ApiClient(http, workspace_id), worker_db, post, workspace_id, server)
            await office.plan()
            yield office
