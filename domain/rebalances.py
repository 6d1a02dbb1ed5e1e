"""Rebalances as they are promised: for whom, as planned when, and what the plan changed."""

import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from domain.ids import EnrollmentId, MailboxId, SequenceId, WorkspaceId
from domain.signed_texts import InvalidToken, read_signed_text, signed_text

_ID_BYTES = 16
_INSTANT_BYTES = 8
_DIGEST_BYTES = 32
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_CHANGE_BYTES = 16
REBALANCE = bytes(_CHANGE_BYTES)
_NO_SEQUENCE = bytes(_ID_BYTES)
# Binds the signature to this one use of the key.
_PURPOSE = b"drumbeat rebalance 2:"
_CHANGE_PURPOSE = b"drumbeat rehearsed change 1:"


@dataclass(frozen=True, slots=True)
class RebalanceScope:
    """
    One sequence or all; those that *mailbox_ids* have emails of, or everyone when there are none.

    With *enrollment_id* that one alone.
    """

    sequence_id: SequenceId | None = None
    mailbox_ids: tuple[MailboxId, ...] = ()
    enrollment_id: EnrollmentId | None = None


@dataclass(frozen=True, slots=True)
class Promise:
    """
    What a preview promises: the plan of *as_of* for *scope* changes what *digest* (32 bytes) stands for.

    A plan depends on the present, so it is looked at again as of the same instant. *change* (16 bytes) stands
    for the change that was rehearsed, by its name and input; `REBALANCE` is a rebalance.
    """

    scope: RebalanceScope
    as_of: datetime
    digest: bytes
    change: bytes = REBALANCE


def promise_token(key: bytes, *, workspace_id: WorkspaceId, promise: Promise) -> str:
    """An opaque token; the same promise to the same workspace has the same one."""
    scope = promise.scope
    parts = [
        workspace_id.bytes,
        ((promise.as_of - _EPOCH) // _MICROSECOND).to_bytes(_INSTANT_BYTES),
        promise.digest,
        promise.change,
        scope.sequence_id.bytes if scope.sequence_id else _NO_SEQUENCE,
        *(mailbox_id.bytes for mailbox_id in scope.mailbox_ids),
    ]
    return signed_text(key, b"".join(parts), purpose=_PURPOSE)


def read_promise(key: bytes, token: str, *, workspace_id: WorkspaceId) -> Promise:
    """
    Return what *token* promised.

    Raises:
        InvalidToken: If it was not made by `promise_token` for *workspace_id* with the same *key*.
    """
    payload = read_signed_text(key, token, purpose=_PURPOSE)
    given_to, rest = payload[:_ID_BYTES], payload[_ID_BYTES:]
    if given_to != workspace_id.bytes:
        raise InvalidToken
    instant, rest = int.from_bytes(rest[:_INSTANT_BYTES]), rest[_INSTANT_BYTES:]
    digest, rest = rest[:_DIGEST_BYTES], rest[_DIGEST_BYTES:]
    change, rest = rest[:_CHANGE_BYTES], rest[_CHANGE_BYTES:]
    ids = [rest[start : start + _ID_BYTES] for start in range(0, len(rest), _ID_BYTES)]
    return Promise(
        RebalanceScope(
            None if ids[0] == _NO_SEQUENCE else SequenceId(UUID(bytes=ids[0])),
            tuple(MailboxId(UUID(bytes=each)) for each in ids[1:]),
        ),
        as_of=_EPOCH + instant * _MICROSECOND,
        digest=digest,
        change=change,
    )


def change_digest(key: bytes, written: str) -> bytes:
    """What stands for a change *written* out; with *key*, as a token shows it and it may hold a password."""
    text = written.encode(errors="surrogatepass")
    return hmac.digest(key, _CHANGE_PURPOSE + text, "sha256")[:_CHANGE_BYTES]
