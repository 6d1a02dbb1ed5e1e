"""Enrolling all contacts of an import, and all that a filter holds for."""

from uuid import UUID

import pytest
import strawberry

from api.errors import UserErrorCode
from api.ids import global_id
from api.inputs.enrollments import EnrollContactsInput
from api.mutations import found_contacts
from api.mutations.refusals import user_errors
from persistence.database import Database
from persistence.ids import uuid7
from persistence.refusals import Noun, UnknownObject
from tests.api.client import ApiClient
from tests.api.mutations.asking import contact, done, error, everything, refused, sequence
from tests.support.world import make_contact, make_enrollment, make_sequence

COUNTS = "enrolled alreadyEnrolled suppressed"


async def _imported(api: ApiClient, *addresses: str) -> str:
    contacts = [{"email": address} for address in addresses]
    payload = await done(api, "importContacts", "import { id status rows created }", contacts=contacts)
    assert payload["import"]["status"] == "COMPLETED"
    assert payload["import"]["rows"] == len(addresses)
    return str(payload["import"]["id"])


async def test_all_contacts_of_an_import_are_enrolled(api: ApiClient, worker_db: Database) -> None:
    """Those it brought and those it brought up to date; nobody is counted twice."""
    async with worker_db.transaction() as conn:
        key = await make_sequence(conn, api.workspace_id)
        known = await make_contact(conn, api.workspace_id, email="known@example.test")
        await make_contact(conn, api.workspace_id, email="other@example.test")
    await done(api, "suppress", "suppressed", emails=["gone@example.test"])
    brought = await _imported(api, "known@example.test", "new@example.test", "gone@example.test")

    payload = await done(
        api, "enrollContacts", COUNTS, sequenceId=sequence(key), importId=brought, contactIds=[contact(known)]
    )

    rows = await everything(worker_db)
    names = {row.id: row.email for row in rows["contacts"]}
    assert (payload["enrolled"], payload["alreadyEnrolled"], payload["suppressed"]) == (2, 1, 1)
    assert [names[row.contact_id] for row in rows["enrollments"]] == [
        "known@example.test",
        "new@example.test",
    ]


@pytest.mark.parametrize(
    ("filter_", "addresses"),
    [
        ({"domain": "Example.TEST"}, ["1@example.test", "2@example.test"]),
        ({"isSuppressed": False}, ["1@example.test", "3@example.com"]),
        ({"status": ["UNSUBSCRIBED"]}, []),
        ({"email": "3@example.com"}, ["3@example.com"]),
    ],
)
async def test_all_whom_a_filter_holds_for_are_enrolled(
    api: ApiClient, worker_db: Database, filter_: dict[str, object], addresses: list[str]
) -> None:
    """As `contacts` lists them."""
    async with worker_db.transaction() as conn:
        key = await make_sequence(conn, api.workspace_id)
        for address in ("1@example.test", "2@example.test", "3@example.com"):
            await make_contact(conn, api.workspace_id, email=address)
    await done(api, "suppress", "suppressed", emails=["2@example.test"])

    payload = await done(api, "enrollContacts", COUNTS, sequenceId=sequence(key), filter=filter_)

    data = await api.data(
        "query ($f: ContactFilter) { contacts(filter: $f, order: ASC) { nodes { email } } }", f=filter_
    )
    assert [node["email"] for node in data["contacts"]["nodes"]] == addresses
    assert payload["enrolled"] + payload["suppressed"] == len(addresses)


async def test_a_filter_tells_who_was_enrolled_before(api: ApiClient, worker_db: Database) -> None:
    """So that a sequence gets those alone whom another one, or itself, never had."""
    async with worker_db.transaction() as conn:
        first, second = [await make_sequence(conn, api.workspace_id) for _ in range(2)]
        had = await make_contact(conn, api.workspace_id)
        await make_contact(conn, api.workspace_id)
        await make_enrollment(conn, api.workspace_id, first, had, status="CANCELLED")

    never = await done(
        api,
        "enrollContacts",
        COUNTS,
        sequenceId=sequence(second),
        filter={"notEnrolledInId": sequence(first)},
    )
    before = await done(
        api, "enrollContacts", COUNTS, sequenceId=sequence(second), filter={"enrolledInId": sequence(first)}
    )

    assert (never["enrolled"], before["enrolled"]) == (1, 1)


async def test_what_a_filter_names_has_to_be_there(api: ApiClient, worker_db: Database) -> None:
    """Or a slip of the pen would enroll everyone."""
    async with worker_db.transaction() as conn:
        key = await make_sequence(conn, api.workspace_id)
        await make_contact(conn, api.workspace_id)
    into = {"sequenceId": sequence(key)}
    nothing, nobody = global_id("Import", uuid7()), sequence(uuid7())

    no_import = await refused(api, worker_db, "enrollContacts", **into, importId=nothing)
    no_sequence = await refused(api, worker_db, "enrollContacts", **into, filter={"notEnrolledInId": nobody})
    no_id = await refused(api, worker_db, "enrollContacts", **into, importId="nonsense")

    assert no_import == [error("NOT_FOUND", "importId", "There is no import with this id.")]
    assert no_sequence == [error("NOT_FOUND", "filter.notEnrolledInId", "There is no sequence with this id.")]
    assert [(each["code"], each["path"]) for each in no_id] == [("INVALID_ID", ["importId"])]


async def test_too_many_are_refused(
    api: ApiClient, worker_db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bound is of what one transaction may write."""
    monkeypatch.setattr(found_contacts, "MOST_FOUND", 1)
    async with worker_db.transaction() as conn:
        key = await make_sequence(conn, api.workspace_id)
        for _ in range(2):
            await make_contact(conn, api.workspace_id)

    errors = await refused(api, worker_db, "enrollContacts", sequenceId=sequence(key), filter={})

    assert errors == [error("TOO_MANY", "filter", "There are more than 1.")]


async def test_who_is_deleted_is_not_enrolled(api: ApiClient, worker_db: Database) -> None:
    """Also where the filter asks for the deleted: they are left out, and the others are enrolled."""
    async with worker_db.transaction() as conn:
        key = await make_sequence(conn, api.workspace_id)
        for status in ("ACTIVE", "DELETED"):
            await make_contact(conn, api.workspace_id, status=status)

    payload = await done(
        api, "enrollContacts", "enrolled", sequenceId=sequence(key), filter={"status": ["ACTIVE", "DELETED"]}
    )

    assert payload["enrolled"] == 1


def test_who_was_found_and_is_gone_is_told() -> None:
    """No id of the input names them, so the error is of the whole input; without one it would seem done."""
    asked = EnrollContactsInput(sequence_id=strawberry.ID("one"))

    (told,) = user_errors(UnknownObject(Noun.CONTACT, [UUID(int=1)]), asked)

    assert (told.code, told.path) == (UserErrorCode.NOT_FOUND, [])
