"""Metrics for Prometheus: how it goes with the whole installation, and with this process."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from hmac import compare_digest
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from typing_extensions import override

from api.context import Services
from api.masking import told
from persistence.figures import EMAILS, QUEUES, Figure, read_figure


async def answer(request: Request, services: Services) -> Response:
    """
    What was counted last, and what this process has measured.

    The figures are of all workspaces, so an API key does not open them: the operator's token does, and
    without one there are none.
    """
    if not services.metrics_token:
        return PlainTextResponse("Set DRUMBEAT_METRICS_TOKEN to have metrics.\n", 404)
    given = request.headers.get("authorization", "").partition(" ")
    is_known = compare_digest(given[2].strip().encode(), services.metrics_token.encode())
    if given[0].lower() != "bearer" or not is_known:
        return PlainTextResponse("Bring the token.\n", 401, {"WWW-Authenticate": "Bearer"})
    try:
        async with services.database.transaction() as conn:
            figures = {name: await read_figure(conn, name) for name in (EMAILS, QUEUES)}
    except Exception as error:
        told(error)
        figures = {}
    counted = CollectorRegistry()
    counted.register(_Counted({name: figure for name, figure in figures.items() if figure is not None}))
    page = generate_latest(counted) + generate_latest(REGISTRY)
    return Response(page, media_type=CONTENT_TYPE_LATEST, headers={"Cache-Control": "no-store"})


class _Counted(Collector):
    def __init__(self, figures: Mapping[str, Figure]) -> None:
        self._figures = figures

    @override
    def collect(self) -> Iterator[Metric]:
        age = _gauge("drumbeat_figure_age_seconds", "Seconds since these were counted.", "figure")
        for name, figure in self._figures.items():
            age.add_metric([name], (datetime.now(UTC) - figure.measured_at).total_seconds())
        yield age
        if EMAILS in self._figures:
            yield from _of_emails(self._figures[EMAILS].value)
        if QUEUES in self._figures:
            depths = _gauge("drumbeat_queue_messages", "Messages ready in a queue of the broker.", "queue")
            yield _with(depths, self._figures[QUEUES].value)


# Any: JSON, as `count_emails` makes it.
def _of_emails(counted: Mapping[str, Any]) -> Iterator[Metric]:
    states = _gauge("drumbeat_emails", "Emails by state; cancelled ones are not counted.", "state")
    yield _with(states, counted["states"])
    for name, about, value in (
        ("drumbeat_emails_due", "Planned emails whose time has come and that nothing holds.", counted["due"]),
        ("drumbeat_emails_late", "Those whose time came more than five minutes ago.", counted["late"]),
        ("drumbeat_oldest_due_seconds", "Lateness of the email that waits longest.", counted["oldest_due_s"]),
    ):
        yield GaugeMetricFamily(name, about, value)
    for name in ("sent", "failed"):
        about = f"Emails of a mailbox that were {'accepted' if name == 'sent' else 'given up'}."
        family = CounterMetricFamily(f"drumbeat_mailbox_{name}", about, labels=["mailbox"])
        yield _with(family, counted[name])


def _gauge(name: str, about: str, label: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, about, labels=[label])


def _with(
    family: GaugeMetricFamily | CounterMetricFamily, values: Mapping[str, float]
) -> GaugeMetricFamily | CounterMetricFamily:
    for label, value in values.items():
        family.add_metric([label], value)
    return family
