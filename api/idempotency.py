"""`Idempotency-Key`: who asks for a mutation again is given the answer of the first time."""

import asyncio
import hashlib
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace

from api.context import Context
from api.errors import BadUserInput
from api.graphql_request import GraphQLRequest
from api.once import Conflict, Once
from persistence.idempotency_keys import (
    Claim,
    KeptAnswer,
    UnderWay,
    UsedOtherwise,
    claim,
    give_up,
    keep_answer,
)

# Longer than an execution may take.
_PATIENCE_S = 15.0
_PAUSES_S = (0.02, 0.05, 0.1, 0.2, 0.4)
# Visible ASCII, with the quotes of a structured field (RFC 9651 §3.3.3) or without them.
_KEY = re.compile(r'"([!#-\[\]-~ ]{1,255})"|([!#-~]{1,255})')


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered, as JSON; *is_replayed* when it is that of an earlier time."""

    status: int
    written: str
    is_executed: bool = False
    has_errors: bool = False
    is_replayed: bool = False


Execute = Callable[[Context], Awaitable[Answer]]


def idempotency_key(headers: Mapping[str, str]) -> str | None:
    """
    The key that the request has, if any (draft-ietf-httpapi-idempotency-key-header).

    Raises:
        BadUserInput: It is empty, too long, or not visible ASCII.
    """
    given = headers.get("idempotency-key")
    if given is None:
        return None
    read = _KEY.fullmatch(given.strip())
    if read is None:
        raise BadUserInput("An Idempotency-Key has 1 to 255 characters of visible ASCII, like a UUID.")
    return read[1] or read[2]


async def once(context: Context, key: str, asked: GraphQLRequest, execute: Execute) -> Answer:
    """
    Carry out what is *asked*, unless it was carried out under *key* already.

    Whoever asks while it is carried out waits for that answer.

    Raises:
        Conflict: The key belongs to another request, or that one takes too long.
    """
    found = await standing(context, key, _hash(context, asked))
    if isinstance(found, KeptAnswer):
        return Answer(200, found.written, is_replayed=True)
    carried_out = Once(found)
    try:
        answer = await execute(replace(context, once=carried_out))
    except Exception:
        await end(context, carried_out, None)
        raise
    # What failed without having done anything may be tried again.
    is_kept = answer.is_executed and (carried_out.done or not answer.has_errors)
    await end(context, carried_out, answer.written if is_kept else None)
    return answer


async def standing(context: Context, key: str, request_hash: bytes) -> Claim | KeptAnswer:
    """
    The claim on the request with *request_hash*, or what is kept of it; waits while it is carried out.

    Raises:
        Conflict: The key belongs to another request, or that one takes too long.
    """
    pauses = iter(_PAUSES_S)
    patience = asyncio.get_running_loop().time() + _PATIENCE_S
    while True:
        async with context.transaction() as conn:
            found = await claim(conn, context.workspace_id, key, request_hash)
        if isinstance(found, UsedOtherwise):
            raise Conflict("This Idempotency-Key was used for another request: take a new one.")
        if not isinstance(found, UnderWay):
            return found
        if asyncio.get_running_loop().time() > patience:
            raise Conflict("The request with this Idempotency-Key is still being carried out; ask again.")
        await asyncio.sleep(next(pauses, _PAUSES_S[-1]))


async def end(context: Context, carried_out: Once, written: str | None) -> None:
    """Keep what is *written* as the answer; None lets the next try begin at once."""
    async with context.transaction() as conn:
        if written is None:
            await give_up(conn, carried_out.claim)
        else:
            await keep_answer(conn, carried_out.claim, carried_out.without_secrets(written))


def _hash(context: Context, asked: GraphQLRequest) -> bytes:
    """Of who asks for what: nobody is answered what somebody else may be told."""
    request = [context.caller.actor, asked.query, asked.variables, asked.operation_name]
    return hashlib.sha256(json.dumps(request, sort_keys=True).encode()).digest()
