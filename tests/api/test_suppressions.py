"""The suppression list as it is read."""

from domain.lifecycle import ContactEvent, EnrollmentEvent
from persistence.database import Database
from persistence.suppressions import SuppressionReason, stop_contact
from tests.api.client import ApiClient
from tests.api.mutations.asking import done
from tests.support.world import MONDAY, make_contact, make_email, make_enrollment, make_mailbox, make_sequence

LIST = """
query ($filter: SuppressionFilter) { suppressions(filter: $filter) { totalCount nodes {
  address reason email { recipientEmail }
} } }
"""


async def test_the_list_tells_why_each_address_is_on_it(api: ApiClient, worker_db: Database) -> None:
    """And which email gave the reason, the newest first."""
    await done(api, "suppress", "suppressed", emails=["A@example.test"])
    async with worker_db.transaction() as conn:
        box = await make_mailbox(conn, api.workspace_id)
        key = await make_sequence(conn, api.workspace_id)
        who = await make_contact(conn, api.workspace_id, email="ada@example.test")
        email_id = await make_email(
            conn, await make_enrollment(conn, api.workspace_id, key, who, mailbox_id=box)
        )
        await stop_contact(
            conn,
            workspace_id=api.workspace_id,
            contact_id=who,
            contact_event=ContactEvent.BOUNCE,
            enrollment_event=EnrollmentEvent.BOUNCE,
            reason=SuppressionReason.HARD_BOUNCE,
            email_id=email_id,
            now=MONDAY,
        )

    everyone = (await api.data(LIST))["suppressions"]
    bounced = (await api.data(LIST, filter={"reason": ["HARD_BOUNCE"]}))["suppressions"]
    this_one = (await api.data(LIST, filter={"address": "a@EXAMPLE.test"}))["suppressions"]
    later = (await api.data(LIST, filter={"createdSince": "2999-01-01T00:00:00Z"}))["suppressions"]

    assert everyone == {
        "totalCount": 2,
        "nodes": [
            {
                "address": "ada@example.test",
                "reason": "HARD_BOUNCE",
                "email": {"recipientEmail": "ada@example.test"},
            },
            {"address": "a@example.test", "reason": "MANUAL", "email": None},
        ],
    }
    assert [node["reason"] for node in bounced["nodes"]] == ["HARD_BOUNCE"]
    assert [node["reason"] for node in this_one["nodes"]] == ["MANUAL"]
    assert later["totalCount"] == 0


async def test_no_address_is_refused(api: ApiClient) -> None:
    """Rather than answered as one that is not on the list."""
    code, _ = await api.refusal(LIST, filter={"address": "nonsense"})

    assert code == "BAD_USER_INPUT"


async def test_a_contact_shows_what_stands_against_writing_to_it(
    api: ApiClient, stranger: ApiClient, worker_db: Database
) -> None:
    """The entry of its address here; that of another workspace is none."""
    async with worker_db.transaction() as conn:
        for name in ("a@example.test", "b@example.test"):
            await make_contact(conn, api.workspace_id, email=name)
    await api.data('mutation { suppress(input: { emails: ["a@example.test"] }) { suppressed } }')
    await stranger.data('mutation { suppress(input: { emails: ["b@example.test"] }) { suppressed } }')

    data = await api.data("{ contacts(order: ASC) { nodes { email suppression { reason address } } } }")

    assert data["contacts"]["nodes"] == [
        {"email": "a@example.test", "suppression": {"reason": "MANUAL", "address": "a@example.test"}},
        {"email": "b@example.test", "suppression": None},
    ]
