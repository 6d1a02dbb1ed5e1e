"""The clients in the documents do what they say against a server, and the typed one is typed."""

import asyncio
import subprocess
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest

from actors.planner import Planner
from persistence.api_keys import create_api_key
from persistence.database import Database
from tests.support.node import NODE, install_packages
from tests.support.serving import serving
from tests.support.standing_clock import StandingClock
from tests.support.world import MONDAY, make_workspace

CLIENTS = Path(__file__).parents[2] / "docs" / "clients"
TYPESCRIPT = CLIENTS / "typescript"
COMMANDS = {
    "python": [sys.executable, str(CLIENTS / "python" / "client.py")],
    "typescript": [str(NODE), str(TYPESCRIPT / "client.ts")],
}
_PLANNED_EVERY_S = 0.2


@pytest.mark.usefixtures("bare_environment")
@pytest.mark.parametrize("language", COMMANDS)
async def test_a_client_gets_from_a_mailbox_to_its_timetable(
    database_url: str, worker_db: Database, api_db: Database, language: str
) -> None:
    """While somebody plans: the first email and the one after it, with their times."""
    install_packages(TYPESCRIPT)
    async with worker_db.transaction() as conn:
        workspace_id = await make_workspace(conn)
    async with api_db.transaction(workspace_id) as conn:
        key = await create_api_key(conn, workspace_id, name="client")
    planner = Planner(database=worker_db, clock=StandingClock(MONDAY))

    async with serving(database_url) as url:
        client = await asyncio.create_subprocess_exec(
            *COMMANDS[language], url, env={"DRUMBEAT_KEY": key}, stdout=PIPE, stderr=PIPE
        )
        ended = asyncio.create_task(client.communicate())
        while not ended.done():
            await planner(None, str(workspace_id))
            await asyncio.wait([ended], timeout=_PLANNED_EVERY_S)
        told, failed = ended.result()

    assert (client.returncode, failed) == (0, b"")
    enrolled, first, second = told.decode().splitlines()
    assert enrolled == "enrolled 1"
    assert first.endswith(" ada@example.test Hello {{ first_name }}")
    assert second.endswith(" ada@example.test One more thing")
    assert first < second


@pytest.mark.processes
def test_the_typed_client_is_typed_by_the_schema() -> None:
    """gql.tada makes types of `schema.graphql`; TypeScript, strict, finds nothing to say about the client."""
    install_packages(TYPESCRIPT)

    made = _run("gql.tada/bin/cli.js", "generate-output")
    checked = _run("typescript/bin/tsc", "--noEmit")

    assert made.returncode == 0, made.stdout
    assert (checked.returncode, checked.stdout) == (0, "")


def _run(script: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [str(NODE), str(TYPESCRIPT / "node_modules" / script), *arguments]
    return subprocess.run(command, cwd=TYPESCRIPT, capture_output=True, text=True, check=False)
