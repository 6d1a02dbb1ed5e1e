"""A browser at the API: it keeps cookies, and says where its pages are from."""

from dataclasses import dataclass
from typing import Any, Protocol

import httpx

from tests.api.client import Answer

ORIGIN = "https://mail.example.com"


@dataclass(frozen=True)
class Browser:
    """With a page of the API's own origin; *http* holds its cookies."""

    http: httpx.AsyncClient

    async def log_in(self) -> httpx.Response:
        """Go to the provider and come back; the API's last answer."""
        return await self.http.get(await self.consent())

    async def consent(self) -> str:
        """Where the provider sends the browser that began a login."""
        begun = await self.http.get("/auth/google/start")
        async with httpx.AsyncClient() as outside:
            consented = await outside.get(begun.headers["location"])
        return consented.headers["location"]

    async def post(
        self, document: str, *, headers: dict[str, str] | None = None, **variables: Any
    ) -> httpx.Response:
        body = {"query": document, "variables": variables}
        return await self.http.post("/graphql", json=body, headers=headers or {"Origin": ORIGIN})

    async def data(self, document: str, **variables: Any) -> Answer:
        """The data of an answer without errors."""
        answered: Answer = (await self.post(document, **variables)).json()
        assert "errors" not in answered, answered["errors"]
        data: Answer = answered["data"]
        return data


class MakeBrowser(Protocol):
    async def __call__(self, **chosen: Any) -> Browser:
        """A browser without cookies, at a process of its own; *chosen* are services of that process."""
