"""Idempotency keys: a mutation is carried out once, and whoever asks again is given the same answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeAlias
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, Interval, delete, func, literal, text, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.ids import WorkspaceId
from persistence.ids import uuid7
from persistence.tables import idempotency_keys

KEPT = timedelta(hours=24)
# Longer than any execution may take; whoever is overtaken all the same can commit nothing any more.
CLAIMED = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Claim:
    """
    The right to carry a request out. *done* is what an earlier try committed: by response key the id of the
    thing that it was done to, or None.
    """

    workspace_id: WorkspaceId
    key: str
    number: UUID
    done: Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """What was answered the first time, as it was written."""

    written: str


@dataclass(frozen=True, slots=True)
class UnderWay:
    """Another try carries the request out at this moment."""


@dataclass(frozen=True, slots=True)
class UsedOtherwise:
    """The key belongs to another request."""


class ClaimLost(Exception):
    """Another try has taken the request over, so this one may commit nothing."""


Standing: TypeAlias = Claim | KeptAnswer | UnderWay | UsedOtherwise


async def claim(conn: AsyncConnection, workspace_id: WorkspaceId, key: str, request_hash: bytes) -> Standing:
    """Take the request of *key* to be carried out; or how it stands, when there is nothing to take."""
    given = {"workspace_id": workspace_id, "key": key, "request_hash": request_hash}
    # Looked at first: taking waits for a mutation that is about to commit, with a connection in hand.
    found = (await conn.execute(_LOOK, given)).one_or_none()
    if found is None or found.is_free:
        taking = given | {"id": uuid7(), "claim": uuid4(), "claimed": CLAIMED, "kept": KEPT}
        taken = (await conn.execute(_TAKE, taking)).one_or_none()
        if taken is not None:
            return Claim(workspace_id, key, taken.claim, taken.done)
        found = (await conn.execute(_LOOK, given)).one_or_none()
    if found is None:
        return UnderWay()
    if not found.is_same:
        return UsedOtherwise()
    return UnderWay() if found.answer is None else KeptAnswer(found.answer)


# A transaction's now() is its beginning: long before, for one that waited.
_LOOK = text("""
SELECT answer, request_hash = :request_hash AS is_same,
    expires_at <= clock_timestamp()
        OR (request_hash = :request_hash AND answer IS NULL AND claimed_until <= clock_timestamp()) AS is_free
FROM idempotency_keys WHERE workspace_id = :workspace_id AND key = :key
""")

_TAKE = text("""
INSERT INTO idempotency_keys AS k (id, workspace_id, key, request_hash, claim, claimed_until, expires_at)
VALUES (:id, :workspace_id, :key, :request_hash, :claim, clock_timestamp() + :claimed, now() + :kept)
ON CONFLICT (workspace_id, key) DO UPDATE SET
    request_hash = excluded.request_hash,
    claim = excluded.claim,
    claimed_until = excluded.claimed_until,
    done = CASE WHEN k.expires_at <= clock_timestamp() THEN '{}' ELSE k.done END,
    answer = NULL,
    expires_at = CASE WHEN k.expires_at <= clock_timestamp() THEN excluded.expires_at ELSE k.expires_at END,
    updated_at = now()
WHERE k.expires_at <= clock_timestamp()
    OR (k.request_hash = excluded.request_hash AND k.answer IS NULL
        AND k.claimed_until <= clock_timestamp())
RETURNING claim, done
""")


async def note_done(conn: AsyncConnection, claim: Claim, response_key: str, object_id: str | None) -> None:
    """
    Note that the mutation at *response_key* is done, to the thing with *object_id*, in its own transaction.

    Raises:
        ClaimLost: The claim is somebody else's now.
    """
    noted = await conn.execute(
        update(idempotency_keys)
        .where(*_is(claim))
        .values(done=idempotency_keys.c.done + literal({response_key: object_id}, JSONB))
    )
    if noted.rowcount != 1:
        raise ClaimLost


async def go_on(conn: AsyncConnection, claim: Claim) -> None:
    """
    Hold the claim for as long again, with a part of what is carried out, in its own transaction.

    Raises:
        ClaimLost: The claim is somebody else's now.
    """
    held = await conn.execute(
        update(idempotency_keys)
        .where(*_is(claim))
        .values(claimed_until=func.clock_timestamp() + literal(CLAIMED, Interval))
    )
    if held.rowcount != 1:
        raise ClaimLost


async def keep_answer(conn: AsyncConnection, claim: Claim, written: str) -> None:
    """Give *written* to whoever asks again, unless another try has taken the request over."""
    await conn.execute(update(idempotency_keys).where(*_is(claim)).values(answer=written))


async def give_up(conn: AsyncConnection, claim: Claim) -> None:
    """Let the next try begin at once; a key under which nothing was done belongs to no request any more."""
    await conn.execute(
        delete(idempotency_keys).where(*_is(claim), idempotency_keys.c.done == literal({}, JSONB))
    )
    await conn.execute(update(idempotency_keys).where(*_is(claim)).values(claimed_until=func.now()))


def _is(claim: Claim) -> tuple[ColumnElement[bool], ...]:
    of = idempotency_keys.c
    return (of.workspace_id == claim.workspace_id, of.key == claim.key, of.claim == claim.number)


async def forget_expired(conn: AsyncConnection) -> int:
    """Delete the keys whose time is over, in real time."""
    forgotten = await conn.execute(
        delete(idempotency_keys).where(idempotency_keys.c.expires_at <= func.now())
    )
    return forgotten.rowcount
