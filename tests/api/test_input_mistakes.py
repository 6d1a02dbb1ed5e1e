"""Mistakes in what is given: each with its place, all of them at once, and in words that help."""

from typing import Any

import pytest
from graphql import GraphQLInputObjectType
from strawberry.types.base import StrawberryMaybe

from api.schema import schema
from domain.lifecycle import EmailStatus
from persistence.database import Database
from tests.api.client import Answer, ApiClient
from tests.api.mutations.asking import everything

SETTLE = "mutation ($input: ResolveInDoubtInput!) { resolveInDoubt(input: $input) { email { id } } }"
UPDATE = "mutation ($input: UpdateMailboxInput!) { updateMailbox(input: $input) { mailbox { id } } }"
APART = """
mutation ($id: ID!, $zone: TimeZone, $owner: String) {
  updateMailbox(input: {mailboxId: $id, zone: $zone, owner: $owner}) { userErrors { code } }
}
"""
EMAILS = "query ($f: ScheduledEmailFilter) { scheduledEmails(filter: $f) { nodes { id } } }"
ORDERED = "query ($o: Direction) { scheduledEmails(order: $o) { nodes { id } } }"
CONTACTS = "mutation ($input: EnrollContactsInput!) { enrollContacts(input: $input) { enrolled } }"
INSTANT = "Expected a date and time with an offset, for example 2026-03-02T09:00:00+01:00."
NO_NULL = "It can't be null: leave it out to keep what it is."


# Any: JSON.
def _told(answer: Answer) -> list[tuple[str, Any]]:
    """Each error with where it is, as programs read it."""
    assert {error["extensions"]["code"] for error in answer["errors"]} == {"BAD_USER_INPUT"}
    places = [
        {key: value for key, value in error["extensions"].items() if key != "code"}
        for error in answer["errors"]
    ]
    return list(zip([error["message"] for error in answer["errors"]], places, strict=True))


@pytest.mark.parametrize(
    ("document", "variables", "told"),
    [
        (
            SETTLE,
            {"input": {"settlement": "DELIVERED"}},
            [
                ("$input.emailId: It must be given.", ["emailId"]),
                ("$input.settlement: It is one of SENT, FAILED, RESEND.", ["settlement"]),
            ],
        ),
        (SETTLE, {}, [("$input: It must be given (ResolveInDoubtInput!).", [])]),
        (
            SETTLE,
            {"input": None},
            [("$input: It can't be null (ResolveInDoubtInput!): give a value, or", [])],
        ),
        (
            EMAILS,
            {"f": {"sendFrom": "2026-12-01", "sendTo": "soon", "status": ["SENT", "GONE"], "sender": 1}},
            [
                ("$f.status.1: It is one of PENDING, QUEUED, ", ["status", "1"]),
                (f"$f.sendFrom: {INSTANT}", ["sendFrom"]),
                (f"$f.sendTo: {INSTANT}", ["sendTo"]),
                ("$f.sender: Expected value of type 'ScheduledEmailFilter' not to include", ["sender"]),
            ],
        ),
        (
            CONTACTS,
            {"input": {"sequenceId": "x", "contacts": [{"email": "a@example.test"}, {"email": 7}, {}]}},
            [
                ("$input.contacts.1.email: Expected an EmailAddress as text.", ["contacts", "1", "email"]),
                ("$input.contacts.2.email: It must be given.", ["contacts", "2", "email"]),
            ],
        ),
        (
            UPDATE,
            {"input": {"mailboxId": "x", "name": None, "zone": None, "owner": None}},
            [(f"$input.name: {NO_NULL}", ["name"]), (f"$input.zone: {NO_NULL}", ["zone"])],
        ),
    ],
)
async def test_a_mistake_in_a_variable_has_its_place(
    api: ApiClient, worker_db: Database, document: str, variables: dict[str, Any], told: list[tuple[str, Any]]
) -> None:
    """The variable and the way into it, as in the `path` of a `UserError`; and nothing is written."""
    before = await everything(worker_db)

    found = _told(await api.answer(document, **variables))

    assert [place["path"] for _, place in found] == [path for _, path in told]
    for (message, place), (begins, _) in zip(found, told, strict=True):
        assert message.startswith(begins)
        assert message.startswith("$" + place["variable"])
    assert await everything(worker_db) == before


