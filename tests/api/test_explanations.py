"""Asking why an email has its time, or none."""

from datetime import timedelta
from typing import Any

from api.ids import global_id
from api.types.explanation import WHAT_HELPS
from domain.ids import EmailId, EnrollmentId, MailboxId, SequenceId
from domain.itineraries import UnplacedReason
from persistence.database import Database
from tests.api.client import Answer, ApiClient
from tests.support.world import MONDAY, make_email, make_enrollment, make_mailbox, make_sequence

DAY = timedelta(days=1)
NOON = timedelta(hours=4)
ONE_STEP = ((0, "Hello", "Hello"),)
OFFICE = {"weekdays": [1, 2, 3, 4, 5, 6, 7], "intervals": [["09:00", "17:00"]]}
WHY = """query ($id: ID!) { scheduledEmail(id: $id) { explanation {
  pushes { constraint until detail } unplacedReason whatHelps
} } }"""


async def _office(api: ApiClient, worker_db: Database) -> tuple[SequenceId, MailboxId]:
    """A sequence between nine and five with a mailbox of two emails a day: at nine and at one."""
    async with worker_db.transaction() as conn:
        mailbox_id = await make_mailbox(conn, api.workspace_id, daily_capacity=2)
        sequence_id = await make_sequence(
            conn, api.workspace_id, steps=ONE_STEP, mailboxes=(mailbox_id,), send_window=OFFICE
        )
    return sequence_id, mailbox_id


async def _planned(
    api: ApiClient,
    worker_db: Database,
    office: tuple[SequenceId, MailboxId],
    after: timedelta,
    **values: Any,
) -> tuple[EnrollmentId, EmailId]:
    """The email of a contact enrolled on Monday at nine, that much later; *values* are columns."""
    sequence_id, mailbox_id = office
    async with worker_db.transaction() as conn:
        enrollment_id = await make_enrollment(
            conn, api.workspace_id, sequence_id, mailbox_id=mailbox_id, planned_at=MONDAY
        )
        return enrollment_id, await make_email(conn, enrollment_id, **({"send_at": MONDAY + after} | values))


async def _why(api: ApiClient, email_id: EmailId) -> Answer | None:
    data = await api.data(WHY, id=global_id("ScheduledEmail", email_id))
    why: Answer | None = data["scheduledEmail"]["explanation"]
    return why


async def test_a_time_is_explained_by_full_days_and_taken_slots(api: ApiClient, worker_db: Database) -> None:
    """Monday and Tuesday are full, and on Wednesday nine o'clock is taken."""
    office = await _office(api, worker_db)
    for day in (0 * DAY, 1 * DAY):
        await _planned(api, worker_db, office, day, status="SENT", sent_at=MONDAY + day)
        await _planned(api, worker_db, office, day + NOON)
    await _planned(api, worker_db, office, 2 * DAY)
    _, email_id = await _planned(api, worker_db, office, 2 * DAY + NOON)

    why = await _why(api, email_id)

    assert why == {
        "pushes": [
            {"constraint": "ENROLLED", "until": "2026-03-02T09:00:00Z", "detail": "the contact was enrolled"},
            {
                "constraint": "MAILBOX_FULL",
                "until": "2026-03-04T09:00:00Z",
                "detail": "full on 2 days from 2026-03-02 to 2026-03-03",
            },
            {
                "constraint": "SLOT_TAKEN",
                "until": "2026-03-04T13:00:00Z",
                "detail": "from 09:00 UTC on other emails leave",
            },
        ],
        "unplacedReason": None,
        "whatHelps": None,
    }


async def test_a_page_is_explained_email_by_email(api: ApiClient, worker_db: Database) -> None:
    """More of them than are worked out at once, each up to its own time."""
    office = await _office(api, worker_db)
    times = [day * DAY + hours for day in range(11) for hours in (timedelta(), NOON)]
    for each in times:
        await _planned(api, worker_db, office, each)

    data = await api.data(
        "{ scheduledEmails(first: 50) { nodes { sendAt explanation { pushes { constraint until } } } } }"
    )

    nodes = data["scheduledEmails"]["nodes"]
    assert [node["explanation"]["pushes"][-1]["until"] for node in nodes] == [
        node["sendAt"] for node in nodes
    ]
    assert len(nodes) == 22
    assert [push["constraint"] for push in nodes[-1]["explanation"]["pushes"]] == [
        "ENROLLED",
        "MAILBOX_FULL",
        "SLOT_TAKEN",
    ]


async def test_an_email_without_a_time_says_what_helps(api: ApiClient, worker_db: Database) -> None:
    """The one reason, behind what it had got over; also while its enrollment is on hold."""
    async with worker_db.transaction() as conn:
        sequence_id = await make_sequence(conn, api.workspace_id, steps=((2, "Hello", "Hello"),))
        enrollment_id = await make_enrollment(
            conn, api.workspace_id, sequence_id, status="PAUSED", paused_at=MONDAY
        )
        email_id = await make_email(conn, enrollment_id, send_at=None, unplaced_reason="NO_MAILBOX")

    why = await _why(api, email_id)

    assert why == {
        "pushes": [
            {"constraint": "ENROLLED", "until": "2026-03-02T09:00:00Z", "detail": "the contact was enrolled"},
            {"constraint": "WAIT", "until": "2026-03-04T00:00:00Z", "detail": "2 days after 2026-03-02"},
        ],
        "unplacedReason": "NO_MAILBOX",
        "whatHelps": "Link a mailbox to the sequence. Let the enrollment go on (resumeEnrollment).",
    }


async def test_what_has_left_is_not_explained(api: ApiClient, worker_db: Database) -> None:
    """Its time is history, not a plan."""
    office = await _office(api, worker_db)
    _, email_id = await _planned(api, worker_db, office, timedelta(), status="SENT", sent_at=MONDAY)

    assert await _why(api, email_id) is None


def test_every_reason_has_something_that_helps() -> None:
    """None is left out, and no two say the same."""
    assert WHAT_HELPS.keys() == set(UnplacedReason)
    assert len(set(WHAT_HELPS.values())) == len(UnplacedReason)
