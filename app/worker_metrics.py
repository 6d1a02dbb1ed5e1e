"""Metrics of a worker: what its processes measure together, told by the process that watches over them."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry
from prometheus_client.multiprocess import MultiProcessCollector

from app.metrics_server import metrics_server
from app.settings import Settings

# Where prometheus_client looks for the folder that processes share; it has to be set before it is imported.
FOLDER = "PROMETHEUS_MULTIPROC_DIR"


@contextmanager
def worker_metrics(settings: Settings) -> Iterator[dict[str, str]]:
    """
    Tell what the workers of the block measure; the environment that they need for it.

    Their counts outlive a worker that dies, and end with the block.
    """
    if not settings.metrics_port:
        yield {}
        return
    folder = tempfile.mkdtemp(prefix="drumbeat-metrics-")
    registry = CollectorRegistry()
    MultiProcessCollector(registry, path=folder)  # type: ignore[no-untyped-call]
    try:
        with metrics_server(settings, port=settings.metrics_port, registry=registry):
            yield {FOLDER: folder}
    finally:
        shutil.rmtree(folder, ignore_errors=True)
