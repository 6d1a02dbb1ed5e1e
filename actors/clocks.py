"""The present, in business time: a port, because the demo and the tests let it jump."""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    async def now(self) -> datetime:
        """The present in UTC, as windows, waits and slots know it."""
        ...
