"""Asking for enrollments and their itineraries."""

from datetime import timedelta

from api.ids import global_id
from persistence.database import Database
from tests.api.client import ApiClient
from tests.support.world import (
    MONDAY,
    make_contact,
    make_email,
    make_enrollment,
    make_mailbox,
    make_sequence,
)

DAY = timedelta(days=1)
IDS = "query ($filter: EnrollmentFilter) { enrollments(filter: $filter) { nodes { id } } }"
FOUR_STEPS = tuple((0, f"Subject {n}", f"Text {n}") for n in range(1, 5))


async def test_an_enrollment_shows_every_email_still_to_come(api: ApiClient, worker_db: Database) -> None:
    """In the order of the steps, with its time or the reason why it has none; sent ones are not to come."""
    async with worker_db.transaction() as conn:
        mailbox_id = await make_mailbox(conn, api.workspace_id, name="Front desk")
        sequence_id = await make_sequence(conn, api.workspace_id, steps=FOUR_STEPS)
        contact_id = await make_contact(conn, api.workspace_id, email="reader@example.test")
        enrollment_id = await make_enrollment(
            conn,
            api.workspace_id,
            sequence_id,
            contact_id,
            mailbox_id=mailbox_id,
            started_at=MONDAY,
            current_step=1,
            next_send_at=MONDAY + DAY,
        )
        await make_email(conn, enrollment_id, position=4, send_at=None, unplaced_reason="AFTER_LAST_DATE")
        await make_email(conn, enrollment_id, position=3, send_at=MONDAY + 2 * DAY)
        await make_email(conn, enrollment_id, position=2, send_at=MONDAY + DAY, status="RETRYING")
        await make_email(conn, enrollment_id, position=1, status="SENT", sent_at=MONDAY)

    data = await api.data(
        """query ($id: ID!) { enrollment(id: $id) {
            status enrolledAt startedAt currentStep nextSendAt completedAt pausedAt
            contact { email } sequence { name } mailbox { name }
            itinerary { status sendAt unplacedReason step { position } }
        } }""",
        id=global_id("Enrollment", enrollment_id),
    )

    assert data["enrollment"] == {
        "status": "ACTIVE",
        "enrolledAt": "2026-03-02T09:00:00Z",
        "startedAt": "2026-03-02T09:00:00Z",
        "currentStep": 1,
        "nextSendAt": "2026-03-03T09:00:00Z",
        "completedAt": None,
        "pausedAt": None,
        "contact": {"email": "reader@example.test"},
        "sequence": {"name": "Welcome Campaign"},
        "mailbox": {"name": "Front desk"},
        "itinerary": [
            {
                "status": "RETRYING",
                "sendAt": "2026-03-03T09:00:00Z",
                "unplacedReason": None,
                "step": {"position": 2},
            },
            {
                "status": "PENDING",
                "sendAt": "2026-03-04T09:00:00Z",
                "unplacedReason": None,
                "step": {"position": 3},
            },
            {
                "status": "PENDING",
                "sendAt": None,
                "unplacedReason": "AFTER_LAST_DATE",
                "step": {"position": 4},
            },
        ],
    }


async def test_an_enrollment_that_is_not_placed_yet_has_an_empty_itinerary(
    api: ApiClient, worker_db: Database
) -> None:
    """And no mailbox."""
    async with worker_db.transaction() as conn:
        sequence_id = await make_sequence(conn, api.workspace_id)
        await make_enrollment(conn, api.workspace_id, sequence_id)

    data = await api.data("{ enrollments { nodes { mailbox { name } itinerary { id } } } }")

    assert data["enrollments"]["nodes"] == [{"mailbox": None, "itinerary": []}]


async def test_enrollments_are_listed_latest_first_and_filtered(api: ApiClient, worker_db: Database) -> None:
    """By state, sequence, contact and mailbox; a filter with an unknown id finds nothing."""
    async with worker_db.transaction() as conn:
        mailbox_id = await make_mailbox(conn, api.workspace_id)
        sequence_id = await make_sequence(conn, api.workspace_id)
        another_id = await make_sequence(conn, api.workspace_id)
        contact_id = await make_contact(conn, api.workspace_id)
        early = await make_enrollment(
            conn, api.workspace_id, another_id, status="PAUSED", mailbox_id=mailbox_id, updated_at=MONDAY
        )
        late = await make_enrollment(
            conn, api.workspace_id, sequence_id, contact_id, enrolled_at=MONDAY + DAY
        )
    late_node, early_node = ({"id": global_id("Enrollment", each)} for each in (late, early))

    async def found(**conditions: object) -> list[dict[str, str]]:
        nodes: list[dict[str, str]] = (await api.data(IDS, filter=conditions))["enrollments"]["nodes"]
        return nodes

    assert await found() == [late_node, early_node]
    assert await found(status=["PAUSED"]) == [early_node]
    assert await found(sequenceId=global_id("Sequence", sequence_id)) == [late_node]
    assert await found(contactId=global_id("Contact", contact_id)) == [late_node]
    assert await found(mailboxId=global_id("Mailbox", mailbox_id)) == [early_node]
    assert await found(updatedSince="2026-03-02T09:00:01Z") == [late_node]
    assert await found(sequenceId=global_id("Sequence", contact_id)) == []


async def test_an_id_of_another_kind_is_refused(api: ApiClient, worker_db: Database) -> None:
    """A contact is never taken for a sequence."""
    async with worker_db.transaction() as conn:
        contact_id = await make_contact(conn, api.workspace_id)

    code, _ = await api.refusal(IDS, filter={"sequenceId": global_id("Contact", contact_id)})

    assert code == "BAD_USER_INPUT"


async def test_another_workspaces_enrollment_is_not_found(
    api: ApiClient, stranger: ApiClient, worker_db: Database
) -> None:
    """Nor listed."""
    async with worker_db.transaction() as conn:
        sequence_id = await make_sequence(conn, stranger.workspace_id)
        enrollment_id = await make_enrollment(conn, stranger.workspace_id, sequence_id)

    refusal = await api.refusal(
        "query ($id: ID!) { enrollment(id: $id) { status } }", id=global_id("Enrollment", enrollment_id)
    )

    assert refusal == ("NOT_FOUND", "There is no enrollment with this id.")
    assert await api.data(IDS) == {"enrollments": {"nodes": []}}
