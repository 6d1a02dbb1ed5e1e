"""What planning is told of sequences and mailboxes: their calendars, steps, capacities and policies."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Row, and_, exists, func, or_, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.batches import pace_of
from domain.closed_days import ClosedDays
from domain.ids import MailboxId, SequenceId, WorkspaceId
from domain.lifecycle import MailboxStatus, SequenceStatus
from domain.mailboxes import Mailbox, Ramp
from domain.rates import A_DAY, Rate, RateKind
from domain.send_window import Calendar, SendWindow
from domain.sequences import Sequence
from persistence.tables import batches, mailboxes, sequence_mailboxes, sequences, steps, workspaces


class Terms:
    """One sequence's terms; the calendar for a contact's own zone is made when a contact has one."""

    def __init__(self, row: Row[Any], window: SendWindow | None, *, is_sending: bool) -> None:
        self.row = row
        self._is_sending = is_sending
        # Linked mailboxes: whether one is among them is asked for every enrollment.
        self.linked = frozenset(MailboxId(each) for each in row.mailbox_ids or ())
        self._pace = pace_of(delay_s=row.delay_between_emails_s, hourly_limit=row.hourly_limit)
        # Asked for every enrollment; a row looks its columns up each time.
        self._zone, self.uses_contact_zone = row.zone, row.uses_contact_zone
        self._window = window
        self._closed = read_closed_days(row)
        self._by_zone: dict[str, Sequence] = {}

    def for_zone(self, contact_zone: str | None) -> Sequence:
        """The sequence as planning sees it for a contact in *contact_zone*."""
        zone = contact_zone if contact_zone and self.uses_contact_zone else self._zone
        if zone not in self._by_zone:
            dates = (self.row.first_date, self.row.last_date)
            calendar = Calendar(ZoneInfo(zone), self._window, *dates, closed=self._closed)
            linked = tuple(MailboxId(each) for each in self.row.mailbox_ids or ())
            self._by_zone[zone] = Sequence(
                SequenceId(self.row.id),
                calendar,
                linked,
                self.row.priority,
                self.row.weight,
                max_new_contacts_per_day=self.row.max_new_contacts_per_day,
                pace=self._pace,
                is_sending=self._is_sending,
            )
        return self._by_zone[zone]

    @property
    def shifts(self) -> bool:
        """
        Whether its emails may shift inside their days: no other step counts from their instants.

        Those of a batch have an instant to wait for.
        """
        return self.row.kind == "SEQUENCE" and not self.row.counts_instants

    @property
    def paced_by(self) -> SequenceId | None:
        """The sequence, if its emails keep a pace."""
        return None if self._pace is None else SequenceId(self.row.id)

    @property
    def calendar(self) -> Calendar:
        return self.for_zone(None).calendar

    def when_mailbox_is(self, status: MailboxStatus) -> str:
        """WAIT, TRANSFER or CANCEL: what becomes of emails whose mailbox has *status*."""
        removed = status is MailboxStatus.REMOVED
        return str(self.row.when_mailbox_removed if removed else self.row.when_mailbox_paused)


@dataclass(frozen=True, slots=True)
class PlanningTerms:
    """The sequences of a workspace that still matter, its mailboxes, and who serves what."""

    sequences: Mapping[SequenceId, Terms]
    mailboxes: Mapping[MailboxId, Mailbox]
    statuses: Mapping[MailboxId, MailboxStatus]
    calendars: Mapping[MailboxId, list[Calendar]]

    @property
    def contact_min_gap_days(self) -> int | None:
        """The workspace's, which comes with each of its sequences."""
        return next((each.row.contact_min_gap_days for each in self.sequences.values()), None)

    @property
    def uses_contact_zones(self) -> bool:
        """Whether any sequence is served in the zones of its contacts."""
        return any(each.uses_contact_zone for each in self.sequences.values())

    def asks_for_contacts(self, boxes: Iterable[Mailbox]) -> bool:
        """Whether planning in *boxes* has to read to whom emails go: mostly that is of no matter."""
        return self.uses_contact_zones or any(box.recipient_domain_daily_cap is not None for box in boxes)


def read_window(stored: Mapping[str, Any] | None) -> SendWindow | None:
    """A stored send window; None is every hour of every day."""
    if stored is None:
        return None
    intervals = ((time.fromisoformat(start), time.fromisoformat(end)) for start, end in stored["intervals"])
    return SendWindow(frozenset(stored["weekdays"]), tuple(intervals))


# Any: a row of a sequence, or one that has these columns of it.
def read_closed_days(row: Row[Any]) -> ClosedDays:
    """The days on which a stored sequence is closed."""
    return ClosedDays(row.holiday_country, row.holiday_subdivision, frozenset(row.closed_dates))


