"""Send windows as they are given."""

from datetime import time

import strawberry

from api.errors import UserErrorCode
from api.inputs import values
from api.inputs.problems import Problems
from api.scalars import TimeZone
from domain.send_window import InvalidSendWindow, SendWindow


@strawberry.input(
    description="A stretch of wall-clock time. One that ends before it starts runs into the next day."
)
class SendIntervalInput:
    start: time = strawberry.field(description="When it opens.")
    end: time = strawberry.field(description="When it closes; 00:00 is midnight at the end of the day.")


@strawberry.input(description="The hours of the week in which emails may leave.")
class SendWindowInput:
    weekdays: list[int] = strawberry.field(
        description="Days on which it opens, from 1 (Monday) to 7 (Sunday)."
    )
    intervals: list[SendIntervalInput] = strawberry.field(description="The hours on each of these days.")

    def stored(self, problems: Problems, *path: str) -> dict[str, object]:
        """The window as it is kept; what the domain refuses is a problem at its field."""
        intervals = tuple((interval.start, interval.end) for interval in self.intervals)
        try:
            window = SendWindow(frozenset(self.weekdays), intervals)
        except InvalidSendWindow as invalid:
            problems.add(UserErrorCode.INVALID_SEND_WINDOW, str(invalid), *path, invalid.field)
            return {}
        return {
            "weekdays": sorted(window.weekdays),
            "intervals": [[_written(start), _written(end)] for start, end in window.intervals],
        }


def _written(wall: time) -> str:
    return wall.isoformat("seconds" if wall.second else "minutes")


def zone_and_window(
    zone: strawberry.Maybe[TimeZone],
    send_window: strawberry.Maybe[SendWindowInput | None],
    problems: Problems,
) -> dict[str, object]:
    """What changes of both, by column."""
    columns: dict[str, object] = {}
    if zone:
        with problems.at("zone"):
            columns["zone"] = values.zone(zone.value)
    if send_window:
        window = send_window.value
        columns["send_window"] = window and window.stored(problems, "sendWindow")
    return columns
