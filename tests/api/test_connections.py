"""Lists in pages: walking them in both directions, and what makes no sense."""

import base64
import json
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.ids import WorkspaceId
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

MINUTE = timedelta(minutes=1)
WALK = """
query ($first: Int, $after: String, $last: Int, $before: String, $order: Direction! = ASC) {
  scheduledEmails(first: $first, after: $after, last: $last, before: $before, order: $order) {
    nodes { recipientEmail }
    edges { cursor node { recipientEmail } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    totalCount
  }
}
"""


async def _timetable(conn: AsyncConnection, workspace_id: WorkspaceId) -> list[str]:
    """Seven emails: two at each of two minutes, one after them, and two without a slot; in their order."""
    mailbox_id = await make_mailbox(conn, workspace_id)
    sequence_id = await make_sequence(conn, workspace_id)
    planned: list[tuple[Any, str]] = []
    for number, send_at in enumerate([MONDAY, MONDAY, MONDAY + MINUTE, MONDAY + MINUTE, MONDAY + 9 * MINUTE]):
        planned.append((send_at, f"{number}@example.test"))
    planned += [(None, "5@example.test"), (None, "6@example.test")]
    for send_at, address in planned:
        contact_id = await make_contact(conn, workspace_id, email=address)
        enrollment_id = await make_enrollment(conn, workspace_id, sequence_id, contact_id)
        reason = None if send_at else "NO_CAPACITY"
        await make_email(conn, enrollment_id, mailbox_id=mailbox_id, send_at=send_at, unplaced_reason=reason)
    return [address for _, address in planned]


@pytest.fixture
async def timetable(api: ApiClient, worker_db: Database) -> list[str]:
    async with worker_db.transaction() as conn:
        return await _timetable(conn, api.workspace_id)


def _addresses(page: Answer) -> list[str]:
    return [node["recipientEmail"] for node in page["nodes"]]


async def _walk(api: ApiClient, size: int, *, order: str, backwards: bool) -> list[list[str]]:
    pages: list[list[str]] = []
    place: str | None = None
    while True:
        paging = {"last": size, "before": place} if backwards else {"first": size, "after": place}
        page = (await api.data(WALK, order=order, **paging))["scheduledEmails"]
        pages.append(_addresses(page))
        where = page["pageInfo"]
        if not where["hasPreviousPage" if backwards else "hasNextPage"]:
            return pages
        place = where["startCursor" if backwards else "endCursor"]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
@pytest.mark.parametrize("order", ["ASC", "DESC"])
async def test_a_walk_meets_everything_once(
    api: ApiClient, timetable: list[str], size: int, order: str
) -> None:
    """In either direction and order, through equal times and past those that have none."""
    expected = timetable if order == "ASC" else timetable[::-1]

    forwards = await _walk(api, size, order=order, backwards=False)
    backwards = await _walk(api, size, order=order, backwards=True)

    assert [address for page in forwards for address in page] == expected
    assert [address for page in reversed(backwards) for address in page] == expected
    assert all(len(page) == size for page in forwards[:-1])


async def test_a_page_says_where_it_lies(api: ApiClient, timetable: list[str]) -> None:
    """Cursors of its ends, whether there is more on either side, and the size of the whole list."""
    first = (await api.data(WALK, first=3))["scheduledEmails"]
    second = (await api.data(WALK, first=3, after=first["pageInfo"]["endCursor"]))["scheduledEmails"]

    assert _addresses(first) == timetable[:3]
    assert [edge["node"] for edge in first["edges"]] == first["nodes"]
    assert first["pageInfo"] == {
        "hasNextPage": True,
        "hasPreviousPage": False,
        "startCursor": first["edges"][0]["cursor"],
        "endCursor": first["edges"][2]["cursor"],
    }
    assert _addresses(second) == timetable[3:6]
    assert second["pageInfo"]["hasPreviousPage"] is True
    assert (first["totalCount"], second["totalCount"]) == (7, 7)


async def test_both_cursors_bound_a_page(api: ApiClient, timetable: list[str]) -> None:
    """After the one and before the other."""
    everything = (await api.data(WALK))["scheduledEmails"]["edges"]

    between = await api.data(WALK, after=everything[0]["cursor"], before=everything[3]["cursor"])

    assert _addresses(between["scheduledEmails"]) == timetable[1:3]


