"""The sender: from a message with ids to letters on the wire, each at most once."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

import structlog

from actors.clocks import Clock
from actors.endpoints import Endpoint
from actors.handovers import Handovers
from actors.judgement import Judgement, judge, why_set_aside
from actors.leases import boot_time, trust_window
from actors.ledger import Ledger
from actors.letters import LetterWriter
from actors.logins import endpoint_of
from actors.mailbox_check import explained
from actors.measures import SEND_SECONDS
from actors.outage import QueueUnavailable
from actors.places import Places
from actors.publisher import Publisher
from actors.queues import SENDER
from actors.smtp import DOT_S, Handover
from actors.smtp_pool import ConnectionPool
from domain.ids import EmailId
from domain.letter import HeaderInjection, Letter
from domain.lifecycle import EmailEvent
from domain.templates import TemplateError
from persistence.attempts import Admission, Attempt, Held, Ticket, TooEarly
from persistence.commits import Committing
from persistence.results import Result
from persistence.vault import UnreadableSecret, Vault

log = structlog.get_logger(__name__)

T = TypeVar("T")
# A task for each email of a group.
_Sending = Sequence[asyncio.Task[None]]

# What has to be alone keeps others waiting meanwhile, and the reply to a dot may take ten minutes.
_ALONE_WITHIN_S = 30.0


class Sender:
    """
    Takes batches of tickets, at most *in_flight* emails at a time.

    A message ends when all its emails are admitted, so no thread waits for the slowest of them; their
    leases cover what the broker no longer does.
    """

    def __init__(
        self,
        *,
        ledger: Ledger,
        letters: LetterWriter,
        pool: ConnectionPool,
        publisher: Publisher,
        vault: Vault,
        clock: Clock,
        schedule: Sequence[timedelta],
        in_flight: int,
        timeout_s: float,
        dot_timeout_s: float = DOT_S,
        alone_within_s: float = _ALONE_WITHIN_S,
        boot_time: Callable[[], float] = boot_time,
    ) -> None:
        self._ledger = ledger
        self._letters = letters
        self._pool = pool
        self._publisher = publisher
        self._vault = vault
        self._clock = clock
        self._schedule = schedule
        self._places = Places(in_flight)
        self._handovers = Handovers()
        self._timeout_s = timeout_s
        self._dot_timeout_s = dot_timeout_s
        self._alone_within_s = alone_within_s
        self._boot_time = boot_time
        self._trust_window_s = trust_window(ledger.lease).total_seconds()
        self._sending: set[asyncio.Task[Any]] = set()

    async def __call__(
        self, dispatch_id: str | None, tickets: Sequence[tuple[str, int]], alone: bool = False
    ) -> None:
        """
        Admit a message: *tickets* are pairs of an email's id and the attempt that may begin.

        Each goes *alone* through this process if a worker died of one: whoever it takes along would pay.
        """
        waiting = deque(Ticket(EmailId(UUID(email_id)), number) for email_id, number in tickets)
        groups: list[asyncio.Task[_Sending]] = []
        while waiting:
            group = await self._take_places(waiting, alone=alone)
            if self._places.is_closed:
                for _ in group:
                    self._places.give_back(alone=alone)
                await self._leave_to_others(dispatch_id, [*group, *waiting], alone=alone)
                return
            if group:
                groups.append(self._start(self._send_group(group, alone=alone)))
        if dispatch_id is not None:
            self._start(self._close(UUID(dispatch_id), groups))

    async def _take_places(self, waiting: deque[Ticket], *, alone: bool) -> list[Ticket]:
        """As many of those in front as get a place now, or the first that gets one later."""
        group: list[Ticket] = []
        while waiting and (not group or self._places.are_free):
            if await self._places.take(alone=alone, within_s=self._alone_within_s if alone else None):
                group.append(waiting.popleft())
            elif self._places.is_closed:
                break
            else:
                # When its lease ends it is dispatched once more, perhaps to a worker that has less in hand.
                log.warning("email.not_alone", email_id=str(waiting.popleft().email_id))
        return group

    async def stop(self) -> None:
        """Begin nothing more, and break off what is before its dot; replies to dots can be waited for."""
        self._places.close()
        self._handovers.stop()

    async def give_up(self, *, timeout_s: float) -> None:
        """Wait for no reply any more, and write down in *timeout_s* at most what is in doubt by that."""
        self._handovers.give_up()
        await self._wait(timeout_s)

    async def drain(self, *, timeout_s: float) -> None:
        """Wait for what is on its way; what is not done by then is told of, and goes on."""
        await self._wait(timeout_s)
        if self._sending:
            log.warning("sender.stopped_early", emails=len(self._sending))

    async def _wait(self, timeout_s: float) -> None:
        """Until all that was started is done, and what that has started, or *timeout_s* are over."""
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + timeout_s
        while self._sending and loop.time() < ends_at:
            await asyncio.wait(set(self._sending), timeout=ends_at - loop.time())

    def _start(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.create_task(work)
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)
        return task

    async def _close(self, dispatch_id: UUID, groups: Sequence[asyncio.Task[_Sending]]) -> None:
        await self._ledger.note_taken(dispatch_id)
        sending = [task for group in groups for task in await group]
        if sending:
            await asyncio.wait(sending)
        await self._ledger.note_processed(dispatch_id)

    async def _leave_to_others(
        self, dispatch_id: str | None, tickets: Sequence[Ticket], *, alone: bool
    ) -> None:
        """Put back into the queue what this worker begins no more; without a broker, it is rescued."""
        left = [(str(ticket.email_id), ticket.number) for ticket in tickets]
        try:
            await self._publisher.publish(SENDER, dispatch_id, left, *([True] if alone else []))
        except QueueUnavailable as unavailable:
            log.warning("emails.not_published", count=len(left), cause=unavailable.cause)
        else:
            log.info("emails.left_to_others", count=len(left))

    async def _send_group(self, tickets: Sequence[Ticket], *, alone: bool) -> _Sending:
        """Ask the gate for all of *tickets*, which have their places, and start to send what it admits."""
        try:
            admissions = await self._ledger.begin(*tickets)
        except Exception:
            # Their rows are leased: whatever went wrong here, they are rescued.
            log.exception("emails.abandoned", count=len(tickets))
            admissions = [None] * len(tickets)
        return [
            self._start(self._send_in_place(ticket, admission, alone=alone))
            for ticket, admission in zip(tickets, admissions, strict=True)
        ]

    async def _send_in_place(self, ticket: Ticket, admission: Admission, *, alone: bool) -> None:
        try:
            await self._send(ticket, admission)
        except Exception:
            # The row is leased: whatever went wrong here, it is rescued or listed in doubt.
            log.exception("email.abandoned", email_id=str(ticket.email_id), attempt=ticket.number)
        finally:
            self._places.give_back(alone=alone)

    async def _send(self, ticket: Ticket, admission: Admission) -> None:
        if isinstance(admission, Attempt):
            await self._make(admission)
        elif isinstance(admission, TooEarly):
            wait = max(admission.retry_at - await self._clock.now(), timedelta(seconds=1))
            await self._ask_again(ticket, wait)
        elif isinstance(admission, Held):
            log.info("email.held", email_id=str(ticket.email_id), cause=admission.hold)

    async def _make(self, attempt: Attempt) -> None:
        began = time.monotonic()
        try:
            letter = self._letters.write(attempt, date=await self._clock.now())
            endpoint = endpoint_of(attempt.login, attempt.mailbox_id, self._vault)
        except (TemplateError, HeaderInjection) as unwritable:
            await self._ledger.end(Result(attempt, EmailEvent.FAIL, "UNWRITABLE", reply=str(unwritable)))
            log.warning("email.failed", **_named(attempt), reason="UNWRITABLE")
            return
        except UnreadableSecret as unreadable:
            await self._ledger.refuse_login(attempt.mailbox_id, reason=str(unreadable))
            await self._ledger.end(Result(attempt, EmailEvent.RELEASE, "SECRET_UNREADABLE"))
            return
        # The letters of a group are written one after the other before any of them is handed over: what does
        # the same again is in the processor's caches, and takes less than half of the time.
        await asyncio.sleep(0)
        handover = await self._hand_over(attempt, letter, endpoint)
        judgement = judge(attempt, handover, now=await self._clock.now(), schedule=self._schedule)
        await self._conclude(attempt, judgement, ms=round((time.monotonic() - began) * 1000))

    async def _hand_over(self, attempt: Attempt, letter: Letter, endpoint: Endpoint) -> Handover:
        async def before_dot() -> bool:
            trusted_until = self._boot_time() + self._trust_window_s
            return (
                self._handovers.may_pass()
                and await self._ledger.commit(Committing(attempt, letter))
                and self._boot_time() < trusted_until
            )

        handover = await self._handovers.run(
            lambda: self._pool.deliver(
                attempt.mailbox_id,
                endpoint,
                letter.sender_address,
                letter.recipient_address,
                letter.content,
                before_dot=before_dot,
                timeout_s=self._timeout_s,
                dot_timeout_s=self._dot_timeout_s,
            )
        )
        return explained(endpoint, handover)

    async def _conclude(self, attempt: Attempt, judgement: Judgement, *, ms: int) -> None:
        result = judgement.result
        if judgement.login_refused:
            await self._ledger.refuse_login(attempt.mailbox_id, reason=why_set_aside(result))
        if judgement.rest is not None:
            reason = result.reply or result.reason
            await self._ledger.block(attempt.mailbox_id, rest=judgement.rest, reason=reason)
        counted = await self._ledger.end(result)
        level = log.info if result.event is EmailEvent.ACCEPT else log.warning
        facts = {"code": result.code, "reason": result.reason, "ms": ms, "counted": counted}
        level(_FACTS[result.event], **_named(attempt), **facts)
        SEND_SECONDS.labels(str(result.event)).observe(ms / 1000)
        if counted and judgement.retry_in is not None:
            await self._ask_again(Ticket(attempt.email_id, attempt.number + 1), judgement.retry_in)

    async def _ask_again(self, ticket: Ticket, wait: timedelta) -> None:
        """Have *ticket* come back after *wait*. The row says when, too: a lost message costs minutes."""
        if wait > max(self._schedule):
            return
        try:
            await self._publisher.publish(SENDER, None, [(str(ticket.email_id), ticket.number)], delay=wait)
        except QueueUnavailable as unavailable:
            log.warning("email.retry_not_published", email_id=str(ticket.email_id), cause=unavailable.cause)


_FACTS = {
    EmailEvent.ACCEPT: "email.sent",
    EmailEvent.RETRY: "email.retry_scheduled",
    EmailEvent.FAIL: "email.failed",
    EmailEvent.LOSE_SIGHT: "email.in_doubt",
    EmailEvent.RELEASE: "email.released",
}


def _named(attempt: Attempt) -> dict[str, str | int]:
    return {
        "email_id": str(attempt.email_id),
        "enrollment_id": str(attempt.enrollment_id),
        "mailbox_id": str(attempt.mailbox_id),
        "attempt": attempt.number,
    }
