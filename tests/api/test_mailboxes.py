"""Asking for mailboxes, and how full their days are."""

from datetime import UTC, date, datetime

import pytest
from sqlalchemy import insert

from api.ids import global_id
from domain.ids import MailboxId
from persistence.database import Database
from persistence.tables import mailbox_days
from tests.api.client import Answer, ApiClient, SteppingClock
from tests.support.world import MONDAY, make_email, make_enrollment, make_mailbox, make_sequence

CAPACITY = """
query ($id: ID!, $from: Date, $days: Int! = 2) {
  mailbox(id: $id) { capacity(from: $from, days: $days) {
    day capacity planned used sent failed remaining
  } }
}
"""
TUESDAY = datetime(2026, 3, 3, 9, tzinfo=UTC)


async def _capacity(api: ApiClient, mailbox_id: MailboxId, **arguments: object) -> list[Answer]:
    data = await api.data(CAPACITY, id=global_id("Mailbox", mailbox_id), **arguments)
    days: list[Answer] = data["mailbox"]["capacity"]
    return days


async def test_a_mailbox_is_answered_without_its_secrets(api: ApiClient, worker_db: Database) -> None:
    """By the names that its users expect."""
    async with worker_db.transaction() as conn:
        mailbox_id = await make_mailbox(
            conn,
            api.workspace_id,
            name="Front desk",
            from_name="The front desk",
            email="desk@example.com",
            username="desk",
            owner="sales",
            password_encrypted=b"secret",
            status="NEEDS_AUTH",
            status_reason="535 5.7.8 wrong password",
        )

    data = await api.data(
        """query ($id: ID!) { mailbox(id: $id) {
            name fromName email username owner dailyCapacity minimumGapSeconds hourlyLimit zone
            status statusReason host port security inDoubtPolicy
        } }""",
        id=global_id("Mailbox", mailbox_id),
    )

    assert data["mailbox"] == {
        "name": "Front desk",
        "fromName": "The front desk",
        "email": "desk@example.com",
        "username": "desk",
        "owner": "sales",
        "dailyCapacity": 30,
        "minimumGapSeconds": 1,
        "hourlyLimit": None,
        "zone": "UTC",
        "status": "NEEDS_AUTH",
        "statusReason": "535 5.7.8 wrong password",
        "host": "127.0.0.1",
        "port": 2525,
        "security": "NONE",
        "inDoubtPolicy": "ASSUME_SENT",
    }


async def test_capacity_shows_what_is_planned_used_and_left(api: ApiClient, worker_db: Database) -> None:
    """Per day: emails that are still to leave, and the budget that is spent."""
    async with worker_db.transaction() as conn:
        mailbox_id = await make_mailbox(conn, api.workspace_id, daily_capacity=10)
        other_id = await make_mailbox(conn, api.workspace_id)
        sequence_id = await make_sequence(conn, api.workspace_id)
        for chosen, send_at, status in [
            (mailbox_id, MONDAY, "PENDING"),
            (mailbox_id, MONDAY, "RETRYING"),
            (mailbox_id, MONDAY, "SENT"),
            (mailbox_id, MONDAY, "CANCELLED"),
            (mailbox_id, TUESDAY, "PENDING"),
            (other_id, MONDAY, "PENDING"),
        ]:
            enrollment_id = await make_enrollment(conn, api.workspace_id, sequence_id)
            await make_email(conn, enrollment_id, mailbox_id=chosen, send_at=send_at, status=status)
        day = {"workspace_id": api.workspace_id, "mailbox_id": mailbox_id, "day": date(2026, 3, 2)}
        await conn.execute(
            insert(mailbox_days).values(day | {"capacity": 10, "used": 5, "sent": 4, "failed": 1})
        )

    days = await _capacity(api, mailbox_id)

    assert days == [
        {
            "day": "2026-03-02",
            "capacity": 10,
            "planned": 2,
            "used": 5,
            "sent": 4,
            "failed": 1,
            "remaining": 3,
        },
        {
            "day": "2026-03-03",
            "capacity": 10,
            "planned": 1,
            "used": 0,
            "sent": 0,
            "failed": 0,
            "remaining": 9,
        },
    ]


async def test_an_unlimited_mailbox_has_no_figure_for_what_is_left(
    api: ApiClient, worker_db: Database
) -> None:
    """A daily capacity of 0 is unlimited, and answered as null."""
    async with worker_db.transaction() as conn:
        mailbox_id = await make_mailbox(conn, api.workspace_id, daily_capacity=0)

    [today] = await _capacity(api, mailbox_id, days=1)

    assert (today["capacity"], today["remaining"]) == (None, None)


async def test_a_lowered_capacity_leaves_nothing_instead_of_less(
    api: ApiClient, worker_db: Database, clock: SteppingClock
) -> None:
    """Today by the capacity in force; the day before by the one that was."""
    clock.present = TUESDAY
    async with worker_db.transaction() as conn:
        mailbox_id = await make_mailbox(conn, api.workspace_id, daily_capacity=3)
        for day in (date(2026, 3, 2), date(2026, 3, 3)):
            whose = {"workspace_id": api.workspace_id, "mailbox_id": mailbox_id, "day": day}
            await conn.execute(insert(mailbox_days).values(whose | {"capacity": 30, "used": 20, "sent": 20}))

    yesterday, today = await _capacity(api, mailbox_id, **{"from": "2026-03-02"})

    assert (yesterday["capacity"], yesterday["remaining"]) == (30, 10)
    assert (today["capacity"], today["remaining"]) == (3, 0)


