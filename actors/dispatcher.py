"""The dispatcher: claims what is due and hands it to the senders; rescues what they left behind."""

import asyncio
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import structlog

from actors.clocks import Clock
from actors.measures import LATENESS_SECONDS
from actors.outage import QueueUnavailable
from actors.publisher import Publisher
from actors.queues import SENDER
from domain.ids import EmailId, WorkspaceId
from persistence.attempts import Ticket
from persistence.claims import Claimed, claim_due
from persistence.database import Database
from persistence.dispatches import carried_out, hand_over, processed, taken
from persistence.overdue_retries import sweep_overdue
from persistence.refusals import Refusal
from persistence.rescue import rescue
from persistence.resends import find_resends, forget_resend, resend_in_doubt

log = structlog.get_logger(__name__)

# One message carries this many emails: the broker's share of the work is 1 % then.
BATCH = 100
CLAIM = 500
# How soon it looks again for mailboxes that have sent meanwhile; longer and longer while there are none.
_PAUSES_S = (0.05, 0.1, 0.2, 0.4)
# A claim looks at every mailbox that has something due, to find those with room. Where these are many, it
# rests as long as it took, so that more have room then; but not until the senders have nothing left.
_LONGEST_REST_S = 0.15


class Dispatcher:
    """
    Claims what is due and publishes it.

    A mailbox has two emails under way at most, and the senders have only so much room. So it goes on for
    *goes_on_s* after each call, while anything is under way: a fast mailbox need not wait for the next tick.
    """

    def __init__(
        self,
        *,
        database: Database,
        publisher: Publisher,
        clock: Clock,
        lease: timedelta,
        most_queued: int,
        goes_on_s: float = 0.0,
    ) -> None:
        self._database = database
        self._publisher = publisher
        self._clock = clock
        self._lease = lease
        self._most_queued = most_queued
        self._goes_on_s = goes_on_s
        self._ends_at = 0.0
        self._is_at_work = False

    async def __call__(self, dispatch_id: str | None) -> None:
        """Claim and publish until nothing is due, or time is up; a call meanwhile only gives it more time."""
        async with carried_out(self._database, dispatch_id):
            self._ends_at = asyncio.get_running_loop().time() + self._goes_on_s
            if self._is_at_work:
                return
            self._is_at_work = True
            try:
                await self._work()
            finally:
                self._is_at_work = False

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        pauses = iter(_PAUSES_S)
        pause_s = 0.0
        while True:
            began = loop.time()
            claimed = await self._claim()
            if claimed is None:
                return
            if claimed:
                pauses = iter(_PAUSES_S)
            if claimed < CLAIM:
                pause_s = next(pauses, pause_s)
                rest_s = max(pause_s, min(loop.time() - began, _LONGEST_REST_S))
                if loop.time() + rest_s > self._ends_at:
                    return
                await asyncio.sleep(rest_s)

    async def _claim(self) -> int | None:
        """How many were claimed and published; None when there is nothing to go on for."""
        now = await self._clock.now()
        async with self._database.transaction() as conn:
            claimed, queued, begun = await claim_due(
                conn, now=now, limit=CLAIM, most_queued=self._most_queued, lease=self._lease
            )
            messages = list(in_messages(claimed))
            counts = [len(emails) for emails in messages]
            dispatch_ids = await hand_over(conn, SENDER, email_counts=counts) if counts else []
        for each in claimed:
            LATENESS_SECONDS.observe((now - each.send_at).total_seconds())
        for dispatch_id, emails in zip(dispatch_ids, messages, strict=True):
            tickets = [Ticket(each.email_id, each.attempt) for each in emails]
            alone = any(each.crashes for each in emails)
            if not await _publish(self._publisher, str(dispatch_id), tickets, alone=alone):
                return None
        if claimed:
            log.info("emails.dispatched", count=len(claimed), messages=len(messages))
        return len(claimed) if claimed or queued or begun else None


def in_messages(claimed: Sequence[Claimed]) -> Iterator[Sequence[Claimed]]:
    """Messages of up to 100; one that its worker died of travels alone, and takes nobody along."""
    # Those of one mailbox side by side: two processes that send for it would wait for each other's locks.
    healthy = sorted((each for each in claimed if not each.crashes), key=lambda each: each.mailbox_id.int)
    for start in range(0, len(healthy), BATCH):
        yield healthy[start : start + BATCH]
    for suspect in claimed:
        if suspect.crashes:
            yield [suspect]


class Rescuer:
    """Finds what nobody holds any more: leases that ran out, lost retries, doubts to be sent once more."""

    def __init__(self, *, database: Database, publisher: Publisher, clock: Clock, grace: timedelta) -> None:
        self._database = database
        self._publisher = publisher
        self._clock = clock
        self._grace = grace

    async def __call__(self, dispatch_id: str | None) -> None:
        now = await self._clock.now()
        async with self._database.transaction() as conn:
            if dispatch_id is not None:
                await taken(conn, UUID(dispatch_id))
            found = await rescue(conn, now=now)
            overdue = await sweep_overdue(conn, now=now, grace=self._grace)
            in_doubt = await find_resends(conn, now=now)
        overdue += [ticket for each in in_doubt if (ticket := await self._resend(*each, now=now))]
        for email_id in found.in_doubt:
            log.warning("email.in_doubt", email_id=str(email_id), reason="SENDER_LOST")
        if found.released or found.poisonous:
            log.warning("emails.rescued", released=len(found.released), poisonous=len(found.poisonous))
        for start in range(0, len(overdue), BATCH):
            if not await _publish(self._publisher, None, overdue[start : start + BATCH]):
                break
        if dispatch_id is not None:
            async with self._database.transaction() as conn:
                await processed(conn, UUID(dispatch_id))

    async def _resend(self, workspace_id: WorkspaceId, email_id: EmailId, *, now: datetime) -> Ticket | None:
        """In a transaction of its own: each locks a sequence, a contact and an enrollment."""
        try:
            async with self._database.transaction() as conn:
                ticket = await resend_in_doubt(conn, workspace_id, email_id, now=now)
        except Refusal as refusal:
            # Somebody has moved on by hand. It stays in doubt, and is not asked for every second.
            async with self._database.transaction() as conn:
                await forget_resend(conn, email_id)
            log.warning("email.not_resent", email_id=str(email_id), cause=type(refusal).__name__)
            return None
        if ticket is not None:
            log.warning("email.resent", email_id=str(email_id), attempt=ticket.number)
        return ticket


async def _publish(
    publisher: Publisher, dispatch_id: str | None, tickets: Sequence[Ticket], *, alone: bool = False
) -> bool:
    """Hand *tickets* to the senders; False without a broker: their rows are found again when time is up."""
    pairs = [(str(each.email_id), each.number) for each in tickets]
    try:
        await publisher.publish(SENDER, dispatch_id, pairs, *([True] if alone else []))
    except QueueUnavailable as unavailable:
        log.error("emails.not_published", count=len(tickets), cause=unavailable.cause)
        return False
    return True
