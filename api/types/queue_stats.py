"""How much is due, under way and done, and how fast it goes."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import field
from datetime import datetime
from typing import Any, Self, TypeVar

import strawberry

from api.context import Info
from api.fields import resolves
from domain.ids import WorkspaceId
from persistence.database import Database
from persistence.figures import QUEUES, read_figure
from persistence.reading.pages import AnyRow
from persistence.reading.queue_stats import RECENT, SAMPLE, pace, queue_stats, waits

T = TypeVar("T")


def share(part: int, whole: int) -> float | None:
    """None of nothing."""
    return part / whole if whole else None


@strawberry.type(description="Emails that wait to be tried again, by how often they were put off.")
class RetryWait:
    retries: int = strawberry.field(
        description="How often their servers put them off: 1 waits for the first retry. 0 spent none, as the "
        "server was never reached."
    )
    count: int = strawberry.field(description="How many emails wait so.")
    next_at: datetime | None = strawberry.field(description="When the first of them is tried again.")


@strawberry.type(description="How many messages are ready in one queue of the broker, for all workspaces.")
class QueueDepth:
    name: str = strawberry.field(description="The name of the queue, as the broker shows it.")
    ready: int = strawberry.field(description="Messages that nobody has taken; one may hold many emails.")
    measured_at: datetime = strawberry.field(
        description="When they were counted, in real time: every ten seconds while the broker answers."
    )


@strawberry.type(
    description=f"How fast emails leave, by the newest {SAMPLE:,} of the last {RECENT.seconds // 60} minutes."
)
class SendingPace:
    emails: int = strawberry.field(description="How many emails these figures are of.")
    throughput_per_minute: float = strawberry.field(description="Emails accepted per minute.")
    average_send_seconds: float | None = strawberry.field(
        description="From the beginning of the attempt to the server's last reply, on average; null of none."
    )
    p95_send_seconds: float | None = strawberry.field(
        description="The same, which 95 of 100 emails do not exceed."
    )
    average_lateness_seconds: float | None = strawberry.field(
        description="How long after the planned time emails were accepted, on average; null of none."
    )
    p95_lateness_seconds: float | None = strawberry.field(
        description="The same, which 95 of 100 emails do not exceed."
    )

    @classmethod
    def of(cls, row: AnyRow, *, now: datetime) -> Self:
        # Fewer than the sample are all that left in that time; more are seen from the oldest of them on.
        passed = RECENT if row.emails < SAMPLE else now - row.oldest
        return cls(
            emails=row.emails,
            throughput_per_minute=row.emails * 60 / max(passed.total_seconds(), 1.0),
            average_send_seconds=_seconds(row.average_send),
            p95_send_seconds=_seconds(row.p95_send),
            average_lateness_seconds=_seconds(row.average_lateness),
            p95_lateness_seconds=_seconds(row.p95_lateness),
        )


def _seconds(measured: float | None) -> float | None:
    return None if measured is None else float(measured)


@strawberry.type(description="How much is due, under way and done, over all mailboxes.")
class QueueStats:
    as_of: datetime = strawberry.field(description="The moment of these figures.")
    due: int = strawberry.field(description="Planned emails whose time has come and that nothing holds.")
    late: int = strawberry.field(description="Those of them whose time came more than five minutes ago.")
    oldest_due_at: datetime | None = strawberry.field(
        description="The time of the one that waits longest; null when nothing is due."
    )
    held: int = strawberry.field(
        description="Planned emails whose time has come and that something on hold keeps: see `heldBy`."
    )
    queued: int = strawberry.field(description="Emails handed to the broker.")
    sending: int = strawberry.field(description="Emails that a worker is handing over.")
    retrying: int = strawberry.field(description="Emails that wait to be tried again.")
    in_doubt: int = strawberry.field(description="Emails that may or may not have arrived.")
    unplaced: int = strawberry.field(description="Planned emails without a slot.")
    sent_today: int = strawberry.field(
        description="Emails accepted today, each mailbox's day by its own zone."
    )
    failed_today: int = strawberry.field(
        description="Emails given up today, each mailbox's day by its own zone."
    )
    retried_today: int = strawberry.field(
        description="Emails that needed a retry for the first time today, each mailbox's day by its own zone."
    )
    sent_total: int = strawberry.field(description="Emails ever accepted.")
    failed_total: int = strawberry.field(description="Emails ever given up.")
    retried_total: int = strawberry.field(description="Emails that ever needed a retry.")

    # What was read already: one of these may be told to many at once.
    known: strawberry.Private[dict[str, asyncio.Task[Any]]] = field(default_factory=dict, compare=False)

    @resolves("Of the emails that ended today, the share that was accepted, from 0 to 1; null of none.")
    def success_rate_today(self) -> float | None:
        return share(self.sent_today, self.sent_today + self.failed_today)

    @resolves("Of all emails that ever ended, the share that was accepted, from 0 to 1; null of none.")
    def success_rate(self) -> float | None:
        return share(self.sent_total, self.sent_total + self.failed_total)

    @resolves("Emails that wait to be tried again, by how often they were put off, if any does.")
    async def retrying_by_wait(self, info: Info) -> list[RetryWait]:
        async def read() -> list[RetryWait]:
            async with info.context.transaction() as conn:
                rows = await waits(conn, info.context.workspace_id)
            return [RetryWait(retries=row.retries, count=row.amount, next_at=row.next_at) for row in rows]

        return await self._once("waits", read)

    @resolves("How fast emails leave.")
    async def pace(self, info: Info) -> SendingPace:
        async def read() -> SendingPace:
            async with info.context.transaction() as conn:
                row = await pace(conn, info.context.workspace_id, now=self.as_of)
            return SendingPace.of(row, now=self.as_of)

        return await self._once("pace", read)

    @resolves("How deep the broker's queues are, for all workspaces; empty until a clock has counted them.")
    async def queues(self, info: Info) -> list[QueueDepth]:
        async def read() -> list[QueueDepth]:
            async with info.context.transaction() as conn:
                taken = await read_figure(conn, QUEUES)
            if taken is None:
                return []
            return [
                QueueDepth(name=name, ready=ready, measured_at=taken.measured_at)
                for name, ready in sorted(taken.value.items())
            ]

        return await self._once("queues", read)

    async def _once(self, name: str, read: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """What *read* answers, whoever asks for it first; their leaving does not end it for the others."""
        if name not in self.known:
            self.known[name] = asyncio.create_task(read())
        found: T = await asyncio.shield(self.known[name])
        return found


async def take_queue_stats(database: Database, workspace_id: WorkspaceId, *, now: datetime) -> QueueStats:
    async with database.transaction(workspace_id) as conn:
        figures = await queue_stats(conn, workspace_id, now=now)
    return QueueStats(as_of=now, **figures._mapping)
