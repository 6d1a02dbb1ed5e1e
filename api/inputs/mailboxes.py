"""Mailboxes as they are given."""

from datetime import date

import strawberry

from api.inputs import values
from api.inputs.credentials import OAuthInput
from api.inputs.hosts import DEFAULT_PORTS, host, plain_for_loopback_only
from api.inputs.policies import InDoubtPolicy, MailboxPolicy
from api.inputs.problems import Problems
from api.inputs.rehearsals import Rehearsable
from api.inputs.send_windows import SendWindowInput
from api.scalars import EmailAddress, TimeZone
from domain.mailboxes import Security

HIGHEST_CAPACITY = 1_000_000
HIGHEST_PERCENTAGE = 50
LONGEST_GAP_S = 86_400
LONGEST_SLIDING_WINDOW_S = 7 * 86_400


@strawberry.input(description="A capacity that grows day by day up to the daily capacity.")
class RampInput:
    start: int = strawberry.field(description="Emails on the first day, at least 1.")
    step: int = strawberry.field(description="How many more on each day after it.")
    started_on: date = strawberry.field(description="The first day, in the mailbox's zone.")


@strawberry.input(description="A limit on every stretch of time of one length, wherever it begins.")
class SlidingWindowInput:
    limit: int = strawberry.field(description="Most emails within it.")
    seconds: int = strawberry.field(description="Its length in seconds.")


@strawberry.input(description="A new mailbox.")
class CreateMailboxInput:
    email: EmailAddress = strawberry.field(description="The address that recipients see.")
    host: str = strawberry.field(description="The server that takes its emails: a name or an IP address.")
    zone: TimeZone = strawberry.field(
        description="The zone whose midnight begins the day that capacity counts in."
    )
    name: str | None = strawberry.field(
        default=None, description="Its name, for people; the address by default."
    )
    from_name: str = strawberry.field(default="", description="The name that recipients see.")
    owner: str | None = strawberry.field(default=None, description="Whose mailbox it is.")
    provider: str | None = strawberry.field(default=None, description="Who runs it.")
    security: Security = strawberry.field(
        default=Security.STARTTLS, description="How the connection is protected."
    )
    port: int | None = strawberry.field(
        default=None, description="The server's port; 587 for STARTTLS, 465 for TLS, 25 for plain by default."
    )
    username: str | None = strawberry.field(
        default=None, description="The name to log in with; the address by default if it logs in."
    )
    password: str | None = strawberry.field(
        default=None, description="The password to log in with. Kept encrypted, and never shown again."
    )
    oauth: OAuthInput | None = strawberry.field(
        default=None, description="A login by OAuth 2 in place of a password."
    )
    daily_capacity: int = strawberry.field(default=30, description="Emails per local day; 0 is unlimited.")
    ramp: RampInput | None = strawberry.field(
        default=None, description="Begin with less and grow from day to day."
    )
    minimum_gap_seconds: int = strawberry.field(
        default=1, description="Least number of seconds between two emails."
    )
    hourly_limit: int | None = strawberry.field(
        default=None, description="Most emails within an hour; unlimited by default."
    )
    sliding_window: SlidingWindowInput | None = strawberry.field(
        default=None, description="A further limit, such as a provider's on 24 hours."
    )
    working_hours: SendWindowInput | None = strawberry.field(
        default=None,
        description="The hours of the week in which it sends, in its zone and within every send window; any "
        "time by default.",
    )
    rolling_24h_limit: int | None = strawberry.field(
        default=None, description="Most emails within any 24 hours; unlimited by default."
    )
    recipient_domain_daily_cap: int | None = strawberry.field(
        default=None,
        description="Most emails per local day to the addresses of one domain; unlimited by default.",
    )
    jitter_percent: int = strawberry.field(
        default=0,
        description="How much later than its slot an email may leave, as a percentage of the time between "
        "two slots that the gap does not need: 0 to 50.",
    )
    day_variation_percent: int = strawberry.field(
        default=0, description="By how many percent the capacity of a day may be lower: 0 to 50."
    )
    in_doubt_policy: InDoubtPolicy = strawberry.field(
        default=InDoubtPolicy.ASSUME_SENT,
        description="How to go on after an email of which nobody knows whether it arrived.",
    )

    def settings(self, problems: Problems) -> dict[str, object]:
        """The mailbox by column, without its secrets."""
        columns: dict[str, object] = {"in_doubt_policy": str(self.in_doubt_policy)}
        with problems.at("email"):
            sender = values.address(self.email)
            columns |= {"email": sender.text, "normalised_email": sender.normalised, "name": sender.text}
            columns["username"] = sender.text if self.password or self.oauth else None
        with problems.at("zone"):
            columns["zone"] = values.zone(self.zone)
        if self.name is not None:
            with problems.at("name"):
                columns["name"] = values.name(self.name)
        with problems.at("fromName"):
            columns["from_name"] = values.header_text(self.from_name)
        if self.working_hours is not None:
            columns["working_hours"] = self.working_hours.stored(problems, "workingHours")
        for key, text in (("owner", self.owner), ("provider", self.provider), ("username", self.username)):
            if text is not None:
                with problems.at(key):
                    columns[key] = values.optional_text(text)
        return columns | self._server(problems) | self._limits(problems)

    def _server(self, problems: Problems) -> dict[str, object]:
        columns: dict[str, object] = {"security": str(self.security)}
        with problems.at("host"):
            columns["host"] = mail_host = host(self.host)
            with problems.at("security"):
                plain_for_loopback_only(mail_host, self.security)
        with problems.at("port"):
            port = DEFAULT_PORTS[self.security] if self.port is None else self.port
            columns["port"] = values.number(port, least=1, most=65_535)
        return columns

    def _limits(self, problems: Problems) -> dict[str, object]:
        with problems.at("dailyCapacity"):
            values.number(self.daily_capacity, least=0, most=HIGHEST_CAPACITY)
        with problems.at("minimumGapSeconds"):
            values.number(self.minimum_gap_seconds, least=0, most=LONGEST_GAP_S)
        return {
            "daily_capacity": self.daily_capacity,
            "minimum_gap_s": self.minimum_gap_seconds,
            "hourly_limit": limit(self.hourly_limit, problems, "hourlyLimit"),
            "rolling_24h_limit": limit(self.rolling_24h_limit, problems, "rolling24hLimit"),
            "recipient_domain_daily_cap": limit(
                self.recipient_domain_daily_cap, problems, "recipientDomainDailyCap"
            ),
            "jitter_percent": percentage(self.jitter_percent, problems, "jitterPercent"),
            "day_variation_percent": percentage(self.day_variation_percent, problems, "dayVariationPercent"),
            **ramp(self.ramp, problems),
            **sliding_window(self.sliding_window, problems),
        }


