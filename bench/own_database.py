"""A database for a benchmark alone."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.embedded_postgres import start_postgres
from persistence.migrations import migrate


@contextmanager
def own_database() -> Iterator[str]:
    """A PostgreSQL of our own that is as durable as a real one, migrated and empty."""
    with tempfile.TemporaryDirectory(prefix="drumbeat-bench-", ignore_cleanup_errors=True) as directory:
        server = start_postgres(Path(directory), durable=True)
        try:
            migrate(server.url)
            yield server.url
        finally:
            server.stop()
