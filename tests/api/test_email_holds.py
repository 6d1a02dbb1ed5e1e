"""Asking what holds an email that has a time."""

from typing import Any

import pytest

from api.ids import global_id
from domain.ids import EmailId
from persistence.database import Database
from tests.api.client import ApiClient
from tests.support.world import (
    MONDAY,
    make_email,
    make_enrollment,
    make_mailbox,
    make_sequence,
)

HELD = "query ($id: ID!) { scheduledEmail(id: $id) { heldBy explanation { unplacedReason whatHelps } } }"
DUE = "{ queueStats { due late held oldestDueAt } }"
PAUSE_SENDING = "mutation { pauseSending(input: {}) { userErrors { code } } }"
LISTED = "{ scheduledEmails { totalCount nodes { id heldBy mailbox { status } } } }"
LONG_AGO = MONDAY.replace(hour=1)
PAUSED = {"status": "PAUSED", "paused_at": MONDAY}


async def _email(
    db: Database,
    workspace_id: Any,
    *,
    mailbox: dict[str, Any] | None = None,
    sequence: dict[str, Any] | None = None,
    enrollment: dict[str, Any] | None = None,
    **values: Any,
) -> EmailId:
    """An email at nine on Monday; all else are columns."""
    async with db.transaction() as conn:
        mailbox_id = await make_mailbox(conn, workspace_id, **(mailbox or {}))
        sequence_id = await make_sequence(conn, workspace_id, mailboxes=(mailbox_id,), **(sequence or {}))
        enrollment_id = await make_enrollment(
            conn, workspace_id, sequence_id, mailbox_id=mailbox_id, planned_at=MONDAY, **(enrollment or {})
        )
        return await make_email(conn, enrollment_id, **values)


@pytest.mark.parametrize(
    ("world", "held_by", "helps"),
    [
        ({}, [], None),
        ({"mailbox": {"status": "PAUSED"}}, ["MAILBOX"], "Resume the mailbox (resumeMailbox)."),
        (
            {"mailbox": {"status": "NEEDS_AUTH", "status_reason": "535 5.7.8 wrong password"}},
            ["MAILBOX"],
            "Repair what the mailbox's statusReason says (updateMailbox), and resume it (resumeMailbox).",
        ),
        (
            {"mailbox": {"status": "BLOCKED", "blocked_until": MONDAY}},
            ["MAILBOX"],
            "Wait until the mailbox's blockedUntil, or resume it before (resumeMailbox).",
        ),
        (
            {"sequence": PAUSED},
            ["SEQUENCE"],
            "Let the sequence send (resumeSequence, of a draft activateSequence).",
        ),
        (
            {"enrollment": PAUSED},
            ["ENROLLMENT"],
            "Let the enrollment go on (resumeEnrollment).",
        ),
        (
            {"mailbox": {"status": "PAUSED"}, "enrollment": PAUSED},
            ["MAILBOX", "ENROLLMENT"],
            "Resume the mailbox (resumeMailbox). Let the enrollment go on (resumeEnrollment).",
        ),
        (
            {"enrollment": PAUSED, "send_at": None, "unplaced_reason": "NO_MAILBOX"},
            ["ENROLLMENT"],
            "Link a mailbox to the sequence. Let the enrollment go on (resumeEnrollment).",
        ),
    ],
)
async def test_an_email_tells_all_that_holds_it_and_what_lets_it_go(
    api: ApiClient, worker_db: Database, world: dict[str, Any], held_by: list[str], helps: str | None
) -> None:
    """A time alone says that it leaves then, which it will not."""
    email_id = await _email(worker_db, api.workspace_id, **world)

    email = (await api.data(HELD, id=global_id("ScheduledEmail", email_id)))["scheduledEmail"]
    listed = (await api.data(LISTED))["scheduledEmails"]

    assert email["heldBy"] == held_by
    assert email["explanation"]["whatHelps"] == helps
    assert listed["totalCount"] == 1
    assert [node["heldBy"] for node in listed["nodes"]] == [held_by]


