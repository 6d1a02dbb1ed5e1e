"""What dramatiq loads in each worker process."""

import os
import subprocess
import sys

import pytest

from tests.support.rabbitmq import Vhost
from tests.support.system import SECRET_KEY

LOAD = "from app.worker_process import broker; print(hasattr(broker.state, 'connection'))"


@pytest.mark.processes
def test_loading_it_makes_the_queues_and_keeps_no_connection(vhost: Vhost) -> None:
    """One that nobody serves is cut after two heartbeats, and told of as an error when the worker stops."""
    settings = {
        "DRUMBEAT_AMQP_URL": vhost.amqp_url,
        "DRUMBEAT_DATABASE_URL": "postgresql://nobody.invalid/drumbeat",
        "DRUMBEAT_SECRET_KEY": SECRET_KEY,
    }

    loaded = subprocess.run(
        [sys.executable, "-c", LOAD], env=os.environ | settings, capture_output=True, text=True, check=True
    )

    assert loaded.stdout.strip() == "False"
    assert vhost.depth("sender").ready == 0
