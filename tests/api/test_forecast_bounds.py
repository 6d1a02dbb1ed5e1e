"""What a forecast refuses, and what it may cost."""

import asyncio
from datetime import timedelta

import pytest

from api.context import Services
from api.ids import global_id
from persistence.database import Database
from tests.api.client import ApiClient
from tests.api.forecasting import BRIEFLY, THREE_STEPS, ask_forecast, forecast_sequence, refusal_of
from tests.support.world import MONDAY, make_email, make_enrollment


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
    sequence_id, _ = await forecast_sequence(api, worker_db)

    assert await refusal_of(api, sequence_id, **asked) == ("BAD_USER_INPUT", message)


async def test_a_sequence_that_cannot_be_planned_is_refused(api: ApiClient, worker_db: Database) -> None:
    """Archived, without a step for contacts more, or without a mailbox that others could be like."""
    archived, _ = await forecast_sequence(api, worker_db, status="ARCHIVED")
    bare, _ = await forecast_sequence(api, worker_db, boxes=0, steps=())

    assert await refusal_of(api, archived) == (
        "BAD_USER_INPUT",
        "sequenceId: The sequence is archived; ask for one that is not.",
    )
    assert await refusal_of(api, bare, additionalContacts=1) == (
        "BAD_USER_INPUT",
        "additionalContacts: The sequence has no step to send; add one first.",
    )
    assert await refusal_of(api, bare, additionalMailboxes=1) == (
        "BAD_USER_INPUT",
        "additionalMailboxes: The sequence has no mailbox to be like; link one first.",
    )


async def test_more_than_a_forecast_plans_is_refused(api: ApiClient, worker_db: Database) -> None:
    """Contacts on their way count, and all emails of everyone."""
    sequence_id, _ = await forecast_sequence(api, worker_db)
    six_steps, _ = await forecast_sequence(api, worker_db, steps=THREE_STEPS * 2)
    async with worker_db.transaction() as conn:
        await make_enrollment(conn, api.workspace_id, sequence_id)

    assert await refusal_of(api, sequence_id, additionalContacts=100_000) == (
        "BAD_USER_INPUT",
        "additionalContacts: With those on their way there are more than 100000; ask for fewer.",
    )
    assert await refusal_of(api, six_steps, additionalContacts=100_000) == (
        "BAD_USER_INPUT",
        "additionalContacts: That makes 600000 emails, a forecast plans at most 500000.",
    )


async def test_the_sequence_of_a_stranger_is_not_found(
    api: ApiClient, stranger: ApiClient, worker_db: Database
) -> None:
    """As any other thing; and an id of another kind is no id."""
    sequence_id, [mailbox_id, *_] = await forecast_sequence(api, worker_db)

    assert await refusal_of(stranger, sequence_id) == ("NOT_FOUND", "There is no sequence with this id.")
    wrong = global_id("Mailbox", mailbox_id)
    assert await api.refusal(BRIEFLY, input={"sequenceId": wrong}) == (
        "BAD_USER_INPUT",
        f"sequenceId: “{wrong}” is not an id of a Sequence.",
    )


async def test_a_request_may_have_three_forecasts(api: ApiClient, worker_db: Database) -> None:
    """A page of sequences would plan them all."""
    for _ in range(4):
        await forecast_sequence(api, worker_db)

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
    sequence_id, _ = await forecast_sequence(api, worker_db)

    async with services.planning:
        waiting = asyncio.create_task(ask_forecast(api, sequence_id, additionalContacts=1))
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
    sequence_id, _ = await forecast_sequence(api, worker_db, boxes=1)
    inner = "{ emails }" + " }" * selection.count("{")
    document = f"query ($input: ForecastInput!) {{ forecast(input: $input) {{ {selection} {inner} }} }}"

    refusal = await api.refusal(document, input={"sequenceId": global_id("Sequence", sequence_id)})

    assert refusal == ("BAD_USER_INPUT", f"first: It is a number from 1 to {most}.")


async def test_a_mailbox_is_full_with_the_emails_of_another_sequence(
    api: ApiClient, worker_db: Database
) -> None:
    """Of a capacity of 30 on Monday 29 are planned elsewhere: one contact more fills it."""
    other_id, [mailbox_id] = await forecast_sequence(api, worker_db, boxes=1)
    sequence_id, _ = await forecast_sequence(api, worker_db, mailboxes=[mailbox_id])
    async with worker_db.transaction() as conn:
        for number in range(29):
            enrollment_id = await make_enrollment(conn, api.workspace_id, other_id, mailbox_id=mailbox_id)
            await make_email(conn, enrollment_id, send_at=MONDAY + timedelta(minutes=16 * (number + 1)))

    [box] = (await ask_forecast(api, sequence_id, additionalContacts=1))["mailboxes"]

    assert (box["emails"], box["fullOn"]) == (3, "2026-03-02")
