"""Asking how much is under way, and how fast it goes."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import insert

from domain.ids import WorkspaceId
from persistence.database import Database
from persistence.figures import QUEUES, write_figure
from persistence.tables import email_events, mailbox_days
from tests.api.client import ApiClient, SteppingClock
from tests.support.world import (
    MONDAY,
    make_email,
    make_enrollment,
    make_mailbox,
    make_sequence,
)

STATS = "{ queueStats { asOf due late queued sending retrying inDoubt unplaced sentToday failedToday } }"


async def test_nothing_is_under_way_in_an_empty_workspace(api: ApiClient) -> None:
    """Every figure is 0."""
    assert await api.data(STATS) == {
        "queueStats": {
            "asOf": "2026-03-02T09:00:00Z",
            "due": 0,
            "late": 0,
            "queued": 0,
            "sending": 0,
            "retrying": 0,
            "inDoubt": 0,
            "unplaced": 0,
            "sentToday": 0,
            "failedToday": 0,
        }
    }


async def test_every_email_under_way_is_counted_once(
    api: ApiClient, stranger: ApiClient, worker_db: Database
) -> None:
    """Due ones of which some are late, by state the others; those of other workspaces are not counted."""
    late = MONDAY - timedelta(minutes=5, seconds=1)
    async with worker_db.transaction() as conn:
        mailbox_id = await make_mailbox(conn, api.workspace_id)
        sequence_id = await make_sequence(conn, api.workspace_id)
        for status, send_at in [
            ("PENDING", late),
            ("PENDING", MONDAY - timedelta(minutes=5)),
            ("PENDING", MONDAY),
            ("PENDING", MONDAY + timedelta(seconds=1)),
            ("PENDING", None),
            *[("QUEUED", late)] * 2,
            *[("SENDING", late)] * 3,
            ("COMMITTING", late),
            *[("RETRYING", late)] * 5,
            *[("IN_DOUBT", late)] * 6,
            ("SENT", late),
            ("FAILED", late),
            ("CANCELLED", late),
        ]:
            enrollment_id = await make_enrollment(conn, api.workspace_id, sequence_id)
            reason = "NO_CAPACITY" if send_at is None else None
            await make_email(
                conn,
                enrollment_id,
                mailbox_id=mailbox_id,
                status=status,
                send_at=send_at,
                unplaced_reason=reason,
            )

    mine = (await api.data(STATS))["queueStats"]
    theirs = (await stranger.data(STATS))["queueStats"]

    expected = {"due": 3, "late": 1, "queued": 2, "sending": 4, "retrying": 5, "inDoubt": 6, "unplaced": 1}
    assert {name: mine[name] for name in expected} == expected
    assert {name: theirs[name] for name in expected} == dict.fromkeys(expected, 0)


async def test_today_is_each_mailboxs_own(api: ApiClient, worker_db: Database, clock: SteppingClock) -> None:
    """At noon UTC it is Tuesday in Auckland, and Monday in Honolulu."""
    clock.present = datetime(2026, 3, 2, 12, tzinfo=UTC)
    async with worker_db.transaction() as conn:
        for zone, day, sent, failed in [
            ("Pacific/Auckland", date(2026, 3, 2), 100, 100),
            ("Pacific/Auckland", date(2026, 3, 3), 7, 1),
            ("Pacific/Honolulu", date(2026, 3, 2), 20, 2),
            ("Pacific/Honolulu", date(2026, 3, 3), 100, 100),
        ]:
            mailbox_id = await make_mailbox(conn, api.workspace_id, zone=zone)
            await conn.execute(
                insert(mailbox_days).values(
                    workspace_id=api.workspace_id,
                    mailbox_id=mailbox_id,
                    day=day,
                    capacity=0,
                    sent=sent,
                    failed=failed,
                )
            )

    stats = (await api.data(STATS))["queueStats"]

    assert (stats["sentToday"], stats["failedToday"]) == (27, 3)


COUNTED = """{ queueStats {
  oldestDueAt sentToday failedToday retriedToday successRateToday
  sentTotal failedTotal retriedTotal successRate
  retryingByWait { retries count nextAt } queues { name ready }
  pace {
    emails throughputPerMinute averageSendSeconds p95SendSeconds averageLatenessSeconds p95LatenessSeconds
  }
} }"""


async def test_of_nothing_there_is_no_rate(api: ApiClient) -> None:
    """Null, and not a success or a failure of everything."""
    nothing = dict.fromkeys(
        ("averageSendSeconds", "p95SendSeconds", "averageLatenessSeconds", "p95LatenessSeconds")
    )

    assert (await api.data(COUNTED))["queueStats"] == {
        "oldestDueAt": None,
        **dict.fromkeys(("sentToday", "failedToday", "retriedToday"), 0),
        **dict.fromkeys(("sentTotal", "failedTotal", "retriedTotal"), 0),
        "successRateToday": None,
        "successRate": None,
        "retryingByWait": [],
        "queues": [],
        "pace": {"emails": 0, "throughputPerMinute": 0.0, **nothing},
    }


async def make_days(
    worker_db: Database, workspace_id: WorkspaceId, mailbox_id: UUID, *days: tuple[date, dict[str, int]]
) -> None:
    async with worker_db.transaction() as conn:
        for day, counts in days:
            of_day = {"workspace_id": workspace_id, "mailbox_id": mailbox_id, "day": day, "capacity": 0}
            await conn.execute(insert(mailbox_days).values(of_day | counts))


async def test_totals_stand_beside_the_figures_of_today(
    api: ApiClient, stranger: ApiClient, worker_db: Database
) -> None:
    """With the share that succeeded of each; another workspace's counts are not in them."""
    async with worker_db.transaction() as conn:
        mailbox_id = await make_mailbox(conn, api.workspace_id)
        foreign_id = await make_mailbox(conn, stranger.workspace_id)
    today, before = MONDAY.date(), MONDAY.date() - timedelta(days=30)
    await make_days(
        worker_db,
        api.workspace_id,
        mailbox_id,
        (today, {"sent": 3, "failed": 1, "retried": 2}),
        (before, {"sent": 17, "failed": 3, "retried": 4}),
    )
    await make_days(worker_db, stranger.workspace_id, foreign_id, (today, {"sent": 100, "retried": 100}))

    stats = (await api.data(COUNTED))["queueStats"]

    assert {
        name: stats[name] for name in ("sentToday", "failedToday", "retriedToday", "successRateToday")
    } == {
        "sentToday": 3,
        "failedToday": 1,
        "retriedToday": 2,
        "successRateToday": 0.75,
    }
    assert {name: stats[name] for name in ("sentTotal", "failedTotal", "retriedTotal")} == {
        "sentTotal": 20,
        "failedTotal": 4,
        "retriedTotal": 6,
    }
    assert stats["successRate"] == pytest.approx(20 / 24)


