"""Changes of a mailbox as they are given."""

import strawberry

from api.inputs import values
from api.inputs.credentials import OAuthInput
from api.inputs.hosts import host
from api.inputs.mailboxes import (
    HIGHEST_CAPACITY,
    LONGEST_GAP_S,
    RampInput,
    SlidingWindowInput,
    limit,
    percentage,
    ramp,
    sliding_window,
)
from api.inputs.policies import InDoubtPolicy
from api.inputs.problems import Problems
from api.inputs.rehearsals import Rehearsable
from api.inputs.send_windows import SendWindowInput
from api.scalars import TimeZone
from domain.mailboxes import Security

CAPACITY_COLUMNS = frozenset(
    {
        "zone",
        "daily_capacity",
        "ramp_start",
        "ramp_step",
        "ramp_started_on",
        "minimum_gap_s",
        "hourly_limit",
        "sliding_window_limit",
        "sliding_window_s",
        "rolling_24h_limit",
        "recipient_domain_daily_cap",
        "day_variation_percent",
    }
)
"""A change of one of these changes how many emails fit where."""
LIMIT_FIELDS = {
    "hourly_limit": "hourlyLimit",
    "rolling_24h_limit": "rolling24hLimit",
    "recipient_domain_daily_cap": "recipientDomainDailyCap",
}
PERCENTAGE_FIELDS = {"jitter_percent": "jitterPercent", "day_variation_percent": "dayVariationPercent"}


