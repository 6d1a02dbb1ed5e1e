"""Metrics of a process that serves nothing else: told over HTTP to whoever brings the token."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from hmac import compare_digest
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.exposition import start_wsgi_server

from app.settings import Settings


@contextmanager
def metrics_server(settings: Settings, *, port: int, registry: CollectorRegistry) -> Iterator[None]:
    """Tell what is in *registry* at *port*, from a thread of its own, as long as the block lasts."""
    application = _for_bearers(make_wsgi_app(registry), settings.metrics_token)
    server, _ = start_wsgi_server(port, settings.metrics_host, registry)
    server.set_app(application)
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


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
