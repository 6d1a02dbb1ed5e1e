"""How emails ended."""

from datetime import date
from typing import Annotated, Self

import strawberry

from api.errors import BadUserInput
from api.fields import resolves
from api.types.queue_stats import share
from persistence.reading.pages import AnyRow

DELIVERED = ("sent", "failed", "retried", "bounced", "refused")
"""The figures that are counted, by name."""
FIRST_DAY = date(1, 1, 1)
LAST_DAY = date(9999, 12, 31)

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


@strawberry.type(
    description="How emails ended on some days, each mailbox's days by its own zone. Of a sequence, an email "
    "counts as it is now, on the day of its last attempt."
)
class DeliveryStats:
    sent: int = strawberry.field(description="Emails accepted.")
    failed: int = strawberry.field(description="Emails given up.")
    retried: int = strawberry.field(description="Emails that needed a retry, by the day of the first one.")
    bounced: int = strawberry.field(
        description="Emails to addresses that do not exist, or whose mailbox stayed full."
    )
    refused: int = strawberry.field(
        description="Emails refused by policy: for whom they come from, or as spam."
    )

    @classmethod
    def of(cls, row: AnyRow) -> Self:
        return cls(**{name: row._mapping[name] for name in DELIVERED})

    @resolves("Of the emails that ended, the share that was accepted, from 0 to 1; null of none.")
    def success_rate(self) -> float | None:
        return share(self.sent, self.sent + self.failed)

    @resolves("Bounces per email that ended, from 0 to 1; null of none.")
    def bounce_rate(self) -> float | None:
        return share(self.bounced, self.sent + self.failed)
