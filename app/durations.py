"""Durations as people write them: 90s, 5m, 2h, 1d."""

import re
from datetime import timedelta

_UNITS = {"ms": "milliseconds", "s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_DURATION = re.compile(r"(\d+)(ms|s|m|h|d)")


def durations(given: object) -> object:
    """
    Read durations separated by commas: `5m,15m,30m`. What is no text is left as it is.

    Raises:
        ValueError: One of them is no duration, or takes no time.
    """
    if not isinstance(given, str):
        return given
    return tuple(_duration(part.strip()) for part in given.split(","))


def _duration(given: str) -> timedelta:
    written = _DURATION.fullmatch(given)
    if written is None or not int(written[1]):
        raise ValueError(
            f"{given!r} is no duration: write a number above 0 and ms, s, m, h or d, like 5m,15m,30m"
        )
    return timedelta(**{_UNITS[written[2]]: int(written[1])})


def written(duration: timedelta) -> str:
    """The shortest way to write *duration* with one unit: `5m`, `90s`, `1h`."""
    for unit, name in reversed(_UNITS.items()):
        size = timedelta(**{name: 1})
        if not duration % size:
            return f"{duration // size}{unit}"
    raise ValueError(f"{duration} is not a whole number of milliseconds")
