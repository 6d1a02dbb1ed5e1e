"""What the tests of benchmarks have in common."""

from collections.abc import Iterator

import pytest

from app.embedded_postgres import start_postgres
from persistence.migrations import migrate


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server of its own: the benchmark empties it, and vacuums all there is."""
    server = start_postgres(tmp_path_factory.mktemp("bench"), durable=False)
    migrate(server.url)
    yield server.url
    server.stop()
