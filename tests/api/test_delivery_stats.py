"""Asking how emails ended: over all, by mailbox, and by sequence; and when a day's capacity is used up."""

from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import insert

from api.ids import global_id
from domain.ids import MailboxId
from persistence.database import Database
from persistence.tables import mailbox_days
from tests.api.client import Answer, ApiClient
from tests.support.world import MONDAY, make_email, make_enrollment, make_mailbox, make_sequence

FIGURES = "sent failed retried bounced refused successRate bounceRate"
ENDED = f"query ($from: Date, $to: Date) {{ deliveryStats(from: $from, to: $to) {{ {FIGURES} }} }}"
BY_MAILBOX = f"""
query ($from: Date, $to: Date) {{ mailboxes {{ nodes {{
  email deliveryStats(from: $from, to: $to) {{ {FIGURES} }} all: deliveryStats {{ sent }}
}} }} }}
"""
STATS = """
query ($id: ID!) { sequence(id: $id) { stepCount stats {
  enrolled active paused completed replied bounced unsubscribed
  plannedEmails emailsUnderWay sentEmails failedEmails retriedEmails nextSendAt lastSentAt
  successRate replyRate bounceRate
} forecast { completesOn } } }
"""
TODAY = MONDAY.date()


async def _day(worker_db: Database, api: ApiClient, mailbox_id: MailboxId, day: date, **counts: int) -> None:
    row = {"workspace_id": api.workspace_id, "mailbox_id": mailbox_id, "day": day, "capacity": 10}
    async with worker_db.transaction() as conn:
        await conn.execute(insert(mailbox_days).values(row | counts))


async def test_how_emails_ended_is_told_for_all_and_by_mailbox(api: ApiClient, worker_db: Database) -> None:
    """Between two days, which are included; a mailbox that sent nothing has figures of 0."""
    async with worker_db.transaction() as conn:
        first_id = await make_mailbox(conn, api.workspace_id, email="a@example.com")
        second_id = await make_mailbox(conn, api.workspace_id, email="b@example.com")
        await make_mailbox(conn, api.workspace_id, email="idle@example.com")
    for days_ago, mailbox_id in ((0, first_id), (1, first_id), (2, first_id), (1, second_id)):
        counts = {"sent": 6, "failed": 2, "retried": 3, "bounced": 2, "refused": 1}
        await _day(worker_db, api, mailbox_id, TODAY - timedelta(days=days_ago), **counts)
    span = {"from": str(TODAY - timedelta(days=1)), "to": str(TODAY)}

    ended = (await api.data(ENDED, **span))["deliveryStats"]
    ever = (await api.data(ENDED))["deliveryStats"]
    [first, second, idle] = (await api.data(BY_MAILBOX, **span))["mailboxes"]["nodes"]

    rates = {"successRate": 0.75, "bounceRate": 0.25}
    assert ended == {"sent": 18, "failed": 6, "retried": 9, "bounced": 6, "refused": 3} | rates
    assert ever["sent"] == 24
    assert (first["email"], first["deliveryStats"]["sent"], first["all"]["sent"]) == ("a@example.com", 12, 18)
    assert (second["email"], second["deliveryStats"]["sent"]) == ("b@example.com", 6)
    assert idle["deliveryStats"] == dict.fromkeys(("sent", "failed", "retried", "bounced", "refused"), 0) | {
        "successRate": None,
        "bounceRate": None,
    }


async def test_days_that_end_before_they_begin_are_refused(api: ApiClient) -> None:
    """For a date that was mistyped."""
    code, message = await api.refusal(ENDED, **{"from": "2026-03-02", "to": "2026-03-01"})

    assert (code, message) == ("BAD_USER_INPUT", "to: It is before `from`; give a later day.")


