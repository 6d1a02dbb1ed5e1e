"""Importing and changing contacts through the API."""

from typing import Any

import pytest

from persistence.database import Database, listen
from tests.api.client import ApiClient
from tests.api.mutations.asking import contact, done, error, everything, refused, sequence
from tests.support.world import MONDAY, make_contact, make_enrollment, make_sequence

COUNTS = "created updated duplicates suppressed invalid { line index email field reason }"
CSV = "email,first_name,plan\nada@example.test,Ada,pro\nb@example.test,,\nnonsense,X,\n"


async def test_contacts_are_imported_from_csv_and_a_list(api: ApiClient, worker_db: Database) -> None:
    """What can be taken is; the rest says why, by line or by place."""
    async with worker_db.transaction() as conn:
        await make_contact(conn, api.workspace_id, email="b@example.test", first_name="B")
    await done(api, "suppress", "suppressed", emails=["c@example.test"])
    listed = [
        {"email": "C@example.test", "zone": "Europe/Berlin", "customFields": {"seats": 3}},
        {"email": "ada@example.test", "company": "Engines"},
        {"email": "d@example.test", "firstName": "D\r\nBcc: all@example.test"},
    ]

    payload = await done(api, "importContacts", COUNTS, csv=CSV, contacts=listed)

    assert payload == {
        "created": 2,
        "updated": 1,
        "duplicates": 1,
        "suppressed": 1,
        "invalid": [
            {
                "line": 4,
                "index": None,
                "email": "nonsense",
                "field": "email",
                "reason": "An email address must have an @-sign.",
            },
            {
                "line": None,
                "index": 2,
                "email": "d@example.test",
                "field": "firstName",
                "reason": "It holds a line break or another control character.",
            },
        ],
        "userErrors": [],
    }
    written = await everything(worker_db)
    rows = {row.normalised_email: row for row in written["contacts"]}
    assert (rows["ada@example.test"].first_name, rows["ada@example.test"].company) == ("Ada", "Engines")
    assert rows["ada@example.test"].custom_fields == {"plan": "pro"}
    assert (rows["b@example.test"].first_name, rows["b@example.test"].version) == ("B", 2)
    assert (rows["c@example.test"].zone, rows["c@example.test"].custom_fields) == (
        "Europe/Berlin",
        {"seats": 3},
    )
    [imported] = written["imports"]
    assert (imported.rows, imported.created, imported.updated) == (6, 2, 1)
    assert (imported.invalid, imported.suppressed, imported.status) == (2, 1, "COMPLETED")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (
            {"csv": "name\nAda\n"},
            error("INVALID_CSV", "csv", "The header line names no column “email”."),
        ),
        (
            {"csv": 'email\n"a', "contacts": [{"email": "a@example.test"}]},
            error("INVALID_CSV", "csv", "Line 2: unexpected end of data."),
        ),
    ],
)
async def test_a_text_that_is_no_table_imports_nothing(
    api: ApiClient, worker_db: Database, given: dict[str, Any], expected: dict[str, object]
) -> None:
    """Nor what came beside it."""
    assert await refused(api, worker_db, "importContacts", **given) == [expected]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        (["a"], "They are an object, such as {plan: “pro”}."),
        ({"a-b": 1}, "“a-b” is not a name: use letters, digits and _, beginning with a letter."),
        ({"a": [1]}, "a is not a text, number, boolean or null."),
        ({"a": {"b": 1}}, "a is not a text, number, boolean or null."),
        ({"a": "\x00"}, "a is not a text, number, boolean or null."),
        ({f"a{number}": 1 for number in range(101)}, "There are more than 100."),
    ],
)
async def test_custom_fields_are_plain_values_by_name(api: ApiClient, fields: object, reason: str) -> None:
    """Whatever a template could not use is refused."""
    payload = await done(
        api, "importContacts", COUNTS, contacts=[{"email": "a@example.test", "customFields": fields}]
    )

    assert payload["created"] == 0
    assert [(each["field"], each["reason"]) for each in payload["invalid"]] == [("customFields", reason)]


