"""Batches as they are asked for."""

from datetime import datetime, timedelta

import strawberry

from api.errors import UserErrorCode
from api.inputs import values
from api.inputs.contacts import ContactInput
from api.inputs.enrollments import MOST_CONTACTS
from api.inputs.problems import Problem, Problems
from api.inputs.rehearsals import Rehearsable
from api.inputs.send_windows import SendWindowInput
from api.inputs.steps import check_text
from api.scalars import TimeZone
from domain.waits import Wait
from persistence.batches import BatchTerms
from persistence.steps import NewStep, StepText

LONGEST_DELAY_S = 86_400
HIGHEST_HOURLY_LIMIT = 100_000
LATEST_START = timedelta(days=730)
# A client's clock may be behind, and the request took its time.
_TOLERANCE = timedelta(minutes=5)


@strawberry.input(description="One email to many contacts, and how it is to be sent.")
class ScheduleEmailsInput(Rehearsable):
    subject: str = strawberry.field(description="Liquid template of the subject.")
    body_text: str = strawberry.field(description="Liquid template of the plain text.")
    body_html: str | None = strawberry.field(
        default=None, description="Liquid template of the HTML; without it the email is plain text."
    )
    contact_ids: list[strawberry.ID] = strawberry.field(
        default_factory=list,
        description=f"Recipients that are known; with the new ones at most {MOST_CONTACTS}. They go first.",
    )
    contacts: list[ContactInput] = strawberry.field(
        default_factory=list,
        description="Recipients to add, or to bring up to date if their address is known.",
    )
    starts_at: datetime | None = strawberry.field(
        default=None, description="Before then nothing leaves; now by default."
    )
    delay_between_emails: int | None = strawberry.field(
        default=None, description=f"Least number of seconds between two emails, at most {LONGEST_DELAY_S}."
    )
    hourly_limit: int | None = strawberry.field(
        default=None,
        description="Most emails in an hour, one after another in the order given. Without delay and limit "
        "the emails are spread evenly.",
    )
    mailbox_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="The mailboxes that may send it; all active ones by default."
    )
    zone: TimeZone | None = strawberry.field(
        default=None, description="The zone in which the window is read; the workspace's by default."
    )
    send_window: SendWindowInput | None = strawberry.field(
        default=None, description="When it may send; the workspace's window, or any time, by default."
    )

    def settings(self, problems: Problems) -> dict[str, object]:
        """Its sequence by column, without a zone if it takes the workspace's."""
        columns: dict[str, object] = {"name": self.subject.strip(" ")[: values.LONGEST_NAME]}
        if self.zone is not None:
            with problems.at("zone"):
                columns["zone"] = values.zone(self.zone)
        if self.send_window is not None:
            columns["send_window"] = self.send_window.stored(problems, "sendWindow")
        return columns

    def step(self, problems: Problems) -> NewStep:
        """Its only step; only to be used if no problem was found."""
        text = StepText(self.subject.strip(" "), self.body_text, self.body_html or None)
        check_text(text, problems)
        return NewStep(text, wait=Wait(0))

    def terms(self, problems: Problems, *, now: datetime) -> BatchTerms:
        """When it begins and how fast it goes; a start that has just passed is now."""
        starts_at = self.starts_at or now
        with problems.at("startsAt"):
            if starts_at < now - _TOLERANCE:
                raise Problem(UserErrorCode.OUT_OF_RANGE, "It has passed; leave it out to start now.")
            if starts_at > now + LATEST_START:
                raise Problem(UserErrorCode.OUT_OF_RANGE, f"It is more than {LATEST_START.days} days ahead.")
        if self.delay_between_emails is not None:
            with problems.at("delayBetweenEmails"):
                values.number(self.delay_between_emails, least=0, most=LONGEST_DELAY_S)
        if self.hourly_limit is not None:
            with problems.at("hourlyLimit"):
                values.number(self.hourly_limit, least=1, most=HIGHEST_HOURLY_LIMIT)
        return BatchTerms(max(starts_at, now), self.delay_between_emails, self.hourly_limit)
