"""GraphiQL from files of our own; what a browser makes of it, `make test-browser` looks at."""

import re
from pathlib import Path

import httpx
import pytest

from api.graphiql import FILES

SCRIPTS = sorted(FILES.glob("*.js"))


async def test_the_page_lets_in_nothing_that_is_not_ours(http: httpx.AsyncClient) -> None:
    """No script within it, no handlers, no styles: its policy would keep them out."""
    page = await http.get("/graphiql")

    policy = dict(part.split(" ", 1) for part in page.headers["content-security-policy"].split("; "))
    nonce = re.findall('<meta name="style-nonce" content="([^"]{20,})">', page.text)[0]
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": f"'self' 'nonce-{nonce}'",
        "img-src": "'self' data:",
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    assert re.findall(r"<script(?![^>]* src=)|<style|\son\w+=|\sstyle=|//", page.text) == []
    assert page.headers["x-content-type-options"] == "nosniff"


async def test_each_page_has_a_nonce_of_its_own(http: httpx.AsyncClient) -> None:
    """One that is known lets in what somebody else wrote."""
    pages = [await http.get("/graphiql") for _ in range(2)]

    assert len({page.headers["content-security-policy"] for page in pages}) == 2
    assert {page.headers["cache-control"] for page in pages} == {"no-store"}


async def test_everything_that_the_page_loads_is_served(http: httpx.AsyncClient) -> None:
    """With the type that a browser takes it for: the page's files, and the parts that they import."""
    page = await http.get("/graphiql")
    named = set(re.findall(r'(?:src|href)="graphiql/([^"]+)"', page.text))
    for script in SCRIPTS:
        named |= set(re.findall(r'"\./([\w.-]+\.js)"', script.read_text()))

    served = {name: await http.get(f"/graphiql/{name}") for name in named}

    assert {"explorer.js", "explorer.css"} < named
    assert {
        name: answer.headers["content-type"].partition(";")[0].rpartition("/")[2]
        for name, answer in served.items()
        if answer.status_code == 200
    } == {name: name.rpartition(".")[2].replace("js", "javascript") for name in named}


@pytest.mark.parametrize("path", ["/graphiql/nothing.js", "/graphiql/../app.py", "/graphiql/%2e%2e/app.py"])
async def test_nothing_else_is_served(http: httpx.AsyncClient, path: str) -> None:
    """Not from beside the folder either."""
    assert (await http.get(path)).status_code == 404


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_no_script_needs_more_than_the_policy_gives(script: Path) -> None:
    """None makes code out of text, nor loads anything from another server."""
    text = script.read_text()

    assert re.findall(r"\beval\(|new Function\(|importScripts|import\(\"http|new Worker", text) == []
    assert len(text) < 400_000


def test_styles_load_nothing_from_elsewhere() -> None:
    """Images are within them."""
    urls = re.findall(r"url\(([^)]{0,11})", (FILES / "explorer.css").read_text())

    assert {url.strip("\"'")[:10] for url in urls} <= {"data:image"}
