"""Results: how attempts ended, with everything that follows from it in the same transaction."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Date, bindparam, case, cast, func, null, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.circuit import Encounter
from domain.ids import EmailId
from domain.lifecycle import EMAIL, EmailEvent, EmailStatus
from persistence.arrays import among, given
from persistence.attempts import Attempt
from persistence.database import notify
from persistence.email_events import OF_EVENTS, recording
from persistence.failures import Failed, after_failure
from persistence.mailbox_loads import DayCount, count_on_days
from persistence.progress import go_on, lock_contacts, lock_enrollments
from persistence.resends import resend_at
from persistence.statements import Statement
from persistence.tables import contacts, email_events, enrollments, mailboxes, scheduled_emails
from persistence.transitions import transition


# Made for each email: frozen it would take three times as long.
@dataclass(slots=True)
class Result:
    """How *attempt* ended: the event, what the server said of it, and when it is tried again."""

    attempt: Attempt
    event: EmailEvent
    reason: str
    code: int | None = None
    reply: str | None = None
    retry_at: datetime | None = None
    spends_retry: bool = False
    # The address does not exist: nothing is written to this contact any more.
    bounces: bool = False
    # The contact's mailbox stayed full: counted, and nothing is stopped by it.
    bounces_softly: bool = False
    # Refused for whom it comes from or how it looks: counted for the mailbox's standing.
    is_refused_by_policy: bool = False
    # Released, the email needs another slot than its own; the planner looks at it in any case.
    needs_planner: bool = False
    # What the attempt tells of the mailbox's host; None when it was not asked.
    encounter: Encounter | None = None

    @property
    def said(self) -> str:
        """The server's words, or ours when it said nothing."""
        return " ".join(str(part) for part in (self.code, self.reply) if part) or self.reason


async def end_attempts(
    conn: AsyncConnection, results: Sequence[Result], *, now: datetime
) -> frozenset[EmailId]:
    """
    Record *results*, taken at business time *now*; the ids of those that counted.

    A result whose attempt was rescued, stopped or taken over meanwhile changes nothing.
    """
    bounced = {each.attempt.contact_id for each in results if each.bounces}
    await lock_contacts(conn, bounced | {each.attempt.contact_id for each in results if each.bounces_softly})
    await lock_enrollments(
        conn,
        {each.attempt.enrollment_id for each in results},
        of_contacts=bounced,
        email_ids=[each.attempt.email_id for each in results],
    )
    counted: list[Result] = []
    for event in sorted({result.event for result in results}):
        counted.extend(await _record(conn, [each for each in results if each.event is event], event, now=now))
    await _count_days(conn, counted)
    await _count_soft_bounces(conn, counted)
    settled = [each.attempt.enrollment_id for each in counted if _lets_go_on(each)]
    await go_on(conn, settled, now=now)
    for failed in counted:
        if failed.event is EmailEvent.FAIL:
            await after_failure(conn, _failed(failed.attempt), bounces=failed.bounces, now=now)
    released = [each.attempt for each in counted if each.event is EmailEvent.RELEASE]
    await _bring_before_planner(conn, released)
    return frozenset(result.attempt.email_id for result in counted)


def _failed(attempt: Attempt) -> Failed:
    ids = (attempt.workspace_id, attempt.sequence_id, attempt.enrollment_id)
    return Failed(*ids, attempt.contact_id, attempt.email_id)


def _lets_go_on(result: Result) -> bool:
    if result.event is EmailEvent.LOSE_SIGHT:
        return result.attempt.assumes_sent
    return result.event is EmailEvent.ACCEPT


# What was provably not accepted gives its budget back.
_REFUNDED = frozenset({EmailEvent.RETRY, EmailEvent.FAIL, EmailEvent.RELEASE})


