"""What all tests may ask for: a RabbitMQ, a PostgreSQL, and a migrated database in it."""

import logging
from collections.abc import Iterator

import pytest
import structlog

pytest_plugins = ["tests.support.rabbitmq", "tests.support.postgres", "tests.support.database"]


@pytest.fixture(autouse=True)
def _log_of_ones_own() -> Iterator[None]:
    """A log configured by one test writes to that test's standard error, which is closed for the next."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)
