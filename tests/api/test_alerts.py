"""Asking for alerts, and how it goes with a mailbox."""

from datetime import timedelta

import pytest
from sqlalchemy import insert

from api.ids import global_id
from domain.ids import MailboxId
from persistence.database import Database
from persistence.tables import alerts, mailbox_days
from tests.api.client import ApiClient
from tests.support.world import MONDAY, make_mailbox

ALERTS = """
query ($filter: AlertFilter) { alerts(filter: $filter, order: ASC) { totalCount nodes {
  kind severity figure threshold openedAt closedAt mailbox { email }
} } }
"""
HEALTH = """
query ($id: ID!) { mailbox(id: $id) { health {
  level lately { sent failed bounceRate } circuit { state } alerts { kind }
} } }
"""


@pytest.fixture
async def mailbox_id(api: ApiClient, worker_db: Database) -> MailboxId:
    async with worker_db.transaction() as conn:
        return await make_mailbox(conn, api.workspace_id, email="desk@example.com")


async def _raise(worker_db: Database, api: ApiClient, **alert: object) -> None:
    ordinary = {"workspace_id": api.workspace_id, "severity": "WARNING", "opened_at": MONDAY}
    async with worker_db.transaction() as conn:
        await conn.execute(insert(alerts).values(ordinary | alert))


async def test_alerts_are_listed_with_what_was_measured(
    api: ApiClient, worker_db: Database, mailbox_id: MailboxId
) -> None:
    """Open ones and those that are over; of a mailbox, or of the whole workspace."""
    bounces = {"severity": "CRITICAL", "figure": 0.06, "threshold": 0.05, "mailbox_id": mailbox_id}
    await _raise(worker_db, api, kind="BOUNCE_RATE", **bounces)
    await _raise(worker_db, api, kind="BACKLOG_LATE", closed_at=MONDAY + timedelta(hours=1))

    async def listed(**conditions: object) -> list[str]:
        found = (await api.data(ALERTS, filter=conditions))["alerts"]
        assert found["totalCount"] == len(found["nodes"])
        return [node["kind"] for node in found["nodes"]]

    assert (await api.data(ALERTS))["alerts"]["nodes"] == [
        {
            "kind": "BOUNCE_RATE",
            "severity": "CRITICAL",
            "figure": 0.06,
            "threshold": 0.05,
            "openedAt": "2026-03-02T09:00:00Z",
            "closedAt": None,
            "mailbox": {"email": "desk@example.com"},
        },
        {
            "kind": "BACKLOG_LATE",
            "severity": "WARNING",
            "figure": None,
            "threshold": None,
            "openedAt": "2026-03-02T09:00:00Z",
            "closedAt": "2026-03-02T10:00:00Z",
            "mailbox": None,
        },
    ]
    assert await listed(isOpen=True) == ["BOUNCE_RATE"]
    assert await listed(isOpen=False) == ["BACKLOG_LATE"]
    assert await listed(kind=["BACKLOG_LATE", "NEEDS_AUTH"]) == ["BACKLOG_LATE"]
    assert await listed(severity=["CRITICAL"]) == ["BOUNCE_RATE"]
    assert await listed(mailboxId=global_id("Mailbox", mailbox_id)) == ["BOUNCE_RATE"]
    assert await listed(updatedSince="2999-01-01T00:00:00Z") == []


async def _health(api: ApiClient, mailbox_id: MailboxId) -> dict[str, object]:
    health: dict[str, object] = (await api.data(HEALTH, id=global_id("Mailbox", mailbox_id)))["mailbox"][
        "health"
    ]
    return health


async def test_the_health_of_a_mailbox_is_told_with_its_reasons(
    api: ApiClient, worker_db: Database, mailbox_id: MailboxId
) -> None:
    """Seven days with today count; an open alert strains it, one that is over does not."""
    for days_ago in (0, 6, 7):
        day = {"mailbox_id": mailbox_id, "day": MONDAY.date() - timedelta(days=days_ago), "capacity": 30}
        async with worker_db.transaction() as conn:
            counted = {"workspace_id": api.workspace_id, "sent": 9, "failed": 1, "bounced": 1}
            await conn.execute(insert(mailbox_days).values(day | counted))
    await _raise(worker_db, api, kind="QUOTA_EARLY", mailbox_id=mailbox_id, closed_at=MONDAY)

    well = await _health(api, mailbox_id)
    await _raise(worker_db, api, kind="BOUNCE_RATE", mailbox_id=mailbox_id)
    strained = await _health(api, mailbox_id)

    assert well == {
        "level": "HEALTHY",
        "lately": {"sent": 18, "failed": 2, "bounceRate": 0.1},
        "circuit": {"state": "CLOSED"},
        "alerts": [],
    }
    assert strained == well | {"level": "STRAINED", "alerts": [{"kind": "BOUNCE_RATE"}]}


@pytest.mark.parametrize(
    ("mailbox", "level"),
    [
        ({"status": "PAUSED"}, "UNABLE"),
        ({"status": "NEEDS_AUTH"}, "UNABLE"),
        ({"host_troubles": 3, "host_rests_until": MONDAY + timedelta(minutes=1)}, "UNABLE"),
        ({"host_troubles": 3, "host_rests_until": MONDAY}, "STRAINED"),
        ({"host_troubles": 1}, "STRAINED"),
    ],
)
async def test_a_mailbox_that_does_not_send_is_not_well(
    api: ApiClient, worker_db: Database, mailbox: dict[str, object], level: str
) -> None:
    """By its status, or by its server."""
    async with worker_db.transaction() as conn:
        mailbox_id = await make_mailbox(conn, api.workspace_id, **mailbox)

    assert (await _health(api, mailbox_id))["level"] == level