async def test_contacts_are_kept_apart_by_workspace(
    api: ApiClient, stranger: ApiClient, worker_db: Database
) -> None:
    """The same address is another contact elsewhere."""
    await done(stranger, "importContacts", COUNTS, csv=CSV)

    payload = await done(api, "importContacts", COUNTS, csv=CSV)

    assert (payload["created"], payload["updated"]) == (2, 0)
    assert len((await everything(worker_db))["contacts"]) == 4


async def test_a_contact_is_changed(api: ApiClient, worker_db: Database) -> None:
    """Null takes a field away; what is left out stays; custom fields are replaced as a whole."""
    async with worker_db.transaction() as conn:
        key = await make_contact(
            conn,
            api.workspace_id,
            first_name="Ada",
            company="Engines",
            custom_fields={"plan": "pro", "seats": 3},
        )

    payload = await done(
        api,
        "updateContact",
        "contact { firstName lastName company customFields version }",
        contactId=contact(key),
        lastName="L",
        company=None,
        customFields={"plan": "free"},
        expectedVersion=1,
    )

    assert payload["contact"] == {
        "firstName": "Ada",
        "lastName": "L",
        "company": None,
        "customFields": {"plan": "free"},
        "version": 2,
    }


async def test_a_new_zone_is_looked_at_where_the_contacts_clock_counts(
    api: ApiClient, worker_db: Database, database_url: str
) -> None:
    """The planner hears of it; with the same zone there is nothing to hear."""
    async with worker_db.transaction() as conn:
        key = await make_contact(conn, api.workspace_id)
        by_contact = await make_sequence(conn, api.workspace_id, uses_contact_zone=True)
        await make_enrollment(conn, api.workspace_id, by_contact, key, planned_at=MONDAY)
    berlin = {"contactId": contact(key), "zone": "Europe/Berlin"}

    async with listen(database_url) as listener:
        await done(api, "updateContact", "contact { zone }", **berlin)
        heard = await listener.next(timeout_s=5)
        await done(api, "updateContact", "contact { zone }", **berlin)
        nothing = await listener.next(timeout_s=0.05)

    [row] = (await everything(worker_db))["enrollments"]
    assert (heard, nothing, row.planned_at) == ("plan", None, None)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"firstName": "A\nB"},
            error("INVALID_HEADER", "firstName", "It holds a line break or another control character."),
        ),
        (
            {"zone": "Nowhere"},
            error(
                "INVALID_ZONE",
                "zone",
                "“Nowhere” is not a zone of the IANA database, for example Europe/Berlin.",
            ),
        ),
        (
            {"customFields": []},
            error("INVALID_CUSTOM_FIELDS", "customFields", "They are an object, such as {plan: “pro”}."),
        ),
        (
            {"expectedVersion": 3},
            error("STALE_OBJECT", "expectedVersion", "The contact is at version 1 by now."),
        ),
    ],
)
async def test_a_wrong_change_is_refused(
    api: ApiClient, worker_db: Database, changes: dict[str, Any], expected: dict[str, object]
) -> None:
    """As a whole."""
    async with worker_db.transaction() as conn:
        key = await make_contact(conn, api.workspace_id)
    given: dict[str, Any] = {"lastName": "L"} | changes

    assert await refused(api, worker_db, "updateContact", contactId=contact(key), **given) == [expected]


async def test_a_contact_of_another_workspace_does_not_exist(
    api: ApiClient, stranger: ApiClient, worker_db: Database
) -> None:
    """Nor does a deleted one."""
    async with worker_db.transaction() as conn:
        foreign = await make_contact(conn, stranger.workspace_id)
        deleted = await make_contact(conn, api.workspace_id, status="DELETED")

    for unknown in (foreign, deleted):
        errors = await refused(api, worker_db, "updateContact", contactId=contact(unknown), lastName="L")
        assert errors == [error("NOT_FOUND", "contactId", "There is no contact with this id.")]
    wrong = await refused(api, worker_db, "updateContact", contactId=sequence(foreign))
    assert wrong == [error("INVALID_ID", "contactId", f"“{sequence(foreign)}” is not an id of a Contact.")]
