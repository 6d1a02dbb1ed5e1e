"""Opaque ids: the kind of a thing and its key in one text that clients keep and never read."""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import strawberry

from api.errors import BadUserInput

Key = UUID | int
# Kinds whose rows are numbered instead of having a UUID.
_NUMBERED = frozenset({"AuditEntry", "EmailEvent", "EmailMove"})
_LARGEST_NUMBER = 2**63 - 1
_NUMBER_BYTES = 8


class MalformedId(BadUserInput):
    """The text was not made by `global_id`, or names another kind of thing than is asked for."""

    def __init__(self, text: str, expected: str | None = None) -> None:
        article = "an" if expected and expected[0] in "AEIOU" else "a"
        kind = f" of {article} {expected}" if expected else ""
        super().__init__(f"“{text[:100]}” is not an id{kind}.")


@dataclass(frozen=True, slots=True)
class GlobalId:
    kind: str
    key: Key


def global_id(kind: str, key: Key) -> strawberry.ID:
    """Make the id of the *kind* of thing that has *key*: one text per thing, short enough for 5,000."""
    packed = key.to_bytes(_NUMBER_BYTES) if isinstance(key, int) else key.bytes
    return strawberry.ID(base64.urlsafe_b64encode(f"{kind}:".encode() + packed).rstrip(b"=").decode())


def read_global_id(text: str) -> GlobalId:
    """
    Read back what `global_id` made.

    Raises:
        MalformedId: If it was not made by `global_id`.
    """
    try:
        decoded = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        kind, _, packed = decoded.partition(b":")
        read = GlobalId(kind.decode("ascii"), _key(kind.decode("ascii"), packed))
    except (binascii.Error, ValueError):
        raise MalformedId(text) from None
    # Base64 has several spellings; ids are compared as text by clients, so only one is taken.
    if global_id(read.kind, read.key) != text:
        raise MalformedId(text)
    return read


def uuid_of(kind: str, text: str) -> UUID:
    """
    The UUID in the id of a *kind*, e.g. `uuid_of("Sequence", input.sequence_id)`.

    Raises:
        MalformedId: If it is no id, or one of another kind.
    """
    read = read_global_id(text)
    if read.kind != kind or not isinstance(read.key, UUID):
        raise MalformedId(text, expected=kind)
    return read.key


def optional_uuids_of(kind: str, texts: Sequence[str] | None) -> list[UUID] | None:
    """As `uuid_of`, of each; None stays None."""
    return None if texts is None else [uuid_of(kind, text) for text in texts]


def optional_uuid_of(kind: str, text: str | None) -> UUID | None:
    """As `uuid_of`; None stays None."""
    return None if text is None else uuid_of(kind, text)


def _key(kind: str, packed: bytes) -> Key:
    if kind not in _NUMBERED:
        return UUID(bytes=packed)
    if len(packed) != _NUMBER_BYTES:
        raise ValueError(packed)
    number = int.from_bytes(packed)
    if not 0 < number <= _LARGEST_NUMBER:
        raise ValueError(number)
    return number
