"""Emails given another time by hand, under the rules of the plan."""

from datetime import datetime

from domain.ids import EmailId
from persistence.plan_lock import try_plan_lock
from persistence.replanning import replan
from tests.api.mutations.asking import done, everything, mutate
from tests.api.mutations.intervening import DAY, HOUR, MINUTE, Office, identified
from tests.support.world import MONDAY


async def _reschedule(office: Office, email_id: EmailId, at: datetime) -> list[tuple[str, list[str]]]:
    """The refusals of a reschedule, which then wrote nothing."""
    before = await everything(office.db)
    payload = await mutate(office.api, "rescheduleEmail", emailId=identified(email_id), sendAt=at.isoformat())
    if payload["userErrors"]:
        assert await everything(office.db) == before
    return [(each["code"], each["path"]) for each in payload["userErrors"]]


async def test_an_email_leaves_when_somebody_wants_it_to(office: Office) -> None:
    """The move is on record, and what follows makes room for its wait, no more."""
    enrolled, emails = await office.itinerary()
    wanted = MONDAY + DAY + 5 * HOUR + 7 * MINUTE

    moved = await done(
        office.api,
        "rescheduleEmail",
        "email { sendAt moves { fromSendAt toSendAt cause } explanation { pushes { constraint until } } }",
        emailId=identified(emails[0]),
        sendAt=wanted.isoformat(),
    )

    why = moved["email"].pop("explanation")["pushes"]
    assert why[-1] == {"constraint": "SET_BY_HAND", "until": "2026-03-03T14:07:00Z"}
    assert moved["email"] == {
        "sendAt": "2026-03-03T14:07:00Z",
        "moves": [
            {
                "fromSendAt": "2026-03-02T10:00:00Z",
                "toSendAt": "2026-03-03T14:07:00Z",
                "cause": "SET_BY_HAND",
            }
        ],
    }
    first, second, third = await office.times(emails)
    assert first == wanted
    assert second is not None
    assert second.date() == (MONDAY + 3 * DAY).date()
    assert third is not None
    assert third.date() >= (MONDAY + 5 * DAY).date()
    causes = [row.cause for row in (await everything(office.db))["email_moves"]]
    assert causes == ["SET_BY_HAND", "WAIT_CHANGED", "WAIT_CHANGED"]
    assert (await office.row("enrollments", enrolled)).next_send_at == wanted


async def test_a_time_set_by_hand_stays(office: Office) -> None:
    """Through a replan that may gain, though there is room long before."""
    enrolled, emails = await office.itinerary()
    wanted = MONDAY + 10 * DAY
    assert await _reschedule(office, emails[2], wanted) == []

    async with office.db.transaction() as conn:
        await replan(conn, office.api.workspace_id, [enrolled], now=MONDAY)

    row = await office.row("scheduled_emails", emails[2])
    assert (row.send_at, row.is_set_by_hand) == (wanted, True)


async def test_an_email_without_a_time_gets_one(office: Office) -> None:
    """That somebody chose it is on record as well."""
    enrolled = await office.enroll()
    email_id = await office.email(enrolled, 1, send_at=None, unplaced_reason="NO_CAPACITY")

    assert await _reschedule(office, email_id, MONDAY + HOUR) == []

    row = await office.row("scheduled_emails", email_id)
    [move] = (await everything(office.db))["email_moves"]
    assert (row.send_at, row.unplaced_reason) == (MONDAY + HOUR, None)
    assert (move.from_send_at, move.to_send_at, move.cause) == (None, MONDAY + HOUR, "SET_BY_HAND")


async def test_no_rule_of_the_plan_is_broken_by_hand(office: Office) -> None:
    """Each says why; what is refused is not moved to the nearest time instead."""
    _, emails = await office.itinerary()
    _, others = await office.itinerary()
    tuesday = MONDAY + DAY
    for number in (1, 2):
        full = await office.enroll()
        await office.email(full, 1, send_at=tuesday + number * HOUR)

    at = ["sendAt"]
    assert await _reschedule(office, emails[0], MONDAY - MINUTE) == [("OUT_OF_RANGE", at)]
    assert await _reschedule(office, emails[0], MONDAY + 10 * HOUR) == [("OUTSIDE_WINDOW", at)]
    assert await _reschedule(office, emails[0], MONDAY + 5 * DAY) == [("OUTSIDE_WINDOW", at)]
    assert await _reschedule(office, emails[0], tuesday) == [("NO_ROOM", at)]
    assert await _reschedule(office, emails[1], MONDAY + 2 * HOUR) == [("TOO_EARLY", at)]
    assert await _reschedule(office, emails[0], MONDAY + HOUR + 9 * MINUTE) == [("TOO_CLOSE", at)]
    assert await _reschedule(office, others[0], MONDAY + HOUR + 10 * MINUTE) == []


async def test_what_is_under_way_keeps_its_time(office: Office) -> None:
    """And so does what is on hold."""
    queued = await office.email(await office.enroll(), 1, status="QUEUED")
    held = await office.email(await office.enroll(status="PAUSED"), 1)

    assert await _reschedule(office, queued, MONDAY + HOUR) == [("WRONG_STATUS", ["emailId"])]
    assert await _reschedule(office, held, MONDAY + HOUR) == [("WRONG_STATUS", ["emailId"])]


async def test_the_planner_is_not_disturbed(office: Office) -> None:
    """While it plans, nobody else writes when emails leave."""
    _, emails = await office.itinerary()

    async with office.db.transaction() as conn:
        assert await try_plan_lock(conn, office.api.workspace_id)
        busy = await _reschedule(office, emails[0], MONDAY + 2 * HOUR)

    assert busy == [("PLAN_BUSY", [])]
    assert await _reschedule(office, emails[0], MONDAY + 2 * HOUR) == []
