"""The domains that contacts are written to, read only where a mailbox has a cap on them."""

from collections.abc import Iterable

from sqlalchemy import ColumnElement, Text, func, literal

from domain.mailboxes import Mailbox
from persistence.tables import contacts


def recipient_domain(mailboxes: Iterable[Mailbox]) -> ColumnElement[str]:
    """The domain of a contact's address; nothing if none of *mailboxes* caps it, as nobody asks then."""
    if all(box.recipient_domain_daily_cap is None for box in mailboxes):
        return literal(None, Text).label("recipient_domain")
    return func.split_part(contacts.c.normalised_email, "@", 2).label("recipient_domain")
