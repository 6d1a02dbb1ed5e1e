"""What the demo shows at the end: tables that fit a terminal of 80 columns."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from rich.table import Table

from app.captured_mail import Received, Refused
from app.demo.outcome import MailboxDay
from app.demo.scenario import ZONE


def days_table(rows: Sequence[MailboxDay]) -> Table:
    """One row per mailbox and day. First, last and gaps are of emails that the server accepted."""
    table = Table(title="Received, by mailbox and day (business time, Europe/Berlin)")
    for heading in ("day", "mailbox"):
        table.add_column(heading)
    for heading in ("planned", "received", "first", "last", "smallest to\nlargest gap"):
        table.add_column(heading, justify="right")
    before = None
    for row in rows:
        if before is not None and row.day != before:
            table.add_section()
        table.add_row(
            f"{row.day:%a %d %b}",
            _name(row.mailbox),
            str(row.planned),
            str(row.received),
            _clock(row.first),
            _clock(row.last),
            _gaps(row.smallest_gap, row.largest_gap),
        )
        before = row.day
    return table


def retries_table(received: Sequence[Received], refused: Sequence[Refused]) -> Table:
    """Every refusal of the receiving server and what became of the email."""
    table = Table(title="Refusals and retries")
    for heading in ("contact", "at", "the server said", "then"):
        table.add_column(heading)
    accepted = {(each.recipient, each.at.astimezone(ZONE).date()): each.at for each in received}
    for each in sorted(refused, key=lambda refusal: (refusal.recipient or "", refusal.at)):
        local = each.at.astimezone(ZONE)
        arrived = accepted.get((each.recipient or "", local.date()))
        then = "contact stopped" if arrived is None else f"accepted {_clock(arrived)}"
        table.add_row(_name(each.recipient or ""), f"{local:%a %H:%M}", each.reply, then)
    return table


# Any: emails as the API answers them.
def ends_table(emails: Sequence[dict[str, Any]]) -> Table:
    """How many enrollments and emails ended in which state."""
    table = Table(title="Where everything ended")
    table.add_column("")
    table.add_column("state")
    table.add_column("number", justify="right")
    enrollments = {email["recipientEmail"]: email["enrollment"]["status"] for email in emails}
    for noun, states in (
        ("enrollments", Counter(enrollments.values())),
        ("emails", Counter(email["status"] for email in emails)),
    ):
        for state, number in states.most_common():
            table.add_row(noun, state, str(number))
        table.add_section()
    return table


def _clock(instant: datetime | None) -> str:
    return "-" if instant is None else f"{instant.astimezone(ZONE):%H:%M}"


def _gaps(smallest: timedelta | None, largest: timedelta | None) -> str:
    if smallest is None or largest is None:
        return "-"
    numbers = [f"{gap / timedelta(minutes=1):g}" for gap in (smallest, largest)]
    return f"{' to '.join(dict.fromkeys(numbers))} min"


def _name(address: str) -> str:
    """The part before the @: all mailboxes share a domain, and so do all contacts."""
    return address.partition("@")[0]
