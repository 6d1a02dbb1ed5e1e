"""What all tests may ask for: a RabbitMQ, a PostgreSQL, and a migrated database in it."""

import logging
from collections.abc import Iterator

import pytest
import structlog

_SERVERS = {"postgres_url", "rabbitmq", "own_rabbitmq"}

pytest_plugins = ["tests.support.rabbitmq", "tests.support.postgres", "tests.support.database"]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """
    Let what starts processes run one after another, in two rows, beside all others (`--dist loadgroup`).

    Processes mostly wait, and the other tests have the cores meanwhile; more of them would starve each other.
    What asks for our PostgreSQL or RabbitMQ is marked `servers`.
    """
    for item in items:
        if isinstance(item, pytest.Function) and not _SERVERS.isdisjoint(item.fixturenames):
            item.add_marker(pytest.mark.servers)
        if item.get_closest_marker("processes") is not None:
            row = "chaos" if item.path.parent.name == "chaos" else "processes"
            item.add_marker(pytest.mark.xdist_group(row))


@pytest.fixture(autouse=True)
def _log_of_ones_own() -> Iterator[None]:
    """A log configured by one test writes to that test's standard error, which is closed for the next."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)