@pytest.mark.parametrize(
    ("document", "message", "argument", "path"),
    [
        (
            '{ scheduledEmails(filter: {sendFrom: "soon"}) { nodes { id } } }',
            f"filter.sendFrom: {INSTANT}",
            "filter",
            ["sendFrom"],
        ),
        (
            "{ scheduledEmails(filter: {status: [SENT, GONE]}) { nodes { id } } }",
            f"filter.status.1: It is one of {', '.join(EmailStatus)}.",
            "filter",
            ["status", "1"],
        ),
        (
            'mutation { resolveInDoubt(input: {emailId: "x"}) { email { id } } }',
            "input.settlement: It must be given.",
            "input",
            ["settlement"],
        ),
        (
            'mutation { updateMailbox(input: {mailboxId: "x", zone: null}) { mailbox { id } } }',
            f"input.zone: {NO_NULL}",
            "input",
            ["zone"],
        ),
        (
            "{ scheduledEmails(order: null) { nodes { id } } }",
            "order: It can't be null (Direction!): give a value, or leave it out where it has a default.",
            "order",
            [],
        ),
    ],
)
async def test_a_mistake_in_the_document_has_its_place(
    api: ApiClient, document: str, message: str, argument: str, path: list[str]
) -> None:
    """The argument and the way into it, for those who write values into their queries."""
    assert _told(await api.answer(document)) == [(message, {"argument": argument, "path": path})]


async def test_a_default_of_a_variable_has_its_place_too(api: ApiClient) -> None:
    """It is a value that is written in the document."""
    found = _told(await api.answer(ORDERED.replace("Direction", "Direction = SIDEWAYS")))

    assert found == [("$o: It is one of ASC, DESC.", {"variable": "o", "path": []})]


async def test_a_null_where_a_default_was_meant_is_told_by_its_argument(api: ApiClient) -> None:
    """The variable may be null; what it is given to may not."""
    [(message, place)] = _told(await api.answer(ORDERED, o=None))

    assert message.startswith("order: It can't be null (Direction!): give a value, or leave it out")
    assert place == {"argument": "order", "path": []}


async def test_a_null_in_a_variable_of_its_own_is_told_by_its_field(api: ApiClient) -> None:
    """Where the document writes the input field by field."""
    found = _told(await api.answer(APART, id="x", zone=None, owner=None))

    assert found == [(f"input.zone: {NO_NULL}", {"argument": "input", "path": ["zone"]})]


async def test_a_null_by_way_of_a_fragment_is_refused(api: ApiClient, worker_db: Database) -> None:
    """Without its place, and without a word of Python."""
    document = """
        mutation ($zone: TimeZone) { ...Change }
        fragment Change on Mutation { updateMailbox(input: {mailboxId: "x", zone: $zone}) { mailbox { id } } }
    """
    before = await everything(worker_db)

    answer = await api.answer(document, zone=None)

    assert [(error["message"], error["path"]) for error in answer["errors"]] == [(NO_NULL, ["updateMailbox"])]
    assert await everything(worker_db) == before


async def test_null_empties_what_can_be_empty(api: ApiClient) -> None:
    """It is left to the mutation, which finds another mistake here."""
    answer = await api.answer(UPDATE, input={"mailboxId": "x", "owner": None})

    assert "errors" not in answer


def test_changes_say_what_null_does() -> None:
    """Of each field of an input that may be left out, without a default; the types do not tell."""
    changes = [
        field
        for kind in schema._schema.type_map.values()
        if isinstance(kind, GraphQLInputObjectType)
        for field in kind.fields.values()
        if isinstance(field.extensions["strawberry-definition"].type, StrawberryMaybe)
    ]

    assert len(changes) > 40
    assert [field for field in changes if "null" not in (field.description or "").lower()] == []
