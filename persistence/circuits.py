"""The circuits of mailboxes: what their hosts did, counted for all processes together."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.circuit import Circuit, Encounter
from domain.ids import MailboxId
from persistence.arrays import unnested
from persistence.statements import Statement
from persistence.tables import mailboxes

# What a mailbox's row says of a host with which all is well.
CLOSED = {"host_troubles": 0, "host_rests_until": None, "host_error": None}


@dataclass(frozen=True, slots=True)
class Switched:
    """A circuit that opened or closed."""

    mailbox_id: MailboxId
    circuit: Circuit


async def note_encounters(
    conn: AsyncConnection,
    encounters: Sequence[tuple[MailboxId, Encounter]],
    *,
    now: datetime,
    schedule: Sequence[timedelta],
) -> list[Switched]:
    """
    Count *encounters*, in their order; those circuits that they opened or closed, by mailbox.

    Only mailboxes of which something new is told are locked, before all that a result locks. Rests are those
    of *schedule*.
    """
    before = await _lock(conn, encounters)
    after = dict(before)
    errors: dict[MailboxId, str | None] = {}
    for mailbox_id, encounter in encounters:
        if mailbox_id in after:
            after[mailbox_id] = after[mailbox_id].after(encounter, now=now, schedule=schedule)
            errors[mailbox_id] = encounter.trouble
    await _write(conn, after, errors)
    return [
        Switched(mailbox_id, after[mailbox_id])
        for mailbox_id, was in before.items()
        if after[mailbox_id].rests_until != was.rests_until
    ]


async def _lock(
    conn: AsyncConnection, encounters: Sequence[tuple[MailboxId, Encounter]]
) -> dict[MailboxId, Circuit]:
    """The circuits that *encounters* may change, in the order that everyone keeps."""
    troubled = {mailbox_id for mailbox_id, encounter in encounters if encounter.trouble is not None}
    reached = {mailbox_id for mailbox_id, _ in encounters} - troubled
    if not troubled and not reached:
        return {}
    rows = await _LOCK.rows(conn, troubled=list(troubled), reached=list(reached))
    return {MailboxId(row.id): Circuit(row.host_troubles, row.host_rests_until) for row in rows}


# An answer is nothing new where there was no trouble, as there is none nearly always.
_LOCK = Statement(
    text("""
SELECT id, host_troubles, host_rests_until FROM mailboxes
WHERE id = ANY(CAST(:troubled AS uuid[])) OR (id = ANY(CAST(:reached AS uuid[])) AND host_troubles > 0)
ORDER BY id FOR NO KEY UPDATE
""")
)


async def _write(
    conn: AsyncConnection, after: dict[MailboxId, Circuit], errors: dict[MailboxId, str | None]
) -> None:
    if not after:
        return
    columns = mailboxes.c
    given = unnested(
        {"id": columns.id.type, "troubles": columns.host_troubles.type}
        | {"rests_until": columns.host_rests_until.type, "error": columns.host_error.type},
        {
            "id": list(after),
            "troubles": [circuit.troubles for circuit in after.values()],
            "rests_until": [circuit.rests_until for circuit in after.values()],
            "error": [errors[mailbox_id] for mailbox_id in after],
        },
    )
    await conn.execute(
        update(mailboxes)
        .where(columns.id == given.c.id)
        .values(
            host_troubles=given.c.troubles, host_rests_until=given.c.rests_until, host_error=given.c.error
        )
    )
