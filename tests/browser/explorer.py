"""GraphiQL in a real Chromium, which keeps to the page's policy and tells what it refused."""

import asyncio
import json
import os
import shutil
from asyncio.subprocess import DEVNULL, PIPE
from pathlib import Path

import pytest

from persistence.api_keys import create_api_key
from persistence.database import Database
from tests.support.apt import ProgramMissing, install
from tests.support.node import node
from tests.support.serving import serving
from tests.support.world import make_workspace

GRAPHIQL = Path(__file__).parents[2] / "web" / "graphiql"
_PROGRAMS = ("chromium", "chromium-browser", "google-chrome")


def chromium() -> str:
    """
    The installed program; where root can, on Debian and Ubuntu, it is installed first.

    Raises:
        ProgramMissing: Not there, and not to be had by ourselves.
    """
    found = next(filter(None, map(shutil.which, _PROGRAMS)), None)
    if found is None and os.geteuid() == 0 and shutil.which("apt-get"):
        install("chromium", otherwise="install a Chromium")
        found = shutil.which("chromium")
    if found is None:
        raise ProgramMissing("this needs Chromium: install it (Debian, Ubuntu: apt-get install chromium)")
    return found


@pytest.mark.timeout(600)
async def test_the_explorer_works_under_its_policy(
    database_url: str, worker_db: Database, api_db: Database
) -> None:
    """It asks with a key that this tab alone keeps, shows the schema, and loads nothing from elsewhere."""
    async with worker_db.transaction() as conn:
        workspace_id = await make_workspace(conn)
    async with api_db.transaction(workspace_id) as conn:
        key = await create_api_key(conn, workspace_id, name="explorer")

    async with serving(database_url) as url:
        command = node("check.js", chromium(), url, key, project=GRAPHIQL)
        browsing = await asyncio.create_subprocess_exec(*command, stdin=DEVNULL, stdout=PIPE)
        written, _ = await browsing.communicate()

    assert browsing.returncode == 0
    seen = json.loads(written)
    assert (seen["complaints"], seen["foreign"]) == ([], [])
    assert seen["answer"] == {"data": {"viewer": {"name": "explorer", "workspace": {"name": "Welcome Ltd"}}}}
    assert "query: Query" in seen["documented"]
    assert seen["inTab"] == [key]
    assert key not in str(seen["onDisk"])
    assert seen["cookies"] == []
