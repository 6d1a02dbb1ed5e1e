"""What scheduled emails point to and are shown with, by the names of their loaders."""

from collections.abc import Mapping

from persistence.reading.email_holds import HOLDING
from persistence.reading.mailboxes import SHOWN
from persistence.reading.relations import Relation
from persistence.reading.sequences import STEP_COLUMNS, TEXT_IN_FORCE
from persistence.tables import contacts, mailboxes, scheduled_emails, step_versions, steps

_emails = scheduled_emails.c

EMAIL_RELATIONS: Mapping[str, Relation] = {
    "contacts": Relation(
        tuple(contacts.c), lambda rows: rows.join(contacts, contacts.c.id == _emails.contact_id)
    ),
    "steps": Relation(
        STEP_COLUMNS,
        lambda rows: rows.join(steps, steps.c.id == _emails.step_id).join(step_versions, TEXT_IN_FORCE),
    ),
    # Until it is placed, an email has no mailbox.
    "mailboxes": Relation(
        SHOWN, lambda rows: rows.outerjoin(mailboxes, mailboxes.c.id == _emails.mailbox_id)
    ),
    "holding": HOLDING,
}
