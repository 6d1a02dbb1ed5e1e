"""Attempts: what a sender asks to begin, and what it is given when an email passes the gate."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from domain.gate import Hold
from domain.ids import ContactId, EmailId, EnrollmentId, MailboxId, SequenceId, WorkspaceId
from domain.letter import StepText
from domain.threads import Thread


class Ticket(NamedTuple):
    """What a message asks for: to begin attempt *number* at an email."""

    email_id: EmailId
    number: int


class Login(NamedTuple):
    """
    How the mailbox's server is reached, and by which secret, if any: both are bound to the mailbox's id.
    """

    host: str
    port: int
    security: str
    username: str | None
    password_encrypted: bytes | None
    oauth_provider: str | None = None
    refresh_token_encrypted: bytes | None = None


# Made for each email: frozen it would take three times as long.
@dataclass(slots=True)
class Attempt:
    """An email that passed the gate, with all that is needed to write and send it."""

    email_id: EmailId
    workspace_id: WorkspaceId
    enrollment_id: EnrollmentId
    sequence_id: SequenceId
    contact_id: ContactId
    mailbox_id: MailboxId
    number: int
    token: UUID
    retry_count: int
    quota_day: date
    capacity: int
    # What follows goes on when the outcome of this one is not known.
    assumes_sent: bool
    window_day: date
    from_name: str
    from_address: str
    login: Login = field(repr=False)
    recipient_name: str | None = field(repr=False)
    recipient_address: str = field(repr=False)
    fields: Mapping[str, object] = field(repr=False)
    step_text: StepText = field(repr=False)
    step_version_id: UUID
    # The same for every attempt: a hand-over to another mailbox does not change it.
    message_id: str
    thread: Thread | None = field(repr=False)
    # What the circuit of the mailbox counted when this began.
    host_troubles: int = 0


@dataclass(frozen=True, slots=True)
class Held:
    """An email that the gate gave back to the plan."""

    email_id: EmailId
    hold: Hold


@dataclass(frozen=True, slots=True)
class TooEarly:
    """An email that came back before its time; it waits until *retry_at*."""

    email_id: EmailId
    retry_at: datetime


Admission = Attempt | Held | TooEarly | None
