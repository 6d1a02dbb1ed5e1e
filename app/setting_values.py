"""Values of settings: how each is written, and what is wrong with one that cannot be used."""

import re
from collections.abc import Callable
from ipaddress import IPv4Network, IPv6Network
from typing import Annotated, TypeAlias

from pydantic import AfterValidator, BeforeValidator
from pydantic_settings import NoDecode

_SHORTEST_SECRET = 32
# As browsers write it: no path, no slash at its end, and never a pattern.
_ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:\d+)?|https?://\[[0-9a-f:]+\](:\d+)?")


def comma_separated(given: object) -> object:
    if not isinstance(given, str):
        return given
    return tuple(part.strip() for part in given.split(",") if part.strip())


def _with_scheme(*schemes: str) -> Callable[[str], str]:
    def check(url: str) -> str:
        if url and not url.startswith(schemes):
            raise ValueError(f"has to begin with {' or '.join(schemes[:2])}")
        return url

    return check


def _without_slash(url: str) -> str:
    return url.rstrip("/")


def is_private(url: str) -> bool:
    """Whether what goes to *url* crosses no network in clear text."""
    return url.startswith(("https://", "http://127.0.0.1:", "http://localhost:"))


def _for_secrets(url: str) -> str:
    if not is_private(url):
        raise ValueError("has to begin with https://")
    return url


def _is_long(key: str) -> str:
    if key and len(key) < _SHORTEST_SECRET:
        raise ValueError(f"has {len(key)} characters: make one of 32 or more with `openssl rand -hex 32`")
    return key


def _are_origins(origins: tuple[str, ...]) -> tuple[str, ...]:
    for origin in origins:
        if not _ORIGIN.fullmatch(origin):
            raise ValueError(f"{origin!r} is no origin: write it like https://app.example.com")
    return origins


DatabaseUrl: TypeAlias = Annotated[
    str, AfterValidator(_with_scheme("postgresql://", "postgres://", "postgresql+psycopg://"))
]
AmqpUrl: TypeAlias = Annotated[str, AfterValidator(_with_scheme("amqp://", "amqps://"))]
PublicUrl: TypeAlias = Annotated[
    str, AfterValidator(_with_scheme("http://", "https://")), AfterValidator(_without_slash)
]
PrivateUrl: TypeAlias = Annotated[str, AfterValidator(_for_secrets)]
IssuerUrl: TypeAlias = Annotated[PrivateUrl, AfterValidator(_without_slash)]
SecretKey: TypeAlias = Annotated[str, AfterValidator(_is_long)]
Networks: TypeAlias = Annotated[
    tuple[IPv4Network | IPv6Network, ...], NoDecode, BeforeValidator(comma_separated)
]
Origins: TypeAlias = Annotated[
    tuple[str, ...], NoDecode, BeforeValidator(comma_separated), AfterValidator(_are_origins)
]
