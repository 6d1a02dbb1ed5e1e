"""`Idempotency-Key` of an import: whoever sends a file again is given the answer of the first time."""

import hashlib
import json
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from api.context import Context
from api.idempotency import end, standing
from api.once import Conflict, Once
from api.transfers import answer
from api.uploads import Upload, drained
from persistence.idempotency_keys import Claim, KeptAnswer

# What is answered. Any: JSON.
Told = dict[str, Any]
CarryOut = Callable[[Claim], Awaitable[Told]]


async def once(context: Context, key: str, request: Request, file: Upload, carry_out: CarryOut) -> Response:
    """
    Import *file* by *carry_out*, which keeps its answer under the claim; or answer what is kept under *key*.

    An import that fails leaves the key free: sent again, the file is read again, and nothing doubles.

    Raises:
        Conflict: The key belongs to another request or another file, or that one takes too long.
        UploadEnded: The file that was imported is sent again, and not to its end.
    """
    found = await standing(context, key, _hash(context, request))
    if isinstance(found, KeptAnswer):
        kept = json.loads(found.written)
        async with context.services.importing:
            await drained(file)
        if file.digest() != kept["file"]:
            raise Conflict("This Idempotency-Key was used for another file: take a new one.")
        return answer(kept["answer"], headers={"Idempotent-Replayed": "true"})
    try:
        async with context.services.importing:
            return answer(await carry_out(found))
    except Exception:
        await end(context, Once(found), None)
        raise


def written(told: Told, file: Upload) -> str:
    """What is kept of an answer about *file*, which was read to its end."""
    return json.dumps({"file": file.digest(), "answer": told})


def _hash(context: Context, request: Request) -> bytes:
    """Of who asks for what; the file itself is known when it was read."""
    asked = [context.caller.actor, "POST /imports", request.url.query]
    return hashlib.sha256(json.dumps(asked).encode()).digest()
