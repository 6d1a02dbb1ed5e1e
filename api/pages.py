"""Small pages for people who follow a link, with nothing on them that comes from elsewhere."""

from html import escape

from starlette.responses import HTMLResponse

_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
}


def page(status: int, title: str, content: str) -> HTMLResponse:
    """A page with *title*, a text, and *content*, which is HTML."""
    title = escape(title)
    text = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
body {{ font: 1.1rem/1.5 sans-serif; max-width: 30rem; margin: 20vh auto; padding: 0 1rem }}
button {{ font: inherit }}
</style>
</head>
<body>
<h1>{title}</h1>
{content}
</body>
</html>
"""
    return HTMLResponse(text, status, _HEADERS)
