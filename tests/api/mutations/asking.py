"""Mutations as a client asks for them, and a look at everything that is written."""

from typing import Any
from uuid import UUID

from sqlalchemy import Row, select, text

from api.ids import global_id
from persistence.database import Database
from persistence.tables import api_keys, metadata
from tests.api.client import Answer, ApiClient

# But for what is noted on every request, whatever it does.
_TABLES = [table for table in metadata.sorted_tables if table is not api_keys]
# Most tables are empty in most tests: one statement for those, and each of the others is read.
_FILLED = text(
    " UNION ALL ".join(f"SELECT '{table.name}' WHERE EXISTS (SELECT FROM {table.name})" for table in _TABLES)
)


async def mutate(api: ApiClient, mutation: str, selection: str = "", /, **given: Any) -> Answer:
    """Do *mutation* with the fields of its input; answer its payload, `userErrors` included."""
    kind = f"{mutation[0].upper()}{mutation[1:]}Input"
    document = f"""
        mutation ($input: {kind}!) {{
            {mutation}(input: $input) {{ {selection} userErrors {{ code message path }} }}
        }}
    """
    payload: Answer = (await api.data(document, input=given))[mutation]
    return payload


async def done(api: ApiClient, mutation: str, selection: str, /, **given: Any) -> Answer:
    """Do *mutation* without any error."""
    payload = await mutate(api, mutation, selection, **given)
    assert payload["userErrors"] == []
    return payload


def error(code: str, path: str, message: str) -> dict[str, object]:
    """A user error; *path* is written with dots."""
    return {"code": code, "message": message, "path": path.split(".")}


async def everything(database: Database) -> dict[str, list[Row[Any]]]:
    """All rows of all workspaces, by table."""
    async with database.transaction() as conn:
        await conn.execute(text("SET LOCAL ROLE none"))
        filled = set(await conn.scalars(_FILLED))
        return {
            table.name: list((await conn.execute(select(table).order_by(*table.primary_key))).all())
            if table.name in filled
            else []
            for table in _TABLES
        }


async def refused(
    api: ApiClient, database: Database, mutation: str, /, **given: Any
) -> list[dict[str, object]]:
    """The errors of a mutation, which wrote nothing at all."""
    before = await everything(database)
    payload = await mutate(api, mutation, **given)
    assert await everything(database) == before
    errors: list[dict[str, object]] = payload["userErrors"]
    return errors


def sequence(key: UUID) -> str:
    return global_id("Sequence", key)


def step(key: UUID) -> str:
    return global_id("Step", key)


def mailbox(key: UUID) -> str:
    return global_id("Mailbox", key)


def contact(key: UUID) -> str:
    return global_id("Contact", key)


def enrollment(key: UUID) -> str:
    return global_id("Enrollment", key)