async def test_a_ramp_is_a_capacity_of_each_day(api: ApiClient, worker_db: Database) -> None:
    """Growing until the daily capacity is reached."""
    async with worker_db.transaction() as conn:
        mailbox_id = await make_mailbox(
            conn,
            api.workspace_id,
            daily_capacity=12,
            ramp_start=5,
            ramp_step=5,
            ramp_started_on=date(2026, 3, 2),
        )

    days = await _capacity(api, mailbox_id, days=4)

    assert [day["capacity"] for day in days] == [5, 10, 12, 12]


async def test_the_first_day_is_today_where_the_mailbox_is(
    api: ApiClient, worker_db: Database, clock: SteppingClock
) -> None:
    """One moment, two dates; asked for together."""
    clock.present = datetime(2026, 3, 2, 12, tzinfo=UTC)
    async with worker_db.transaction() as conn:
        await make_mailbox(conn, api.workspace_id, zone="Pacific/Auckland")
        await make_mailbox(conn, api.workspace_id, zone="Pacific/Honolulu")

    data = await api.data("{ mailboxes { nodes { zone capacity(days: 1) { day } } } }")

    assert data["mailboxes"]["nodes"] == [
        {"zone": "Pacific/Auckland", "capacity": [{"day": "2026-03-03"}]},
        {"zone": "Pacific/Honolulu", "capacity": [{"day": "2026-03-02"}]},
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"days": 0}, "Ask for 1 to 366 days."),
        ({"days": 367}, "Ask for 1 to 366 days."),
        ({"from": "9999-12-31"}, "The days end after the last date that there is."),
    ],
)
async def test_days_that_make_no_sense_are_refused(
    api: ApiClient, worker_db: Database, arguments: dict[str, object], message: str
) -> None:
    """With what would do."""
    async with worker_db.transaction() as conn:
        mailbox_id = await make_mailbox(conn, api.workspace_id)

    refusal = await api.refusal(CAPACITY, id=global_id("Mailbox", mailbox_id), **arguments)

    assert refusal == ("BAD_USER_INPUT", message)


async def test_removed_mailboxes_are_listed_only_when_asked_for(api: ApiClient, worker_db: Database) -> None:
    """They stay for the history of what they sent."""
    async with worker_db.transaction() as conn:
        await make_mailbox(conn, api.workspace_id, name="in use", updated_at=MONDAY)
        await make_mailbox(conn, api.workspace_id, name="removed", status="REMOVED")
    names = "query ($filter: MailboxFilter) { mailboxes(filter: $filter) { nodes { name } } }"

    everything = await api.data(names)
    removed = await api.data(names, filter={"status": ["REMOVED"]})
    changed = await api.data(names, filter={"updatedSince": "2026-03-02T09:00:01Z"})

    assert everything == {"mailboxes": {"nodes": [{"name": "in use"}]}}
    assert removed == {"mailboxes": {"nodes": [{"name": "removed"}]}}
    assert changed == {"mailboxes": {"nodes": []}}


async def test_another_workspaces_mailbox_is_not_found(
    api: ApiClient, stranger: ApiClient, worker_db: Database
) -> None:
    """Nor listed."""
    async with worker_db.transaction() as conn:
        mailbox_id = await make_mailbox(conn, stranger.workspace_id)

    refusal = await api.refusal(CAPACITY, id=global_id("Mailbox", mailbox_id))

    assert refusal == ("NOT_FOUND", "There is no mailbox with this id.")
    assert await api.data("{ mailboxes { totalCount } }") == {"mailboxes": {"totalCount": 0}}


LIMITS = "{ mailboxes { nodes { ramp { start step startedOn } slidingWindow { limit seconds } } } }"


async def test_limits_are_read_as_they_were_written(
    api: ApiClient, stranger: ApiClient, worker_db: Database
) -> None:
    """By whoever edits them, and by nobody else."""
    async with worker_db.transaction() as conn:
        ramp = {"ramp_start": 5, "ramp_step": 2, "ramp_started_on": date(2026, 3, 2)}
        window = {"sliding_window_limit": 100, "sliding_window_s": 7_200}
        await make_mailbox(conn, api.workspace_id, **ramp, **window)
        await make_mailbox(conn, stranger.workspace_id)

    (mine,) = (await api.data(LIMITS))["mailboxes"]["nodes"]
    (theirs,) = (await stranger.data(LIMITS))["mailboxes"]["nodes"]

    assert mine == {
        "ramp": {"start": 5, "step": 2, "startedOn": "2026-03-02"},
        "slidingWindow": {"limit": 100, "seconds": 7_200},
    }
    assert theirs == {"ramp": None, "slidingWindow": None}
