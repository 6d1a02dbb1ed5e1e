"""Asking for forecasts in tests: the documents, a sequence to forecast, and how it is refused."""

from typing import Any

from api.ids import global_id
from domain.ids import MailboxId, SequenceId
from persistence.database import Database
from tests.api.client import Answer, ApiClient
from tests.support.planning_office import WORKDAYS
from tests.support.world import make_mailbox, make_sequence

FORECAST = """
query ($input: ForecastInput!) { forecast(input: $input) {
  contacts emails expectedEmails completesAt completesOn unplaced { reason count }
  days { day emails expectedEmails }
  mailboxes { mailbox { name } dailyCapacity emails fullOn days { day emails } }
  deadline { isMet daysLate sendingDays neededPerDay availablePerDay
    moreMailboxes { amount isSmallest } dailyCapacity { amount isSmallest } }
} }
"""
BRIEFLY = "query ($input: ForecastInput!) { forecast(input: $input) { emails completesOn } }"
THREE_STEPS = ((0, "One", "first"), (2, "Two", "second"), (1, "Three", "third"))


async def forecast_sequence(
    api: ApiClient, worker_db: Database, *, boxes: int = 3, **overrides: Any
) -> tuple[SequenceId, list[MailboxId]]:
    """Three steps on workdays from 09:00 to 17:00; it is Monday, 09:00."""
    async with worker_db.transaction() as conn:
        ids = [await make_mailbox(conn, api.workspace_id, name=f"Box {number}") for number in range(boxes)]
        ordinary = {"steps": THREE_STEPS, "mailboxes": ids, "send_window": WORKDAYS}
        return await make_sequence(conn, api.workspace_id, **(ordinary | overrides)), ids


async def ask_forecast(api: ApiClient, sequence_id: SequenceId, **asked: object) -> Answer:
    given = {"sequenceId": global_id("Sequence", sequence_id)} | asked
    data = await api.data(FORECAST, input=given)
    found: Answer = data["forecast"]
    return found


async def refusal_of(api: ApiClient, sequence_id: SequenceId, **asked: object) -> tuple[str, str]:
    given = {"sequenceId": global_id("Sequence", sequence_id)} | asked
    return await api.refusal(BRIEFLY, input=given)
