"""What planning is told of sequences and mailboxes."""

from datetime import date, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from domain.lifecycle import MailboxStatus
from domain.mailboxes import Ramp
from domain.send_window import SendWindow
from persistence.planning_terms import PlanningTerms, planning_terms, read_window
from persistence.tables import mailboxes, sequences, workspaces
from tests.persistence.delivery import Delivery
from tests.support.world import make_mailbox, make_sequence, make_workspace

STORED = {"weekdays": [1, 5], "intervals": [["09:00", "12:30"], ["13:00", "17:00"]]}
WINDOW = SendWindow(frozenset({1, 5}), ((time(9), time(12, 30)), (time(13), time(17))))


async def terms_of(delivery: Delivery) -> PlanningTerms:
    async with delivery.db.transaction() as conn:
        return await planning_terms(conn, delivery.workspace_id)


def test_a_stored_window_is_read() -> None:
    """None stands for every hour of every day."""
    assert read_window(STORED) == WINDOW
    assert read_window(None) is None


async def test_a_sequences_calendar(delivery: Delivery) -> None:
    """In its own zone between its dates; a contact's zone counts only where the sequence says so."""
    first, last = date(2026, 3, 2), date(2026, 4, 1)
    await delivery.change(
        sequences,
        delivery.sequence_id,
        send_window=STORED,
        zone="Europe/Berlin",
        first_date=first,
        last_date=last,
        priority=3,
    )

    terms = (await terms_of(delivery)).sequences[delivery.sequence_id]

    sequence = terms.for_zone(None)
    assert (sequence.id, sequence.priority, sequence.mailbox_ids) == (
        delivery.sequence_id,
        3,
        (delivery.mailbox_id,),
    )
    assert (sequence.calendar.zone, sequence.calendar.window) == (ZoneInfo("Europe/Berlin"), WINDOW)
    assert (sequence.calendar.first_date, sequence.calendar.last_date) == (first, last)
    assert terms.for_zone("Asia/Tokyo") is sequence
    await delivery.change(sequences, delivery.sequence_id, uses_contact_zone=True)
    terms = (await terms_of(delivery)).sequences[delivery.sequence_id]
    assert str(terms.for_zone("Asia/Tokyo").calendar.zone) == "Asia/Tokyo"
    assert terms.for_zone("Asia/Tokyo") is terms.for_zone("Asia/Tokyo")
    assert terms.calendar.zone == ZoneInfo("Europe/Berlin")


async def test_without_a_window_of_its_own_a_sequence_has_the_workspaces(delivery: Delivery) -> None:
    """If that has one."""
    without = (await terms_of(delivery)).sequences[delivery.sequence_id].calendar.window
    await delivery.change(workspaces, delivery.workspace_id, send_window=STORED)

    assert without is None
    assert (await terms_of(delivery)).sequences[delivery.sequence_id].calendar.window == WINDOW


async def test_a_mailbox_as_planning_sees_it(delivery: Delivery) -> None:
    """With its ramp, its gap, and whether it can send at all."""
    await delivery.change(
        mailboxes,
        delivery.mailbox_id,
        zone="America/New_York",
        daily_capacity=50,
        minimum_gap_s=90,
        ramp_start=5,
        ramp_step=2,
        ramp_started_on=date(2026, 3, 1),
        status="BLOCKED",
    )

    terms = await terms_of(delivery)

    mailbox = terms.mailboxes[delivery.mailbox_id]
    assert (mailbox.zone, mailbox.daily_capacity) == (ZoneInfo("America/New_York"), 50)
    assert (mailbox.minimum_gap, mailbox.is_available) == (timedelta(seconds=90), False)
    assert mailbox.ramp == Ramp(5, 2, date(2026, 3, 1))
    assert mailbox.capacity_on(date(2026, 3, 4)) == 11
    assert terms.statuses == {delivery.mailbox_id: MailboxStatus.BLOCKED}


async def test_who_serves_what(delivery: Delivery) -> None:
    """A removed mailbox serves nobody and is known still; one may serve several sequences."""
    async with delivery.db.transaction() as conn:
        second = await make_mailbox(conn, delivery.workspace_id)
        removed = await make_mailbox(conn, delivery.workspace_id, status="REMOVED")
        linked = [second, removed, delivery.mailbox_id]
        other = await make_sequence(conn, delivery.workspace_id, mailboxes=linked, zone="Asia/Tokyo")
        archived = await make_sequence(conn, delivery.workspace_id, mailboxes=linked, status="ARCHIVED")
        await make_mailbox(conn, await make_workspace(conn))

    terms = await terms_of(delivery)

    assert terms.sequences[other].for_zone(None).mailbox_ids == (delivery.mailbox_id, second)
    assert archived not in terms.sequences
    assert set(terms.mailboxes) == {delivery.mailbox_id, second, removed}
    zones = {key: [str(each.zone) for each in calendars] for key, calendars in terms.calendars.items()}
    assert zones == {delivery.mailbox_id: ["UTC", "Asia/Tokyo"], second: ["Asia/Tokyo"]}


@pytest.mark.parametrize(
    ("status", "says"),
    [
        (MailboxStatus.PAUSED, "CANCEL"),
        (MailboxStatus.NEEDS_AUTH, "CANCEL"),
        (MailboxStatus.BLOCKED, "CANCEL"),
        (MailboxStatus.REMOVED, "WAIT"),
    ],
)
async def test_what_a_sequence_says_of_a_mailbox_that_cannot_send(
    delivery: Delivery, status: MailboxStatus, says: str
) -> None:
    """Broken counts as paused."""
    policies: dict[str, Any] = {"when_mailbox_paused": "CANCEL", "when_mailbox_removed": "WAIT"}
    await delivery.change(sequences, delivery.sequence_id, **policies)

    assert (await terms_of(delivery)).sequences[delivery.sequence_id].when_mailbox_is(status) == says
