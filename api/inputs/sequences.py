"""Sequences as they are given."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import strawberry

from api.errors import UserErrorCode
from api.inputs import holidays, values
from api.inputs.policies import MailboxPolicy, StepFailurePolicy
from api.inputs.problems import Problems
from api.inputs.rehearsals import Rehearsable
from api.inputs.send_windows import SendWindowInput, zone_and_window
from api.inputs.steps import StepInput
from api.scalars import TimeZone
from domain.sequences import HIGHEST_WEIGHT

HIGHEST_PRIORITY = 100
HIGHEST_STARTS = 1_000_000


@strawberry.input(description="A new sequence with its steps and mailboxes; it begins as a draft.")
class CreateSequenceInput:
    name: str = strawberry.field(description="Its name, for people.")
    steps: list[StepInput] = strawberry.field(
        default_factory=list, description="Its steps, in order. They can also be added later."
    )
    mailbox_ids: list[strawberry.ID] = strawberry.field(
        default_factory=list, description="The mailboxes that may send it."
    )
    zone: TimeZone | None = strawberry.field(
        default=None, description="The zone in which the window is read; the workspace's by default."
    )
    send_window: SendWindowInput | None = strawberry.field(
        default=None, description="When it may send; the workspace's window, or any time, by default."
    )
    uses_contact_zone: bool = strawberry.field(
        default=False, description="Read the window in the contact's own zone where that is known."
    )
    first_date: date | None = strawberry.field(default=None, description="The first day on which it sends.")
    last_date: date | None = strawberry.field(default=None, description="The last day on which it sends.")
    holiday_country: str | None = strawberry.field(
        default=None, description=f"{holidays.COUNTRY}; none by default."
    )
    holiday_subdivision: str | None = strawberry.field(
        default=None, description=f"{holidays.SUBDIVISION}; only the whole country's by default."
    )
    closed_dates: list[date] = strawberry.field(default_factory=list, description=f"{holidays.CLOSED_DATES}.")
    priority: int = strawberry.field(
        default=0, description="Higher goes first where several sequences want one slot."
    )
    weight: int = strawberry.field(
        default=1,
        description="Its share of each day's new starts on mailboxes that it shares with others, 1 to 100.",
    )
    max_new_contacts_per_day: int | None = strawberry.field(
        default=None,
        description="Most contacts who are sent their first email on one day of the send window, over all "
        "mailboxes; unlimited by default.",
    )
    when_mailbox_paused: MailboxPolicy = strawberry.field(
        default=MailboxPolicy.WAIT, description="What becomes of the emails of a mailbox that is paused."
    )
    when_mailbox_removed: MailboxPolicy = strawberry.field(
        default=MailboxPolicy.TRANSFER, description="What becomes of the emails of a mailbox that is removed."
    )
    when_step_fails: StepFailurePolicy = strawberry.field(
        default=StepFailurePolicy.STOP, description="What becomes of a contact whose email failed for good."
    )
    open_tracking_enabled: bool = strawberry.field(default=True, description="Note when an email is opened.")
    click_tracking_enabled: bool = strawberry.field(default=True, description="Note when a link is followed.")

    def settings(self, problems: Problems) -> dict[str, object]:
        """The sequence by column, without a zone if it takes its workspace's."""
        columns: dict[str, object] = {
            "uses_contact_zone": self.uses_contact_zone,
            "first_date": self.first_date,
            "last_date": self.last_date,
            "when_mailbox_paused": str(self.when_mailbox_paused),
            "when_mailbox_removed": str(self.when_mailbox_removed),
            "when_step_fails": str(self.when_step_fails),
            "open_tracking_enabled": self.open_tracking_enabled,
            "click_tracking_enabled": self.click_tracking_enabled,
        }
        with problems.at("name"):
            columns["name"] = values.name(self.name)
        if self.zone is not None:
            with problems.at("zone"):
                columns["zone"] = values.zone(self.zone)
        if self.send_window is not None:
            columns["send_window"] = self.send_window.stored(problems, "sendWindow")
        with problems.at("lastDate"):
            values.dates_in_order(self.first_date, self.last_date)
        with problems.at("closedDates"):
            columns["closed_dates"] = holidays.closed_dates(self.closed_dates)
        columns |= {"holiday_country": self.holiday_country, "holiday_subdivision": self.holiday_subdivision}
        check_holidays(columns, problems)
        with problems.at("priority"):
            columns["priority"] = values.number(self.priority, least=-HIGHEST_PRIORITY, most=HIGHEST_PRIORITY)
        with problems.at("weight"):
            columns["weight"] = values.number(self.weight, least=1, most=HIGHEST_WEIGHT)
        columns["max_new_contacts_per_day"] = _most_starts(self.max_new_contacts_per_day, problems)
        return columns


def _most_starts(given: int | None, problems: Problems) -> int | None:
    if given is not None:
        with problems.at("maxNewContactsPerDay"):
            values.number(given, least=1, most=HIGHEST_STARTS)
    return given


