"""Alerts: what is worth one, raised once, and closed when it is over."""

from datetime import date, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import insert, select, text, update
from sqlalchemy.exc import ProgrammingError

from domain.alerts import AlertBounds, AlertKind, AlertSeverity
from domain.ids import MailboxId
from persistence.alerts import Finding, Switched, find_causes, settle_alerts
from persistence.database import Database
from persistence.suppressions import SuppressionReason
from persistence.tables import alerts, mailbox_days, mailboxes, sequences, suppressions, workspaces
from tests.persistence.delivery import NOW, TODAY, Delivery
from tests.support.world import MONDAY, make_contact, make_mailbox, make_workspace

LATE = MONDAY - timedelta(minutes=6)


async def causes(db: Database, *, now: datetime = NOW, bounds: AlertBounds | None = None) -> list[Finding]:
    async with db.transaction() as conn:
        return await find_causes(conn, now=now, bounds=bounds or AlertBounds())


async def settle(db: Database, *findings: Finding, now: datetime = NOW) -> list[Switched]:
    async with db.transaction() as conn:
        return await settle_alerts(conn, findings, now=now)


async def day(delivery: Delivery, day: date = TODAY, **counts: int) -> None:
    """What was counted on a day of the delivery's mailbox, whose capacity is 30."""
    row = {"workspace_id": delivery.workspace_id, "mailbox_id": delivery.mailbox_id, "day": day}
    async with delivery.db.transaction() as conn:
        await conn.execute(insert(mailbox_days).values(row | {"capacity": 30} | counts))


async def test_where_all_is_well_there_is_no_cause(delivery: Delivery) -> None:
    """Due emails, some failures among few, and half a day's capacity."""
    await delivery.due(30)
    await day(delivery, used=15, sent=10, failed=5, bounced=5)

    assert await causes(delivery.db) == []


async def test_a_mailbox_that_a_person_has_to_mend(delivery: Delivery) -> None:
    """Not one that merely rests, or is on hold."""
    async with delivery.db.transaction() as conn:
        for status in ("BLOCKED", "PAUSED"):
            await make_mailbox(conn, delivery.workspace_id, status=status)
    await delivery.change(mailboxes, delivery.mailbox_id, status="NEEDS_AUTH")

    assert await causes(delivery.db) == [
        Finding(
            delivery.workspace_id,
            AlertKind.NEEDS_AUTH,
            AlertSeverity.CRITICAL,
            delivery.mailbox_id,
            None,
            None,
        )
    ]


async def test_a_days_capacity_that_is_spent_early(delivery: Delivery) -> None:
    """24 of 30 at 09:00 of a day that sends at every hour; at noon that is no surprise any more."""
    await day(delivery, used=24)

    [found] = await causes(delivery.db)

    assert (found.kind, found.severity) == (AlertKind.QUOTA_EARLY, AlertSeverity.WARNING)
    assert (found.mailbox_id, found.figure, found.threshold) == (delivery.mailbox_id, 0.8, 0.8)
    assert await causes(delivery.db, now=NOW.replace(hour=12)) == []


async def test_an_alert_of_the_day_stays_until_the_day_is_over(delivery: Delivery) -> None:
    """It is looked up among the open ones."""
    await day(delivery, used=24)
    await settle(delivery.db, *await causes(delivery.db))

    assert len(await causes(delivery.db, now=NOW.replace(hour=23))) == 1
    assert await causes(delivery.db, now=NOW + timedelta(days=1)) == []


@pytest.mark.parametrize(
    ("counts", "kinds"),
    [
        ({"sent": 49, "failed": 1, "bounced": 1}, {"BOUNCE_RATE": "WARNING"}),
        ({"sent": 57, "failed": 3, "bounced": 3}, {"BOUNCE_RATE": "CRITICAL"}),
        ({"sent": 45, "failed": 5}, {"FAILURE_RATE": "WARNING"}),
        ({"sent": 45, "failed": 15, "refused": 15}, {"FAILURE_RATE": "CRITICAL"}),
        ({"sent": 40, "failed": 9, "bounced": 9}, {}),
        ({"sent": 99, "failed": 1, "bounced": 1}, {}),
    ],
)
async def test_rates_of_seven_days(delivery: Delivery, counts: dict[str, int], kinds: dict[str, str]) -> None:
    """Of fifty emails and more; what lies further back is forgotten."""
    await day(delivery, TODAY - timedelta(days=6), **counts)
    await day(delivery, TODAY - timedelta(days=7), sent=50, failed=50, bounced=50)

    found = await causes(delivery.db)

    assert {str(each.kind): str(each.severity) for each in found} == kinds
    assert {each.mailbox_id for each in found} <= {delivery.mailbox_id}


async def _complain(delivery: Delivery, *addresses: str) -> None:
    complaint = {"workspace_id": delivery.workspace_id, "reason": str(SuppressionReason.COMPLAINT)}
    async with delivery.db.transaction() as conn:
        await conn.execute(insert(suppressions), [complaint | {"address": address} for address in addresses])


async def test_complaints_count_for_the_mailboxes_that_wrote(delivery: Delivery) -> None:
    """One in two hundred is too many; whoever was written to long ago does not count."""
    await day(delivery, sent=200)
    for address, days_ago in (("new@example.test", 6), ("old@example.test", 8)):
        sent_at = NOW - timedelta(days=days_ago)
        await delivery.add(contact={"email": address}, status="SENT", sent_at=sent_at)
    await _complain(delivery, "new@example.test", "old@example.test", "nobody@example.test")

    [found] = await causes(delivery.db)

    assert (found.kind, found.severity) == (AlertKind.COMPLAINT_RATE, AlertSeverity.CRITICAL)
    assert (found.mailbox_id, found.figure, found.threshold) == (delivery.mailbox_id, 1 / 200, 0.003)


