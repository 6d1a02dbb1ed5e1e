"""Mailboxes, and how full each of their days is."""

from datetime import date, datetime, time, timedelta
from functools import cached_property
from typing import Annotated, Any, Self

import strawberry
from typing_extensions import override

from api.context import Info
from api.errors import BadUserInput
from api.fields import resolves
from api.inputs.policies import InDoubtPolicy
from api.login_vocabulary import Authentication, OAuthProvider
from api.scalars import EmailAddress, TimeZone
from api.types.alert import Alert
from api.types.delivery_stats import DeliveryStats, span_of
from api.types.delivery_stats import From as StatsFrom
from api.types.delivery_stats import To as StatsTo
from api.types.mailbox_health import MailboxCircuit, MailboxHealth
from api.types.mailbox_limits import MailboxRamp, SlidingWindow
from api.types.nested_lists import Emails, Sequences, lists_emails, lists_sequences
from api.types.node import Node
from api.types.send_window import SendWindow, send_window
from domain.alerts import RATED
from domain.circuit import Circuit
from domain.credentials import authentication
from domain.lifecycle import MailboxStatus
from domain.mailboxes import UNLIMITED, Security
from domain.mailboxes import Mailbox as PlannedMailbox
from domain.send_window import instant
from persistence.planning_terms import mailbox_of
from persistence.reading.pages import AnyRow
from persistence.tables import scheduled_emails

MOST_DAYS = 366


@strawberry.type(description="One local day of a mailbox: what it may send, what is planned, what was used.")
class MailboxDay:
    day: date = strawberry.field(description="The day, in the mailbox's zone.")
    capacity: int | None = strawberry.field(
        description="Emails that may leave; null is unlimited, which a mailbox has as 0."
    )
    planned: int = strawberry.field(description="Emails that have a time on this day and have not left.")
    used: int = strawberry.field(
        description="Emails taken up for sending on this day: under way, sent, or in doubt."
    )
    sent: int = strawberry.field(description="Emails that the server accepted.")
    failed: int = strawberry.field(description="Emails given up for good.")
    bounced: int = strawberry.field(
        description="Emails to addresses that do not exist, or whose mailbox stayed full."
    )
    refused: int = strawberry.field(
        description="Emails refused by policy: for whom they come from, or as spam."
    )
    remaining: int | None = strawberry.field(
        description="Emails that still fit beside those planned and used; null is unlimited. From today on 0 "
        "while the mailbox does not send."
    )
    exhausted_at: datetime | None = strawberry.field(
        description="When the last email leaves that fits, or left; null while there is room."
    )
    resets_at: datetime = strawberry.field(
        description="When the next day begins, and with it a new capacity: midnight in the mailbox's zone."
    )


Days = Annotated[int, strawberry.argument(description=f"How many days, at most {MOST_DAYS}.")]
From = Annotated[
    date | None,
    strawberry.argument(name="from", description="The first day; today in the mailbox's zone by default."),
]


