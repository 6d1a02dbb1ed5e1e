"""Asking for forecasts: of a sequence as it stands, and of changes that nobody has made."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from api.ids import global_id
from persistence.database import Database
from persistence.tables import enrollments, mailboxes, scheduled_emails
from tests.api.client import ApiClient
from tests.api.forecasting import ask_forecast, forecast_sequence
from tests.support.world import MONDAY, make_email, make_enrollment


async def test_contacts_that_are_not_enrolled_yet_are_forecast(api: ApiClient, worker_db: Database) -> None:
    """90 contacts × 3 steps over 3 mailboxes × 30: Monday, Wednesday and Thursday, every day full."""
    sequence_id, _ = await forecast_sequence(api, worker_db)

    found = await ask_forecast(api, sequence_id, additionalContacts=90, replyRate=0.1)

    expected = found["days"][0].pop("expectedEmails"), found["days"][1].pop("expectedEmails")
    assert expected == pytest.approx((90, 81))
    assert found["days"][2].pop("expectedEmails") == pytest.approx(72.9)
    assert found.pop("expectedEmails") == pytest.approx(90 + 90 * 0.9 + 90 * 0.9**2)
    each_day = [{"day": day, "emails": 30} for day in ("2026-03-02", "2026-03-04", "2026-03-05")]
    assert found == {
        "contacts": 90,
        "emails": 270,
        "completesAt": "2026-03-05T16:44:00Z",
        "completesOn": "2026-03-05",
        "unplaced": [],
        "days": [{"day": load["day"], "emails": 90} for load in each_day],
        "mailboxes": [
            {
                "mailbox": {"name": f"Box {number}"},
                "dailyCapacity": 30,
                "emails": 90,
                "fullOn": "2026-03-02",
                "days": each_day,
            }
            for number in range(3)
        ],
        "deadline": None,
    }


async def test_a_change_is_forecast_beside_what_is_planned(api: ApiClient, worker_db: Database) -> None:
    """One contact has its second email planned; a mailbox more and capacity 10 take 20 others at once."""
    sequence_id, [mailbox_id] = await forecast_sequence(api, worker_db, boxes=1)
    async with worker_db.transaction() as conn:
        enrollment_id = await make_enrollment(
            conn, api.workspace_id, sequence_id, mailbox_id=mailbox_id, next_position=2
        )
        await make_email(conn, enrollment_id, status="SENT", sent_at=MONDAY)
        await make_email(conn, enrollment_id, position=2, send_at=MONDAY + timedelta(days=2))

    stands = await ask_forecast(api, sequence_id)
    changed = await ask_forecast(
        api, sequence_id, additionalContacts=19, additionalMailboxes=1, dailyCapacity=10
    )

    assert (stands["contacts"], stands["emails"], stands["completesOn"]) == (1, 2, "2026-03-05")
    assert stands["expectedEmails"] is None
    assert changed["emails"] == 2 + 19 * 3
    assert [(box["mailbox"], box["dailyCapacity"]) for box in changed["mailboxes"]] == [
        ({"name": "Box 0"}, 10),
        (None, 10),
    ]
    assert changed["days"][0] == {"day": "2026-03-02", "emails": 19, "expectedEmails": None}


async def test_a_deadline_is_answered_with_the_smallest_fixes(api: ApiClient, worker_db: Database) -> None:
    """90 contacts × 1 step on one mailbox × 30 by today: two mailboxes more, or a capacity of 90."""
    sequence_id, _ = await forecast_sequence(api, worker_db, boxes=1, steps=((0, "One", "first"),))
    asked: dict[str, object] = {"additionalContacts": 90, "deadline": "2026-03-02"}

    late = await ask_forecast(api, sequence_id, **asked)

    assert late["completesOn"] == "2026-03-04"
    assert late["deadline"] == {
        "isMet": False,
        "daysLate": 2,
        "sendingDays": 1,
        "neededPerDay": 90,
        "availablePerDay": 30,
        "moreMailboxes": {"amount": 2, "isSmallest": True},
        "dailyCapacity": {"amount": 90, "isSmallest": True},
    }
    for fix in ({"additionalMailboxes": 2}, {"dailyCapacity": 90}):
        assert (await ask_forecast(api, sequence_id, **asked, **fix))["deadline"]["isMet"] is True
    for too_little in ({"additionalMailboxes": 1}, {"dailyCapacity": 89}):
        assert (await ask_forecast(api, sequence_id, **asked, **too_little))["deadline"]["isMet"] is False


async def test_a_sequence_has_its_forecast(api: ApiClient, worker_db: Database) -> None:
    """As it stands: two contacts, neither of them planned yet, and one on hold."""
    sequence_id, _ = await forecast_sequence(api, worker_db)
    async with worker_db.transaction() as conn:
        for status in ("ACTIVE", "ACTIVE", "PAUSED"):
            await make_enrollment(conn, api.workspace_id, sequence_id, status=status)

    data = await api.data(
        """query ($id: ID!, $by: Date) { sequence(id: $id) { forecast(deadline: $by, replyRate: 0.5) {
            contacts emails expectedEmails completesOn deadline { isMet daysLate }
        } } }""",
        id=global_id("Sequence", sequence_id),
        by="2026-03-05",
    )

    assert data["sequence"]["forecast"] == {
        "contacts": 2,
        "emails": 6,
        "expectedEmails": 3.5,
        "completesOn": "2026-03-05",
        "deadline": {"isMet": True, "daysLate": 0},
    }


async def test_emails_without_a_time_say_why(api: ApiClient, worker_db: Database) -> None:
    """A sequence without a mailbox."""
    sequence_id, _ = await forecast_sequence(api, worker_db, boxes=0)

    found = await ask_forecast(api, sequence_id, additionalContacts=2, deadline="2026-03-06")

    assert found["unplaced"] == [
        {"reason": "NO_MAILBOX", "count": 2},
        {"reason": "WAITS_FOR_STEP", "count": 4},
    ]
    assert (found["emails"], found["completesAt"], found["mailboxes"]) == (0, None, [])
    assert (found["deadline"]["isMet"], found["deadline"]["daysLate"]) == (False, None)


async def test_a_forecast_writes_nothing(api: ApiClient, worker_db: Database) -> None:
    """Enrollments, mailboxes and emails are, to the last column, what they were."""
    sequence_id, [mailbox_id, *_] = await forecast_sequence(api, worker_db)
    async with worker_db.transaction() as conn:
        enrollment_id = await make_enrollment(conn, api.workspace_id, sequence_id, mailbox_id=mailbox_id)
        await make_email(conn, enrollment_id, send_at=MONDAY + timedelta(days=30))
    before = await _everything(worker_db)

    await ask_forecast(api, sequence_id, additionalContacts=50, additionalMailboxes=2, deadline="2026-03-03")

    assert await _everything(worker_db) == before
    assert len(before["scheduled_emails"]) == 1


async def _everything(database: Database) -> dict[str, list[Any]]:
    planned = (enrollments, mailboxes, scheduled_emails)
    async with database.transaction() as conn:
        return {
            table.name: list((await conn.execute(select(table).order_by(table.c.id))).all())
            for table in planned
        }


async def test_a_forecast_waits_for_no_lock(api: ApiClient, worker_db: Database) -> None:
    """While a planner holds the enrollments of the sequence."""
    sequence_id, _ = await forecast_sequence(api, worker_db)
    async with worker_db.transaction() as conn:
        await make_enrollment(conn, api.workspace_id, sequence_id)

    async with worker_db.transaction() as planner:
        await planner.execute(select(enrollments.c.id).with_for_update())
        found = await ask_forecast(api, sequence_id)

    assert found["emails"] == 3
