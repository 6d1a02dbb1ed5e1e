"""Attempts at emails, put together from what happened in each."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

import strawberry

from api.context import Info
from api.fields import resolves
from api.types.mailbox import Mailbox
from api.types.node import present
from domain.lifecycle import EmailEvent
from persistence.reading.pages import AnyRow

# What ends an attempt; a doubt that is settled, a bounce and a reply come after its end.
_ENDS = frozenset(
    {
        EmailEvent.ACCEPT,
        EmailEvent.RETRY,
        EmailEvent.FAIL,
        EmailEvent.LOSE_SIGHT,
        EmailEvent.RELEASE,
        EmailEvent.RESCUE,
        EmailEvent.CANCEL,
    }
)
_TELLING = _ENDS | {EmailEvent.COMMIT}


@strawberry.type(description="One try to hand an email over to its mailbox's server.")
class EmailAttempt:
    number: int = strawberry.field(description="From 1 on; it only grows.")
    began_at: datetime = strawberry.field(
        description="When it began; of all but the last one, when something was first written of it."
    )
    ended_at: datetime | None = strawberry.field(default=None, description="When it ended, if it did.")
    outcome: EmailEvent | None = strawberry.field(
        default=None, description="How it ended; null while it is under way."
    )
    code: int | None = strawberry.field(default=None, description="The server's reply code, if it gave one.")
    reply: str | None = strawberry.field(default=None, description="What the server said, or what kept it.")
    mailbox_id: strawberry.Private[UUID | None] = None

    @resolves("The mailbox that it was made from.")
    async def mailbox(self, info: Info) -> Mailbox | None:
        if self.mailbox_id is None:
            return None
        return Mailbox.of(present(await info.context.loaders.mailboxes.load(self.mailbox_id)))


def attempts_of(
    events: Iterable[AnyRow], *, latest: int, latest_at: datetime | None, mailbox_id: UUID | None
) -> list[EmailAttempt]:
    """
    The attempts that *events* of one email, in their order, tell of.

    That one begins is written in its email alone, which knows of the *latest*, and from which mailbox.
    """
    attempts: dict[int, EmailAttempt] = {}
    for event in events:
        # What is given back before its first attempt has the number 0.
        if event.attempt == 0 or event.kind not in _TELLING:
            continue
        attempt = attempts.setdefault(
            event.attempt,
            EmailAttempt(number=event.attempt, began_at=event.at, mailbox_id=event.mailbox_id),
        )
        if attempt.outcome is None and event.kind in _ENDS:
            attempt.ended_at, attempt.outcome = event.at, EmailEvent(event.kind)
            attempt.code, attempt.reply = event.code, event.reply or event.cause
    if latest and latest_at is not None:
        begun = EmailAttempt(number=latest, began_at=latest_at, mailbox_id=mailbox_id)
        attempts.setdefault(latest, begun).began_at = latest_at
    return list(attempts.values())
