"""Files of contacts, sent to the API by tests."""

from collections.abc import AsyncIterator

from persistence.database import Database
from tests.api.client import Answer, ApiClient
from tests.api.mutations.asking import everything

CSV = {"Content-Type": "text/csv"}
SHOWN = "status name rows created updated duplicates suppressed invalid bytesRead bytesTotal error errorsPath"


async def upload(
    api: ApiClient, content: str | bytes | AsyncIterator[bytes], query: str = "", **headers: str
) -> tuple[int, Answer]:
    body = content.encode() if isinstance(content, str) else content
    response = await api.http.post(f"/imports{query}", content=body, headers=CSV | headers)
    answered: Answer = response.json()
    return response.status_code, answered


async def shown(api: ApiClient, import_id: str) -> Answer:
    found: Answer = (await api.data(f"query ($id: ID!) {{ import(id: $id) {{ {SHOWN} }} }}", id=import_id))[
        "import"
    ]
    return found


async def addresses(database: Database) -> list[str]:
    return [row.email for row in (await everything(database))["contacts"]]
