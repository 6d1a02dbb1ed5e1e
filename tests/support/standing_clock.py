"""Business time that a test sets by hand."""

from datetime import datetime, timedelta

from tests.support.world import MONDAY


class StandingClock:
    """Stands at *present*, `MONDAY` if not said otherwise, until somebody lets time pass."""

    def __init__(self, present: datetime = MONDAY) -> None:
        self.present = present

    async def now(self) -> datetime:
        return self.present

    def pass_by(self, wait: timedelta) -> None:
        self.present += wait