async def test_a_row_that_comes_between_shifts_nothing(
    api: ApiClient, timetable: list[str], worker_db: Database
) -> None:
    """The next page begins after the last row that was seen, not after so many rows."""
    first = (await api.data(WALK, first=2))["scheduledEmails"]
    async with worker_db.transaction() as conn:
        contact_id = await make_contact(conn, api.workspace_id, email="early@example.test")
        sequence_id = await make_sequence(conn, api.workspace_id)
        enrollment_id = await make_enrollment(conn, api.workspace_id, sequence_id, contact_id)
        mailbox_id = await make_mailbox(conn, api.workspace_id)
        await make_email(conn, enrollment_id, mailbox_id=mailbox_id, send_at=MONDAY - MINUTE)

    second = (await api.data(WALK, first=2, after=first["pageInfo"]["endCursor"]))["scheduledEmails"]

    assert _addresses(second) == timetable[2:4]


async def test_a_page_has_twenty_entries_unless_asked_otherwise(api: ApiClient, worker_db: Database) -> None:
    """And an empty list has an empty page without cursors."""
    empty = (await api.data(WALK))["scheduledEmails"]
    async with worker_db.transaction() as conn:
        for _ in range(21):
            await make_contact(conn, api.workspace_id)

    contacts = (await api.data("{ contacts { nodes { id } pageInfo { hasNextPage } totalCount } }"))[
        "contacts"
    ]
    none = (await api.data("{ contacts(first: 0) { nodes { id } pageInfo { hasNextPage } } }"))["contacts"]

    assert empty == {
        "nodes": [],
        "edges": [],
        "pageInfo": {"hasNextPage": False, "hasPreviousPage": False, "startCursor": None, "endCursor": None},
        "totalCount": 0,
    }
    assert len(contacts["nodes"]) == 20
    assert (contacts["pageInfo"]["hasNextPage"], contacts["totalCount"]) == (True, 21)
    assert none == {"nodes": [], "pageInfo": {"hasNextPage": True}}


def _cursor(keys: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(keys).encode()).rstrip(b"=").decode()


@pytest.mark.parametrize(
    ("paging", "message"),
    [
        ({"first": 101}, "`first` is a number from 0 to 100."),
        ({"first": -1}, "`first` is a number from 0 to 100."),
        ({"last": 101}, "`last` is a number from 0 to 100."),
        ({"first": 1, "last": 1}, "Give `first` or `last`, not both."),
        ({"after": ""}, "The cursor is not one that this API gave out."),
        ({"after": "ä"}, "The cursor is not one that this API gave out."),
        ({"before": "x"}, "The cursor is not one that this API gave out."),
        ({"after": _cursor({"a": 1})}, "The cursor is not one that this API gave out."),
        ({"after": _cursor([1, 2])}, "The cursor is not one that this API gave out."),
        ({"after": _cursor([])}, "The cursor is not one of this list."),
        ({"after": _cursor(["infinity"])}, "The cursor is not one of this list."),
        ({"after": _cursor(["infinity", "x"])}, "The cursor is not one of this list."),
        (
            {"after": _cursor(["tomorrow", "01890000-0000-7000-8000-000000000001"])},
            "The cursor is not one of this list.",
        ),
        (
            {"after": _cursor(["2026-02-30 09:00:00+00", "01890000-0000-7000-8000-000000000001"])},
            "The cursor is not one of this list.",
        ),
        (
            {"after": _cursor(["20260302", "01890000-0000-7000-8000-000000000001"])},
            "The cursor is not one of this list.",
        ),
    ],
)
async def test_paging_that_makes_no_sense_is_refused(
    api: ApiClient, paging: dict[str, object], message: str
) -> None:
    """With what is wrong about it."""
    assert await api.refusal(WALK, **paging) == ("BAD_USER_INPUT", message)


@pytest.mark.parametrize("number", ["x", "9" * 30, "1.5", "１"])
async def test_a_cursor_of_events_holds_a_number(api: ApiClient, number: str) -> None:
    """One that PostgreSQL could hold."""
    after = _cursor(["2026-03-02 09:00:00+00", number])

    refusal = await api.refusal(
        "query ($after: String) { emailEvents(after: $after) { totalCount } }", after=after
    )

    assert refusal == ("BAD_USER_INPUT", "The cursor is not one of this list.")
