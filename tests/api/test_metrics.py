"""Metrics: who may read them, and what they tell."""

from dataclasses import replace

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from api.app import create_app
from api.context import Services
from persistence.database import Database
from persistence.figures import EMAILS, QUEUES, write_figure
from tests.api.client import ApiClient

TOKEN = "t" * 32


async def _scrape(services: Services, token: str | None, *, scheme: str = "Bearer") -> httpx.Response:
    headers = {} if token is None else {"Authorization": f"{scheme} {token}"}
    transport = httpx.ASGITransport(create_app(services))
    async with httpx.AsyncClient(transport=transport, base_url="https://mail.example.com") as client:
        return await client.get("/metrics", headers=headers)


def _samples(page: str) -> dict[tuple[str, ...], float]:
    """Each value by its name and labels, these in the order of their names."""
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    }


async def test_metrics_are_for_the_operator(services: Services, api: ApiClient) -> None:
    """Not for a key of a workspace, as they are of all; without a token there are none."""
    watched = replace(services, metrics_token=TOKEN)
    key = api.http.headers["Authorization"].removeprefix("Bearer ")

    refused = [await _scrape(watched, token) for token in (None, key, "", TOKEN[:-1])]
    refused.append(await _scrape(watched, TOKEN, scheme="Basic"))
    without = [await _scrape(services, token) for token in (None, "", TOKEN)]

    assert {answer.status_code for answer in refused} == {401}
    assert {answer.status_code for answer in without} == {404}
    assert (await _scrape(watched, TOKEN)).status_code == 200


async def test_what_was_counted_last_is_told(services: Services, worker_db: Database) -> None:
    """By names and labels that Prometheus reads; how old it is, too."""
    async with worker_db.transaction() as conn:
        counted = {"states": {"PENDING": 5, "IN_DOUBT": 1}, "due": 3, "late": 1, "oldest_due_s": 420.0}
        of_mailboxes = {"sent": {"a": 7, "others": 9}, "failed": {"a": 1, "others": 0}}
        await write_figure(conn, EMAILS, counted | of_mailboxes)
        await write_figure(conn, QUEUES, {"sender": 2})

    samples = _samples((await _scrape(replace(services, metrics_token=TOKEN), TOKEN)).text)

    assert samples["drumbeat_emails", "PENDING"] == 5
    assert samples["drumbeat_emails", "IN_DOUBT"] == 1
    assert (samples["drumbeat_emails_due",], samples["drumbeat_emails_late",]) == (3, 1)
    assert samples["drumbeat_oldest_due_seconds",] == 420
    assert samples["drumbeat_mailbox_sent_total", "a"] == 7
    assert samples["drumbeat_mailbox_sent_total", "others"] == 9
    assert samples["drumbeat_mailbox_failed_total", "a"] == 1
    assert samples["drumbeat_queue_messages", "sender"] == 2
    assert 0 <= samples["drumbeat_figure_age_seconds", "emails"] < 600


async def test_before_anything_was_counted_there_is_only_the_process(services: Services) -> None:
    """No figure stands for one that nobody took."""
    samples = _samples((await _scrape(replace(services, metrics_token=TOKEN), TOKEN)).text)

    assert ("drumbeat_emails", "PENDING") not in samples
    assert ("drumbeat_emails_due",) not in samples


@pytest.mark.parametrize(
    ("document", "labels"),
    [
        ("query Mine { viewer { name } }", ("query", "viewer")),
        ("{ viewer { name } queueStats { due } }", ("query", "several")),
        ("mutation { suppress(input: {emails: []}) { suppressed } }", ("mutation", "suppress")),
        ("{ a1: nothing }", ("refused", "refused")),
        ("{", ("refused", "refused")),
    ],
)
async def test_operations_are_timed_by_what_they_ask_for(
    services: Services, api: ApiClient, document: str, labels: tuple[str, str]
) -> None:
    """By fields of the schema: a name or an alias that a client makes up is no label."""
    watched = replace(services, metrics_token=TOKEN)
    before = _samples((await _scrape(watched, TOKEN)).text)
    await api.answer(document)
    after = _samples((await _scrape(watched, TOKEN)).text)

    operation, field = labels
    name = ("drumbeat_graphql_seconds_count", field, operation)
    assert after[name] == before.get(name, 0) + 1
    assert not {labels for labels in after if {"Mine", "a1", "nothing"} & set(labels)}
