"""The ledger: what a sender writes down before, at and after the point of no return, in micro-batches."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar
from uuid import UUID

import structlog
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from sqlalchemy.ext.asyncio import AsyncConnection

from actors.clocks import Clock
from actors.micro_batches import MicroBatch
from domain.circuit import Encounter
from domain.delivery import RETRY_SCHEDULE
from domain.ids import EmailId, MailboxId
from domain.lifecycle import EmailEvent
from persistence.attempts import Admission, Ticket
from persistence.circuits import Switched, note_encounters
from persistence.commits import Committing, mark_committing
from persistence.database import Database
from persistence.dispatches import processed, taken
from persistence.gate import begin_attempts
from persistence.late_refusals import settle_refused
from persistence.mailbox_troubles import block, refuse_login
from persistence.results import Result, end_attempts

log = structlog.get_logger(__name__)

# A result that the server gave is worth waiting for the database: about five minutes in all.
_PATIENCE_S = (0.1, 0.5, 1, 2, 5, 10, 20, 30, 60, 60, 60, 60)
# The database is away, or ended this transaction to break a deadlock: the same again may go well.
_OUTAGES = (OperationalError, InterfaceError, NoConnectionFree)

_UNHURRIED_S = 0.25

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")


class Ledger:
    """
    One transaction per group of emails, so that the protocol costs statements per group.

    When the database refuses a group, each of it is tried alone: one bad email stops no other. *schedule* are
    the rests of a host in trouble.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        lease: timedelta,
        schedule: Sequence[timedelta] = RETRY_SCHEDULE,
    ) -> None:
        self._database = database
        self._clock = clock
        self._schedule = schedule
        self.lease = lease
        self._begins: MicroBatch[Ticket, Admission] = MicroBatch(self._begin)
        self._commits: MicroBatch[Committing, bool] = MicroBatch(self._commit)
        self._results: MicroBatch[Result, bool] = MicroBatch(self._end)
        # Nobody waits for these two.
        self._taken: MicroBatch[UUID, None] = MicroBatch(partial(self._note, taken), gather_s=_UNHURRIED_S)
        self._processed: MicroBatch[UUID, None] = MicroBatch(
            partial(self._note, processed), gather_s=_UNHURRIED_S
        )

    async def note_taken(self, dispatch_id: UUID) -> None:
        """Record that a batch of emails has arrived here."""
        await self._taken.submit(dispatch_id)

    async def note_processed(self, dispatch_id: UUID) -> None:
        """Record that every email of a batch has ended here."""
        await self._processed.submit(dispatch_id)

    async def begin(self, *tickets: Ticket) -> Sequence[Admission]:
        """Ask the gate for an attempt at each of *tickets*; None where there is nothing to begin."""
        return await _grouped(self._begins, self._begin_or_abandon, *tickets)

    async def commit(self, committing: Committing) -> bool:
        """
        Pass the point of no return; when it answers False or raises, no dot may be sent.

        False also when the database is away: whether the mark was written or not, nothing is handed over.
        """
        try:
            (may_end,) = await _grouped(self._commits, self._commit, committing)
        except _OUTAGES as outage:
            log.warning("commit.unknown", cause=type(outage).__name__)
            return False
        return may_end

    async def end(self, result: Result) -> bool:
        """Record how an attempt ended; False when it was rescued or stopped meanwhile."""
        (counted,) = await _grouped(self._results, self._end, result)
        return counted

    async def refuse_login(self, mailbox_id: MailboxId, *, reason: str) -> None:
        async def refusing(conn: AsyncConnection, now: datetime) -> bool:
            return await refuse_login(conn, mailbox_id, reason=reason, now=now)

        if await self._insist(refusing, emails=1):  # why stands in its row: a server's words may name people
            log.warning("mailbox.needs_auth", mailbox_id=str(mailbox_id))

    async def block(self, mailbox_id: MailboxId, *, rest: timedelta, reason: str) -> None:
        async def blocking(conn: AsyncConnection, now: datetime) -> datetime | None:
            until = now + rest
            return until if await block(conn, mailbox_id, until=until, reason=reason, now=now) else None

        until = await self._insist(blocking, emails=1)
        if until is not None:
            log.warning("mailbox.blocked", mailbox_id=str(mailbox_id), until=until.isoformat())

    async def _note(
        self, stamp: Callable[..., Awaitable[None]], dispatch_ids: Sequence[UUID]
    ) -> Sequence[None]:
        try:
            async with self._database.transaction() as conn:
                await stamp(conn, *dispatch_ids)
        except _OUTAGES as outage:
            # Only for people to look at: the rows of the emails tell what became of them.
            log.warning("dispatches.not_noted", count=len(dispatch_ids), cause=type(outage).__name__)
        return [None] * len(dispatch_ids)

    async def _begin(self, tickets: Sequence[Ticket]) -> Sequence[Admission]:
        now = await self._clock.now()
        async with self._database.transaction() as conn:
            admitted = await begin_attempts(conn, tickets, now=now, lease=self.lease)
        # A copy of a message asks for the same attempt again; only the first of them may have it.
        return [admitted.pop(ticket.email_id, None) for ticket in tickets]

    async def _begin_or_abandon(self, tickets: Sequence[Ticket]) -> Sequence[Admission]:
        try:
            return await self._begin(tickets)
        except Exception:
            # Its row is claimed: when the lease ends, it is rescued.
            for ticket in tickets:
                log.exception("email.abandoned", email_id=str(ticket.email_id), attempt=ticket.number)
            return [None] * len(tickets)

    async def _commit(self, group: Sequence[Committing]) -> Sequence[bool]:
        now = await self._clock.now()
        async with self._database.transaction() as conn:
            committed = await mark_committing(conn, group, now=now, lease=self.lease)
        return [each.attempt.email_id in committed for each in group]

    async def _end(self, results: Sequence[Result]) -> Sequence[bool]:
        async def ending(
            conn: AsyncConnection, now: datetime
        ) -> tuple[Sequence[Switched], frozenset[EmailId]]:
            encounters = _encounters(results)
            switched = await note_encounters(conn, encounters, now=now, schedule=self._schedule)
            return switched, await end_attempts(conn, results, now=now)

        switched, counted = await self._insist(ending, emails=len(results))
        for each in switched:
            _tell(each)
        return [
            result.attempt.email_id in counted or await self._settles_a_doubt(result) for result in results
        ]

    async def _settles_a_doubt(self, result: Result) -> bool:
        """Whether *result* is a refusal that came when its email was in doubt already, for being so slow."""
        if result.code is None or result.event not in (EmailEvent.RETRY, EmailEvent.FAIL):
            return False

        async def settling(conn: AsyncConnection, now: datetime) -> bool:
            return await settle_refused(conn, result, now=now)

        return await self._insist(settling, emails=1)

    async def _insist(
        self, write: Callable[[AsyncConnection, datetime], Awaitable[Answer]], *, emails: int
    ) -> Answer:
        """*write* what a server said of so many *emails*, as soon as the database is there."""
        for pause_s in (*_PATIENCE_S, None):
            try:
                now = await self._clock.now()
                async with self._database.transaction() as conn:
                    return await write(conn, now)
            except _OUTAGES as outage:
                if pause_s is None:
                    raise
                log.warning("results.delayed", emails=emails, cause=type(outage).__name__)
                await asyncio.sleep(pause_s)
        raise AssertionError("the last pause is None")


def _encounters(results: Sequence[Result]) -> list[tuple[MailboxId, Encounter]]:
    return [(each.attempt.mailbox_id, each.encounter) for each in results if each.encounter is not None]


def _tell(switched: Switched) -> None:
    mailbox_id, until = str(switched.mailbox_id), switched.circuit.rests_until
    if until is None:
        log.info("mailbox.circuit_closed", mailbox_id=mailbox_id)
        return
    log.warning(
        "mailbox.circuit_opened",
        mailbox_id=mailbox_id,
        until=until.isoformat(),
        troubles=switched.circuit.troubles,
    )


async def _grouped(
    batch: MicroBatch[Asked, Answer],
    flush_alone: Callable[[Sequence[Asked]], Awaitable[Sequence[Answer]]],
    *asked: Asked,
) -> Sequence[Answer]:
    try:
        return await batch.submit(*asked)
    except _OUTAGES:
        raise
    except Exception as error:
        log.warning("group.refused", cause=type(error).__name__)
    return [answer for each in asked for answer in await flush_alone([each])]
