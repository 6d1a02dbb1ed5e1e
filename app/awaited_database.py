"""The database when a process starts: waited for, as after a start of the whole machine."""

import asyncio
from collections.abc import Callable

import structlog
from sqlalchemy.exc import OperationalError

from app.database_faults import fault_of
from app.misconfiguration import Misconfigured
from persistence.database import Database, UnsafeRole

log = structlog.get_logger(__name__)

_LOOKS_AGAIN_S = 0.5


async def await_database(database: Database, *, is_told_to_end: Callable[[], bool]) -> None:
    """
    Return when *database* answers, or when the process is told to end meanwhile.

    Raises:
        Misconfigured: With a role that row-level security would not bind.
    """
    while not is_told_to_end():
        try:
            await database.check_role()
        except OperationalError as error:
            fault = fault_of(error)
            log.warning("database.awaited", cause=fault.cause, remedy=fault.remedy)
            await asyncio.sleep(_LOOKS_AGAIN_S)
        except UnsafeRole as error:
            fault = fault_of(error)
            raise Misconfigured([f"{fault.cause}: {fault.remedy}"]) from None
        else:
            return
