"""Forecasts: when a sequence is done, how full its mailboxes get, and what would make a deadline."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Self, TypeVar
from uuid import UUID

import strawberry

from api.context import Info
from api.errors import BadUserInput
from api.fields import resolves
from api.forecasting import Outlook
from api.types.mailbox import MOST_DAYS, Mailbox
from api.types.node import present
from api.types.unplaced_count import UnplacedCount
from domain.deadline import Fix, Punctuality
from domain.forecast import DayLoad, MailboxForecast
from domain.mailboxes import UNLIMITED
from domain.what_if import is_imaginary

# Of each of a thousand mailboxes.
MOST_DAYS_OF_EACH = 92
MOST_MAILBOXES = 1_000
Listed = TypeVar("Listed")
First = Annotated[int, strawberry.argument(description=f"How many days with emails, at most {MOST_DAYS}.")]
FirstOfEach = Annotated[
    int, strawberry.argument(description=f"How many days with emails, at most {MOST_DAYS_OF_EACH}.")
]
FirstMailboxes = Annotated[
    int, strawberry.argument(description=f"How many mailboxes, at most {MOST_MAILBOXES}.")
]


def _first(listed: Sequence[Listed], first: int, *, most: int) -> Sequence[Listed]:
    if not 1 <= first <= most:
        raise BadUserInput(f"first: It is a number from 1 to {most}.")
    return listed[:first]


@strawberry.type(description="Emails of a forecast that leave on one day.")
class ForecastDay:
    day: date = strawberry.field(description="The day; days without an email are left out.")
    emails: int = strawberry.field(description="Emails that leave if nobody replies.")
    expected_emails: float | None = strawberry.field(
        description="Emails to expect at the reply rate; null when none was given."
    )


@strawberry.type(description="What one mailbox sends of a forecast, by its own local days.")
class ForecastMailbox:
    found: strawberry.Private[MailboxForecast]
    has_reply_rate: strawberry.Private[bool]

    @resolves("The mailbox; null for one that would be added.")
    async def mailbox(self, info: Info) -> Mailbox | None:
        if is_imaginary(self.found.mailbox):
            return None
        key: UUID = self.found.mailbox.id
        return Mailbox.of(present(await info.context.loaders.mailboxes.load(key)))

    @resolves(
        "Its daily capacity in this forecast, a ramp aside; null is unlimited, which a mailbox has as 0."
    )
    def daily_capacity(self) -> int | None:
        capacity = self.found.mailbox.daily_capacity
        return None if capacity == UNLIMITED else capacity

    @resolves("How many emails of the sequence it sends.")
    def emails(self) -> int:
        return sum(load.emails for load in self.found.days)

    @resolves("The first day on which it is full, other sequences included; null if none is.")
    def full_on(self) -> date | None:
        return self.found.full_on

    @resolves("Its days with emails of the sequence, soonest first.")
    def days(self, first: FirstOfEach = 31) -> list[ForecastDay]:
        listed = _first(self.found.days, first, most=MOST_DAYS_OF_EACH)
        return _days(listed, has_reply_rate=self.has_reply_rate)


@strawberry.type(description="A change that suffices to make a deadline.")
class DeadlineFix:
    amount: int = strawberry.field(description="The number that suffices.")
    is_smallest: bool = strawberry.field(
        description="Whether one less is known not to; large sequences are not searched to the end."
    )

    @classmethod
    def of(cls, fix: Fix | None) -> Self | None:
        return None if fix is None else cls(amount=fix.amount, is_smallest=fix.is_smallest)


@strawberry.type(description="A forecast held against a deadline.")
class ForecastDeadline:
    deadline: date = strawberry.field(
        description="The last day on which emails may leave, in the sequence's zone."
    )
    is_met: bool = strawberry.field(description="Whether every email leaves by then.")
    days_late: int | None = strawberry.field(
        description="Calendar days from the deadline to completion, 0 if met; null if emails have no time."
    )
    sending_days: int = strawberry.field(description="Days with an open window, from today to the deadline.")
    needed_per_day: int | None = strawberry.field(
        description="All emails spread over the sending days, rounded up; null if there is no such day."
    )
    available_per_day: int | None = strawberry.field(
        description="What its mailboxes have left on such days, on average; null if unlimited or no such day."
    )
    more_mailboxes: DeadlineFix | None = strawberry.field(
        description="How many mailboxes more make it, like the present ones; null if met, or none would."
    )
    daily_capacity: DeadlineFix | None = strawberry.field(
        description="Which daily capacity of each mailbox makes it instead; null if met, or none would."
    )

    @classmethod
    def of(cls, found: Punctuality) -> Self:
        return cls(
            deadline=found.deadline,
            is_met=found.is_met,
            days_late=found.days_late,
            sending_days=found.sending_days,
            needed_per_day=found.needed_per_day,
            available_per_day=found.available_per_day,
            more_mailboxes=DeadlineFix.of(found.more_mailboxes),
            daily_capacity=DeadlineFix.of(found.daily_capacity),
        )


@strawberry.type(
    description="What becomes of a sequence, planned in full: exact if nobody replies and nothing fails."
)
class Forecast:
    outlook: strawberry.Private[Outlook]
    contacts: int = strawberry.field(description="Contacts with emails to come; those on hold are left out.")
    emails: int = strawberry.field(description="Emails that leave if nobody replies.")
    expected_emails: float | None = strawberry.field(
        description="Emails to expect at the reply rate r: over all steps, contacts × (1 − r)^(step − 1), "
        "a step counted from each contact's next one. Null when no rate was given."
    )
    completes_at: datetime | None = strawberry.field(
        description="When the last email leaves; null if none is left, or some have no time."
    )
    completes_on: date | None = strawberry.field(description="The day of that, in the sequence's zone.")
    unplaced: list[UnplacedCount] = strawberry.field(description="Emails that have no time, by reason.")
    deadline: ForecastDeadline | None = strawberry.field(
        description="How the deadline is met; null when none was given."
    )

    @resolves("Days with emails, in the sequence's zone, soonest first.")
    def days(self, first: First = 31) -> list[ForecastDay]:
        listed = _first(self.outlook.forecast.days, first, most=MOST_DAYS)
        return _days(listed, has_reply_rate=self._has_reply_rate)

    @resolves("Its mailboxes, oldest first, those that would be added last.")
    def mailboxes(self, first: FirstMailboxes = 100) -> list[ForecastMailbox]:
        return [
            ForecastMailbox(found=each, has_reply_rate=self._has_reply_rate)
            for each in _first(self.outlook.forecast.mailboxes, first, most=MOST_MAILBOXES)
        ]

    @property
    def _has_reply_rate(self) -> bool:
        return self.outlook.asked.reply_rate is not None

    @classmethod
    def of(cls, outlook: Outlook) -> Self:
        found = outlook.forecast
        return cls(
            outlook=outlook,
            contacts=found.contacts,
            emails=found.emails,
            expected_emails=None if outlook.asked.reply_rate is None else round(found.expected_emails, 2),
            completes_at=found.completes_at,
            completes_on=found.completes_on,
            unplaced=UnplacedCount.by_reason(found.unplaced),
            deadline=None if outlook.punctuality is None else ForecastDeadline.of(outlook.punctuality),
        )


def _days(days: Sequence[DayLoad], *, has_reply_rate: bool) -> list[ForecastDay]:
    return [
        ForecastDay(
            day=load.day,
            emails=load.emails,
            expected_emails=round(load.expected_emails, 2) if has_reply_rate else None,
        )
        for load in days
    ]
