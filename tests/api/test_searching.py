"""Finding things in lists: by a text that people know them by, and by several ids at once."""

import pytest

from api.ids import global_id
from persistence.database import Database
from tests.api.client import ApiClient
from tests.support.world import make_contact, make_email, make_enrollment, make_mailbox, make_sequence

CONTACTS = "query ($text: String) { contacts(filter: { search: $text }, order: ASC) { nodes { email } } }"


@pytest.fixture
async def people(api: ApiClient, stranger: ApiClient, worker_db: Database) -> None:
    async with worker_db.transaction() as conn:
        ours = api.workspace_id
        await make_contact(conn, ours, email="Ada@Example.test", first_name="Augusta", last_name="Lovelace")
        await make_contact(conn, ours, email="bo@100%.test", company="Engines & Co")
        await make_contact(conn, ours, email="cy@example.test", status="UNSUBSCRIBED")
        await make_contact(conn, ours, email="gone@example.test", status="DELETED")
        await make_contact(conn, stranger.workspace_id, email="ada@elsewhere.test")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("ADA@", ["Ada@Example.test"]),
        (" augusta love ", ["Ada@Example.test"]),
        ("engines & co", ["bo@100%.test"]),
        ("%", ["bo@100%.test"]),
        ("_", []),
        ("example.test", ["Ada@Example.test", "cy@example.test"]),
        ("Ada\0", []),
        ("", ["Ada@Example.test", "bo@100%.test", "cy@example.test"]),
        (None, ["Ada@Example.test", "bo@100%.test", "cy@example.test"]),
    ],
)
async def test_contacts_are_found_by_a_text(
    api: ApiClient, people: None, text: str | None, found: list[str]
) -> None:
    """In address, name and company, in any case; signs of patterns are signs like others."""
    data = await api.data(CONTACTS, text=text)

    assert [each["email"] for each in data["contacts"]["nodes"]] == found


async def test_sequences_and_mailboxes_are_found_by_a_text(api: ApiClient, worker_db: Database) -> None:
    """By name, and mailboxes by address and owner too; a mailbox's own sequences alike."""
    async with worker_db.transaction() as conn:
        ours = api.workspace_id
        mailbox_id = await make_mailbox(conn, ours, name="Sales", email="s@example.com", owner="Jo")
        await make_mailbox(conn, ours, name="Support", email="help@example.com")
        await make_sequence(conn, ours, name="Spring 2026", mailboxes=[mailbox_id])
        await make_sequence(conn, ours, name="Autumn", mailboxes=[mailbox_id])

    data = await api.data("""{
      sequences(filter: { search: "SPRING" }) { nodes { name } }
      sales: mailboxes(filter: { search: "sale" }) {
        nodes { sequences(filter: { search: "aut" }) { nodes { name } } }
      }
      help: mailboxes(filter: { search: "HELP@" }) { nodes { name } }
      jo: mailboxes(filter: { search: "jo" }) { nodes { name } }
    }""")

    assert data == {
        "sequences": {"nodes": [{"name": "Spring 2026"}]},
        "sales": {"nodes": [{"sequences": {"nodes": [{"name": "Autumn"}]}}]},
        "help": {"nodes": [{"name": "Support"}]},
        "jo": {"nodes": [{"name": "Sales"}]},
    }


async def test_emails_and_enrollments_of_several_things(api: ApiClient, worker_db: Database) -> None:
    """Of any of them; of none of an empty list. A file takes each by a parameter of its own."""
    mailboxes, sequences, emails = [], [], []
    async with worker_db.transaction() as conn:
        for _ in range(3):
            mailbox_id = await make_mailbox(conn, api.workspace_id)
            sequence_id = await make_sequence(conn, api.workspace_id, mailboxes=[mailbox_id])
            enrolled = await make_enrollment(conn, api.workspace_id, sequence_id, mailbox_id=mailbox_id)
            emails.append(global_id("ScheduledEmail", await make_email(conn, enrolled)))
            mailboxes.append(global_id("Mailbox", mailbox_id))
            sequences.append(global_id("Sequence", sequence_id))
    document = """query ($m: [ID!], $s: [ID!]) {
      from: scheduledEmails(filter: { mailboxIds: $m }) { nodes { id } }
      of: scheduledEmails(filter: { sequenceIds: $s }) { nodes { id } }
      enrollments(filter: { sequenceIds: $s }, order: ASC) { nodes { sequence { id } } }
      none: scheduledEmails(filter: { mailboxIds: [] }) { totalCount }
    }"""

    data = await api.data(document, m=mailboxes[:2], s=sequences[1:])
    file = await api.http.get("/exports/scheduled-emails.csv", params={"mailboxIds": mailboxes[:2]})

    assert [each["id"] for each in data["from"]["nodes"]] == emails[:2]
    assert [each["id"] for each in data["of"]["nodes"]] == emails[1:]
    assert [each["sequence"]["id"] for each in data["enrollments"]["nodes"]] == sequences[1:]
    assert data["none"] == {"totalCount": 0}
    assert [line.split(",")[0].strip('"') for line in file.text.splitlines()[1:]] == emails[:2]


async def test_an_id_of_another_kind_is_named(api: ApiClient) -> None:
    """Whatever kind it is of, in words that can be read."""
    key = global_id("Sequence", api.workspace_id)
    document = """query ($id: ID!) {
      enrollment(id: $id) { id } scheduledEmails(filter: { mailboxIds: [$id] }) { totalCount }
    }"""

    answer = await api.answer(document, id=key)

    assert sorted(error["message"] for error in answer["errors"]) == [
        f"“{key}” is not an id of a Mailbox.",
        f"“{key}” is not an id of an Enrollment.",
    ]


async def test_an_unknown_field_in_a_document_is_told_at_its_place(api: ApiClient) -> None:
    """Once, as it is in a variable."""
    answer = await api.answer('{ contacts(filter: { serch: "a" }) { totalCount } }')

    (error,) = answer["errors"]
    assert error["message"].startswith("filter.serch: ")
    assert error["extensions"]["path"] == ["serch"]