async def test_a_sequence_is_told_with_its_figures_and_what_becomes_of_it(
    api: ApiClient, worker_db: Database
) -> None:
    """Contacts by how they are, emails by how they ended, in one query."""
    later = MONDAY + timedelta(days=1)
    async with worker_db.transaction() as conn:
        mailbox_id = await make_mailbox(conn, api.workspace_id)
        sequence_id = await make_sequence(conn, api.workspace_id, mailboxes=[mailbox_id])
        emails: list[tuple[str, dict[str, Any]]] = [
            ("ACTIVE", {"status": "PENDING", "send_at": later}),
            ("PAUSED", {"status": "PENDING", "send_at": later + timedelta(hours=1)}),
            ("ACTIVE", {"status": "RETRYING", "retry_count": 2}),
            ("ACTIVE", {"status": "IN_DOUBT"}),
            ("COMPLETED", {"status": "SENT", "sent_at": MONDAY, "retry_count": 1}),
            ("REPLIED", {"status": "SENT", "sent_at": MONDAY - timedelta(hours=1)}),
            ("UNSUBSCRIBED", {"status": "SENT", "sent_at": MONDAY - timedelta(hours=2)}),
            ("BOUNCED", {"status": "FAILED"}),
        ]
        for status, email in emails:
            enrollment: dict[str, Any] = {"status": status, "planned_at": MONDAY, "mailbox_id": mailbox_id}
            enrollment_id = await make_enrollment(conn, api.workspace_id, sequence_id, **enrollment)
            await make_email(conn, enrollment_id, **email)

    sequence: Answer = (await api.data(STATS, id=global_id("Sequence", sequence_id)))["sequence"]

    assert sequence["stats"] == {
        "enrolled": 8,
        "active": 3,
        "paused": 1,
        "completed": 1,
        "replied": 1,
        "bounced": 1,
        "unsubscribed": 1,
        "plannedEmails": 2,
        "emailsUnderWay": 2,
        "sentEmails": 3,
        "failedEmails": 1,
        "retriedEmails": 2,
        "nextSendAt": "2026-03-03T09:00:00Z",
        "lastSentAt": "2026-03-02T09:00:00Z",
        "successRate": 0.75,
        "replyRate": 0.125,
        "bounceRate": 0.125,
    }
    assert sequence["stepCount"] == 2
    assert sequence["forecast"] is not None


CAPACITY = """
query ($id: ID!) { mailbox(id: $id) { capacity(days: 3) { day remaining exhaustedAt resetsAt } } }
"""


async def test_capacity_tells_when_it_is_used_up_and_when_it_is_new(
    api: ApiClient, worker_db: Database
) -> None:
    """By the last email that has a time, or the last that left; the new day begins at the zone's midnight."""
    tuesday = MONDAY + timedelta(days=1)
    async with worker_db.transaction() as conn:
        mailbox_id = await make_mailbox(conn, api.workspace_id, daily_capacity=2, zone="Europe/Berlin")
        sequence_id = await make_sequence(conn, api.workspace_id)
        emails: list[tuple[datetime, dict[str, Any]]] = [
            (MONDAY, {"status": "SENT", "last_attempt_at": MONDAY}),
            (MONDAY, {"status": "IN_DOUBT", "last_attempt_at": MONDAY + timedelta(minutes=1)}),
            (tuesday, {}),
            (tuesday + timedelta(minutes=20), {}),
            (tuesday + timedelta(days=1), {}),
        ]
        for send_at, email in emails:
            enrollment_id = await make_enrollment(conn, api.workspace_id, sequence_id)
            await make_email(conn, enrollment_id, mailbox_id=mailbox_id, send_at=send_at, **email)
    await _day(worker_db, api, mailbox_id, TODAY, used=2, sent=1)

    found = (await api.data(CAPACITY, id=global_id("Mailbox", mailbox_id)))["mailbox"]["capacity"]

    assert [(day["remaining"], day["exhaustedAt"], day["resetsAt"]) for day in found] == [
        (0, "2026-03-02T09:01:00Z", "2026-03-02T23:00:00Z"),
        (0, "2026-03-03T09:20:00Z", "2026-03-03T23:00:00Z"),
        (1, None, "2026-03-04T23:00:00Z"),
    ]


