"""The lookout: beside the ticks, counts what all ask for, and raises and closes alerts."""

import asyncio
import contextlib
from collections.abc import Mapping

import structlog
from sqlalchemy.exc import DBAPIError

from actors.clocks import Clock
from actors.outage import QueueUnavailable
from actors.publisher import Publisher
from domain.alerts import AlertBounds
from persistence.alerts import Switched, find_causes, settle_alerts
from persistence.database import Database
from persistence.figures import EMAILS, QUEUES, count_emails, write_figure
from persistence.leadership import Leader, LeadershipLost, fence

log = structlog.get_logger(__name__)

LOOK_EVERY_S = 10.0


class Lookout:
    """
    Looks around for a leader, on a task of its own: a broker that is away must not hold up the ticks.

    Each look is fenced as a tick is, so two clocks never raise one alert twice.
    """

    def __init__(
        self, *, database: Database, publisher: Publisher, clock: Clock, bounds: AlertBounds
    ) -> None:
        self._database = database
        self._publisher = publisher
        self._clock = clock
        self._bounds = bounds

    async def keep_looking(self, leader: Leader, *, every_s: float = LOOK_EVERY_S) -> None:
        """Look again and again, until the lead is lost or this task is cancelled."""
        while True:
            try:
                await self.look(leader)
            except LeadershipLost:
                return
            except (DBAPIError, OSError) as outage:
                log.warning("lookout.interrupted", cause=type(outage).__name__)
            await asyncio.sleep(every_s)

    async def look(self, leader: Leader) -> None:
        """
        Look once.

        Raises:
            LeadershipLost: When *leader* leads no more; nothing was written then.
        """
        depths = await self._depths()
        now = await self._clock.now()
        async with self._database.transaction() as conn:
            await fence(conn, leader)
            if depths is not None:
                await write_figure(conn, QUEUES, depths)
            await write_figure(conn, EMAILS, await count_emails(conn, now=now))
            causes = await find_causes(conn, now=now, bounds=self._bounds)
            switched = await settle_alerts(conn, causes, now=now)
        for each in switched:
            _tell(each)

    async def _depths(self) -> Mapping[str, int] | None:
        """None while the broker is away: the last ones that were taken tell when that was."""
        with contextlib.suppress(QueueUnavailable):
            return dict(await self._publisher.depths())
        return None


def _tell(alert: Switched) -> None:
    about = {
        "alert_id": str(alert.alert_id),
        "workspace_id": str(alert.workspace_id),
        "kind": str(alert.kind),
        "mailbox_id": None if alert.mailbox_id is None else str(alert.mailbox_id),
    }
    if alert.is_open:
        log.warning("alert.raised", severity=str(alert.severity), **about)
    else:
        log.info("alert.closed", **about)
