"""The walk through the README, carried out: `python -m tests.support.readme` prints its answers as of now."""

import asyncio
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from app.capture_server import CaptureServer

README = Path(__file__).parents[2] / "README.md"
_STEPS = re.compile(r"^ask <<EOF\n(.*?)^EOF$\n```\n```json\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_UP = (sys.executable, "-m", "app.cli", "up", "--port", "0", "--data-dir")


def steps() -> list[tuple[str, Any]]:
    """Each operation and the answer that is shown for it, in their order."""
    return [(operation, json.loads(answer)) for operation, answer in _STEPS.findall(README.read_text())]


async def walk() -> list[Any]:
    """The answers of an installation of its own, in one process, to a receiver of its own."""
    with tempfile.TemporaryDirectory() as folder, CaptureServer() as server, _up(folder) as (url, key):
        async with httpx.AsyncClient(headers={"Authorization": f"Bearer {key}"}, timeout=30) as client:
            return await _answers(client, url, {"port: 2525": f"port: {server.port}"})


async def _answers(client: httpx.AsyncClient, url: str, filled: dict[str, str]) -> list[Any]:
    # A deadline that has passed is refused.
    filled["2026-12-31"] = (datetime.now(UTC) + timedelta(days=31)).date().isoformat()
    answers = []
    for operation, _ in steps():
        for name, value in filled.items():
            operation = operation.replace(name, value)
        answer = await _ask(client, url, operation)
        # “A few seconds later”: planned, and the first one sent.
        for _ in range(300):
            if "scheduledEmails" not in operation or _has_begun(answer):
                break
            await asyncio.sleep(0.1)
            answer = await _ask(client, url, operation)
        for name in ("Mailbox", "Sequence"):
            if (made := answer["data"].get(f"create{name}")) is not None:
                filled[f"${name.upper()}"] = made[name.lower()]["id"]
        answers.append(answer)
    return answers


async def _ask(client: httpx.AsyncClient, url: str, operation: str) -> Any:
    return (await client.post(url, json={"query": operation})).json()


def _has_begun(answer: Any) -> bool:
    nodes = answer["data"]["scheduledEmails"]["nodes"]
    return bool(nodes) and nodes[0].get("status") in (None, "SENT")


@contextmanager
def _up(folder: str) -> Iterator[tuple[str, str]]:
    """The address of GraphQL and the API key of a running `drumbeat up` with its data in *folder*."""
    settings = {**os.environ, "DRUMBEAT_SMTP_ALLOW_NETWORKS": "127.0.0.0/8"}
    with subprocess.Popen([*_UP, folder], stdout=subprocess.PIPE, text=True, env=settings) as process:
        try:
            assert process.stdout is not None
            told = ""
            while not (key := re.search(r"shown this once: (\S+)", told)) or "/graphql" not in told:
                line = process.stdout.readline()
                if not line:
                    raise RuntimeError(f"It ended after printing {told!r}.")
                told += line
            yield re.findall(r"http://\S+/graphql", told)[0], key[1]
        finally:
            process.terminate()


if __name__ == "__main__":
    for answer in asyncio.run(walk()):
        sys.stdout.write(json.dumps(answer, separators=(",", ":")) + "\n")
