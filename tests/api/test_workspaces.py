"""Asking who one is, and how much is under way."""

from datetime import UTC, date, datetime, timedelta

from sqlalchemy import insert

from persistence.database import Database
from persistence.tables import mailbox_days
from tests.api.client import ApiClient, SteppingClock
from tests.support.world import (
    MONDAY,
    make_email,
    make_enrollment,
    make_mailbox,
    make_sequence,
)

STATS = "{ queueStats { asOf due late queued sending retrying inDoubt unplaced sentToday failedToday } }"


async def test_the_caller_is_its_workspace(api: ApiClient) -> None:
    """Without a window, emails may leave at every hour of every day."""
    data = await api.data("{ viewer { workspace { name zone sendWindow { weekdays } } } }")

    assert data["viewer"]["workspace"] == {"name": "Welcome Ltd", "zone": "UTC", "sendWindow": None}


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
