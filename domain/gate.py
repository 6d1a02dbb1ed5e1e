"""The gate: whether an email may leave now, asked once when it is claimed and again when it is sent."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum

from domain.circuit import Circuit, CircuitState
from domain.ids import EmailId
from domain.lifecycle import ContactStatus, EmailStatus, EnrollmentStatus, MailboxStatus, SequenceStatus
from domain.mailboxes import UNLIMITED, Mailbox
from domain.rates import RateKind
from domain.send_window import Calendar

# How many emails of one mailbox are with its server at the same time, over all processes.
CONNECTIONS_PER_MAILBOX = 2
# A wait in the broker may end a moment early, by the clock of another machine.
EARLY_BY = timedelta(seconds=5)


class Hold(StrEnum):
    """Why an email does not leave now; nothing is lost, and no attempt is spent."""

    SENDING_PAUSED = "SENDING_PAUSED"
    MAILBOX_UNAVAILABLE = "MAILBOX_UNAVAILABLE"
    HOST_UNAVAILABLE = "HOST_UNAVAILABLE"
    SEQUENCE_NOT_ACTIVE = "SEQUENCE_NOT_ACTIVE"
    ENROLLMENT_PAUSED = "ENROLLMENT_PAUSED"
    NOT_ITS_TURN = "NOT_ITS_TURN"
    OUTSIDE_WINDOW = "OUTSIDE_WINDOW"
    CONTACT_MIN_GAP = "CONTACT_MIN_GAP"
    OUTSIDE_WORKING_HOURS = "OUTSIDE_WORKING_HOURS"
    DAY_FULL = "DAY_FULL"
    HOUR_FULL = "HOUR_FULL"
    SLIDING_WINDOW_FULL = "SLIDING_WINDOW_FULL"
    ROLLING_24H_FULL = "ROLLING_24H_FULL"
    RECIPIENT_DOMAIN_FULL = "RECIPIENT_DOMAIN_FULL"
    TOO_CLOSE = "TOO_CLOSE"
    MAILBOX_BUSY = "MAILBOX_BUSY"


_FULL = {
    RateKind.HOURLY: Hold.HOUR_FULL,
    RateKind.SLIDING: Hold.SLIDING_WINDOW_FULL,
    RateKind.ROLLING_24H: Hold.ROLLING_24H_FULL,
}
# These pass by themselves, soon: the dispatcher takes the email up again, the planner is not asked. Where all
# sending is paused, the plan stays as it is until it goes on.
PASSING = frozenset(
    {Hold.TOO_CLOSE, Hold.MAILBOX_BUSY, Hold.NOT_ITS_TURN, Hold.HOST_UNAVAILABLE, Hold.SENDING_PAUSED}
)


class Pass(StrEnum):
    """What the gate says when it does not hold an email."""

    GO = "GO"
    # Someone ended the enrollment, or may no longer be written to.
    CANCEL = "CANCEL"
    # It came back from its wait before its time.
    WAIT = "WAIT"


@dataclass(slots=True)
class MailboxLoad:
    """
    What a mailbox has sent and is sending, as the gate counts it on; business time throughout.

    *used* is of *day*, the mailbox's local day of now. *starts* are the attempts that count for its rates, in
    any order; *by_domain* those of *day* by the recipient's domain, if that is limited.
    """

    mailbox: Mailbox
    status: MailboxStatus
    day: date
    used: int
    in_flight: int = 0
    # The ids of these and of those that are claimed and not begun, as they were read.
    under_way: tuple[EmailId, ...] = ()
    last_attempt_at: datetime | None = None
    starts: list[datetime] = field(default_factory=list)
    by_domain: dict[str, int] = field(default_factory=dict)
    circuit: Circuit = field(default_factory=Circuit)
    capacity_today: int = field(init=False)

    def __post_init__(self) -> None:
        # Each of the mailbox's emails asks for it.
        self.capacity_today = self.mailbox.capacity_on(self.day)

    @property
    def room_today(self) -> int | None:
        """Emails that may still leave on *day*; None is any number."""
        capacity = self.capacity_today
        return None if capacity == UNLIMITED else max(0, capacity - self.used)

    def limited(self, now: datetime, *, is_reserved: bool = False) -> Hold | None:
        """The limit that is reached at *now*, if there is one; a reserved email has its place in the day."""
        if self.room_today == 0 and not is_reserved:
            return Hold.DAY_FULL
        for rate in self.mailbox.rates:
            since = rate.since(now, self.mailbox.zone)
            if sum(at > since for at in self.starts) >= rate.most:
                return _FULL[rate.kind]
        return None

    def is_full_for(self, domain: str) -> bool:
        """Whether no email more may go to *domain* on *day*."""
        cap = self.mailbox.recipient_domain_daily_cap
        return cap is not None and self.by_domain.get(domain, 0) >= cap

    @property
    def is_busy(self) -> bool:
        """Whether as many emails are with its server as may be; a server in trouble is tried with one."""
        return self.in_flight >= (1 if self.circuit.has_opened else CONNECTIONS_PER_MAILBOX)

    def is_too_close(self, now: datetime) -> bool:
        """Whether the gap since the last one is not over; without a gap, two processes may begin at once."""
        gap = self.mailbox.minimum_gap
        return bool(gap) and self.last_attempt_at is not None and now < self.last_attempt_at + gap

    def take(self, now: datetime, *, is_reserved: bool, domain: str | None = None) -> None:
        """Count one email more that leaves at *now*."""
        if domain is not None:
            self.by_domain[domain] = self.by_domain.get(domain, 0) + 1
        self.used += not is_reserved
        self.in_flight += 1
        self.last_attempt_at = now
        self.starts.append(now)


# Made for each email: frozen it would take three times as long.
@dataclass(slots=True)
class DueEmail:
    """What the gate asks of one email: where it stands, and whether anyone stopped it."""

    status: EmailStatus
    enrollment: EnrollmentStatus
    sequence: SequenceStatus
    contact: ContactStatus
    calendar: Calendar
    is_suppressed: bool
    is_next: bool
    not_before: datetime | None
    retry_at: datetime | None
    quota_day: date | None
    # In lower case.
    recipient_domain: str = ""
    # Its whole workspace is on hold.
    is_sending_paused: bool = False
    # Its contact was written to from another enrollment, on a day that is not far enough away.
    breaks_contact_gap: bool = False


def judge(email: DueEmail, load: MailboxLoad, *, now: datetime) -> Pass | Hold:
    """Whether *email* may leave *load*'s mailbox at *now*; the first condition that is not met decides."""
    if _is_stopped(email):
        return Pass.CANCEL
    if (
        email.status is EmailStatus.RETRYING
        and email.retry_at is not None
        and now < email.retry_at - EARLY_BY
    ):
        return Pass.WAIT
    hold = _unavailable(email, load, now) or _not_due(email, now) or _without_room(email, load, now)
    return hold or Pass.GO


