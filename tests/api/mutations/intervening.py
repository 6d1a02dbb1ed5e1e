"""An office in whose plan one email at a time is intervened in by hand."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, text

from api.ids import global_id
from domain.ids import EmailId, EnrollmentId, MailboxId, SequenceId
from persistence.audit import PROMISES, breach_of
from persistence.database import Database
from persistence.open_enrollments import unplanned
from persistence.plan_lock import try_plan_lock
from persistence.replanning import replan
from tests.api.client import ApiClient
from tests.api.mutations.asking import everything
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


def identified(email_id: EmailId) -> str:
    return global_id("ScheduledEmail", email_id)
