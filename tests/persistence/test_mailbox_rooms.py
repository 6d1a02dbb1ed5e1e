"""Rooms of mailboxes: PostgreSQL works out what the gate would let pass."""

import random
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, text

from domain.gate import MailboxLoad
from domain.ids import MailboxId
from persistence.mailbox_loads import read_loads
from persistence.mailbox_rooms import BUSY, ROOM, TERMS
from persistence.tables import mailbox_days, mailboxes
from tests.persistence.delivery import MINUTE, NOW, TODAY, Delivery

MAILBOXES = 60
ROOMS = text(f"""
SELECT box.id, room.day, room.capacity, box.under_way_ids, room.emails
FROM (
    SELECT {TERMS} FROM mailboxes AS m JOIN workspaces AS w ON w.id = m.workspace_id
    CROSS JOIN LATERAL ({BUSY}) AS busy
) AS box
CROSS JOIN (SELECT CAST(:now AS timestamptz) AS instant) AS at
CROSS JOIN LATERAL ({ROOM}) AS room
""")


@pytest.mark.parametrize("seed", range(3))
async def test_the_room_is_what_the_gate_would_let_pass(delivery: Delivery, seed: int) -> None:
    """Whatever limits a mailbox has, what it has sent, and what it has under way."""
    chance = random.Random(seed)  # noqa: S311  # limits are no secrets
    await delivery.change(mailboxes, delivery.mailbox_id, **_terms(chance))
    ids = [delivery.mailbox_id] + [await delivery.mailbox(**_terms(chance)) for _ in range(MAILBOXES - 1)]
    now = NOW + chance.randrange(90) * MINUTE
    for mailbox_id in ids:
        await _go_on(delivery, mailbox_id, chance, now=now)

    async with delivery.db.transaction() as conn:
        found = {row.id: row for row in await conn.execute(ROOMS, {"now": now})}
        loads = await read_loads(conn, ids, now=now)

    assert [_told(found[each]) for each in ids] == [_judged(loads[each], now) for each in ids]
    assert {max(0, found[each].emails) for each in ids} == {0, 1, 2}


def _terms(chance: random.Random) -> Mapping[str, Any]:
    """Each limit in one of two mailboxes, and so low that it may be reached."""

    def perhaps(value: int) -> int | None:
        return value if chance.random() < 0.5 else None

    window = perhaps(chance.choice((900, 7_200, 86_400, 90_000)))
    return {
        "zone": chance.choice(("UTC", "Asia/Kolkata", "Pacific/Honolulu", "Europe/Berlin")),
        "daily_capacity": chance.choice((0, 1, 2, 7, 30)),
        "ramp_start": perhaps(2),
        "ramp_step": perhaps(1),
        "ramp_started_on": chance.choice((None, TODAY - timedelta(days=3), TODAY + timedelta(days=3))),
        "day_variation_percent": chance.choice((0, 0, 20, 50)),
        "minimum_gap_s": chance.choice((0, 0, 60)),
        "hourly_limit": perhaps(chance.randrange(1, 6)),
        "sliding_window_limit": None if window is None else chance.randrange(1, 6),
        "sliding_window_s": window,
        "rolling_24h_limit": perhaps(chance.randrange(1, 9)),
        "host_troubles": chance.choice((0, 0, 2, 3)),
    }


async def _go_on(delivery: Delivery, mailbox_id: MailboxId, chance: random.Random, *, now: datetime) -> None:
    """Emails of 30 hours, some that are under way, some that are named and are not; a day that is used."""
    for minutes in chance.sample(range(1_800), k=chance.randrange(4)):
        await delivery.add(mailbox_id=mailbox_id, status="SENT", last_attempt_at=now - minutes * MINUTE)
    statuses = chance.choices(("QUEUED", "SENDING", "COMMITTING", "SENT", "PENDING"), k=chance.randrange(3))
    named = []
    for status in statuses:
        begun = None if status in ("QUEUED", "PENDING") else now - MINUTE
        named.append(await delivery.add(mailbox_id=mailbox_id, status=status, last_attempt_at=begun))
    await delivery.change(mailboxes, mailbox_id, under_way=named)
    if chance.random() < 0.5:
        async with delivery.db.transaction() as conn:
            day = (await read_loads(conn, [mailbox_id], now=now))[mailbox_id].day
            counted = {"workspace_id": delivery.workspace_id, "mailbox_id": mailbox_id, "day": day}
            used = chance.randrange(4)
            await conn.execute(insert(mailbox_days).values(counted | {"capacity": 0, "used": used}))


# Any: a row of what was asked.
def _told(row: Any) -> tuple[object, ...]:
    return row.day, row.capacity, sorted(row.under_way_ids or ()), max(0, row.emails)


def _judged(load: MailboxLoad, now: datetime) -> tuple[object, ...]:
    """What is queued holds a reservation, and counts as begun now; one by one, as the gate lets them pass."""
    queued = len(load.under_way) - load.in_flight
    load.in_flight += queued
    load.starts.extend([now] * queued)
    room = 0
    while not load.is_busy and load.limited(now) is None and not load.is_too_close(now):
        load.take(now, is_reserved=False)
        room += 1
    return load.day, load.capacity_today, sorted(load.under_way), room