async def planning_terms(
    conn: AsyncConnection, workspace_id: WorkspaceId, *, as_if_sending: bool = False
) -> PlanningTerms:
    """
    Read the terms of *workspace_id*: every sequence that is not archived, every mailbox.

    With *as_if_sending* drafts and what is on hold are seen as if they went on now.
    """
    terms = {
        SequenceId(row.id): Terms(
            row, read_window(row.window), is_sending=as_if_sending or not _is_waiting(row)
        )
        for row in await _sequences(conn, workspace_id)
    }
    boxes: dict[MailboxId, Mailbox] = {}
    statuses: dict[MailboxId, MailboxStatus] = {}
    rows = await conn.execute(
        select(mailboxes, PLANNING_SEED)
        .where(mailboxes.c.workspace_id == workspace_id)
        .order_by(mailboxes.c.id)
    )
    for row in rows:
        boxes[MailboxId(row.id)] = mailbox_of(row)
        statuses[MailboxId(row.id)] = MailboxStatus(row.status)
    calendars: dict[MailboxId, list[Calendar]] = {}
    for each in terms.values():
        for mailbox_id in each.for_zone(None).mailbox_ids:
            calendars.setdefault(mailbox_id, []).append(each.calendar)
    return PlanningTerms(terms, boxes, statuses, calendars)


# Any: a row as `_sequences` reads it.
def _is_waiting(row: Row[Any]) -> bool:
    """Whether a sequence is not set going yet, or is on hold by itself or with its whole workspace."""
    return row.sending_paused_at is not None or row.status in (SequenceStatus.DRAFT, SequenceStatus.PAUSED)


PLANNING_SEED = (
    select(workspaces.c.planning_seed)
    .where(workspaces.c.id == mailboxes.c.workspace_id)
    .scalar_subquery()
    .label("planning_seed")
)


# Any: the columns are those of the table, and the planning seed of its workspace.
def mailbox_of(row: Row[Any]) -> Mailbox:
    """A mailbox's row as planning and the gate see it."""
    ramp = None
    if row.ramp_start is not None and row.ramp_started_on is not None:
        ramp = Ramp(row.ramp_start, row.ramp_step or 0, row.ramp_started_on)
    return Mailbox(
        id=MailboxId(row.id),
        zone=ZoneInfo(row.zone),
        daily_capacity=row.daily_capacity,
        minimum_gap=timedelta(seconds=row.minimum_gap_s),
        ramp=ramp,
        is_available=row.status == MailboxStatus.ACTIVE,
        working_hours=read_window(row.working_hours),
        rates=tuple(_rates(row)),
        recipient_domain_daily_cap=row.recipient_domain_daily_cap,
        jitter_percent=row.jitter_percent,
        day_variation_percent=row.day_variation_percent,
        seed=row.planning_seed,
    )


def _rates(row: Row[Any]) -> Iterator[Rate]:
    if row.hourly_limit is not None:
        yield Rate(RateKind.HOURLY, row.hourly_limit)
    if row.sliding_window_limit is not None:
        yield Rate(RateKind.SLIDING, row.sliding_window_limit, timedelta(seconds=row.sliding_window_s))
    if row.rolling_24h_limit is not None:
        yield Rate(RateKind.ROLLING_24H, row.rolling_24h_limit, A_DAY)


async def _sequences(conn: AsyncConnection, workspace_id: WorkspaceId) -> Collection[Row[Any]]:
    is_linked = and_(
        sequence_mailboxes.c.workspace_id == sequences.c.workspace_id,
        sequence_mailboxes.c.sequence_id == sequences.c.id,
    )
    linked = (
        select(
            func.array_agg(
                aggregate_order_by(sequence_mailboxes.c.mailbox_id, sequence_mailboxes.c.mailbox_id)
            )
        )
        .select_from(sequence_mailboxes.join(mailboxes, mailboxes.c.id == sequence_mailboxes.c.mailbox_id))
        .where(is_linked, mailboxes.c.status != str(MailboxStatus.REMOVED))
        .scalar_subquery()
    )
    counts_instants = exists().where(
        steps.c.workspace_id == sequences.c.workspace_id,
        steps.c.sequence_id == sequences.c.id,
        or_(steps.c.wait_minutes.is_not(None), and_(steps.c.wait_days == 0, steps.c.position > 1)),
        steps.c.removed_at.is_(None),
    )
    window = func.coalesce(sequences.c.send_window, workspaces.c.send_window)
    rows = await conn.execute(
        select(
            sequences,
            linked.label("mailbox_ids"),
            window.label("window"),
            workspaces.c.sending_paused_at,
            counts_instants.label("counts_instants"),
            workspaces.c.contact_min_gap_days,
            batches.c.delay_between_emails_s,
            batches.c.hourly_limit,
        )
        .join(workspaces, workspaces.c.id == sequences.c.workspace_id)
        .join(batches, batches.c.id == sequences.c.id, isouter=True)
        .where(sequences.c.workspace_id == workspace_id, sequences.c.status != str(SequenceStatus.ARCHIVED))
        .order_by(sequences.c.id)
    )
    return rows.all()
