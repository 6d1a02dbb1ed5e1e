"""Lists of scheduled emails: what is read with each of them, and of which thing they are."""

from dataclasses import replace
from uuid import UUID

from api.asked_fields import asked_of_nodes
from api.context import Info
from api.ids import uuid_of
from api.inputs.email_filter import ScheduledEmailFilter
from persistence.reading.email_relations import EMAIL_RELATIONS
from persistence.reading.pages import Listed
from persistence.reading.scheduled_emails import EmailOrder, emails_where

# By which fields of an email one sees what it points to.
_SHOWN_BY = {
    "contacts": ("contact", "recipientEmail"),
    "steps": ("step", "subject"),
    "mailboxes": ("mailbox",),
    "holding": ("heldBy",),
}


async def sequence_of_step(info: Info, asked: ScheduledEmailFilter | None) -> UUID | None:
    """The sequence of the step that is asked for, by which its emails are found."""
    if asked is None or asked.step_id is None:
        return None
    step = await info.context.loaders.steps.load(uuid_of("Step", asked.step_id))
    if step is None:
        return None
    sequence_id: UUID = step.sequence_id
    return sequence_id


def emails_asked_for(
    info: Info,
    asked: ScheduledEmailFilter | None,
    order_by: EmailOrder,
    *,
    sequence_id: UUID | None = None,
) -> Listed:
    """
    The emails that the field of *info* asks for, with what it shows of what they point to.

    *sequence_id* is that of the step that is asked for.
    """
    fields = asked_of_nodes(info)
    relations = {name: EMAIL_RELATIONS[name] for name, by in _SHOWN_BY.items() if not fields.isdisjoint(by)}
    chosen = replace((asked or ScheduledEmailFilter()).parsed(), sequence_of_step=sequence_id)
    if order_by is EmailOrder.SENT_AT:
        chosen = replace(chosen, is_sent=True)
    return emails_where(info.context.workspace_id, chosen, relations)
