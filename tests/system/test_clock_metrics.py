"""Metrics of the clock's process, as Prometheus reads them."""

from pathlib import Path

import httpx
import pytest

from tests.support.system import SECRET_KEY, System, free_port, wait_for

pytestmark = [pytest.mark.processes, pytest.mark.timeout(120)]

TOKEN = "t" * 32


def test_a_clock_tells_of_itself_where_a_port_is_set(installation_url: str, tmp_path: Path) -> None:
    """Without a broker too: whoever is called at night needs to know whether a clock leads."""
    port = free_port()
    environment = {
        "DRUMBEAT_DATABASE_URL": installation_url,
        "DRUMBEAT_AMQP_URL": "amqp://127.0.0.1:1/",
        "DRUMBEAT_SECRET_KEY": SECRET_KEY,
        "DRUMBEAT_METRICS_TOKEN": TOKEN,
        "DRUMBEAT_CLOCK_METRICS_PORT": str(port),
    }
    system = System(tmp_path, environment, api_port=0)
    try:
        system.start("clock")
        wait_for(lambda: "drumbeat_clock_leads 1.0" in _page(port), "the clock to tell that it leads")
        assert system.stop("clock") == 0
    finally:
        for name in list(system.processes):
            system.kill(name)

    assert _page(port) == ""


def _page(port: int) -> str:
    """Nothing while nobody listens."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    try:
        return httpx.get(f"http://127.0.0.1:{port}/metrics", headers=headers).text
    except httpx.ConnectError:
        return ""