async def test_a_backlog_that_is_late(delivery: Delivery) -> None:
    """Of what could leave; a sequence on hold is late on purpose."""
    await delivery.due(3, send_at=LATE)
    bounds = AlertBounds(late_emails=3)

    [found] = await causes(delivery.db, bounds=bounds)
    enough = await causes(delivery.db, bounds=AlertBounds(late_emails=4))
    await delivery.change(sequences, delivery.sequence_id, status="PAUSED")

    assert (found.kind, found.severity, found.mailbox_id) == (
        AlertKind.BACKLOG_LATE,
        AlertSeverity.WARNING,
        None,
    )
    assert (found.figure, found.threshold) == (3.0, 3.0)
    assert (enough, await causes(delivery.db, bounds=bounds)) == ([], [])


async def test_a_workspace_on_hold_is_late_on_purpose(delivery: Delivery) -> None:
    """All of its sending waits for a person."""
    await delivery.due(3, send_at=LATE)
    await delivery.change(workspaces, delivery.workspace_id, sending_paused_at=NOW)

    assert await causes(delivery.db, bounds=AlertBounds(late_emails=3)) == []


async def test_an_alert_is_raised_once_and_closed_when_it_is_over(delivery: Delivery) -> None:
    """A later look finds it open and says nothing; raised again, it is another one."""
    cause = Finding(delivery.workspace_id, AlertKind.BACKLOG_LATE, AlertSeverity.WARNING)
    later = NOW + timedelta(hours=1)

    [raised] = await settle(delivery.db, cause)
    again = await settle(delivery.db, cause, now=later)
    [closed] = await settle(delivery.db, now=later)
    [anew] = await settle(delivery.db, cause, now=later)

    assert (raised.is_open, again, closed.is_open, anew.is_open) == (True, [], False, True)
    assert closed.alert_id == raised.alert_id != anew.alert_id
    async with delivery.db.transaction() as conn:
        rows = (
            await conn.execute(select(alerts.c.opened_at, alerts.c.closed_at).order_by(alerts.c.id))
        ).all()
    assert [tuple(row) for row in rows] == [(NOW, later), (later, None)]


async def test_an_alert_that_grows_worse_is_told_again(delivery: Delivery) -> None:
    """It is the same one, with the figures of now."""
    about = (delivery.workspace_id, AlertKind.BOUNCE_RATE)
    mailbox_id: UUID = delivery.mailbox_id

    [raised] = await settle(delivery.db, Finding(*about, AlertSeverity.WARNING, mailbox_id, 0.03, 0.02))
    [worse] = await settle(delivery.db, Finding(*about, AlertSeverity.CRITICAL, mailbox_id, 0.06, 0.05))

    assert (worse.alert_id, worse.severity, worse.is_open) == (raised.alert_id, AlertSeverity.CRITICAL, True)
    async with delivery.db.transaction() as conn:
        row = (await conn.execute(select(alerts))).one()
    assert (row.severity, row.figure, row.threshold, row.opened_at) == ("CRITICAL", 0.06, 0.05, NOW)


async def test_alerts_of_other_mailboxes_and_workspaces_are_their_own(delivery: Delivery) -> None:
    """Closing one leaves the others open."""
    async with delivery.db.transaction() as conn:
        other_id = MailboxId(await make_mailbox(conn, delivery.workspace_id))
        workspace_id = await make_workspace(conn)
        foreign_id = await make_mailbox(conn, workspace_id)
        await make_contact(conn, workspace_id)
    about = (AlertKind.NEEDS_AUTH, AlertSeverity.CRITICAL)
    found = [
        Finding(delivery.workspace_id, *about, delivery.mailbox_id),
        Finding(delivery.workspace_id, *about, other_id),
        Finding(workspace_id, *about, foreign_id),
    ]

    raised = await settle(delivery.db, *found)
    closed = await settle(delivery.db, *found[1:])

    assert len(raised) == 3
    assert [(each.mailbox_id, each.is_open) for each in closed] == [(delivery.mailbox_id, False)]


async def test_a_clock_that_was_set_back_closes_no_alert_before_it_was_raised(delivery: Delivery) -> None:
    """Business time may step; an alert's own times stay in order."""
    cause = Finding(delivery.workspace_id, AlertKind.BACKLOG_LATE, AlertSeverity.WARNING)
    await settle(delivery.db, cause)

    await settle(delivery.db, now=NOW - timedelta(hours=1))

    async with delivery.db.transaction() as conn:
        assert await conn.scalar(select(alerts.c.closed_at)) == NOW


async def test_the_api_raises_and_closes_nothing(api_db: Database, delivery: Delivery) -> None:
    """It may only look."""
    await settle(delivery.db, Finding(delivery.workspace_id, AlertKind.BACKLOG_LATE, AlertSeverity.WARNING))

    for statement in (update(alerts).values(closed_at=NOW), text("DELETE FROM alerts")):
        with pytest.raises(ProgrammingError, match="permission denied"):
            async with api_db.transaction(delivery.workspace_id) as conn:
                await conn.execute(statement)
    async with api_db.transaction(delivery.workspace_id) as conn:
        assert (await conn.execute(select(alerts.c.closed_at))).all() == [(None,)]
