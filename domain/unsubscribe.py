"""The tokens in unsubscribe links: they say who leaves what, and cannot be guessed or changed."""

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass
from uuid import UUID

from domain.ids import ContactId, SequenceId, WorkspaceId

_MAC_BYTES = 16
_ID_BYTES = 16
# Binds the signature to this one use of the key.
_PURPOSE = b"drumbeat unsubscribe 1:"


class InvalidToken(Exception):
    """The text is no token of ours, or was changed on the way."""


@dataclass(frozen=True, slots=True)
class UnsubscribeToken:
    """Who leaves what; without a sequence, everything the workspace sends."""

    workspace_id: WorkspaceId
    contact_id: ContactId
    sequence_id: SequenceId | None


def unsubscribe_token(key: bytes, *, workspace_id: UUID, contact_id: UUID, sequence_id: UUID | None) -> str:
    """
    Return an opaque token of 64 or 86 URL-safe characters for `List-Unsubscribe` (RFC 8058 §3.1).

    It holds ids only, never an address, and stays valid as long as *key* does.
    """
    ids = workspace_id.bytes + contact_id.bytes + (sequence_id.bytes if sequence_id else b"")
    return base64.urlsafe_b64encode(ids + _signature(key, ids)).rstrip(b"=").decode("ascii")


def read_token(key: bytes, token: str) -> UnsubscribeToken:
    """
    Return what *token* says.

    Raises:
        InvalidToken: If it was not made by `unsubscribe_token` with the same *key*, character by character.
    """
    signed = _decoded(token)
    ids, signature = signed[:-_MAC_BYTES], signed[-_MAC_BYTES:]
    if len(ids) not in (2 * _ID_BYTES, 3 * _ID_BYTES) or not hmac.compare_digest(
        signature, _signature(key, ids)
    ):
        raise InvalidToken
    workspace, contact, sequence = ids[:_ID_BYTES], ids[_ID_BYTES : 2 * _ID_BYTES], ids[2 * _ID_BYTES :]
    return UnsubscribeToken(
        workspace_id=WorkspaceId(UUID(bytes=workspace)),
        contact_id=ContactId(UUID(bytes=contact)),
        sequence_id=SequenceId(UUID(bytes=sequence)) if sequence else None,
    )


def _signature(key: bytes, ids: bytes) -> bytes:
    return hmac.new(key, _PURPOSE + ids, hashlib.sha256).digest()[:_MAC_BYTES]


def _decoded(token: str) -> bytes:
    padding = "=" * (-len(token) % 4)
    try:
        signed = base64.b64decode(token + padding, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidToken from error
    # The last character of base64 has spare bits: one token, one spelling.
    if base64.urlsafe_b64encode(signed).decode("ascii") != token + padding:
        raise InvalidToken
    return signed