@strawberry.input(
    description="What to change about a mailbox; what is left out stays. Its address cannot change."
)
class UpdateMailboxInput(Rehearsable):
    mailbox_id: strawberry.ID = strawberry.field(description="The mailbox.")
    name: strawberry.Maybe[str] = strawberry.field(default=None, description="Its name, for people.")
    from_name: strawberry.Maybe[str] = strawberry.field(
        default=None, description="The name that recipients see."
    )
    owner: strawberry.Maybe[str | None] = strawberry.field(default=None, description="Whose mailbox it is.")
    provider: strawberry.Maybe[str | None] = strawberry.field(default=None, description="Who runs it.")
    zone: strawberry.Maybe[TimeZone] = strawberry.field(
        default=None, description="The zone whose midnight begins the day that capacity counts in."
    )
    host: strawberry.Maybe[str] = strawberry.field(
        default=None, description="The server that takes its emails: a name or an IP address."
    )
    port: strawberry.Maybe[int] = strawberry.field(default=None, description="The server's port.")
    security: strawberry.Maybe[Security] = strawberry.field(
        default=None, description="How the connection is protected."
    )
    username: strawberry.Maybe[str | None] = strawberry.field(
        default=None, description="The name to log in with; null sends without a login."
    )
    password: strawberry.Maybe[str | None] = strawberry.field(
        default=None,
        description="The password to log in with, in place of OAuth. A mailbox whose server refused the old "
        "one sends again.",
    )
    oauth: strawberry.Maybe[OAuthInput | None] = strawberry.field(
        default=None,
        description="A login by OAuth 2 in place of a password, which is forgotten; null for none.",
    )
    daily_capacity: strawberry.Maybe[int] = strawberry.field(
        default=None, description="Emails per local day; 0 is unlimited."
    )
    ramp: strawberry.Maybe[RampInput | None] = strawberry.field(
        default=None, description="Begin with less and grow from day to day; null for none."
    )
    minimum_gap_seconds: strawberry.Maybe[int] = strawberry.field(
        default=None, description="Least number of seconds between two emails."
    )
    hourly_limit: strawberry.Maybe[int | None] = strawberry.field(
        default=None, description="Most emails within an hour; null is unlimited."
    )
    sliding_window: strawberry.Maybe[SlidingWindowInput | None] = strawberry.field(
        default=None, description="A further limit, such as a provider's on 24 hours; null for none."
    )
    working_hours: strawberry.Maybe[SendWindowInput | None] = strawberry.field(
        default=None,
        description="The hours of the week in which it sends, in its zone and within every send window; null "
        "for any time.",
    )
    rolling_24h_limit: strawberry.Maybe[int | None] = strawberry.field(
        default=None, description="Most emails within any 24 hours; null is unlimited."
    )
    recipient_domain_daily_cap: strawberry.Maybe[int | None] = strawberry.field(
        default=None,
        description="Most emails per local day to the addresses of one domain; null is unlimited.",
    )
    jitter_percent: strawberry.Maybe[int] = strawberry.field(
        default=None,
        description="How much later than its slot an email may leave, as a percentage of the time between "
        "two slots that the gap does not need: 0 to 50. What is planned keeps its time.",
    )
    day_variation_percent: strawberry.Maybe[int] = strawberry.field(
        default=None, description="By how many percent the capacity of a day may be lower: 0 to 50."
    )
    in_doubt_policy: strawberry.Maybe[InDoubtPolicy] = strawberry.field(
        default=None, description="How to go on after an email of which nobody knows whether it arrived."
    )
    expected_version: int | None = strawberry.field(
        default=None, description="Refuse if the mailbox is not at this version."
    )

    def changes(self, problems: Problems) -> dict[str, object]:
        """What changes, by column, without the secrets; host and security are checked against the row."""
        columns: dict[str, object] = {}
        if self.name:
            with problems.at("name"):
                columns["name"] = values.name(self.name.value)
        if self.from_name:
            with problems.at("fromName"):
                columns["from_name"] = values.header_text(self.from_name.value)
        for key in ("owner", "provider", "username"):
            if given := getattr(self, key):
                with problems.at(key):
                    columns[key] = values.optional_text(given.value)
        if self.in_doubt_policy:
            columns["in_doubt_policy"] = str(self.in_doubt_policy.value)
        return columns | self._server(problems) | self._day(problems) | self._limits(problems)

    def forgotten_secrets(self) -> dict[str, object]:
        """The columns of the secrets that are named, to be emptied where no new one is given."""
        forgotten: dict[str, object] = {"password_encrypted": None} if self.password else {}
        if self.oauth:
            forgotten |= {"oauth_provider": None, "refresh_token_encrypted": None}
        return forgotten

    def _server(self, problems: Problems) -> dict[str, object]:
        columns: dict[str, object] = {}
        if self.host:
            with problems.at("host"):
                columns["host"] = host(self.host.value)
        if self.port:
            with problems.at("port"):
                columns["port"] = values.number(self.port.value, least=1, most=65_535)
        if self.security:
            columns["security"] = str(self.security.value)
        return columns

    def _day(self, problems: Problems) -> dict[str, object]:
        """When its days begin, and when on them it works."""
        columns: dict[str, object] = {}
        if self.zone:
            with problems.at("zone"):
                columns["zone"] = values.zone(self.zone.value)
        if self.working_hours:
            hours = self.working_hours.value
            columns["working_hours"] = hours and hours.stored(problems, "workingHours")
        return columns

    def _limits(self, problems: Problems) -> dict[str, object]:
        columns: dict[str, object] = {}
        if self.daily_capacity:
            with problems.at("dailyCapacity"):
                columns["daily_capacity"] = values.number(
                    self.daily_capacity.value, least=0, most=HIGHEST_CAPACITY
                )
        if self.minimum_gap_seconds:
            with problems.at("minimumGapSeconds"):
                columns["minimum_gap_s"] = values.number(
                    self.minimum_gap_seconds.value, least=0, most=LONGEST_GAP_S
                )
        if self.ramp:
            columns |= ramp(self.ramp.value, problems)
        if self.sliding_window:
            columns |= sliding_window(self.sliding_window.value, problems)
        for column, field in LIMIT_FIELDS.items():
            if limited := getattr(self, column):
                columns[column] = limit(limited.value, problems, field)
        for column, field in PERCENTAGE_FIELDS.items():
            if given := getattr(self, column):
                columns[column] = percentage(given.value, problems, field)
        return columns
