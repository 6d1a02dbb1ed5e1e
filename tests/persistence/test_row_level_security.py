"""Row-level security: what a workspace sees of another one when a statement forgets to say whose rows."""

import pytest
from psycopg.errors import InsufficientPrivilege
from sqlalchemy import Table, delete, func, insert, select, text, update
from sqlalchemy.exc import IntegrityError, ProgrammingError

from domain.ids import ContactId, WorkspaceId
from persistence.database import Database, Role, open_database
from persistence.tables import (
    business_clock,
    clock_leaders,
    contacts,
    dispatches,
    email_events,
    metadata,
    recalculations,
    schedule_runs,
    workspaces,
)
from tests.support.world import MONDAY, make_contact, make_mailbox, make_workspace

# Tables whose rows belong to no workspace.
GLOBAL = {
    "users",
    "logins",
    "rate_limits",
    "dispatches",
    "clock_leaders",
    "business_clock",
    "figures",
}
# By which somebody without a workspace finds one; what each of them shows, the tests of people say.
GOING_WITH_EMAILS = ("letters", "email_events", "email_moves")
BEFORE_A_WORKSPACE = [
    "api_keys_by_hash",
    "invitations_by_address",
    "members_of_user",
    "sessions_by_hash",
]
OF_WORKSPACES = sorted(set(metadata.tables) - GLOBAL)


async def two_workspaces(worker_db: Database) -> tuple[WorkspaceId, WorkspaceId, ContactId]:
    """Workspace A with a contact, workspace B, and the contact of A."""
    async with worker_db.transaction() as conn:
        ours, theirs = await make_workspace(conn), await make_workspace(conn)
        return ours, theirs, await make_contact(conn, ours, first_name="Original")


async def test_every_row_of_a_workspace_is_under_forced_row_level_security(worker_db: Database) -> None:
    """The catalogue says so for each table that has a workspace, and for the workspaces themselves."""
    forced = text("SELECT relname FROM pg_class WHERE relrowsecurity AND relforcerowsecurity")

    async with worker_db.transaction() as conn:
        secured = sorted(await conn.scalars(forced))

    assert secured == sorted([*OF_WORKSPACES, "users"])
    assert {name for name, table in metadata.tables.items() if "workspace_id" in table.c} == {
        *OF_WORKSPACES
    } - {"workspaces"}


async def test_every_table_has_one_policy_for_the_api_and_one_for_the_workers(worker_db: Database) -> None:
    """Both cover all commands, and what is written as well as what is read. The owner deletes with emails."""
    policies = text(
        "SELECT tablename, policyname, roles::text[], cmd, qual, with_check FROM pg_policies"
        " WHERE tablename <> 'users' ORDER BY tablename, policyname"
    )

    async with worker_db.transaction() as conn:
        found = (await conn.execute(policies)).all()

    setting = "NULLIF(current_setting('drumbeat.workspace'::text, true), ''::text)"
    own = f'({{}} = ( SELECT ({setting})::uuid AS "nullif"))'
    expected = []
    for table in OF_WORKSPACES:
        rule = own.format("id" if table == "workspaces" else "workspace_id")
        expected.append((table, f"{table}_for_workers", ["drumbeat_worker"], "ALL", "true", "true"))
        if table in GOING_WITH_EMAILS:
            expected.append((table, f"{table}_go_with_emails", ["drumbeat_owner"], "ALL", "true", "false"))
        expected.append((table, f"{table}_of_workspace", ["drumbeat_api"], "ALL", rule, rule))
    assert [tuple(row) for row in found if row.policyname not in BEFORE_A_WORKSPACE] == expected
    others = [(row.cmd, row.roles) for row in found if row.policyname in BEFORE_A_WORKSPACE]
    assert others == [("SELECT", ["drumbeat_api"])] * len(BEFORE_A_WORKSPACE)


async def test_a_workspace_sees_its_own_rows_only(api_db: Database, worker_db: Database) -> None:
    """A query that names no workspace answers with those of the transaction's."""
    ours, theirs, contact_id = await two_workspaces(worker_db)

    async with api_db.transaction(ours) as conn:
        seen_by_us = list(await conn.scalars(select(contacts.c.id)))
        workspaces_seen_by_us = list(await conn.scalars(select(workspaces.c.id)))
    async with api_db.transaction(theirs) as conn:
        seen_by_them = list(await conn.scalars(select(contacts.c.id)))
    async with api_db.transaction() as conn:
        seen_by_nobody = list(await conn.scalars(select(contacts.c.id)))

    assert seen_by_us == [contact_id]
    assert workspaces_seen_by_us == [ours]
    assert seen_by_them == []
    assert seen_by_nobody == []


