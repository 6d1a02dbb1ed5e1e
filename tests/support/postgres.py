"""The PostgreSQL of the tests: the one from `DRUMBEAT_DATABASE_URL`, else an embedded one for all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import make_url

from app.embedded_postgres import start_postgres
from persistence.database import libpq_url
from persistence.migrations import migrate
from tests.support.processes import serve, shared_server


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The URL of a login that may create databases and roles; the same for all workers of a run."""
    given = os.environ.get("DRUMBEAT_DATABASE_URL")
    return given or shared_server("tests.support.postgres", tmp_path_factory)["url"]


def make_database(admin_url: str, name: str, template: str | None = None) -> str:
    """Create the database *name*, as a copy of *template* if given, and answer its URL."""
    with psycopg.connect(libpq_url(admin_url), autocommit=True) as conn:
        create = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        conn.execute(create.format(sql.Identifier(name), sql.Identifier(template or "template1")))
    return make_url(admin_url).set(database=name).render_as_string(hide_password=False)


def drop_database(admin_url: str, name: str) -> None:
    """Drop the database *name* and end whatever is still connected to it."""
    with psycopg.connect(libpq_url(admin_url), autocommit=True) as conn:
        conn.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@contextmanager
def empty(admin_url: str) -> Iterator[str]:
    """The URL of a new database in which nothing was ever made; it is dropped in the end."""
    name = f"drumbeat_test_{uuid4().hex[:8]}"
    yield make_database(admin_url, name)
    drop_database(admin_url, name)


@contextmanager
def migrated(admin_url: str) -> Iterator[str]:
    """The URL of a new database with all tables and no rows; it is dropped in the end."""
    with empty(admin_url) as url:
        migrate(url)
        yield url


@contextmanager
def database_gone(admin_url: str, url: str) -> Iterator[None]:
    """End every connection to the database of *url* and let nobody in until the block ends."""
    name = make_url(url).database or ""
    with psycopg.connect(libpq_url(admin_url), autocommit=True) as conn:
        allow = sql.SQL("ALTER DATABASE {} WITH ALLOW_CONNECTIONS {}")
        conn.execute(allow.format(sql.Identifier(name), sql.SQL("false")))
        try:
            conn.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
            yield
        finally:
            conn.execute(allow.format(sql.Identifier(name), sql.SQL("true")))


@contextmanager
def _postgres(directory: Path) -> Iterator[dict[str, str]]:
    server = start_postgres(directory, durable=False)
    try:
        yield {"url": server.url}
    finally:
        server.stop()


if __name__ == "__main__":
    serve(_postgres)
