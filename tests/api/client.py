"""A client of the API, and the clock that the API goes by."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import httpx

from domain.ids import WorkspaceId
from tests.support.world import MONDAY

Answer = dict[str, Any]  # JSON


class SteppingClock:
    """Business time that stands still until a test moves it."""

    def __init__(self, present: datetime = MONDAY) -> None:
        self.present = present
        self.times_asked = 0

    async def now(self) -> datetime:
        self.times_asked += 1
        return self.present


@dataclass(frozen=True)
class ApiClient:
    """Asks on behalf of *workspace_id*, with its key."""

    http: httpx.AsyncClient
    workspace_id: WorkspaceId

    async def answer(self, document: str, **variables: Any) -> Answer:
        """The whole answer, errors included."""
        response = await self.http.post("/graphql", json={"query": document, "variables": variables})
        answered: Answer = response.json()
        return answered

    async def data(self, document: str, **variables: Any) -> Answer:
        """The data of an answer without errors."""
        answered = await self.answer(document, **variables)
        assert "errors" not in answered, answered["errors"]
        data: Answer = answered["data"]
        return data

    async def refusal(self, document: str, **variables: Any) -> tuple[str, str]:
        """Code and message of the only error."""
        [error] = (await self.answer(document, **variables))["errors"]
        return error["extensions"]["code"], error["message"]


class MakeProcess(Protocol):
    async def __call__(self, *, limits: dict[str, int] = ..., **chosen: Any) -> ApiClient:
        """
        A client of one more process, which shares the database alone.

        *limits* are those of its limiters for a century, by name; *chosen* are other services of the process.
        """
