"""The HTTP application: GraphQL, logins, health, and unsubscribe links."""

from collections.abc import Awaitable, Callable, Iterator
from typing import TypeAlias

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from api import exports, graphiql, health, http, imports, login, metrics, unsubscribe
from api.context import IdentityProvider, Services
from api.streaming import server_sent_events, websocket
from api.transport_security import StrictTransportSecurity

Answering: TypeAlias = Callable[[Request, Services], Awaitable[Response]]


def create_app(services: Services) -> Starlette:
    """Make the application; it opens and closes nothing, *services* belong to the caller."""

    async def graphql(request: Request) -> Response:
        return await http.answer(request, services)

    async def streamed(request: Request) -> Response:
        return await server_sent_events.answer(request, services)

    async def talk(socket: WebSocket) -> None:
        await websocket.serve(socket, services)

    async def log_out(request: Request) -> Response:
        return await login.log_out(request, services)

    async def unsubscribing(request: Request) -> Response:
        return await unsubscribe.answer(request, services)

    async def livez(_: Request) -> Response:
        return health.alive()

    async def measured(request: Request) -> Response:
        return await metrics.answer(request, services)

    async def readyz(_: Request) -> Response:
        return await health.ready(services)

    return Starlette(
        routes=[
            Route("/graphql", graphql, methods=["GET", "POST"]),
            WebSocketRoute("/graphql", talk),
            Route("/graphql/stream", streamed, methods=["GET", "POST"]),
            *(_login(services, services.identities) if services.identities else ()),
            Route("/auth/logout", log_out, methods=["POST"]),
            *graphiql.routes(),
            *_files(services),
            Route("/livez", livez),
            Route("/readyz", readyz),
            Route("/metrics", measured),
            Route("/u/{token}", unsubscribing, methods=["GET", "POST"]),
        ],
        middleware=list(_middleware(services)),
    )


def _files(services: Services) -> Iterator[Route]:
    def route(path: str, answer: Answering, *, method: str = "GET") -> Route:
        async def answering(request: Request) -> Response:
            return await answer(request, services)

        return Route(path, answering, methods=[method])

    yield route("/imports", imports.upload, method="POST")
    yield route("/imports/{id}/errors.csv", imports.errors)
    yield route("/exports/contacts.csv", exports.export_contacts)
    yield route("/exports/scheduled-emails.csv", exports.export_emails)


def _login(services: Services, provider: IdentityProvider) -> Iterator[Route]:
    async def start(request: Request) -> Response:
        return await login.attempted(request, services) or await login.start(services, provider)

    async def finish(request: Request) -> Response:
        return await login.attempted(request, services) or await login.finish(request, services, provider)

    yield Route("/auth/google/start", start)
    yield Route(login.CALLBACK, finish)


def _middleware(services: Services) -> Iterator[Middleware]:
    if services.hsts_s:
        yield Middleware(StrictTransportSecurity, max_age_s=services.hsts_s)
    if services.other_origins:
        yield Middleware(
            CORSMiddleware,
            allow_origins=services.other_origins,
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "Content-Type", "Idempotency-Key"],
            expose_headers=["Idempotent-Replayed", "RateLimit", "RateLimit-Policy", "Retry-After"],
            allow_credentials=True,
        )
