"""Metrics of a clock: whether it leads, and how its ticks go."""

import httpx
import pytest
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families

from app.metrics_server import metrics_server
from app.settings import load_settings
from persistence.database import Database
from tests.app.test_clock import OFTEN_S, clock_process
from tests.support.system import free_port

TOKEN = "t" * 32


async def _told(url: str) -> dict[str, float]:
    async with httpx.AsyncClient() as http:
        page = (await http.get(url, headers={"Authorization": f"Bearer {TOKEN}"})).text
    return {
        sample.name: sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
        if sample.name.startswith("drumbeat_clock_") and not sample.labels
    }


@pytest.mark.usefixtures("bare_environment")
async def test_a_clock_tells_that_it_leads_and_how_it_ticks(worker_db: Database, database_url: str) -> None:
    """To whoever brings the token; when it has stopped, it leads no more."""
    settings = load_settings(clock_metrics_port=free_port(), metrics_token=TOKEN)
    url = f"http://127.0.0.1:{settings.clock_metrics_port}/metrics"

    with metrics_server(settings, port=settings.clock_metrics_port, registry=REGISTRY):
        before = await _told(url)
        async with clock_process(worker_db, database_url, every_s=OFTEN_S) as ticks:
            await ticks.reach(3)
            while_it_leads = await _told(url)
        after = await _told(url)
        async with httpx.AsyncClient() as http:
            refused = [await http.get(url), await http.get(url, headers={"Authorization": "Bearer wrong"})]

    assert (while_it_leads["drumbeat_clock_leads"], after["drumbeat_clock_leads"]) == (1, 0)
    count, last = "drumbeat_clock_tick_seconds_count", "drumbeat_clock_last_tick_timestamp_seconds"
    assert while_it_leads[count] - before[count] >= 2
    assert while_it_leads[last] > before[last]
    assert [each.status_code for each in refused] == [401, 401]
    with pytest.raises(httpx.ConnectError):
        await _told(url)
