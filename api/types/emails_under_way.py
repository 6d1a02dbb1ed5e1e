"""Emails on their way out, as they are told to those who watch."""

from collections.abc import Sequence
from typing import Self

import strawberry

from api.types.scheduled_email import ScheduledEmail
from persistence.reading.pages import AnyRow

MOST_TOLD = 200


@strawberry.type(description="The emails that have been taken up for sending, and are not through yet.")
class EmailsUnderWay:
    total: int = strawberry.field(description="How many there are.")
    emails: list[ScheduledEmail] = strawberry.field(
        description="Those that are `QUEUED`, `SENDING` or `COMMITTING`, soonest planned first: at most "
        f"{MOST_TOLD}."
    )

    @classmethod
    def of(cls, rows: Sequence[AnyRow]) -> Self:
        return cls(total=rows[0].total if rows else 0, emails=[ScheduledEmail.of(row) for row in rows])
