"""Metrics of a worker: what its processes measure together, told by the process that watches over them."""

import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from hmac import compare_digest
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.exposition import start_wsgi_server
from prometheus_client.multiprocess import MultiProcessCollector

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
    application = _for_bearers(make_wsgi_app(registry), settings.metrics_token)
    server, _ = start_wsgi_server(settings.metrics_port, settings.metrics_host, registry)
    server.set_app(application)
    try:
        yield {FOLDER: folder}
    finally:
        server.shutdown()
        server.server_close()
        shutil.rmtree(folder, ignore_errors=True)


# Any: an application of WSGI, as the library types it.
def _for_bearers(application: Callable[..., Any], token: str) -> Callable[..., Iterable[bytes]]:
    """*application* for those who bring *token*, as the API has it."""

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        scheme, _, given = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
        if scheme.lower() == "bearer" and token and compare_digest(given.strip().encode(), token.encode()):
            answered: Iterable[bytes] = application(environ, start_response)
            return answered
        start_response("401 Unauthorized", [("WWW-Authenticate", "Bearer"), ("Content-Type", "text/plain")])
        return [b"Bring the token.\n"]

    return answer
