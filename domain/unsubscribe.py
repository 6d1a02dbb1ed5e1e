"""The tokens in unsubscribe links: they say who leaves what, and cannot be guessed or changed."""

from dataclasses import dataclass
from uuid import UUID

from domain.ids import ContactId, SequenceId, WorkspaceId
from domain.signed_texts import InvalidToken, read_signed_text, signed_text

# What the key of the links is derived for: those who write them and those who read them need the same one.
KEY_PURPOSE = "unsubscribe"
_ID_BYTES = 16
# Binds the signature to this one use of the key.
_PURPOSE = b"drumbeat unsubscribe 1:"


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
    return signed_text(key, ids, purpose=_PURPOSE)


def read_token(key: bytes, token: str) -> UnsubscribeToken:
    """
    Return what *token* says.

    Raises:
        InvalidToken: If it was not made by `unsubscribe_token` with the same *key*, character by character.
    """
    ids = read_signed_text(key, token, purpose=_PURPOSE)
    if len(ids) not in (2 * _ID_BYTES, 3 * _ID_BYTES):
        raise InvalidToken
    workspace, contact, sequence = ids[:_ID_BYTES], ids[_ID_BYTES : 2 * _ID_BYTES], ids[2 * _ID_BYTES :]
    return UnsubscribeToken(
        workspace_id=WorkspaceId(UUID(bytes=workspace)),
        contact_id=ContactId(UUID(bytes=contact)),
        sequence_id=SequenceId(UUID(bytes=sequence)) if sequence else None,
    )
