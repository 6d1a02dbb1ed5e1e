"""Lists that things have: the same pages as the queries give with a filter, and as few statements as one."""

from typing import Any

import pytest

from api.ids import global_id, uuid_of
from domain.ids import EnrollmentId
from persistence.database import Database
from tests.api.client import Answer, ApiClient
from tests.support.world import (
    MONDAY,
    make_contact,
    make_email,
    make_enrollment,
    make_mailbox,
    make_sequence,
)

PAGE = """totalCount nodes { id } edges { cursor node { id } }
pageInfo { hasNextPage hasPreviousPage startCursor endCursor }"""
# A list that things have, the query that lists the same, and the condition that narrows it to one of them.
LISTS = {
    ("contacts", "enrollments"): ("enrollments", "contactId"),
    ("contacts", "scheduledEmails"): ("scheduledEmails", "contactId"),
    ("sequences", "enrollments"): ("enrollments", "sequenceId"),
    ("sequences", "scheduledEmails"): ("scheduledEmails", "sequenceId"),
    ("mailboxes", "scheduledEmails"): ("scheduledEmails", "mailboxId"),
    ("enrollments", "scheduledEmails"): ("scheduledEmails", "enrollmentId"),
}
# Conditions of the filter, and other arguments.
WAYS = {
    "enrollments": [
        ("status: ACTIVE", ""),
        ("status: [PAUSED, CANCELLED]", "first: 1"),
        ("", "first: 3, order: ASC"),
    ],
    "scheduledEmails": [
        ("status: SENT", ""),
        ("isUnplaced: true", "last: 1"),
        ("", "orderBy: SENT_AT"),
        ("", "orderBy: SENT_AT, order: DESC, first: 1"),
        ("", "order: DESC, last: 3"),
    ],
}
ALWAYS = [
    ("", "first: 20"),
    ("", "first: 2"),
    ("", "last: 2"),
    ("", "first: 0"),
    ('updatedSince: "2099-01-01T00:00:00Z"', ""),
]


@pytest.fixture
async def three_of_each(api: ApiClient, worker_db: Database) -> None:
    """Three sequences on two mailboxes each; five contacts, each in all of them, with two emails there."""
    async with worker_db.transaction() as conn:
        mailboxes = [await make_mailbox(conn, api.workspace_id) for _ in range(3)]
        contacts = [await make_contact(conn, api.workspace_id) for _ in range(5)]
        for number in range(3):
            linked = (mailboxes[number], mailboxes[(number + 1) % 3])
            key = await make_sequence(
                conn, api.workspace_id, mailboxes=linked, steps=[(0, "A", "a"), (1, "B", "b")]
            )
            for at, contact_id in enumerate(contacts):
                status = "PAUSED" if at == 1 else "ACTIVE"
                enrolled = await make_enrollment(
                    conn, api.workspace_id, key, contact_id, mailbox_id=linked[0], status=status
                )
                await make_email(conn, enrolled, position=1, status="SENT", sent_at=MONDAY, send_at=MONDAY)
                await make_email(conn, enrolled, position=2, send_at=None, unplaced_reason="NO_CAPACITY")


@pytest.mark.parametrize(("things", "field"), LISTS, ids=lambda name: name)
async def test_a_list_is_that_of_the_query_with_a_filter(
    api: ApiClient, three_of_each: None, things: str, field: str
) -> None:
    """Entries, cursors, count, and whether it goes on: whatever page is asked for, at both ends."""
    query, condition = LISTS[things, field]
    seen = 0

    for filter_, paging in [*ALWAYS, *WAYS[query]]:
        arguments = f"filter: {{ {filter_} }} {paging}"
        document = f"{{ {things} {{ nodes {{ id {field}({arguments}) {{ {PAGE} }} }} }} }}"
        for thing in (await api.data(document))[things]["nodes"]:
            narrowed = f'filter: {{ {filter_} {condition}: "{thing["id"]}" }} {paging}'
            same = (await api.data(f"{{ {query}({narrowed}) {{ {PAGE} }} }}"))[query]
            assert thing[field] == same, arguments
            seen += len(same["nodes"])

    assert seen > 20


