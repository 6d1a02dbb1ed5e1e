"""Secrets that are given out once and kept as hashes: API keys, and what cookies hold."""

import hashlib
import secrets


def new_secret() -> str:
    """256 random bits as 43 characters."""
    return secrets.token_urlsafe(32)


def secret_hash(secret: str) -> bytes:
    """A plain hash will do: nobody can try out 256 random bits."""
    return hashlib.sha256(secret.encode()).digest()
