"""Planner and recalculator as a worker has them, and the changes that the API makes for them."""

import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from itertools import islice

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from actors.planner import Planner
from actors.recalculator import Recalculator
from bench.campaign import WAIT_DAYS, Campaign
from domain.ids import ContactId, MailboxId
from domain.lifecycle import MailboxEvent
from domain.rebalances import RebalanceScope
from domain.recalculations import RecalculationCause
from domain.waits import Wait
from persistence.database import Role, open_database
from persistence.enrollments import enroll, hold_for_enrolling
from persistence.mailboxes import move_mailbox
from persistence.rebalance_preview import day_loads, preview_rebalance
from persistence.recalculation_requests import request_recalculation
from persistence.sequence_mailboxes import link_mailboxes, unlink_mailboxes
from persistence.sequences import change_sequence, lock_sequence
from persistence.steps import NewStep, StepText, insert_step

# The most that the API takes in one mutation.
_CONTACTS_AT_ONCE = 5_000
# A Sunday: nothing is due yet, and the first window opens on the next day.
SUNDAY = datetime(2026, 3, 1, 12, tzinfo=UTC)
_BY = "bench"
# As many as the API shows of a preview.
_DAYS_SHOWN = 1_000


class _Sunday:
    async def now(self) -> datetime:
        return SUNDAY


class Office:
    """The two who plan on the database of *url*, and the API beside them."""

    def __init__(self, url: str) -> None:
        # A line per moved email is written after the commit, and is no part of planning.
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
        self._database = open_database(url, Role.WORKER)
        self._api = open_database(url, Role.API)
        self._planner = Planner(database=self._database, clock=_Sunday())
        self._recalculator = Recalculator(database=self._database, clock=_Sunday())

    async def plan(self, workspace_id: object) -> None:
        await self._planner(None, str(workspace_id))

    async def recalculate(self, workspace_id: object) -> None:
        await self._recalculator(None, str(workspace_id))

    async def enroll(self, campaign: Campaign) -> None:
        """Enroll all contacts, as many at once as a mutation may."""
        contact_ids = iter(campaign.contact_ids)
        while some := list(islice(contact_ids, _CONTACTS_AT_ONCE)):
            await self._enroll(campaign, some)

    async def _enroll(self, campaign: Campaign, contact_ids: Sequence[ContactId]) -> None:
        async with self._change(campaign) as conn:
            await hold_for_enrolling(conn, campaign.workspace_id, campaign.sequence_id)
            await enroll(
                conn, campaign.workspace_id, campaign.sequence_id, contact_ids=contact_ids, now=SUNDAY
            )

    async def insert_second_step(self, campaign: Campaign) -> None:
        """Put a step behind the first one; those behind it wait for it."""
        text = StepText("By the way", "Hello again")
        async with self._change(campaign) as conn:
            await lock_sequence(conn, campaign.workspace_id, campaign.sequence_id)
            await insert_step(
                conn,
                campaign.workspace_id,
                campaign.sequence_id,
                new_step=NewStep(text, wait=Wait(WAIT_DAYS)),
                position=2,
            )
            await self._request(conn, campaign, RecalculationCause.STEPS_CHANGED)

    async def preview_rebalance(self, campaign: Campaign) -> None:
        """Work out what a rebalance of everything would change, with the figures per mailbox and day."""
        async with self._api.snapshot(campaign.workspace_id) as conn:
            rebalance = await preview_rebalance(conn, campaign.workspace_id, RebalanceScope(), now=SUNDAY)
            await day_loads(conn, campaign.workspace_id, rebalance, most=_DAYS_SHOWN)

    async def remove_mailbox(self, campaign: Campaign, mailbox_id: MailboxId) -> None:
        """Take a mailbox out of use; the others are to send for it."""
        async with self._change(campaign) as conn:
            await move_mailbox(conn, campaign.workspace_id, mailbox_id, event=MailboxEvent.REMOVE, now=SUNDAY)
            await request_recalculation(
                conn,
                campaign.workspace_id,
                cause=RecalculationCause.MAILBOX_REMOVED,
                mailbox_id=mailbox_id,
                requested_by=_BY,
                now=SUNDAY,
            )

    async def replace_mailboxes(self, campaign: Campaign, mailbox_ids: Sequence[MailboxId]) -> None:
        """Let the spare mailboxes serve instead of *mailbox_ids*, from 10:01 to 16:01."""
        scope = (campaign.workspace_id, campaign.sequence_id)
        async with self._change(campaign) as conn:
            sequence = await lock_sequence(conn, *scope)
            window = dict(sequence.send_window) | {"intervals": [["10:01", "16:01"]]}
            await change_sequence(conn, *scope, changes={"send_window": window})
            await unlink_mailboxes(conn, *scope, mailbox_ids=mailbox_ids)
            await link_mailboxes(conn, *scope, mailbox_ids=campaign.spare_ids)
            await self._request(conn, campaign, RecalculationCause.MAILBOX_UNLINKED)

    @asynccontextmanager
    async def _change(self, campaign: Campaign) -> AsyncIterator[AsyncConnection]:
        async with self._api.transaction(campaign.workspace_id) as conn:
            yield conn

    async def _request(self, conn: AsyncConnection, campaign: Campaign, cause: RecalculationCause) -> None:
        await request_recalculation(
            conn,
            campaign.workspace_id,
            cause=cause,
            sequence_id=campaign.sequence_id,
            requested_by=_BY,
            now=SUNDAY,
        )

    async def aclose(self) -> None:
        await self._database.aclose()
        await self._api.aclose()
