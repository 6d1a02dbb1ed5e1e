"""GraphQL over HTTP, by the public audits of npm's `graphql-http` against a running server."""

import asyncio
import json
from asyncio.subprocess import DEVNULL, PIPE

import pytest

from persistence.api_keys import create_api_key
from persistence.database import Database
from tests.support.node import node
from tests.support.serving import serving
from tests.support.world import make_workspace


@pytest.mark.usefixtures("bare_environment")
async def test_every_public_audit_of_graphql_over_http_passes(
    database_url: str, worker_db: Database, api_db: Database
) -> None:
    """What a server must, should and may do, without a warning."""
    async with worker_db.transaction() as conn:
        workspace_id = await make_workspace(conn)
    async with api_db.transaction(workspace_id) as conn:
        key = await create_api_key(conn, workspace_id, name="audit")

    async with serving(database_url) as url:
        command = node("http_audit.js", f"{url}/graphql", key)
        audit = await asyncio.create_subprocess_exec(*command, stdin=DEVNULL, stdout=PIPE)
        written, _ = await audit.communicate()

    audits = [json.loads(line) for line in written.splitlines()]
    assert [each for each in audits if each["status"] != "ok"] == []
    assert (audit.returncode, len(audits)) == (0, 61)