@strawberry.input(description="What to change about a sequence; what is left out stays.")
class UpdateSequenceInput(Rehearsable):
    sequence_id: strawberry.ID = strawberry.field(description="The sequence.")
    name: strawberry.Maybe[str] = strawberry.field(default=None, description="Its name, for people.")
    zone: strawberry.Maybe[TimeZone] = strawberry.field(
        default=None, description="The zone in which the window is read."
    )
    send_window: strawberry.Maybe[SendWindowInput | None] = strawberry.field(
        default=None, description="When it may send; null takes the workspace's window, or any time."
    )
    uses_contact_zone: strawberry.Maybe[bool] = strawberry.field(
        default=None, description="Read the window in the contact's own zone where that is known."
    )
    first_date: strawberry.Maybe[date | None] = strawberry.field(
        default=None, description="The first day on which it sends; null for none."
    )
    last_date: strawberry.Maybe[date | None] = strawberry.field(
        default=None, description="The last day on which it sends; null for none."
    )
    holiday_country: strawberry.Maybe[str | None] = strawberry.field(
        default=None, description=f"{holidays.COUNTRY}; null for none."
    )
    holiday_subdivision: strawberry.Maybe[str | None] = strawberry.field(
        default=None, description=f"{holidays.SUBDIVISION}; null for the whole country's."
    )
    closed_dates: strawberry.Maybe[list[date]] = strawberry.field(
        default=None, description=f"{holidays.CLOSED_DATES}. They replace the ones before."
    )
    priority: strawberry.Maybe[int] = strawberry.field(
        default=None, description="Higher goes first where several sequences want one slot."
    )
    weight: strawberry.Maybe[int] = strawberry.field(
        default=None,
        description="Its share of each day's new starts, 1 to 100; counts for contacts enrolled from now on.",
    )
    max_new_contacts_per_day: strawberry.Maybe[int | None] = strawberry.field(
        default=None,
        description="Most contacts who are sent their first email on one day of the send window, over all "
        "mailboxes; null is unlimited.",
    )
    when_mailbox_paused: strawberry.Maybe[MailboxPolicy] = strawberry.field(
        default=None, description="What becomes of the emails of a mailbox that is paused."
    )
    when_mailbox_removed: strawberry.Maybe[MailboxPolicy] = strawberry.field(
        default=None, description="What becomes of the emails of a mailbox that is removed."
    )
    when_step_fails: strawberry.Maybe[StepFailurePolicy] = strawberry.field(
        default=None, description="What becomes of a contact whose email failed for good."
    )
    open_tracking_enabled: strawberry.Maybe[bool] = strawberry.field(
        default=None, description="Note when an email is opened."
    )
    click_tracking_enabled: strawberry.Maybe[bool] = strawberry.field(
        default=None, description="Note when a link is followed."
    )
    expected_version: int | None = strawberry.field(
        default=None, description="Refuse if the sequence is not at this version."
    )

    def changes(self, problems: Problems) -> dict[str, object]:
        """What changes, by column."""
        columns: dict[str, object] = {}
        if self.name:
            with problems.at("name"):
                columns["name"] = values.name(self.name.value)
        if self.priority:
            with problems.at("priority"):
                columns["priority"] = values.number(
                    self.priority.value, least=-HIGHEST_PRIORITY, most=HIGHEST_PRIORITY
                )
        if self.weight:
            with problems.at("weight"):
                columns["weight"] = values.number(self.weight.value, least=1, most=HIGHEST_WEIGHT)
        if self.max_new_contacts_per_day:
            columns["max_new_contacts_per_day"] = _most_starts(self.max_new_contacts_per_day.value, problems)
        for policy in ("when_mailbox_paused", "when_mailbox_removed", "when_step_fails"):
            if chosen := getattr(self, policy):
                columns[policy] = str(chosen.value)
        for switch in ("open_tracking_enabled", "click_tracking_enabled"):
            if turned := getattr(self, switch):
                columns[switch] = turned.value
        return columns | self._calendar(problems)

    def _calendar(self, problems: Problems) -> dict[str, object]:
        """What changes about when it sends."""
        columns = zone_and_window(self.zone, self.send_window, problems)
        if self.uses_contact_zone:
            columns["uses_contact_zone"] = self.uses_contact_zone.value
        for column in ("first_date", "last_date", "holiday_country", "holiday_subdivision"):
            if given := getattr(self, column):
                columns[column] = given.value
        if self.closed_dates:
            with problems.at("closedDates"):
                columns["closed_dates"] = holidays.closed_dates(self.closed_dates.value)
        return columns


def check_holidays(columns: Mapping[str, Any], problems: Problems) -> None:  # Any: by column
    """Find what is wrong with the country and subdivision of a sequence."""
    problem = holidays.region_problem(columns["holiday_country"], columns["holiday_subdivision"])
    if problem is not None:
        field, message = problem
        problems.add(UserErrorCode.UNKNOWN_HOLIDAYS, message, field)


CALENDAR_COLUMNS = frozenset(
    {
        "zone",
        "send_window",
        "uses_contact_zone",
        "first_date",
        "last_date",
        "holiday_country",
        "holiday_subdivision",
        "closed_dates",
    }
)
"""A change of one of these may put planned emails out of the window."""
