"""Reading past SQLAlchemy's execution: it sees one workspace, and leaves the pool as it was."""

import asyncio

import psycopg
import pytest
from sqlalchemy import bindparam, func, select
from sqlalchemy import text as sql

from domain.ids import WorkspaceId
from persistence.database import Database, libpq_url
from persistence.direct_reads import _prepare, prepared, prepared_like, read
from persistence.reading.pages import AnySelect, Order, Page, page_statement, shape, values
from persistence.reading.scheduled_emails import ORDERS, EmailFilter, EmailOrder, emails_where
from persistence.tables import workspaces
from tests.support.world import make_workspace


@pytest.fixture
async def two(worker_db: Database) -> list[WorkspaceId]:
    async with worker_db.transaction() as conn:
        return [await make_workspace(conn), await make_workspace(conn)]


def _pid() -> AnySelect:
    return select(func.pg_backend_pid())


def _named() -> AnySelect:
    return select(workspaces.c.id, workspaces.c.name).where(workspaces.c.name != bindparam("but_not"))


async def test_one_workspace_is_seen(api_db: Database, two: list[WorkspaceId]) -> None:
    """By row-level security: the statement has no condition for it."""
    for workspace_id in two:
        found = await read(api_db, workspace_id, prepared("named", _named), {"but_not": ""})

        assert found.columns == ("id", "name")
        assert [row.id for row in found.rows()] == [workspace_id]


async def test_nothing_of_it_stays_with_the_connection(api_db: Database, two: list[WorkspaceId]) -> None:
    """The next who takes it from the pool sees no workspace, and begins a transaction as ever."""
    await read(api_db, two[0], *prepared_like(_pid()))

    async with api_db.transaction() as conn:
        seen = (await conn.scalars(select(workspaces.c.id))).all()
        driver = (await conn.get_raw_connection()).driver_connection

        assert seen == []
        assert isinstance(driver, psycopg.AsyncConnection)
        assert not driver.autocommit


async def test_statements_that_are_alike_are_prepared_once(api_db: Database, two: list[WorkspaceId]) -> None:
    """Each with its own values."""
    first, values = prepared_like(select(workspaces.c.id).where(workspaces.c.name == "Nobody"))
    second, _ = prepared_like(select(workspaces.c.id).where(workspaces.c.name != "Nobody"))
    third, same = prepared_like(select(workspaces.c.id).where(workspaces.c.name == "Welcome Ltd"))

    assert first is third
    assert first is not second
    assert (values, same) == ({"name_1": "Nobody"}, {"name_1": "Welcome Ltd"})
    assert (await read(api_db, two[0], first, values)).values == []
    assert (await read(api_db, two[0], third, same)).values == [(two[0],)]


async def test_a_lost_connection_is_replaced(
    api_db: Database, two: list[WorkspaceId], database_url: str
) -> None:
    """A server that restarted is no error, and a round trip for each connection is not needed to know it."""
    ((before,),) = (await read(api_db, two[0], *prepared_like(_pid()))).values
    with psycopg.connect(libpq_url(database_url), autocommit=True) as admin:
        admin.execute("SELECT pg_terminate_backend(%s, 5000)", [before])

    ((after,),) = (await read(api_db, two[0], *prepared_like(_pid()))).values

    assert after != before


async def test_an_error_leaves_a_pool_that_reads_on(api_db: Database, two: list[WorkspaceId]) -> None:
    """The connection that had it is given up."""
    with pytest.raises(psycopg.errors.DivisionByZero):
        await read(api_db, two[0], *prepared_like(select(1 / func.length(""))))

    assert len((await read(api_db, two[0], *prepared_like(_pid()))).values) == 1


async def test_a_reader_who_leaves_takes_no_connection_along(
    api_db: Database, two: list[WorkspaceId]
) -> None:
    """More of them than the pool has connections."""
    for _ in range(8):
        reading = asyncio.create_task(read(api_db, two[0], *prepared_like(select(func.pg_sleep(60)))))
        await asyncio.sleep(0.01)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading

    assert len((await read(api_db, two[0], *prepared_like(_pid()))).values) == 1


async def test_a_place_is_a_way_into_the_index(api_db: Database, two: list[WorkspaceId]) -> None:
    """With row-level security, which takes conditions that might leak for no such way; also from the end."""
    place, order = ("2026-03-02 09:00:00+00", str(two[0])), ORDERS[EmailOrder.SEND_AT]
    for page in (Page(20, after=place), Page(20, before=place, from_end=True)):
        listed = emails_where(two[0], EmailFilter())
        statement = _prepare(page_statement(listed.build(), order=order, page=page))
        text, given = statement.given({**listed.values, **values(page, order)})
        async with api_db.transaction(two[0]) as conn:
            await conn.execute(sql("SET LOCAL enable_seqscan = off"))
            await conn.execute(sql("SET LOCAL enable_sort = off"))
            driver = (await conn.get_raw_connection()).driver_connection
            assert isinstance(driver, psycopg.AsyncConnection)
            plan = str(await (await driver.execute(f"EXPLAIN {text}", given)).fetchall())

        assert "Index Cond: ((workspace_id = " in plan
        assert "AND (ROW(CASE WHEN (send_at IS NULL)" in plan
        assert "Filter: (ROW" not in plan


def test_pages_of_one_shape_are_one_statement() -> None:
    """The order belongs to it, its direction, and how many; the place does not."""
    by_time, by_sending = ORDERS[EmailOrder.SEND_AT], ORDERS[EmailOrder.SENT_AT]
    shapes = {
        shape(Page(20, after=("2026-03-02 09:00:00+00", "a")), by_time),
        shape(Page(20, after=("2026-03-03 09:00:00+00", "b")), by_time),
        shape(Page(20, after=("2026-03-03 09:00:00+00", "b")), by_sending),
        shape(Page(20, after=("2026-03-03 09:00:00+00", "b")), Order(by_time.keys, is_descending=True)),
        shape(Page(21, after=("2026-03-03 09:00:00+00", "b")), by_time),
    }

    assert len(shapes) == 4


async def test_a_set_may_be_written_out(api_db: Database, two: list[WorkspaceId]) -> None:
    """However many values it has."""
    for names, expected in ((["Welcome Ltd", "Other"], [(two[0],)]), (["Other"], []), ([], [])):
        statement, values = prepared_like(select(workspaces.c.id).where(workspaces.c.name.in_(names)))

        assert (await read(api_db, two[0], statement, values)).values == expected
