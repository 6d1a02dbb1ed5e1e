"""Forecasting: a sequence is read without locks, and planned in a thread."""

import asyncio
from dataclasses import dataclass

from api.context import Context
from api.errors import BadUserInput
from api.inputs.forecast import MOST_CONTACTS, Asked
from api.wanted import existing
from domain.deadline import PastDeadline, Punctuality, punctuality
from domain.forecast import Forecast, forecast
from domain.what_if import Situation
from persistence.reading.forecasts import TooManyContacts, forecast_situation

MOST_EMAILS = 500_000


@dataclass(frozen=True, slots=True)
class Outlook:
    """A forecast, and what it means for the deadline if one was given."""

    asked: Asked
    forecast: Forecast
    punctuality: Punctuality | None


async def outlook(context: Context, asked: Asked) -> Outlook:
    """
    Forecast the sequence that is *asked* for; nothing is written.

    Raises:
        NotFound: If there is no such sequence.
        BadUserInput: If sequence and change cannot be planned, or are too much for one request.
    """
    if not context.forecasts.take():
        raise BadUserInput(f"Ask for at most {context.forecasts.most} forecasts in one request.")
    situation = await _situation(context, asked)
    # Arithmetic takes a whole core: one at a time, so that the other requests keep the rest.
    async with context.services.planning:
        return await asyncio.to_thread(_outlook, situation, asked)


async def _situation(context: Context, asked: Asked) -> Situation:
    now = await context.now()
    await existing(context.loaders.sequences, "Sequence", asked.sequence_id)
    most = MOST_CONTACTS - asked.change.additional_contacts
    async with context.transaction() as conn:
        try:
            found = await forecast_situation(
                conn, context.workspace_id, asked.sequence_id, now=now, most=most
            )
        except TooManyContacts:
            raise _too_many_contacts(asked) from None
    if found is None:
        raise BadUserInput("sequenceId: The sequence is archived; ask for one that is not.")
    _check(found, asked)
    return found


def _too_many_contacts(asked: Asked) -> BadUserInput:
    if asked.change.additional_contacts == 0:
        return BadUserInput(f"sequenceId: More than {MOST_CONTACTS} contacts are on their way through it.")
    return BadUserInput(
        f"additionalContacts: With those on their way there are more than {MOST_CONTACTS}; ask for fewer."
    )


def _check(situation: Situation, asked: Asked) -> None:
    if asked.change.additional_contacts and not situation.steps:
        raise BadUserInput("additionalContacts: The sequence has no step to send; add one first.")
    if asked.change.additional_mailboxes and not situation.linked:
        raise BadUserInput("additionalMailboxes: The sequence has no mailbox to be like; link one first.")
    emails = situation.email_count + len(situation.steps) * asked.change.additional_contacts
    if emails > MOST_EMAILS:
        raise BadUserInput(
            f"additionalContacts: That makes {emails} emails, a forecast plans at most {MOST_EMAILS}."
        )


def _outlook(situation: Situation, asked: Asked) -> Outlook:
    after = situation.after(asked.change)
    found = forecast(after, reply_rate=asked.reply_rate or 0.0)
    if asked.deadline is None:
        return Outlook(asked, found, None)
    try:
        held_against = punctuality(situation, asked.change, found, deadline=asked.deadline)
    except PastDeadline as past:
        raise BadUserInput(
            f"deadline: It has passed; give {past.today}, today in the sequence's zone, or a later day."
        ) from None
    return Outlook(asked, found, held_against)
