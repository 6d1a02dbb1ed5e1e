"""Send windows as the API shows them."""

from datetime import time
from typing import Any

import strawberry


@strawberry.type(
    description="A stretch of wall-clock time; one that does not end after its start runs into the next day."
)
class SendInterval:
    start: time = strawberry.field(description="When it opens.")
    end: time = strawberry.field(description="When it closes; 00:00 is midnight at the end of the day.")


@strawberry.type(description="The hours of the week in which emails may leave, read in the zone beside it.")
class SendWindow:
    weekdays: list[int] = strawberry.field(
        description="Days on which it opens, from 1 (Monday) to 7 (Sunday)."
    )
    intervals: list[SendInterval] = strawberry.field(description="The hours on each of these days.")


def send_window(stored: dict[str, Any] | None) -> SendWindow | None:  # as JSONB holds it
    """Read a stored window; None stays None."""
    if stored is None:
        return None
    return SendWindow(
        weekdays=sorted(stored["weekdays"]),
        intervals=[
            SendInterval(start=time.fromisoformat(start), end=time.fromisoformat(end))
            for start, end in stored["intervals"]
        ],
    )
