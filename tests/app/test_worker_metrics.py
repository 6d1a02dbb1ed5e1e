"""Metrics of a worker: its processes measure, and the one above them tells."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from app.settings import load_settings
from app.worker_metrics import worker_metrics

TOKEN = "t" * 32
MEASURE = "from actors.measures import SEND_SECONDS; SEND_SECONDS.labels('ACCEPT').observe(0.3)"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@pytest.mark.usefixtures("bare_environment")
def test_what_two_processes_measured_is_told_together() -> None:
    """To whoever brings the token; it outlives the processes, and ends with the worker."""
    settings = load_settings(metrics_port=_free_port(), metrics_token=TOKEN)
    url = f"http://127.0.0.1:{settings.metrics_port}/metrics"
    root = Path(__file__).parents[2]

    with worker_metrics(settings) as environment:
        [folder] = environment.values()
        for _ in range(2):
            subprocess.run(
                [sys.executable, "-c", MEASURE], env=os.environ | environment, cwd=root, check=True
            )
        refused = [httpx.get(url), httpx.get(url, headers={"Authorization": "Bearer wrong"})]
        page = httpx.get(url, headers={"Authorization": f"Bearer {TOKEN}"}).text

    counted = {
        sample.labels["outcome"]: sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
        if sample.name == "drumbeat_send_seconds_count"
    }
    assert counted == {"ACCEPT": 2}
    assert [answer.status_code for answer in refused] == [401, 401]
    assert not Path(folder).exists()
    with pytest.raises(httpx.ConnectError):
        httpx.get(url)


@pytest.mark.usefixtures("bare_environment")
def test_without_a_port_there_is_nothing() -> None:
    """Workers measure for themselves alone."""
    with worker_metrics(load_settings()) as environment:
        assert environment == {}