DAILY = """
query ($id: ID!, $from: Date, $to: Date) {
  deliveryStats(from: $from, to: $to) { sent days { day sent failed successRate } }
  mailbox(id: $id) { deliveryStats(from: $from, to: $to) { days { day sent failed } } }
}
"""


async def test_how_emails_ended_is_told_day_by_day(api: ApiClient, worker_db: Database) -> None:
    """Over all and by mailbox, days without an email too, and the sum is the whole."""
    async with worker_db.transaction() as conn:
        first_id = await make_mailbox(conn, api.workspace_id, email="a@example.com")
        second_id = await make_mailbox(conn, api.workspace_id, email="b@example.com")
    await _day(worker_db, api, first_id, TODAY, sent=3, failed=1)
    await _day(worker_db, api, second_id, TODAY, sent=1)
    await _day(worker_db, api, first_id, TODAY - timedelta(days=2), sent=2)
    await _day(worker_db, api, first_id, TODAY - timedelta(days=3), sent=9)
    span = {"from": str(TODAY - timedelta(days=2)), "to": str(TODAY)}

    data = await api.data(DAILY, id=global_id("Mailbox", first_id), **span)

    dates = [str(TODAY - timedelta(days=ago)) for ago in (2, 1, 0)]
    assert data["deliveryStats"] == {
        "sent": 6,
        "days": [
            {"day": dates[0], "sent": 2, "failed": 0, "successRate": 1.0},
            {"day": dates[1], "sent": 0, "failed": 0, "successRate": None},
            {"day": dates[2], "sent": 4, "failed": 1, "successRate": 0.8},
        ],
    }
    assert [(day["day"], day["sent"]) for day in data["mailbox"]["deliveryStats"]["days"]] == [
        (dates[0], 2),
        (dates[1], 0),
        (dates[2], 3),
    ]


async def test_a_series_of_days_has_a_beginning_an_end_and_a_price(api: ApiClient) -> None:
    """A year and a day at most; and each day counts as an object."""
    endless = await api.refusal('{ deliveryStats(from: "2020-01-01", to: "2026-03-01") { days { day } } }')
    year = '(from: "2025-03-01", to: "2026-03-01")'
    whole = await api.data(f"{{ deliveryStats{year} {{ days {{ day }} }} }}")
    dear = await api.refusal(f"{{ mailboxes {{ nodes {{ deliveryStats{year} {{ days {{ day }} }} }} }} }}")

    assert endless == ("BAD_USER_INPUT", "from: Days are told of at most 366; give a later day.")
    assert len(whole["deliveryStats"]["days"]) == 366
    assert dear[0] == "QUERY_TOO_EXPENSIVE"
    assert "mailboxes.nodes.deliveryStats.days" in dear[1]


async def test_without_a_span_the_last_days_are_told(api: ApiClient, worker_db: Database) -> None:
    """As far as there are any; none where nothing was sent."""
    nothing = await api.data("{ deliveryStats { days { day } } }")
    async with worker_db.transaction() as conn:
        mailbox_id = await make_mailbox(conn, api.workspace_id)
    for ago in (90, 20, 1):
        await _day(worker_db, api, mailbox_id, TODAY - timedelta(days=ago), sent=ago)

    ever = await api.data("{ deliveryStats { sent days { day sent } } }")
    since = await api.data(f'{{ deliveryStats(from: "{TODAY - timedelta(days=5)}") {{ days {{ day }} }} }}')

    assert nothing == {"deliveryStats": {"days": []}}
    days = ever["deliveryStats"]["days"]
    assert ever["deliveryStats"]["sent"] == 111
    assert (len(days), days[-1]) == (31, {"day": str(TODAY - timedelta(days=1)), "sent": 1})
    assert [day["sent"] for day in days if day["sent"]] == [20, 1]
    assert since["deliveryStats"]["days"] == [{"day": str(TODAY - timedelta(days=1))}]
