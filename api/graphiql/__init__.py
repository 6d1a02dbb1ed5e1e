"""GraphiQL, from files of our own: it works offline, and under a policy that lets in nothing else."""

from html import escape
from pathlib import Path
from secrets import token_urlsafe

from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

# Built by web/graphiql.
FILES = Path(__file__).parent / "files"


def routes() -> list[BaseRoute]:
    """The page, and what it is made of. Whoever has no key sees an explorer that knows no schema."""
    return [Route("/graphiql", _page), Mount("/graphiql", StaticFiles(directory=FILES))]


async def _page(_: Request) -> HTMLResponse:
    nonce = token_urlsafe(16)
    policy = {
        "default-src": "'none'",
        "script-src": "'self'",
        # The nonce is for what its dialogs style while they are open.
        "style-src": f"'self' 'nonce-{nonce}'",
        "img-src": "'self' data:",
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    headers = {
        "Cache-Control": "no-store",
        "Content-Security-Policy": "; ".join(f"{name} {sources}" for name, sources in policy.items()),
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
    return HTMLResponse(_HTML.replace("NONCE", escape(nonce)), headers=headers)


_HTML = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="style-nonce" content="NONCE">
<title>GraphiQL · Drumbeat</title>
<link rel="stylesheet" href="graphiql/explorer.css">
<script type="module" src="graphiql/explorer.js"></script>
</head>
<body>
<form name="key">
<label>API key <input name="key" type="password" autocomplete="off" spellcheck="false"></label>
<button>Use</button>
</form>
<div id="explorer"></div>
</body>
</html>
"""