async def test_the_workspace_of_a_transaction_ends_with_it(api_db: Database, worker_db: Database) -> None:
    """A pooled connection brings nothing of the workspace that it served before."""
    ours, _, _ = await two_workspaces(worker_db)
    single = open_database(api_db.engine.url.render_as_string(hide_password=False), Role.API, pool_size=1)

    async with single.transaction(ours) as conn:
        backend = await conn.scalar(select(func.pg_backend_pid()))
        seen_inside = await conn.scalar(select(func.count()).select_from(contacts))
    async with single.transaction() as conn:
        same_backend = await conn.scalar(select(func.pg_backend_pid()))
        seen_afterwards = await conn.scalar(select(func.count()).select_from(contacts))
    await single.aclose()

    assert same_backend == backend
    assert (seen_inside, seen_afterwards) == (1, 0)


async def test_a_workspace_changes_nothing_of_another(api_db: Database, worker_db: Database) -> None:
    """UPDATE without a WHERE reaches no foreign row."""
    _, theirs, contact_id = await two_workspaces(worker_db)

    async with api_db.transaction(theirs) as conn:
        changed = await conn.execute(update(contacts).values(first_name="Changed"))

    async with worker_db.transaction() as conn:
        name = await conn.scalar(select(contacts.c.first_name).where(contacts.c.id == contact_id))
    assert changed.rowcount == 0
    assert name == "Original"


async def test_a_workspace_cannot_write_into_another(api_db: Database, worker_db: Database) -> None:
    """Neither a new row nor one of its own that is moved over."""
    ours, theirs, contact_id = await two_workspaces(worker_db)
    foreign = {"workspace_id": ours, "email": "a@example.com", "normalised_email": "a@example.com"}

    with pytest.raises(ProgrammingError, match='violates row-level security policy for table "contacts"'):
        async with api_db.transaction(theirs) as conn:
            await conn.execute(insert(contacts).values(foreign))
    with pytest.raises(ProgrammingError, match='violates row-level security policy for table "contacts"'):
        async with api_db.transaction(ours) as conn:
            await conn.execute(update(contacts).values(workspace_id=theirs))

    async with worker_db.transaction() as conn:
        rows = (await conn.execute(select(contacts.c.id, contacts.c.workspace_id))).all()
    assert [tuple(row) for row in rows] == [(contact_id, ours)]


async def test_the_api_may_ask_for_a_recalculation(api_db: Database, worker_db: Database) -> None:
    """A workspace writes it for itself, and the workers see it."""
    ours, theirs, _ = await two_workspaces(worker_db)
    asked = {"cause": "REBALANCE", "requested_by": "api", "requested_at": MONDAY}

    async with api_db.transaction(ours) as conn:
        await conn.execute(insert(recalculations).values(workspace_id=ours, **asked))

    async with worker_db.transaction() as conn:
        seen_by_workers = list(await conn.scalars(select(recalculations.c.workspace_id)))
    async with api_db.transaction(theirs) as conn:
        seen_by_them = list(await conn.scalars(select(recalculations.c.workspace_id)))
    assert seen_by_workers == [ours]
    assert seen_by_them == []


async def test_a_mailbox_address_is_unique_across_workspaces(api_db: Database, worker_db: Database) -> None:
    """The index sees what the policy hides: two workspaces cannot double one provider's quota."""
    ours, theirs, _ = await two_workspaces(worker_db)
    async with api_db.transaction(ours) as conn:
        await make_mailbox(conn, ours, email="sales@example.com")

    with pytest.raises(IntegrityError, match="mailboxes_live_normalised_email_key"):
        async with api_db.transaction(theirs) as conn:
            await make_mailbox(conn, theirs, email="Sales@example.com")


@pytest.mark.parametrize("table", [dispatches, clock_leaders, schedule_runs], ids=str)
async def test_the_api_may_not_read_what_is_not_its_own(api_db: Database, table: Table) -> None:
    """Tables of the clock are closed to it."""
    with pytest.raises(ProgrammingError) as refused:
        async with api_db.transaction() as conn:
            await conn.execute(select(table))

    assert isinstance(refused.value.orig, InsufficientPrivilege)


async def test_the_api_may_read_the_business_clock_and_not_set_it(api_db: Database) -> None:
    """Time is set by the clock alone."""
    async with api_db.transaction() as conn:
        present = await conn.scalar(select(business_clock.c.present))

    with pytest.raises(ProgrammingError) as refused:
        async with api_db.transaction() as conn:
            await conn.execute(insert(business_clock).values(id=1, present=MONDAY))

    assert present is None
    assert isinstance(refused.value.orig, InsufficientPrivilege)


@pytest.mark.parametrize("role", [Role.API, Role.WORKER])
async def test_history_cannot_be_rewritten(database_url: str, role: Role) -> None:
    """What happened to an email is written once, by whoever it was."""
    database = open_database(database_url, role)

    for statement in (update(email_events).values(kind="x"), delete(email_events)):
        with pytest.raises(ProgrammingError) as refused:
            async with database.transaction() as conn:
                await conn.execute(statement)
        assert isinstance(refused.value.orig, InsufficientPrivilege)
    await database.aclose()