async def test_each_mailbox_has_its_sequences(
    api: ApiClient, three_of_each: None, worker_db: Database
) -> None:
    """Those that it is linked to, newest first; neither batches nor others."""
    document = "{ mailboxes { nodes { id sequences { totalCount nodes { id mailboxes { id } } } } } }"
    everyone = (await api.data("{ sequences { nodes { id mailboxes { id } } } }"))["sequences"]["nodes"]

    found = (await api.data(document))["mailboxes"]["nodes"]

    assert len(found) == 3
    for mailbox in found:
        linked = [each for each in everyone if {"id": mailbox["id"]} in each["mailboxes"]]
        assert mailbox["sequences"] == {"totalCount": 2, "nodes": linked}


async def test_a_list_is_walked_in_both_directions(api: ApiClient, three_of_each: None) -> None:
    """By its cursors, a page at a time; the last page of one way is the first of the other."""
    first = (await api.data("{ contacts(first: 1) { nodes { id } } }"))["contacts"]["nodes"][0]["id"]
    document = f"""
    query ($first: Int, $after: String, $last: Int, $before: String) {{
      contact(id: "{first}") {{
        enrollments(first: $first, after: $after, last: $last, before: $before) {{ {PAGE} }}
      }}
    }}"""

    async def page(**given: Any) -> Answer:
        shown: Answer = (await api.data(document, **given))["contact"]["enrollments"]
        return shown

    whole = [each["id"] for each in (await page())["nodes"]]
    one = await page(first=2)
    two = await page(first=2, after=one["pageInfo"]["endCursor"])
    back = await page(last=2, before=two["pageInfo"]["startCursor"])

    assert [each["id"] for each in one["nodes"] + two["nodes"]] == whole
    assert (one["pageInfo"]["hasNextPage"], two["pageInfo"]["hasNextPage"]) == (True, False)
    assert (one["pageInfo"]["hasPreviousPage"], two["pageInfo"]["hasPreviousPage"]) == (False, True)
    assert back["nodes"] == one["nodes"]
    assert (back["pageInfo"]["hasNextPage"], back["pageInfo"]["hasPreviousPage"]) == (True, False)


async def test_one_field_twice_has_two_pages(api: ApiClient, three_of_each: None) -> None:
    """Each alias is a list of its own, and so is each place of a document."""
    data = await api.data("""{
      a: contacts(first: 1) { nodes { ...Lists } }
      b: contacts(first: 1) { nodes { enrollments(first: 3) { nodes { id } } } }
    }
    fragment Lists on Contact {
      enrollments(first: 1) { nodes { id } }
      oldest: enrollments(last: 1) { nodes { id } }
      paused: enrollments(filter: { status: PAUSED }) { totalCount }
    }""")

    (mine,), (same,) = data["a"]["nodes"], data["b"]["nodes"]
    all_of_them = same["enrollments"]["nodes"]
    assert len(all_of_them) == 3
    assert mine["enrollments"]["nodes"] == all_of_them[:1]
    assert mine["oldest"]["nodes"] == all_of_them[-1:]
    assert mine["paused"] == {"totalCount": 0}


EVERYTHING = """query ($first: Int!) {
  sequences(first: $first) { nodes {
    enrollments(first: 3) { totalCount nodes { contact { email scheduledEmails(first: 2) { totalCount } } } }
    scheduledEmails(first: 3) { nodes { recipientEmail subject mailbox { name sequences { totalCount } } } }
  } }
}"""


