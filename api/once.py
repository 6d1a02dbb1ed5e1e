"""A request that is carried out once: what its mutations note in their transactions."""

import json

from sqlalchemy.ext.asyncio import AsyncConnection

from api.errors import ErrorCode, Refused
from persistence.idempotency_keys import Claim, ClaimLost, note_done


class Conflict(Refused):
    def __init__(self, message: str) -> None:
        super().__init__(ErrorCode.CONFLICT, message)


class AlreadyDone(Refused):
    """An earlier try did it, and ended before its answer was kept; *object_id* is what it was done to."""

    def __init__(self, object_id: str | None) -> None:
        message = "An earlier try has done this, and its answer is lost: "
        message += "look for what it made." if object_id is None else "read the thing with `objectId`."
        super().__init__(ErrorCode.ALREADY_DONE, message)
        self.extensions = {"code": str(ErrorCode.ALREADY_DONE), "objectId": object_id}


class Once:
    """The claim on a request, and what becomes of it while it is carried out."""

    def __init__(self, claim: Claim) -> None:
        self.claim = claim
        self.done: set[str] = set()
        self._response_key = ""
        self._secrets: list[str] = []

    def begin(self, response_key: str) -> None:
        """
        Begin the mutation that is answered at *response_key*; they follow one another (GraphQL §6.2.2).

        Raises:
            AlreadyDone: An earlier try has done it.
        """
        if response_key in self.claim.done:
            raise AlreadyDone(self.claim.done[response_key])
        self._response_key = response_key

    async def note_done(self, conn: AsyncConnection, object_id: str | None) -> None:
        """Note in the mutation's transaction that it is done, to the thing with *object_id* if to one."""
        try:
            await note_done(conn, self.claim, self._response_key, object_id)
        except ClaimLost:
            raise Conflict("Another try with the same Idempotency-Key has taken over.") from None
        self.done.add(self._response_key)

    def keep_out(self, secret: str) -> None:
        """Whoever asks again is given null in the place of *secret*, which is shown once."""
        self._secrets.append(secret)

    def without_secrets(self, written: str) -> str:
        """*written*, JSON, as it may be kept."""
        for secret in self._secrets:
            written = written.replace(json.dumps(secret), "null")
        return written
