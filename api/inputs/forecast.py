"""What is to be forecast, as it is asked for."""

from dataclasses import dataclass
from datetime import date

import strawberry

from api.errors import BadUserInput, UserErrorCode
from api.inputs import values
from api.inputs.keys import sequence_key
from api.inputs.mailboxes import HIGHEST_CAPACITY
from api.inputs.problems import InputRefused, Problem, Problems
from domain.deadline import MOST_MAILBOXES
from domain.ids import SequenceId
from domain.what_if import WhatIf

MOST_CONTACTS = 100_000


@dataclass(frozen=True, slots=True)
class Asked:
    """A forecast that was asked for; *deadline* and *reply_rate* only if they were given."""

    sequence_id: SequenceId
    change: WhatIf
    deadline: date | None
    reply_rate: float | None


@strawberry.input(description="A sequence, and a change of it that is not made yet. Nothing is written.")
class ForecastInput:
    sequence_id: strawberry.ID = strawberry.field(description="The sequence; not an archived one.")
    additional_contacts: int = strawberry.field(
        default=0,
        description=f"Contacts enrolled now; with those on their way at most {MOST_CONTACTS}.",
    )
    daily_capacity: int | None = strawberry.field(
        default=None,
        description="The daily capacity of each of its mailboxes, 0 for unlimited; null leaves theirs.",
    )
    additional_mailboxes: int = strawberry.field(
        default=0, description=f"Mailboxes more, like the present ones in turn; at most {MOST_MAILBOXES}."
    )
    deadline: date | None = strawberry.field(
        default=None, description="The last day on which emails may leave, in the sequence's zone."
    )
    reply_rate: float | None = strawberry.field(
        default=None, description="Replies per email sent, from 0 to below 1: what to expect then."
    )

    def read(self) -> Asked:
        """
        What is asked for.

        Raises:
            BadUserInput: It names every field that cannot be taken, and what can.
        """
        try:
            with Problems() as problems:
                return self._read(problems)
        except InputRefused as refused:
            raise BadUserInput(str(refused)) from None

    def _read(self, problems: Problems) -> Asked:
        sequence_id = sequence_key(self.sequence_id, problems)
        with problems.at("additionalContacts"):
            values.number(self.additional_contacts, least=0, most=MOST_CONTACTS)
        with problems.at("dailyCapacity"):
            values.number(self.daily_capacity or 0, least=0, most=HIGHEST_CAPACITY)
        with problems.at("additionalMailboxes"):
            values.number(self.additional_mailboxes, least=0, most=MOST_MAILBOXES)
        with problems.at("replyRate"):
            check_reply_rate(self.reply_rate)
        change = WhatIf(self.additional_contacts, self.daily_capacity, self.additional_mailboxes)
        return Asked(sequence_id, change, self.deadline, self.reply_rate)


def check_reply_rate(rate: float | None) -> None:
    """
    Make sure that *rate*, if given, is a share of the emails.

    Raises:
        Problem: If it is not.
    """
    if rate is not None and not 0 <= rate < 1:
        raise Problem(UserErrorCode.OUT_OF_RANGE, "It is a number from 0 to below 1, for example 0.05.")
