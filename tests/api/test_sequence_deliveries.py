"""Asking how the emails of a sequence ended, between two days."""

from datetime import timedelta
from typing import Any

from api.ids import global_id
from domain.ids import SequenceId
from persistence.database import Database
from tests.api.client import ApiClient
from tests.support.world import MONDAY, make_email, make_enrollment, make_mailbox, make_sequence

FIGURES = "sent failed retried bounced refused successRate bounceRate"
ENDED = f"""
query ($id: ID!, $from: Date, $to: Date) {{
  deliveryStats(sequenceId: $id, from: $from, to: $to) {{ {FIGURES} }}
  sequence(id: $id) {{ deliveryStats(from: $from, to: $to) {{ {FIGURES} }} all: deliveryStats {{ sent }} }}
}}
"""
TODAY = MONDAY.date()
YESTERDAY = TODAY - timedelta(days=1)


async def make_ended(api: ApiClient, worker_db: Database) -> SequenceId:
    """Six emails of today, and one of each of the two days before."""
    async with worker_db.transaction() as conn:
        mailbox_id = await make_mailbox(conn, api.workspace_id)
        sequence_id = await make_sequence(conn, api.workspace_id, mailboxes=[mailbox_id])
        sent = {"status": "SENT", "sent_at": MONDAY}
        emails: list[dict[str, Any]] = [
            sent,
            sent | {"retry_count": 1},
            {"status": "FAILED", "failure_reason": "unknown_address"},
            {"status": "FAILED", "failure_reason": "policy"},
            {"status": "RETRYING", "retry_count": 1},
            {"quota_day": None},
            sent | {"quota_day": YESTERDAY},
            sent | {"quota_day": YESTERDAY - timedelta(days=1)},
        ]
        for email in emails:
            enrollment_id = await make_enrollment(conn, api.workspace_id, sequence_id, mailbox_id=mailbox_id)
            await make_email(conn, enrollment_id, **{"quota_day": TODAY} | email)
    return sequence_id


async def test_how_a_sequences_emails_ended_is_told_by_days(api: ApiClient, worker_db: Database) -> None:
    """By the query and by the sequence itself; both days are included."""
    sequence_id = await make_ended(api, worker_db)

    data = await api.data(
        ENDED, id=global_id("Sequence", sequence_id), **{"from": str(YESTERDAY), "to": str(TODAY)}
    )

    assert data["deliveryStats"] == {
        "sent": 3,
        "failed": 2,
        "retried": 2,
        "bounced": 1,
        "refused": 1,
        "successRate": 0.6,
        "bounceRate": 0.2,
    }
    assert data["sequence"] == {"deliveryStats": data["deliveryStats"], "all": {"sent": 4}}


async def test_a_sequence_that_sent_nothing_has_figures_of_zero(api: ApiClient, worker_db: Database) -> None:
    """And no rates."""
    async with worker_db.transaction() as conn:
        sequence_id = await make_sequence(conn, api.workspace_id)

    ended = (await api.data(ENDED, id=global_id("Sequence", sequence_id)))["deliveryStats"]

    assert ended == dict.fromkeys(("sent", "failed", "retried", "bounced", "refused"), 0) | {
        "successRate": None,
        "bounceRate": None,
    }


async def test_a_sequence_that_is_not_there_is_not_found(
    api: ApiClient, stranger: ApiClient, worker_db: Database
) -> None:
    """Nor is one of another workspace; and days that end before they begin are refused."""
    sequence_id = global_id("Sequence", await make_ended(api, worker_db))
    days = 'from: $from, to: "2026-03-01"'
    asked = f"query ($id: ID!, $from: Date) {{ deliveryStats(sequenceId: $id, {days}) {{ sent }} }}"

    assert (await stranger.refusal(asked, id=sequence_id))[0] == "NOT_FOUND"
    assert (await api.refusal(asked, id=global_id("Mailbox", api.workspace_id)))[0] == "BAD_USER_INPUT"
    assert await api.refusal(asked, id=sequence_id, **{"from": "2026-03-02"}) == (
        "BAD_USER_INPUT",
        "to: It is before `from`; give a later day.",
    )


async def test_a_sequence_is_told_day_by_day(api: ApiClient, worker_db: Database) -> None:
    """By the query and by itself."""
    sequence_id = global_id("Sequence", await make_ended(api, worker_db))
    days = "deliveryStats(from: $from, to: $to) { days { day sent failed } }"
    asked = f"""query ($id: ID!, $from: Date, $to: Date) {{
      sequence(id: $id) {{ {days} }} {days.replace("(", "(sequenceId: $id, ", 1)}
    }}"""

    data = await api.data(asked, id=sequence_id, **{"from": str(YESTERDAY), "to": str(TODAY)})

    assert data["deliveryStats"]["days"] == [
        {"day": str(YESTERDAY), "sent": 1, "failed": 0},
        {"day": str(TODAY), "sent": 2, "failed": 2},
    ]
    assert data["sequence"]["deliveryStats"] == data["deliveryStats"]
