"""Migrations: up from empty, by several at once, and equal to the tables in the code."""

import multiprocessing
from collections.abc import Callable, Iterator
from multiprocessing.queues import Queue
from typing import Any
from uuid import uuid4

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, NullPool, create_engine, make_url, text

from persistence.database import sqlalchemy_url
from persistence.migrations import UnknownRevision, migrate, pending
from persistence.migrations.roles import MissingPrivileges
from persistence.tables import metadata

REVISIONS = ["0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008"]

# PostgreSQL's own words for everything that Alembic does not compare as well as what it does.
CATALOGUE = {
    "columns": """
        SELECT table_name, column_name, data_type, udt_name, is_nullable, column_default, is_identity,
            generation_expression
        FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> 'alembic_version'
        ORDER BY table_name, column_name
    """,
    "constraints": """
        SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
        WHERE connamespace = 'public'::regnamespace AND conrelid <> 'alembic_version'::regclass
        ORDER BY conname
    """,
    "indexes": """
        SELECT indexname, indexdef FROM pg_indexes
        WHERE schemaname = 'public' AND tablename <> 'alembic_version' ORDER BY indexname
    """,
}


def connected(url: str, ask: Callable[[Connection], Any]) -> Any:
    engine = create_engine(sqlalchemy_url(url), poolclass=NullPool)
    with engine.begin() as conn:
        return ask(conn)


def test_an_empty_database_lacks_every_migration(empty_database: str) -> None:
    """They are listed oldest first, and nothing is made by asking."""
    assert pending(empty_database) == REVISIONS
    assert pending(empty_database) == REVISIONS


def test_a_database_is_migrated_once(empty_database: str) -> None:
    """The first call says what it ran, the second one that there was nothing to do."""
    first, second = migrate(empty_database), migrate(empty_database)

    assert (first, second) == (REVISIONS, [])
    assert pending(empty_database) == []


def test_two_migrations_at_once_run_each_revision_once(empty_database: str) -> None:
    """The second process waits for the first one's lock and finds everything done."""
    spawn = multiprocessing.get_context("spawn")
    answers: Queue[list[str]] = spawn.Queue()
    processes = [spawn.Process(target=_migrate_to, args=(empty_database, answers)) for _ in range(2)]

    for process in processes:
        process.start()
    ran = [answers.get(timeout=60) for _ in processes]
    for process in processes:
        process.join()

    assert sorted(ran) == [[], REVISIONS]


def _migrate_to(url: str, answers: "Queue[list[str]]") -> None:
    answers.put(migrate(url))


def test_everything_belongs_to_the_owner_role(migrated_database: str) -> None:
    """No table is left to the login that happened to migrate."""
    owners = text("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'")

    found = connected(migrated_database, lambda conn: list(conn.scalars(owners)))

    assert found == ["drumbeat_owner"]


def test_alembic_finds_nothing_to_change(migrated_database: str) -> None:
    """Tables in the code and in the database are the same, as far as Alembic looks."""

    def compare(conn: Connection) -> Any:
        options = {"compare_type": True, "compare_server_default": True}
        return compare_metadata(MigrationContext.configure(conn, opts=options), metadata)

    assert connected(migrated_database, compare) == []


@pytest.mark.parametrize("what", sorted(CATALOGUE))
def test_migrations_make_what_the_tables_say(migrated_database: str, empty_database: str, what: str) -> None:
    """Columns, constraints and indexes, with names and conditions, are those that the tables would make."""
    connected(empty_database, metadata.create_all)
    connected(empty_database, lambda conn: conn.execute(text("CREATE TABLE alembic_version ()")))

    by_tables = connected(empty_database, lambda conn: conn.execute(text(CATALOGUE[what])).all())
    by_migrations = connected(migrated_database, lambda conn: conn.execute(text(CATALOGUE[what])).all())

    assert by_migrations == by_tables
    assert len(by_tables) > len(metadata.tables)


@pytest.fixture
def plain_login(postgres_url: str) -> Iterator[str]:
    """A login without any rights, as an administrator gives to an application."""
    login = f"drumbeat_test_{uuid4().hex[:8]}"
    connected(
        postgres_url, lambda conn: conn.execute(text(f"CREATE ROLE {login} LOGIN PASSWORD 'throw-away'"))
    )
    yield login
    connected(postgres_url, lambda conn: conn.execute(text(f"DROP OWNED BY {login}; DROP ROLE {login}")))


def test_a_login_without_rights_learns_what_to_ask_for(empty_database: str, plain_login: str) -> None:
    """What the error says an administrator should run is all it takes."""
    login = make_url(empty_database).set(username=plain_login, password="throw-away")
    url = login.render_as_string(hide_password=False)

    with pytest.raises(MissingPrivileges) as refused:
        migrate(url)
    connected(empty_database, lambda conn: conn.execute(text(refused.value.remedy)))

    assert refused.value.login == plain_login
    assert migrate(url) == REVISIONS
    assert pending(url) == []


def test_a_newer_database_is_not_touched(empty_database: str) -> None:
    """A version of Drumbeat that does not know the database's revision says so."""
    migrate(empty_database)
    newer = text("UPDATE alembic_version SET version_num = '9999'")
    connected(empty_database, lambda conn: conn.execute(newer))

    for refuse in (pending, migrate):
        with pytest.raises(UnknownRevision) as refused:
            refuse(empty_database)
        assert refused.value.revision == "9999"


def test_there_is_no_way_down() -> None:
    """A downgrade would lose data; going back is restoring a backup."""
    scripts = ScriptDirectory("persistence/migrations")

    ways_down = [
        script.revision for script in scripts.walk_revisions() if hasattr(script.module, "downgrade")
    ]

    assert ways_down == []
