"""Asking for forecasts: of a sequence as it stands, and of changes that nobody has made."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from api.context import Services
from api.ids import global_id
from domain.ids import MailboxId, SequenceId
from persistence.database import Database
from persistence.tables import enrollments, mailboxes, scheduled_emails
from tests.api.client import Answer, ApiClient
from tests.support.planning_office import WORKDAYS
from tests.support.world import MONDAY, make_email, make_enrollment, make_mailbox, make_sequence

FORECAST = """
query ($input: ForecastInput!) { forecast(input: $input) {
  contacts emails expectedEmails completesAt completesOn unplaced { reason count }
  days { day emails expectedEmails }
  mailboxes { mailbox { name } dailyCapacity emails fullOn days { day emails } }
  deadline { isMet daysLate sendingDays neededPerDay availablePerDay
    moreMailboxes { amount isSmallest } dailyCapacity { amount isSmallest } }
} }
"""
BRIEFLY = "query ($input: ForecastInput!) { forecast(input: $input) { emails completesOn } }"
THREE_STEPS = ((0, "One", "first"), (2, "Two", "second"), (1, "Three", "third"))


async def _sequence(
    api: ApiClient, worker_db: Database, *, boxes: int = 3, **overrides: Any
) -> tuple[SequenceId, list[MailboxId]]:
    """Three steps on workdays from 09:00 to 17:00; it is Monday, 09:00."""
    async with worker_db.transaction() as conn:
        ids = [await make_mailbox(conn, api.workspace_id, name=f"Box {number}") for number in range(boxes)]
        ordinary = {"steps": THREE_STEPS, "mailboxes": ids, "send_window": WORKDAYS}
        return await make_sequence(conn, api.workspace_id, **(ordinary | overrides)), ids


async def _forecast(api: ApiClient, sequence_id: SequenceId, **asked: object) -> Answer:
    given = {"sequenceId": global_id("Sequence", sequence_id)} | asked
    data = await api.data(FORECAST, input=given)
    found: Answer = data["forecast"]
    return found


async def _refusal(api: ApiClient, sequence_id: SequenceId, **asked: object) -> tuple[str, str]:
    given = {"sequenceId": global_id("Sequence", sequence_id)} | asked
    return await api.refusal(BRIEFLY, input=given)


async def test_contacts_that_are_not_enrolled_yet_are_forecast(api: ApiClient, worker_db: Database) -> None:
    """90 contacts × 3 steps over 3 mailboxes × 30: Monday, Wednesday and Thursday, every day full."""
    sequence_id, _ = await _sequence(api, worker_db)

    found = await _forecast(api, sequence_id, additionalContacts=90, replyRate=0.1)

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
    sequence_id, [mailbox_id] = await _sequence(api, worker_db, boxes=1)
    async with worker_db.transaction() as conn:
        enrollment_id = await make_enrollment(
            conn, api.workspace_id, sequence_id, mailbox_id=mailbox_id, next_position=2
        )
        await make_email(conn, enrollment_id, status="SENT", sent_at=MONDAY)
        await make_email(conn, enrollment_id, position=2, send_at=MONDAY + timedelta(days=2))

    stands = await _forecast(api, sequence_id)
    changed = await _forecast(
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
    sequence_id, _ = await _sequence(api, worker_db, boxes=1, steps=((0, "One", "first"),))
    asked: dict[str, object] = {"additionalContacts": 90, "deadline": "2026-03-02"}

    late = await _forecast(api, sequence_id, **asked)

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
        assert (await _forecast(api, sequence_id, **asked, **fix))["deadline"]["isMet"] is True
    for too_little in ({"additionalMailboxes": 1}, {"dailyCapacity": 89}):
        assert (await _forecast(api, sequence_id, **asked, **too_little))["deadline"]["isMet"] is False


async def test_a_sequence_has_its_forecast(api: ApiClient, worker_db: Database) -> None:
    """As it stands: two contacts, neither of them planned yet, and one on hold."""
    sequence_id, _ = await _sequence(api, worker_db)
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
    sequence_id, _ = await _sequence(api, worker_db, boxes=0)

    found = await _forecast(api, sequence_id, additionalContacts=2, deadline="2026-03-06")

    assert found["unplaced"] == [
        {"reason": "NO_MAILBOX", "count": 2},
        {"reason": "WAITS_FOR_STEP", "count": 4},
    ]
    assert (found["emails"], found["completesAt"], found["mailboxes"]) == (0, None, [])
    assert (found["deadline"]["isMet"], found["deadline"]["daysLate"]) == (False, None)


async def test_a_forecast_writes_nothing(api: ApiClient, worker_db: Database) -> None:
    """Enrollments, mailboxes and emails are, to the last column, what they were."""
    sequence_id, [mailbox_id, *_] = await _sequence(api, worker_db)
    async with worker_db.transaction() as conn:
        enrollment_id = await make_enrollment(conn, api.workspace_id, sequence_id, mailbox_id=mailbox_id)
        await make_email(conn, enrollment_id, send_at=MONDAY + timedelta(days=30))
    before = await _everything(worker_db)

    await _forecast(api, sequence_id, additionalContacts=50, additionalMailboxes=2, deadline="2026-03-03")

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
    sequence_id, _ = await _sequence(api, worker_db)
    async with worker_db.transaction() as conn:
        await make_enrollment(conn, api.workspace_id, sequence_id)

    async with worker_db.transaction() as planner:
        await planner.execute(select(enrollments.c.id).with_for_update())
        found = await _forecast(api, sequence_id)

    assert found["emails"] == 3


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"additionalContacts": -1}, "additionalContacts: It is a number from 0 to 100000."),
        ({"additionalContacts": 100_001}, "additionalContacts: It is a number from 0 to 100000."),
        ({"dailyCapacity": -1}, "dailyCapacity: It is a number from 0 to 1000000."),
        ({"additionalMailboxes": 1_001}, "additionalMailboxes: It is a number from 0 to 1000."),
        ({"replyRate": 1.0}, "replyRate: It is a number from 0 to below 1, for example 0.05."),
        (
            {"additionalMailboxes": -1, "replyRate": -0.1},
            (
                "additionalMailboxes: It is a number from 0 to 1000.; "
                "replyRate: It is a number from 0 to below 1, for example 0.05."
            ),
        ),
        (
            {"deadline": "2026-03-01"},
            "deadline: It has passed; give 2026-03-02, today in the sequence's zone, or a later day.",
        ),
    ],
)
async def test_bad_input_is_refused_with_its_field(
    api: ApiClient, worker_db: Database, asked: dict[str, object], message: str
) -> None:
    """And with what would be taken."""
    sequence_id, _ = await _sequence(api, worker_db)

    assert await _refusal(api, sequence_id, **asked) == ("BAD_USER_INPUT", message)


async def test_a_sequence_that_cannot_be_planned_is_refused(api: ApiClient, worker_db: Database) -> None:
    """Archived, without a step for contacts more, or without a mailbox that others could be like."""
    archived, _ = await _sequence(api, worker_db, status="ARCHIVED")
    bare, _ = await _sequence(api, worker_db, boxes=0, steps=())

    assert await _refusal(api, archived) == (
        "BAD_USER_INPUT",
        "sequenceId: The sequence is archived; ask for one that is not.",
    )
    assert await _refusal(api, bare, additionalContacts=1) == (
        "BAD_USER_INPUT",
        "additionalContacts: The sequence has no step to send; add one first.",
    )
    assert await _refusal(api, bare, additionalMailboxes=1) == (
        "BAD_USER_INPUT",
        "additionalMailboxes: The sequence has no mailbox to be like; link one first.",
    )


async def test_more_than_a_forecast_plans_is_refused(api: ApiClient, worker_db: Database) -> None:
    """Contacts on their way count, and all emails of everyone."""
    sequence_id, _ = await _sequence(api, worker_db)
    six_steps, _ = await _sequence(api, worker_db, steps=THREE_STEPS * 2)
    async with worker_db.transaction() as conn:
        await make_enrollment(conn, api.workspace_id, sequence_id)

    assert await _refusal(api, sequence_id, additionalContacts=100_000) == (
        "BAD_USER_INPUT",
        "additionalContacts: With those on their way there are more than 100000; ask for fewer.",
    )
    assert await _refusal(api, six_steps, additionalContacts=100_000) == (
        "BAD_USER_INPUT",
        "additionalContacts: That makes 600000 emails, a forecast plans at most 500000.",
    )


async def test_the_sequence_of_a_stranger_is_not_found(
    api: ApiClient, stranger: ApiClient, worker_db: Database
) -> None:
    """As any other thing; and an id of another kind is no id."""
    sequence_id, [mailbox_id, *_] = await _sequence(api, worker_db)

    assert await _refusal(stranger, sequence_id) == ("NOT_FOUND", "There is no sequence with this id.")
    wrong = global_id("Mailbox", mailbox_id)
    assert await api.refusal(BRIEFLY, input={"sequenceId": wrong}) == (
        "BAD_USER_INPUT",
        f"sequenceId: “{wrong}” is not an id of a Sequence.",
    )


async def test_a_request_may_have_three_forecasts(api: ApiClient, worker_db: Database) -> None:
    """A page of sequences would plan them all."""
    for _ in range(4):
        await _sequence(api, worker_db)

    document = "query ($first: Int) { sequences(first: $first) { nodes { forecast { emails } } } }"

    assert len((await api.data(document, first=3))["sequences"]["nodes"]) == 3
    assert await api.refusal(document, first=4) == (
        "BAD_USER_INPUT",
        "Ask for at most 3 forecasts in one request.",
    )


async def test_forecasts_are_planned_one_at_a_time(
    api: ApiClient, worker_db: Database, services: Services
) -> None:
    """While another holds the only place, an answer waits; reading needs no place."""
    sequence_id, _ = await _sequence(api, worker_db)

    async with services.planning:
        waiting = asyncio.create_task(_forecast(api, sequence_id, additionalContacts=1))
        done, _ = await asyncio.wait([waiting], timeout=0.3)
        assert not done
    found = await waiting

    assert found["emails"] == 3


@pytest.mark.parametrize(
    ("selection", "most"),
    [("days(first: 367)", 366), ("mailboxes(first: 0)", 1_000), ("mailboxes { days(first: 93)", 92)],
)
async def test_lists_of_a_forecast_are_bounded(
    api: ApiClient, worker_db: Database, selection: str, most: int
) -> None:
    """As all lists."""
    sequence_id, _ = await _sequence(api, worker_db, boxes=1)
    inner = "{ emails }" + " }" * selection.count("{")
    document = f"query ($input: ForecastInput!) {{ forecast(input: $input) {{ {selection} {inner} }} }}"

    refusal = await api.refusal(document, input={"sequenceId": global_id("Sequence", sequence_id)})

    assert refusal == ("BAD_USER_INPUT", f"first: It is a number from 1 to {most}.")


async def test_a_mailbox_is_full_with_the_emails_of_another_sequence(
    api: ApiClient, worker_db: Database
) -> None:
    """Of a capacity of 30 on Monday 29 are planned elsewhere: one contact more fills it."""
    other_id, [mailbox_id] = await _sequence(api, worker_db, boxes=1)
    sequence_id, _ = await _sequence(api, worker_db, mailboxes=[mailbox_id])
    async with worker_db.transaction() as conn:
        for number in range(29):
            enrollment_id = await make_enrollment(conn, api.workspace_id, other_id, mailbox_id=mailbox_id)
            await make_email(conn, enrollment_id, send_at=MONDAY + timedelta(minutes=16 * (number + 1)))

    [box] = (await _forecast(api, sequence_id, additionalContacts=1))["mailboxes"]

    assert (box["emails"], box["fullOn"]) == (3, "2026-03-02")