def limit(given: int | None, problems: Problems, field: str) -> int | None:
    if given is not None:
        with problems.at(field):
            values.number(given, least=1, most=HIGHEST_CAPACITY)
    return given


def percentage(given: int, problems: Problems, field: str) -> int:
    with problems.at(field):
        values.number(given, least=0, most=HIGHEST_PERCENTAGE)
    return given


def ramp(given: RampInput | None, problems: Problems) -> dict[str, object]:
    if given is None:
        return dict.fromkeys(("ramp_start", "ramp_step", "ramp_started_on"))
    with problems.at("ramp", "start"):
        values.number(given.start, least=1, most=HIGHEST_CAPACITY)
    with problems.at("ramp", "step"):
        values.number(given.step, least=0, most=HIGHEST_CAPACITY)
    return {"ramp_start": given.start, "ramp_step": given.step, "ramp_started_on": given.started_on}


def sliding_window(given: SlidingWindowInput | None, problems: Problems) -> dict[str, object]:
    if given is None:
        return dict.fromkeys(("sliding_window_limit", "sliding_window_s"))
    with problems.at("slidingWindow", "limit"):
        values.number(given.limit, least=1, most=HIGHEST_CAPACITY)
    with problems.at("slidingWindow", "seconds"):
        values.number(given.seconds, least=1, most=LONGEST_SLIDING_WINDOW_S)
    return {"sliding_window_limit": given.limit, "sliding_window_s": given.seconds}


@strawberry.input(description="Which mailbox.")
class MailboxChoice:
    mailbox_id: strawberry.ID = strawberry.field(description="The mailbox.")
    expected_version: int | None = strawberry.field(
        default=None, description="Refuse if the mailbox is not at this version."
    )


@strawberry.input(description="Which mailbox is put on hold.")
class PauseMailboxInput(MailboxChoice, Rehearsable):
    pass


@strawberry.input(description="Which mailbox sends again.")
class ResumeMailboxInput(MailboxChoice, Rehearsable):
    pass


@strawberry.input(description="Which removed mailbox is taken back.")
class RestoreMailboxInput(MailboxChoice):
    pass


@strawberry.input(description="Which mailbox is taken out of use.")
class RemoveMailboxInput(MailboxChoice, Rehearsable):
    policy: MailboxPolicy | None = strawberry.field(
        default=None,
        description="What becomes of its planned emails; what each sequence says by default.",
    )