@strawberry.type(description="An address that emails leave from, and the server that takes them.")
class Mailbox(Node):
    name: str = strawberry.field(description="Its name, for people.")
    from_name: str = strawberry.field(description="The name that recipients see; may be empty.")
    email: EmailAddress = strawberry.field(description="The address that recipients see.")
    username: str | None = strawberry.field(
        description="The name to log in with; null sends without a login."
    )
    authentication: Authentication = strawberry.field(description="How it logs in.")
    oauth_provider: OAuthProvider | None = strawberry.field(
        description="Who issues its access tokens, if it logs in by OAuth."
    )
    owner: str | None = strawberry.field(description="Whose mailbox it is, if noted.")
    provider: str | None = strawberry.field(description="Who runs it, if noted.")
    status: MailboxStatus = strawberry.field(description="Whether it can send.")
    status_reason: str | None = strawberry.field(description="Why it has this status, as its server said it.")
    blocked_until: datetime | None = strawberry.field(description="When a blocked mailbox is tried again.")
    zone: TimeZone = strawberry.field(
        description="The zone whose midnight begins the day that capacity counts in."
    )
    host: str = strawberry.field(description="The server that takes its emails.")
    port: int = strawberry.field(description="The port of the server.")
    security: Security = strawberry.field(description="How the connection is protected.")
    daily_capacity: int = strawberry.field(
        description="Emails per local day; 0 is unlimited, for which its days and forecasts have null."
    )
    minimum_gap_seconds: int = strawberry.field(description="Least number of seconds between two emails.")
    hourly_limit: int | None = strawberry.field(description="Most emails within an hour; null is unlimited.")
    rolling_24h_limit: int | None = strawberry.field(
        description="Most emails within any 24 hours; null is unlimited."
    )
    recipient_domain_daily_cap: int | None = strawberry.field(
        description="Most emails per local day to the addresses of one domain; null is unlimited."
    )
    jitter_percent: int = strawberry.field(
        description="How much later than its slot an email may leave, as a percentage of the time between "
        "two slots that the gap does not need."
    )
    day_variation_percent: int = strawberry.field(
        description="By how many percent the capacity of a day may be lower."
    )
    in_doubt_policy: InDoubtPolicy = strawberry.field(
        description="How to go on after an email of which nobody knows whether it arrived."
    )
    version: int = strawberry.field(description="Grows with every change; give it back as `expectedVersion`.")
    removed_at: datetime | None = strawberry.field(description="When it was taken out of use, if it was.")
    created_at: datetime = strawberry.field(description="When it was added.")
    updated_at: datetime = strawberry.field(description="When it was last changed.")
    sequences: Sequences = lists_sequences(
        "The sequences that it may send, by when they were made; batches are not among them."
    )
    scheduled_emails: Emails = lists_emails(
        "All emails that leave from it: planned, sent, and whatever else became of them.",
        of=scheduled_emails.c.mailbox_id,
    )
    stored_hours: strawberry.Private[dict[str, Any] | None]
    host_circuit: strawberry.Private[Circuit]
    host_error: strawberry.Private[str | None]

    @override
    @classmethod
    def of(cls, row: AnyRow, **derived: object) -> Self:
        provider = None if row.oauth_provider is None else OAuthProvider(row.oauth_provider)
        derived |= {
            "authentication": authentication(row.username, provider),
            "oauth_provider": provider,
            "minimum_gap_seconds": row.minimum_gap_s,
            "stored_hours": row.working_hours,
            "host_circuit": Circuit(row.host_troubles, row.host_rests_until),
        }
        return super().of(row, **derived)

    @cached_property
    def planned(self) -> PlannedMailbox:
        """As planning sees it."""
        return mailbox_of(self.row)

    @resolves("How its capacity grows from day to day; null if it does not.")
    def ramp(self) -> MailboxRamp | None:
        return MailboxRamp.of(self.row)

    @resolves("A further limit, such as a provider's on some hours; null if it has none.")
    def sliding_window(self) -> SlidingWindow | None:
        return SlidingWindow.of(self.row)

    @resolves("When it sends, in its zone and within every send window; null is any time.")
    def working_hours(self) -> SendWindow | None:
        return send_window(self.stored_hours)

    @resolves("How it goes with its server.")
    async def circuit(self, info: Info) -> MailboxCircuit:
        return MailboxCircuit(
            state=self.host_circuit.state(await info.context.now()),
            troubles=self.host_circuit.troubles,
            until=self.host_circuit.rests_until,
            last_error=self.host_error,
        )

    @resolves("How full its days are, one entry per day, soonest first.")
    async def capacity(self, info: Info, from_: From = None, days: Days = 7) -> list[MailboxDay]:
        if not 1 <= days <= MOST_DAYS:
            raise BadUserInput(f"Ask for 1 to {MOST_DAYS} days.")
        today = (await info.context.now()).astimezone(self.planned.zone).date()
        first = today if from_ is None else from_
        try:
            span = (self.uuid, first, first + timedelta(days=days - 1))
        except OverflowError:
            raise BadUserInput("The days end after the last date that there is.") from None
        used = await info.context.loaders.used_days.load(span)
        planned = await info.context.loaders.planned_days.load(span)
        return [
            self._day(day, used=used.get(day), planned=planned.get(day), is_past=day < today)
            for day in (first + timedelta(days=ahead) for ahead in range(days))
        ]

    def _day(self, day: date, *, used: AnyRow | None, planned: AnyRow | None, is_past: bool) -> MailboxDay:
        """*day* with the capacity in force; of the past, the one that was."""
        capacity = used.capacity if used and is_past else self.planned.capacity_on(day)
        spent, to_come = used.used if used else 0, planned.planned if planned else 0
        room = None if capacity == UNLIMITED else max(0, capacity - spent - to_come)
        is_at_rest = not is_past and self.status != MailboxStatus.ACTIVE
        return MailboxDay(
            day=day,
            capacity=None if capacity == UNLIMITED else capacity,
            planned=to_come,
            used=spent,
            sent=used.sent if used else 0,
            failed=used.failed if used else 0,
            bounced=used.bounced if used else 0,
            refused=used.refused if used else 0,
            remaining=0 if is_at_rest else room,
            exhausted_at=planned.last_planned_at or planned.last_tried_at if planned and room == 0 else None,
            resets_at=instant(day + timedelta(days=1), time(0), self.planned.zone),
        )

    @resolves("How emails ended, by its days.")
    async def delivery_stats(self, info: Info, from_: StatsFrom = None, to: StatsTo = None) -> DeliveryStats:
        return await DeliveryStats.of_mailbox(info.context.loaders, self.uuid, span_of(from_, to))

    @resolves("Whether it can send, how its last emails fared, and what to look at.")
    async def health(self, info: Info) -> MailboxHealth:
        today = (await info.context.now()).astimezone(self.planned.zone).date()
        return MailboxHealth(
            lately=await self.delivery_stats(info, today - RATED + timedelta(days=1), today),
            circuit=await self.circuit(info),
            status=self.status,
            alerts=[Alert.of(row) for row in await info.context.loaders.open_alerts.load(self.uuid)],
        )
