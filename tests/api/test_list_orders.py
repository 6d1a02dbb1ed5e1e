"""Lists in order: each is read by an index, however long it is and wherever in it the page lies."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import psycopg
import pytest
from graphql import GraphQLEnumType, GraphQLObjectType, get_named_type

from persistence.database import Database, libpq_url
from tests.api.client import ApiClient
from tests.api.explaining import Statement, explained, filling
from tests.api.published import SCHEMA

EMAILS = 50_000
# Lists that are filled; of the others it is only seen that an index has their order.
LONG = {"contacts", "enrollments", "scheduledEmails", "emailEvents"}


@dataclass(frozen=True)
class Asked:
    """A list in one of its orders."""

    name: str
    order: str
    by: str | None = None

    def document(self, paging: str) -> str:
        chosen = f"order: {self.order}" if self.by is None else f"order: {self.order}, orderBy: {self.by}"
        return f"{{ {self.name}({chosen}, {paging}) {{ nodes {{ id }} pageInfo {{ startCursor }} }} }}"


def lists() -> Iterator[Asked]:
    """Every list of the schema, in every order."""
    assert SCHEMA.query_type is not None
    for name, field in SCHEMA.query_type.fields.items():
        kind = get_named_type(field.type)
        if isinstance(kind, GraphQLObjectType) and kind.name.endswith("Connection"):
            by = get_named_type(field.args["orderBy"].type) if "orderBy" in field.args else None
            for order in ("ASC", "DESC"):
                if isinstance(by, GraphQLEnumType):
                    yield from (Asked(name, order, each) for each in by.values)
                else:
                    yield Asked(name, order)


@pytest.fixture
async def filled(
    api: ApiClient, stranger: ApiClient, worker_db: Database, database_url: str
) -> AsyncIterator[None]:
    """50,000 emails, half of them sent; and a tenth as many of somebody else's."""
    for client, people in ((api, EMAILS // 2), (stranger, EMAILS // 20)):
        async with filling(worker_db, database_url, client.workspace_id, people=people):
            pass
    with psycopg.connect(libpq_url(database_url), autocommit=True) as admin:
        admin.execute("VACUUM ANALYZE contacts, enrollments, scheduled_emails, email_events")
    yield
    with psycopg.connect(libpq_url(database_url), autocommit=True) as admin:
        admin.execute("TRUNCATE contacts, enrollments, scheduled_emails, email_events CASCADE")


async def test_no_list_is_sorted_and_no_page_costs_more_for_lying_deeper(
    api: ApiClient, filled: None, api_db: Database, pages: list[Statement]
) -> None:
    """By the blocks that are read, which no other work on this machine changes."""
    sorted_, dearer, looked_at = [], {}, set()
    for asked in lists():
        first = (await api.data(asked.document("first: 20")))[asked.name]
        end = (await api.data(asked.document("last: 50")))[asked.name]["pageInfo"]["startCursor"]
        at_first = pages[-2]
        is_long = asked.name in LONG
        plan = await explained(api_db, api.workspace_id, at_first, forced=not is_long)
        if {"Sort", "Incremental Sort", "Seq Scan"} & set(plan.nodes):
            sorted_.append((asked, plan.nodes))
        if not is_long:
            continue
        await api.data(asked.document(f'first: 20, after: "{end}"'))
        deep = await explained(api_db, api.workspace_id, pages[-1], forced=False)
        if "Sort" in deep.nodes or deep.blocks > 1.5 * plan.blocks:
            dearer[asked] = (plan, deep)
        assert len(first["nodes"]) == 20
        looked_at.add(asked.name)

    assert (sorted_, dearer, looked_at) == ([], {}, LONG)


@pytest.mark.parametrize("status", ["IN_DOUBT", "RETRYING"])
async def test_the_few_that_wait_are_found_among_many(
    api: ApiClient, filled: None, api_db: Database, pages: list[Statement], database_url: str, status: str
) -> None:
    """Nobody reads 50,000 emails to find the last one that is in doubt."""
    with psycopg.connect(libpq_url(database_url), autocommit=True) as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute(
            "UPDATE scheduled_emails SET status = %s WHERE id ="
            " (SELECT id FROM scheduled_emails WHERE workspace_id = %s ORDER BY send_at DESC LIMIT 1)",
            [status, api.workspace_id],
        )

    found = await api.data(f"{{ scheduledEmails(filter: {{ status: [{status}] }}) {{ nodes {{ id }} }} }}")

    assert len(found["scheduledEmails"]["nodes"]) == 1
    assert (await explained(api_db, api.workspace_id, pages[-1], forced=False)).blocks < 20