async def test_a_workspace_on_hold_holds_its_emails_alone(
    api: ApiClient, stranger: ApiClient, worker_db: Database
) -> None:
    """Also those that something else holds already; none of another workspace."""
    mine = await _email(worker_db, api.workspace_id, mailbox={"status": "PAUSED"})
    theirs = await _email(worker_db, stranger.workspace_id, send_at=LONG_AGO)
    await api.data(PAUSE_SENDING)

    held = (await api.data(HELD, id=global_id("ScheduledEmail", mine)))["scheduledEmail"]
    free = (await stranger.data(HELD, id=global_id("ScheduledEmail", theirs)))["scheduledEmail"]
    refused = await api.answer(HELD, id=global_id("ScheduledEmail", theirs))

    assert held["heldBy"] == ["WORKSPACE", "MAILBOX"]
    assert held["explanation"]["whatHelps"] == (
        "Let the workspace send again (resumeSending). Resume the mailbox (resumeMailbox)."
    )
    assert (free["heldBy"], free["explanation"]["whatHelps"]) == ([], None)
    assert refused["errors"][0]["extensions"]["code"] == "NOT_FOUND"
    assert (await api.data(DUE))["queueStats"] == {"due": 0, "late": 0, "held": 1, "oldestDueAt": None}
    assert (await stranger.data(DUE))["queueStats"]["held"] == 0


@pytest.mark.parametrize(
    ("status", "held_by"),
    [
        ("QUEUED", ["MAILBOX"]),
        ("RETRYING", ["MAILBOX"]),
        ("SENDING", []),
        ("COMMITTING", []),
        ("IN_DOUBT", []),
        ("SENT", []),
        ("FAILED", []),
        ("CANCELLED", []),
    ],
)
async def test_what_was_taken_up_or_is_done_is_not_held(
    api: ApiClient, worker_db: Database, status: str, held_by: list[str]
) -> None:
    """Handed to the broker it still meets the gate; begun, nothing stops it."""
    await _email(worker_db, api.workspace_id, mailbox={"status": "PAUSED"}, status=status)

    (email,) = (await api.data(LISTED))["scheduledEmails"]["nodes"]

    assert email["heldBy"] == held_by


@pytest.mark.parametrize(
    "world",
    [
        {"mailbox": {"status": "NEEDS_AUTH"}},
        {"sequence": PAUSED},
        {"enrollment": PAUSED},
    ],
)
async def test_what_is_held_is_neither_due_nor_late(
    api: ApiClient, stranger: ApiClient, worker_db: Database, world: dict[str, Any]
) -> None:
    """It waits for a person, and would be late for good."""
    await _email(worker_db, api.workspace_id, send_at=LONG_AGO, **world)
    await _email(worker_db, stranger.workspace_id, send_at=LONG_AGO)

    mine = (await api.data(DUE))["queueStats"]
    theirs = (await stranger.data(DUE))["queueStats"]

    assert mine == {"due": 0, "late": 0, "held": 1, "oldestDueAt": None}
    assert theirs == {"due": 1, "late": 1, "held": 0, "oldestDueAt": "2026-03-02T01:00:00Z"}


@pytest.mark.parametrize(("status", "remaining"), [("ACTIVE", 29), ("PAUSED", 0), ("NEEDS_AUTH", 0)])
async def test_a_mailbox_at_rest_has_room_for_nothing(
    api: ApiClient, worker_db: Database, status: str, remaining: int
) -> None:
    """Its capacity says what it could take, yesterday what it could have taken."""
    await _email(worker_db, api.workspace_id, mailbox={"status": status})

    data = await api.data(
        """{ mailboxes { nodes { capacity(from: "2026-03-01", days: 3) {
            day capacity planned remaining exhaustedAt
        } } } }"""
    )

    days = data["mailboxes"]["nodes"][0]["capacity"]
    assert [day["remaining"] for day in days] == [30, remaining, 30 if status == "ACTIVE" else 0]
    assert [day["capacity"] for day in days] == [30, 30, 30]
    assert [day["exhaustedAt"] for day in days] == [None, None, None]
