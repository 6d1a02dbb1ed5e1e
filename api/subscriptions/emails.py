"""Watching emails on their way."""

from collections.abc import AsyncGenerator, Collection, Sequence
from time import monotonic
from typing import Annotated
from uuid import UUID

import strawberry

from api.context import Context, Info
from api.errors import BadUserInput
from api.fields import subscribes
from api.live.email_feed import Batch, EmailFeed, Happened, replay
from api.types.email_changes import EmailStatusChange, EmailStatusChanges
from api.wanted import wanted_sequence

# Batches that may wait for a subscriber, and changes that are told again to one who comes back.
_MOST_WAITING = 20
MOST_REPLAYED = 2_000
# A subscriber without news of its own is told this often how far the others are.
_NUMBER_EVERY_S = 30.0

SequenceId = Annotated[
    strawberry.ID | None, strawberry.argument(description="Of this sequence alone; all by default.")
]
After = Annotated[
    str | None,
    strawberry.argument(
        description=f"The last `number` that arrived: what has happened since is told first, up to "
        f"{MOST_REPLAYED:,} changes. An EventSource gives it by itself when it connects again."
    ),
]


@strawberry.type
class EmailSubscriptions:
    @subscribes(
        "What happens to emails, some changes at a time: accepted, refused, tried again, given back, "
        "cancelled, settled. At first it tells where it begins. After a reconnection a change may be told "
        "again, with the same event. That an email was taken up, `QUEUED` or `SENDING`, is no event: "
        "`emailsUnderWay` shows it."
    )
    async def email_status_changed(
        self, info: Info, sequence_id: SequenceId = None, after: After = None
    ) -> AsyncGenerator[EmailStatusChanges, None]:
        context, live = info.context, info.context.services.live
        wanted = await wanted_sequence(context.loaders, sequence_id)
        number = _number(after or context.stream.resumes_from)

        def source() -> AsyncGenerator[Batch]:
            return EmailFeed(context.services.database, context.workspace_id).follow(live.changes)

        key = ("emails", context.workspace_id)
        async with live.broadcasts.join(key, source, most=_MOST_WAITING, greet=Batch.greeting) as told:
            begun = await anext(told)
            missed = await _missed(context, number)
            known = {each.event.id for each in missed}
            yield _changes(context, max(begun.number, number or 0), _of(missed, wanted))
            spoke = monotonic()
            async for batch in told:
                changes = _of(batch.happened, wanted, without=known)
                if changes or monotonic() - spoke >= _NUMBER_EVERY_S:
                    spoke = monotonic()
                    yield _changes(context, max(batch.number, number or 0), changes)


def _number(text: str | None) -> int | None:
    if text is None:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise BadUserInput("after: This is no `number` of a change.")
    return int(text)


async def _missed(context: Context, number: int | None) -> Sequence[Happened]:
    if number is None:
        return ()
    missed = await replay(context.services.database, context.workspace_id, number, most=MOST_REPLAYED)
    if missed is None:
        raise BadUserInput(
            f"after: More than {MOST_REPLAYED:,} changes have happened since: read `scheduledEmails` anew by "
            "`updatedSince`, and subscribe without `after`."
        )
    return missed


def _of(
    happened: Sequence[Happened], sequence_id: UUID | None, *, without: Collection[int] = ()
) -> list[Happened]:
    return [
        each
        for each in happened
        if sequence_id in (None, each.email.sequence_id) and each.event.id not in without
    ]


def _changes(context: Context, number: int, happened: Sequence[Happened]) -> EmailStatusChanges:
    context.renew()
    context.stream.number = str(number)
    return EmailStatusChanges(
        number=str(number), changes=[EmailStatusChange.of(each.event, each.email) for each in happened]
    )
