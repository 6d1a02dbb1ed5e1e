"""Intervening in one email by hand: taken out, tried again, or given another time."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Row, text

from api.ids import global_id
from domain.ids import EmailId, EnrollmentId, MailboxId, SequenceId
from persistence.audit import PROMISES, breach_of
from persistence.database import Database
from persistence.open_enrollments import unplanned
from persistence.plan_lock import try_plan_lock
from persistence.replanning import replan
from tests.api.client import ApiClient
from tests.api.mutations.asking import done, error, everything, mutate, refused
from tests.support.world import MONDAY, make_contact, make_email, make_enrollment, make_mailbox, make_sequence

DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
STEPS = ((0, "One", "1"), (2, "Two", "2"), (2, "Three", "3"))
OFFICE = {"weekdays": [1, 2, 3, 4, 5], "intervals": [["08:00", "18:00"]]}


class Office:
    """A sequence of three steps with one mailbox that sends two emails a day, ten minutes apart."""

    def __init__(self, api: ApiClient, db: Database) -> None:
        self.api, self.db = api, db
        self.mailbox_id: MailboxId
        self.sequence_id: SequenceId

    async def open(self, **sequence: Any) -> "Office":
        async with self.db.transaction() as conn:
            self.mailbox_id = await make_mailbox(
                conn, self.api.workspace_id, daily_capacity=2, minimum_gap_s=600
            )
            ordinary: dict[str, Any] = {"steps": STEPS, "mailboxes": [self.mailbox_id], "send_window": OFFICE}
            self.sequence_id = await make_sequence(conn, self.api.workspace_id, **ordinary | sequence)
        return self

    async def enroll(self, **enrollment: Any) -> EnrollmentId:
        async with self.db.transaction() as conn:
            who = await make_contact(conn, self.api.workspace_id)
            ordinary = {"mailbox_id": self.mailbox_id, "planned_at": MONDAY}
            return await make_enrollment(
                conn, self.api.workspace_id, self.sequence_id, who, **ordinary | enrollment
            )

    async def email(self, enrollment_id: EnrollmentId, position: int, **email: Any) -> EmailId:
        async with self.db.transaction() as conn:
            return await make_email(conn, enrollment_id, position=position, **email)

    async def itinerary(self, **enrollment: Any) -> tuple[EnrollmentId, list[EmailId]]:
        """A contact whose three emails are planned for today, Wednesday and Friday, at ten."""
        enrolled = await self.enroll(**enrollment)
        emails = [
            await self.email(enrolled, number, send_at=MONDAY + HOUR + 2 * (number - 1) * DAY)
            for number in (1, 2, 3)
        ]
        return enrolled, emails

    # Any: rows have the columns of their tables.
    async def row(self, table: str, key: Any) -> Row[Any]:
        [found] = [row for row in (await everything(self.db))[table] if row.id == key]
        return found

    async def times(self, emails: list[EmailId]) -> list[datetime | None]:
        rows = {row.id: row.send_at for row in (await everything(self.db))["scheduled_emails"]}
        return [rows[each] for each in emails]

    async def plan(self, *, now: datetime = MONDAY) -> None:
        """What the planner does next."""
        async with self.db.transaction() as conn:
            assert await try_plan_lock(conn, self.api.workspace_id)
            ids = await unplanned(conn, self.api.workspace_id, limit=100)
            await replan(conn, self.api.workspace_id, ids, now=now)

    async def assert_promises_kept(self) -> None:
        async with self.db.transaction() as conn:
            await conn.execute(text("SET LOCAL ROLE none"))
            for promise in PROMISES:
                breach = await breach_of(conn, promise)
                assert breach.count == 0, (promise.name, breach)


@pytest.fixture
async def office(api: ApiClient, worker_db: Database) -> Office:
    return await Office(api, worker_db).open()


def _id(email_id: EmailId) -> str:
    return global_id("ScheduledEmail", email_id)


async def test_an_email_is_taken_out_and_its_sequence_goes_on(office: Office) -> None:
    """The planner does not put it back, the times of the others stay, and none is hurried."""
    enrolled, emails = await office.itinerary()

    taken_out = await done(
        office.api, "cancelEmail", "email { status events { kind cause } }", emailId=_id(emails[0])
    )
    async with office.db.transaction() as conn:
        await replan(conn, office.api.workspace_id, [enrolled], now=MONDAY)

    assert taken_out["email"] == {"status": "CANCELLED", "events": [{"kind": "CANCEL", "cause": "BY_HAND"}]}
    rows = (await everything(office.db))["scheduled_emails"]
    assert [row.status for row in rows] == ["CANCELLED", "PENDING", "PENDING"]
    assert await office.times(emails[1:]) == [MONDAY + HOUR + 2 * DAY, MONDAY + HOUR + 4 * DAY]
    enrollment = await office.row("enrollments", enrolled)
    assert (enrollment.next_position, enrollment.status) == (2, "ACTIVE")
    assert enrollment.next_send_at == MONDAY + HOUR + 2 * DAY
    await office.assert_promises_kept()


async def test_a_later_email_can_be_taken_out(office: Office) -> None:
    """What is next stays next."""
    enrolled, emails = await office.itinerary()

    await done(office.api, "cancelEmail", "email { status }", emailId=_id(emails[1]))

    enrollment = await office.row("enrollments", enrolled)
    assert (enrollment.next_position, enrollment.next_send_at) == (1, MONDAY + HOUR)
    await office.assert_promises_kept()


async def test_the_last_email_taken_out_completes(office: Office) -> None:
    """The enrollment, and its sequence with nobody on the way."""
    enrolled, emails = await office.itinerary()

    for each in emails:
        await done(office.api, "cancelEmail", "email { status }", emailId=_id(each))

    assert (await office.row("enrollments", enrolled)).status == "COMPLETED"
    assert (await office.row("sequences", office.sequence_id)).status == "COMPLETED"


async def test_an_email_that_was_claimed_gives_its_budget_back(office: Office) -> None:
    """Nothing of it was handed over, and its attempt finds nothing to hand over any more."""
    enrolled = await office.enroll()
    email_id = await office.email(enrolled, 1)
    async with office.db.transaction() as conn:
        await conn.execute(text("SET LOCAL ROLE none"))
        await conn.execute(
            text(
                "INSERT INTO mailbox_days (workspace_id, mailbox_id, day, capacity, used)"
                " SELECT workspace_id, id, '2026-03-02', 2, 1 FROM mailboxes"
            )
        )
        await conn.execute(
            text("UPDATE scheduled_emails SET status = 'SENDING', quota_day = '2026-03-02', attempt = 1")
        )

    await done(office.api, "cancelEmail", "email { status }", emailId=_id(email_id))

    [day] = (await everything(office.db))["mailbox_days"]
    assert day.used == 0


@pytest.mark.parametrize("status", ["COMMITTING", "SENT", "IN_DOUBT", "FAILED", "CANCELLED"])
async def test_what_may_have_left_is_not_taken_out(office: Office, status: str) -> None:
    """Nor what was taken out before."""
    email_id = await office.email(await office.enroll(), 1, status=status)

    errors = await refused(office.api, office.db, "cancelEmail", emailId=_id(email_id))

    assert errors == [error("WRONG_STATUS", "emailId", f"The email's status is {status}.")]


async def test_a_retry_is_made_at_once(office: Office) -> None:
    """Its time is now; everything else about it stays."""
    email_id = await office.email(
        await office.enroll(), 1, status="RETRYING", retry_at=MONDAY + HOUR, retry_count=2
    )

    tried = await done(office.api, "retryEmail", "email { status retryAt retryCount }", emailId=_id(email_id))

    assert tried["email"] == {"status": "RETRYING", "retryAt": "2026-03-02T09:00:00Z", "retryCount": 2}


@pytest.mark.parametrize("ended", ["FAILED", "ACTIVE", "COMPLETED"])
async def test_an_email_that_was_given_up_is_tried_anew(office: Office, ended: str) -> None:
    """As its enrollment ended with it, or went on; it gets a new time, and so does what follows."""
    enrolled = await office.enroll(
        status=ended, next_position=2, current_step=1, last_window_day=MONDAY.date(), next_send_at=None
    )
    failed = await office.email(
        enrolled,
        1,
        status="FAILED",
        attempt=4,
        retry_count=3,
        last_attempt_at=MONDAY,
        failure_reason="POLICY",
        last_error="550 no",
    )
    now = MONDAY + HOUR

    tried = await done(
        office.api, "retryEmail", "email { status retryCount failureReason lastError }", emailId=_id(failed)
    )
    await office.plan(now=now)

    assert tried["email"] == {
        "status": "PENDING",
        "retryCount": 0,
        "failureReason": None,
        "lastError": "550 no",
    }
    rows = {row.step_id: row for row in (await everything(office.db))["scheduled_emails"]}
    times = [row.send_at for row in rows.values()]
    enrollment = await office.row("enrollments", enrolled)
    assert [row.status for row in rows.values()] == ["PENDING"] * 3
    assert now <= times[0] < MONDAY + DAY
    assert times == sorted(times)
    assert (enrollment.status, enrollment.next_position, enrollment.current_step) == ("ACTIVE", 1, 0)
    assert enrollment.last_window_day is None
    events = (await everything(office.db))["email_events"]
    assert [(row.kind, row.cause) for row in events] == [("REVIVE", "BY_HAND")]


@pytest.mark.parametrize("status", ["PENDING", "QUEUED", "SENT", "IN_DOUBT", "CANCELLED"])
async def test_what_was_not_given_up_is_not_tried_again(office: Office, status: str) -> None:
    """A doubt is settled by `resolveInDoubt`."""
    email_id = await office.email(await office.enroll(), 1, status=status)

    errors = await refused(office.api, office.db, "retryEmail", emailId=_id(email_id))

    assert errors == [error("WRONG_STATUS", "emailId", f"The email's status is {status}.")]


async def test_nobody_is_written_to_again_who_must_not_be(office: Office) -> None:
    """Suppressed contacts, enrollments that ended in another way, and steps that are no more."""
    suppressed = await office.email(await office.enroll(status="FAILED"), 1, status="FAILED")
    stopped = await office.email(await office.enroll(status="CANCELLED"), 1, status="FAILED")
    went_on = await office.enroll(next_position=3)
    overtaken = await office.email(went_on, 1, status="FAILED", last_attempt_at=MONDAY)
    await office.email(went_on, 2, status="SENT", last_attempt_at=MONDAY + HOUR, sent_at=MONDAY + HOUR)
    contact_id = (await office.row("scheduled_emails", suppressed)).contact_id
    address = (await office.row("contacts", contact_id)).email
    await done(office.api, "suppress", "suppressed", emails=[address])

    told = [
        *await refused(office.api, office.db, "retryEmail", emailId=_id(suppressed)),
        *await refused(office.api, office.db, "retryEmail", emailId=_id(stopped)),
        *await refused(office.api, office.db, "retryEmail", emailId=_id(overtaken)),
    ]

    assert [(each["code"], each["path"]) for each in told] == [
        ("SUPPRESSED", ["emailId"]),
        ("WRONG_STATUS", ["emailId"]),
        ("OUT_OF_ORDER", ["emailId"]),
    ]


async def _reschedule(office: Office, email_id: EmailId, at: datetime) -> list[tuple[str, list[str]]]:
    """The refusals of a reschedule, which then wrote nothing."""
    before = await everything(office.db)
    payload = await mutate(office.api, "rescheduleEmail", emailId=_id(email_id), sendAt=at.isoformat())
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
        emailId=_id(emails[0]),
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
