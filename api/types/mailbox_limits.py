"""Limits of a mailbox that have more than one number."""

from datetime import date
from typing import Self

import strawberry

from persistence.reading.pages import AnyRow


@strawberry.type(description="A capacity that grows day by day up to the daily capacity.")
class MailboxRamp:
    start: int = strawberry.field(description="Emails on the first day.")
    step: int = strawberry.field(description="How many more on each day after it.")
    started_on: date = strawberry.field(description="The first day, in the mailbox's zone.")

    @classmethod
    def of(cls, row: AnyRow) -> Self | None:
        if row.ramp_start is None:
            return None
        return cls(start=row.ramp_start, step=row.ramp_step, started_on=row.ramp_started_on)


@strawberry.type(description="A limit on every stretch of time of one length, wherever it begins.")
class SlidingWindow:
    limit: int = strawberry.field(description="Most emails within it.")
    seconds: int = strawberry.field(description="Its length in seconds.")

    @classmethod
    def of(cls, row: AnyRow) -> Self | None:
        if row.sliding_window_limit is None:
            return None
        return cls(limit=row.sliding_window_limit, seconds=row.sliding_window_s)
