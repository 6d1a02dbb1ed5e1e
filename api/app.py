"""The HTTP application: GraphQL, health, and unsubscribe links."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api import health, http, unsubscribe
from api.context import Services


def create_app(services: Services) -> Starlette:
    """Make the application; it opens and closes nothing, *services* belong to the caller."""

    async def graphql(request: Request) -> Response:
        return await http.answer(request, services)

    async def unsubscribing(request: Request) -> Response:
        return await unsubscribe.answer(request, services)

    async def livez(_: Request) -> Response:
        return health.alive()

    async def readyz(_: Request) -> Response:
        return await health.ready(services)

    return Starlette(
        routes=[
            Route("/graphql", graphql, methods=["POST"]),
            Route("/livez", livez),
            Route("/readyz", readyz),
            Route("/u/{token}", unsubscribing, methods=["GET", "POST"]),
        ]
    )
