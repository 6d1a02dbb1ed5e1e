"""Chance that is none: the same seed and the same things always draw the same number."""

from datetime import date
from hashlib import sha256
from uuid import UUID

# Of the digest, as many bytes as PostgreSQL multiplies without a numeric (`persistence/mailbox_rooms.py`).
_BYTES = 4


def drawn(*ids: UUID, on: date, seed: int, below: int) -> int:
    """A number from 0 to below *below*, evenly spread over all *ids*, days and seeds."""
    things = b"".join(each.bytes for each in ids) + on.isoformat().encode()
    digest = sha256(seed.to_bytes(8, "big", signed=True) + things).digest()
    return int.from_bytes(digest[:_BYTES], "big") * below >> 8 * _BYTES