async def test_a_page_of_lists_takes_as_many_statements_as_one(
    api: ApiClient, three_of_each: None, statements: list[str]
) -> None:
    """Each list is read once for all things on the page, each count too."""
    await api.data(EVERYTHING, first=1)

    statements.clear()
    await api.data(EVERYTHING, first=1)
    for_one = len(statements)
    statements.clear()
    data = await api.data(EVERYTHING, first=3)

    assert len(data["sequences"]["nodes"]) == 3
    # Whose key it is, the sequences, the contacts; two lists, and three counts.
    assert len(statements) == for_one == 8


async def test_who_wants_a_number_has_no_page_read(
    api: ApiClient, three_of_each: None, statements: list[str]
) -> None:
    """Whose key it is, and one statement for each of the counts; a page comes with anything else."""
    number = "... on EnrollmentConnection { total: totalCount __typename }"
    document = (
        f"{{ enrollments {{ {number} }} sequences {{ totalCount nodes {{ enrollments {{ {number} }} }} }} }}"
    )
    await api.data(document)
    statements.clear()

    data = await api.data(document)

    assert data["enrollments"] == {"total": 15, "__typename": "EnrollmentConnection"}
    assert [each["enrollments"]["total"] for each in data["sequences"]["nodes"]] == [5, 5, 5]
    # The count of all, that of the sequences, their page, and the counts of theirs.
    assert len(statements) == 1 + 4
    paged = await api.data("{ enrollments { totalCount pageInfo { hasNextPage startCursor } } }")
    assert paged["enrollments"]["pageInfo"]["startCursor"] is not None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("first: 101", "`first` is a number from 0 to 100."),
        ("last: -1", "`last` is a number from 0 to 100."),
        ("first: 1, last: 1", "Give `first` or `last`, not both."),
        ('after: "nothing"', "The cursor is not one that this API gave out."),
        ('after: "WyJhIiwiYiJd"', "The cursor is not one of this list."),
    ],
)
async def test_a_page_that_makes_no_sense_is_refused(
    api: ApiClient, three_of_each: None, arguments: str, message: str
) -> None:
    """As that of a query is."""
    answer = await api.answer(f"{{ contacts {{ nodes {{ enrollments({arguments}) {{ totalCount }} }} }} }}")

    assert {error["extensions"]["code"] for error in answer["errors"]} == {"BAD_USER_INPUT"}
    assert {error["message"] for error in answer["errors"]} == {message}


async def test_full_pages_of_full_pages_are_too_much(api: ApiClient) -> None:
    """An entry counts for each entry of the pages around it."""
    answer = await api.answer(
        "{ sequences(first: 100) { nodes { enrollments(first: 100) { nodes { id } } } } }"
    )

    (error,) = answer["errors"]
    assert error["extensions"]["code"] == "QUERY_TOO_EXPENSIVE"
    assert "sequences.nodes.enrollments" in error["message"]


async def test_a_batch_has_its_emails(api: ApiClient, worker_db: Database) -> None:
    """It is a sequence of one step, and they are that one's."""
    document = """mutation { scheduleEmails(input: {
      subject: "A", bodyText: "a", contacts: [{ email: "a@example.test" }]
    }) { batch { id sequence { enrollments { nodes { id } } } } userErrors { message } } }"""
    async with worker_db.transaction() as conn:
        mailbox_id = await make_mailbox(conn, api.workspace_id)
    batch = (await api.data(document))["scheduleEmails"]["batch"]
    (enrolled,) = batch["sequence"]["enrollments"]["nodes"]
    async with worker_db.transaction() as conn:
        key = EnrollmentId(uuid_of("Enrollment", enrolled["id"]))
        email_id = await make_email(conn, key, mailbox_id=mailbox_id)

    found = await api.data(
        "query ($id: ID!) { batch(id: $id) { scheduledEmails { nodes { id } } } }", id=batch["id"]
    )

    assert found["batch"]["scheduledEmails"]["nodes"] == [{"id": global_id("ScheduledEmail", email_id)}]