async def _emails(worker_db: Database, workspace_id: WorkspaceId, *emails: dict[str, Any]) -> None:
    """Emails of one mailbox; what was sent has its event."""
    async with worker_db.transaction() as conn:
        mailbox_id = await make_mailbox(conn, workspace_id)
        sequence_id = await make_sequence(conn, workspace_id)
        for email in emails:
            enrollment_id = await make_enrollment(conn, workspace_id, sequence_id)
            email_id = await make_email(conn, enrollment_id, mailbox_id=mailbox_id, **email)
            if "sent_at" in email:
                happened = {"email_id": email_id, "enrollment_id": enrollment_id, "at": email["sent_at"]}
                await conn.execute(
                    insert(email_events).values(happened | {"workspace_id": workspace_id, "kind": "ACCEPT"})
                )


def _sent(minutes_ago: float, *, took_s: float, late_s: float) -> dict[str, Any]:
    sent_at = MONDAY - timedelta(minutes=minutes_ago)
    started, planned = sent_at - timedelta(seconds=took_s), sent_at - timedelta(seconds=late_s)
    return {"status": "SENT", "send_at": planned, "last_attempt_at": started, "sent_at": sent_at}


async def test_the_pace_is_that_of_the_last_quarter_of_an_hour(
    api: ApiClient, stranger: ApiClient, worker_db: Database
) -> None:
    """From attempt to reply, and from the planned time; what is older or another workspace's is not in it."""
    older = _sent(16, took_s=500, late_s=900)
    await _emails(
        worker_db,
        api.workspace_id,
        *[_sent(1, took_s=1, late_s=10)] * 29,
        _sent(14, took_s=31, late_s=310),
        older,
    )
    await _emails(worker_db, stranger.workspace_id, _sent(1, took_s=100, late_s=200))

    pace = (await api.data(COUNTED))["queueStats"]["pace"]

    assert pace == {
        "emails": 30,
        "throughputPerMinute": 2.0,
        "averageSendSeconds": 2.0,
        "p95SendSeconds": 1.0,
        "averageLatenessSeconds": 20.0,
        "p95LatenessSeconds": 10.0,
    }


async def test_waits_are_told_by_how_often_emails_were_put_off(api: ApiClient, worker_db: Database) -> None:
    """Each with the time of the first that comes back; and who is due longest."""
    soon, later = MONDAY + timedelta(minutes=2), MONDAY + timedelta(minutes=12)
    waiting = {"status": "RETRYING"}
    await _emails(
        worker_db,
        api.workspace_id,
        waiting | {"retry_count": 1, "retry_at": later},
        waiting | {"retry_count": 1, "retry_at": soon},
        waiting | {"retry_count": 3, "retry_at": later},
        {"status": "IN_DOUBT", "retry_count": 2},
        {"send_at": MONDAY - timedelta(minutes=1)},
        {"send_at": MONDAY - timedelta(minutes=9)},
    )

    stats = (await api.data(COUNTED))["queueStats"]

    assert stats["retryingByWait"] == [
        {"retries": 1, "count": 2, "nextAt": "2026-03-02T09:02:00Z"},
        {"retries": 3, "count": 1, "nextAt": "2026-03-02T09:12:00Z"},
    ]
    assert stats["oldestDueAt"] == "2026-03-02T08:51:00Z"


async def test_the_depths_of_the_broker_are_those_that_a_clock_counted(
    api: ApiClient, worker_db: Database
) -> None:
    """By name; the API asks no broker."""
    async with worker_db.transaction() as conn:
        await write_figure(conn, QUEUES, {"sender": 1})
        await write_figure(conn, QUEUES, {"sender.wait.5m": 7, "sender": 40})

    assert (await api.data(COUNTED))["queueStats"]["queues"] == [
        {"name": "sender", "ready": 40},
        {"name": "sender.wait.5m", "ready": 7},
    ]