_columns = scheduled_emails.c
_GIVEN = given(
    {
        "email_id": _columns.id.type,
        "token": _columns.attempt_token.type,
        "again_at": _columns.retry_at.type,
        "spent": _columns.retry_count.type,
        "error": _columns.last_error.type,
        "reason": _columns.failure_reason.type,
        "cause": _columns.released_because.type,
        "code": email_events.c.code.type,
        "reply": email_events.c.reply.type,
    }
)
_NOW = bindparam("now", None, _columns.sent_at.type)
# The day of the email's mailbox on which it is tried again: there its next attempt counts.
_DAY_OF_RETRY = (
    select(cast(func.timezone(mailboxes.c.zone, _GIVEN.c.again_at), Date))
    .where(mailboxes.c.id == _columns.mailbox_id)
    .correlate(scheduled_emails, _GIVEN)
    .scalar_subquery()
)
# When an accepted email left: now; one that was in doubt, when it was committed. The steps after it went on
# from there, and may have left before its 250 was read: they stay after it.
_LEFT_AT = case((_columns.status == str(EmailStatus.IN_DOUBT), _columns.committing_at), else_=_NOW)
# What each way to end changes. Any: values and expressions of any column.
_CHANGES: Mapping[EmailEvent, Mapping[str, Any]] = {
    # It may have come late, when another attempt was due for the doubt.
    EmailEvent.ACCEPT: {"sent_at": _LEFT_AT, "last_error": null(), "retry_at": null()},
    EmailEvent.RETRY: {
        "retry_at": _GIVEN.c.again_at,
        "send_day": _DAY_OF_RETRY,
        "retry_count": _columns.retry_count + _GIVEN.c.spent,
        "last_error": _GIVEN.c.error,
    },
    EmailEvent.FAIL: {"failure_reason": _GIVEN.c.reason, "last_error": _GIVEN.c.error},
    EmailEvent.RELEASE: {"last_error": _GIVEN.c.error, "released_because": _GIVEN.c.cause},
    EmailEvent.LOSE_SIGHT: {"last_error": _GIVEN.c.error, "retry_at": resend_at(_NOW)},
}
_SAID = (_GIVEN.c.ordinal, _GIVEN.c.code, _GIVEN.c.reply, _GIVEN.c.reason.label("cause"))


def _ending(event: EmailEvent) -> Statement:
    ended = (
        transition(EMAIL, scheduled_emails, event)
        .where(_columns.id == _GIVEN.c.email_id, _columns.attempt_token == _GIVEN.c.token)
        .values(lease_until=null(), **_CHANGES[event])
        .returning(*OF_EVENTS, *_SAID)
    )
    return Statement(recording(ended.cte("ended"), event, at=_NOW))


_END = {event: _ending(event) for event in _CHANGES}


async def _record(
    conn: AsyncConnection, results: Sequence[Result], event: EmailEvent, *, now: datetime
) -> list[Result]:
    rows = await _END[event].rows(
        conn,
        email_ids=[each.attempt.email_id for each in results],
        tokens=[each.attempt.token for each in results],
        again_ats=[each.retry_at for each in results],
        spents=[int(each.spends_retry) for each in results],
        errors=[None if each.event is EmailEvent.ACCEPT else each.said for each in results],
        reasons=[each.reason for each in results],
        causes=[each.reason if each.needs_planner else None for each in results],
        codes=[each.code for each in results],
        replys=[each.reply for each in results],
        now=now,
    )
    ended = {row.id for row in rows}
    return [each for each in results if each.attempt.email_id in ended]


async def _count_days(conn: AsyncConnection, counted: Collection[Result]) -> None:
    days: dict[tuple[UUID, Any], DayCount] = {}
    for result in counted:
        attempt = result.attempt
        day = days.setdefault((attempt.mailbox_id, attempt.quota_day), DayCount(attempt.capacity))
        day.used -= result.event in _REFUNDED
        day.sent += result.event is EmailEvent.ACCEPT
        day.failed += result.event is EmailEvent.FAIL
        day.retried += result.event is EmailEvent.RETRY and result.spends_retry and attempt.retry_count == 0
        day.bounced += result.bounces or result.bounces_softly
        day.refused += result.is_refused_by_policy
    await count_on_days(conn, days)


async def _count_soft_bounces(conn: AsyncConnection, counted: Collection[Result]) -> None:
    full = [each.attempt.contact_id for each in counted if each.bounces_softly]
    if full:
        await conn.execute(
            contacts.update()
            .where(among(contacts.c.id, full))
            .values(soft_bounces=contacts.c.soft_bounces + 1)
        )


async def _bring_before_planner(conn: AsyncConnection, attempts: Collection[Attempt]) -> None:
    if attempts:
        await conn.execute(
            enrollments.update()
            .where(among(enrollments.c.id, [attempt.enrollment_id for attempt in attempts]))
            .values(planned_at=None)
        )
        await notify(conn, "plan")