def _unavailable(email: DueEmail, load: MailboxLoad, now: datetime) -> Hold | None:
    """What holds all emails of the workspace, or of the mailbox."""
    if email.is_sending_paused:
        return Hold.SENDING_PAUSED
    if load.status is not MailboxStatus.ACTIVE:
        return Hold.MAILBOX_UNAVAILABLE
    return Hold.HOST_UNAVAILABLE if load.circuit.state(now + EARLY_BY) is CircuitState.OPEN else None


def _not_due(email: DueEmail, now: datetime) -> Hold | None:
    if email.sequence is not SequenceStatus.ACTIVE:
        return Hold.SEQUENCE_NOT_ACTIVE
    if email.enrollment is EnrollmentStatus.PAUSED:
        return Hold.ENROLLMENT_PAUSED
    if not email.is_next or (email.not_before is not None and now < email.not_before):
        return Hold.NOT_ITS_TURN
    if email.calendar.day_of(now) is None:
        return Hold.OUTSIDE_WINDOW
    return Hold.CONTACT_MIN_GAP if email.breaks_contact_gap else None


def _without_room(email: DueEmail, load: MailboxLoad, now: datetime) -> Hold | None:
    """Whether the mailbox's hours and limits, and what it has sent and is sending, leave no room."""
    if not load.mailbox.works_at(now):
        return Hold.OUTSIDE_WORKING_HOURS
    limited = load.limited(now, is_reserved=has_reservation(email, load))
    if limited is not None:
        return limited
    if load.is_full_for(email.recipient_domain):
        return Hold.RECIPIENT_DOMAIN_FULL
    if load.is_too_close(now):
        return Hold.TOO_CLOSE
    return Hold.MAILBOX_BUSY if load.is_busy else None


def has_reservation(email: DueEmail, load: MailboxLoad) -> bool:
    """Whether the budget of *load*'s day was reserved for *email* when it was claimed."""
    return email.status is EmailStatus.QUEUED and email.quota_day == load.day


def _is_stopped(email: DueEmail) -> bool:
    is_open = email.enrollment in (EnrollmentStatus.ACTIVE, EnrollmentStatus.PAUSED)
    return not is_open or email.contact is not ContactStatus.ACTIVE or email.is_suppressed
