"""Chance that is none: the same seed and the same things always draw the same number."""

from datetime import date
from hashlib import blake2b
from uuid import UUID


def drawn(*ids: UUID, on: date, seed: int, below: int) -> int:
    """A number from 0 to below *below*, evenly spread over all *ids*, days and seeds."""
    things = b"".join(each.bytes for each in ids) + on.isoformat().encode()
    digest = blake2b(things, digest_size=8, key=seed.to_bytes(8, "big", signed=True)).digest()
    return int.from_bytes(digest, "big") * below >> 64
