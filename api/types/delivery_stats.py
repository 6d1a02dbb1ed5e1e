"""How emails ended."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import date, timedelta
from typing import Annotated, Self, TypeAlias
from uuid import UUID

import strawberry

from api.errors import BadUserInput
from api.fields import resolves
from api.loaders import Loaders
from api.types.queue_stats import share
from persistence.reading.pages import AnyRow

DELIVERED = ("sent", "failed", "retried", "bounced", "refused")
"""The figures that are counted, by name."""
FIRST_DAY = date(1, 1, 1)
LAST_DAY = date(9999, 12, 31)
MOST_DAYS = 366
# Where nobody said how many.
FEW_DAYS = 31

From = Annotated[
    date | None,
    strawberry.argument(
        name="from", description="The first day, by each mailbox's zone; without it, of ever."
    ),
]
To = Annotated[
    date | None, strawberry.argument(description="The last day, which is included; without it, up to now.")
]


def span_of(first: date | None, last: date | None) -> tuple[date, date]:
    """
    The days that are asked for.

    Raises:
        BadUserInput: They end before they begin.
    """
    span = (first or FIRST_DAY, last or LAST_DAY)
    if span[0] > span[1]:
        raise BadUserInput("to: It is before `from`; give a later day.")
    return span


Daily: TypeAlias = Callable[[], Awaitable[Mapping[date, AnyRow]]]
"""What reads the figures by day; a day on which nothing happened may be left out."""


@strawberry.type(description="How emails ended.")
class _Figures:
    sent: int = strawberry.field(description="Emails accepted.", default=0)
    failed: int = strawberry.field(description="Emails given up.", default=0)
    retried: int = strawberry.field(
        description="Emails that needed a retry, by the day of the first one.", default=0
    )
    bounced: int = strawberry.field(
        description="Emails to addresses that do not exist, or whose mailbox stayed full.", default=0
    )
    refused: int = strawberry.field(
        description="Emails refused by policy: for whom they come from, or as spam.", default=0
    )

    @resolves("Of the emails that ended, the share that was accepted, from 0 to 1; null of none.")
    def success_rate(self) -> float | None:
        return share(self.sent, self.sent + self.failed)

    @resolves("Bounces per email that ended, from 0 to 1; null of none.")
    def bounce_rate(self) -> float | None:
        return share(self.bounced, self.sent + self.failed)


def _figures(row: AnyRow | None) -> dict[str, int]:
    return {} if row is None else {name: row._mapping[name] for name in DELIVERED}


@strawberry.type(description="How emails ended on one day.")
class DeliveryDay(_Figures):
    day: date = strawberry.field(description="The day, by each mailbox's zone.")


@strawberry.type(
    description="How emails ended on some days, each mailbox's days by its own zone. Of a sequence, an email "
    "counts as it is now, on the day of its last attempt."
)
class DeliveryStats(_Figures):
    span: strawberry.Private[tuple[date, date]]
    daily: strawberry.Private[Daily]

    @classmethod
    async def of_mailbox(cls, loaders: Loaders, mailbox_id: UUID, span: tuple[date, date]) -> Self:
        asked = (mailbox_id, *span)
        return cls.of(await loaders.deliveries.load(asked), span, lambda: loaders.used_days.load(asked))

    @classmethod
    async def of_sequence(cls, loaders: Loaders, sequence_id: UUID, span: tuple[date, date]) -> Self:
        asked = (sequence_id, *span)
        row = await loaders.deliveries_of_sequence.load(asked)
        return cls.of(row, span, lambda: loaders.delivery_days_of_sequence.load(asked))

    @classmethod
    def of(cls, row: AnyRow, span: tuple[date, date], daily: Daily) -> Self:
        return cls(**_figures(row), span=span, daily=daily)

    @resolves(
        "The same by day, the first one first, those without an email too: at most"
        f" {MOST_DAYS}. Without `from` or `to` the last {FEW_DAYS} up to the latest that has one."
    )
    async def days(self) -> list[DeliveryDay]:
        first, last = self.span
        is_open = FIRST_DAY in self.span or LAST_DAY in self.span
        if not is_open and (last - first).days >= MOST_DAYS:
            raise BadUserInput(f"from: Days are told of at most {MOST_DAYS}; give a later day.")
        found = await self.daily()
        if is_open and not found:
            return []
        if is_open:
            first, last = max(first, min(found)), min(last, max(found))
            first = max(first, last - timedelta(days=FEW_DAYS - 1))
        wanted = [first + timedelta(days=ahead) for ahead in range((last - first).days + 1)]
        return [DeliveryDay(**_figures(found.get(day)), day=day) for day in wanted]
