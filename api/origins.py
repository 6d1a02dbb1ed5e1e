"""Where a request with a cookie comes from: a browser sends the cookie along whoever's page asks it to."""

from collections.abc import Collection, Mapping
from urllib.parse import urlsplit


def origin_of(url: str) -> str:
    """Scheme, host and port of *url*, as browsers write them into `Origin` (RFC 6454 §6.1)."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()


def comes_from(origins: Collection[str], headers: Mapping[str, str]) -> bool:
    """
    Whether a page of one of *origins*, which our own is among, sent the request.

    Browsers send `Origin` with every POST. Where something took it away, `Sec-Fetch-Site` tells of our own
    pages at least; a request with neither is from no browser that we would know to be safe.
    """
    origin = headers.get("origin")
    if origin is not None:
        return origin in origins
    return headers.get("sec-fetch-site") == "same-origin"
