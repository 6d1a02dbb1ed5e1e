"""Loaders: what many fields of one answer ask for by id, read in one statement for all of them."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import date
from functools import partial
from typing import Any, TypeAlias, TypeVar
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection
from strawberry.dataloader import DataLoader

from domain.explanation import Explanation
from domain.ids import WorkspaceId
from persistence.database import Database
from persistence.direct_reads import Prepared, read
from persistence.nested_lists import NestedList
from persistence.reading import (
    alerts,
    api_keys,
    audit_log,
    batches,
    contact_imports,
    contacts,
    deliveries,
    email_events,
    email_holds,
    enrollments,
    explanations,
    mailboxes,
    members,
    recalculations,
    scheduled_emails,
    sequences,
    suppressions,
    workspaces,
)
from persistence.reading.pages import AnyRow, Found, Slice

Key = TypeVar("Key", UUID, int)
Read: TypeAlias = Callable[[AsyncConnection, UUID, Collection[Key]], Awaitable[Sequence[AnyRow]]]
One: TypeAlias = DataLoader[UUID, AnyRow | None]
OneNumbered: TypeAlias = DataLoader[int, AnyRow | None]
Many: TypeAlias = DataLoader[UUID, list[AnyRow]]
# A mailbox or a sequence, and the first and the last of some of its days.
Span: TypeAlias = tuple[UUID, date, date]
# What is asked of a list that things have, and the thing whose list it is.
Nested: TypeAlias = tuple[NestedList, UUID]

# A page of emails; what surrounds more of them at once would be a lot to hold.
EXPLAINED_AT_ONCE = 20


class Loaders:
    """
    The loaders of one request, each with a read transaction of its own.

    What was loaded is remembered for the rest of the request: a mutation calls `forget` when it is done.
    """

    def __init__(self, database: Database, workspace_id: WorkspaceId) -> None:
        self._database = database
        self._workspace_id = workspace_id
        self.workspaces: One = self._one(workspaces.workspaces_by_id)
        self.alerts: One = self._one(alerts.alerts_by_id)
        self.api_keys: One = self._one(api_keys.api_keys_by_id)
        self.members: One = self._one(members.members_by_id)
        self.invitations: One = self._one(members.invitations_by_id)
        self.sequences: One = self._one(sequences.sequences_by_id)
        # By the id of a sequence as well: None for those that are no batch.
        self.batches: One = self._one(batches.batches_by_id)
        self.steps: One = self._one(sequences.steps_by_id)
        self.mailboxes: One = self._one(mailboxes.mailboxes_by_id)
        self.contacts: One = self._one(contacts.contacts_by_id)
        self.imports: One = self._one(contact_imports.imports_by_id)
        self.enrollments: One = self._one(enrollments.enrollments_by_id)
        self.scheduled_emails: One = self._one(scheduled_emails.emails_by_id)
        # By the id of the email.
        self.holding: One = self._one(email_holds.holding)
        self.suppressions: One = self._one(suppressions.suppressions_by_id)
        self.letters: One = self._one(scheduled_emails.letters_of)
        self.recalculations: One = self._one(recalculations.recalculations_by_id)
        self.email_events: OneNumbered = self._one(email_events.events_by_id)
        self.audit_entries: OneNumbered = self._one(audit_log.entries_by_id)
        self.email_moves: OneNumbered = self._one(email_events.moves_by_id)
        self.steps_of_sequence: Many = self._many(sequences.live_steps_of, by="sequence_id")
        self.mailboxes_of_sequence: Many = self._many(sequences.mailboxes_of, by="sequence_id")
        self.suppressions_of_contact: Many = self._many(suppressions.suppressions_of, by="contact_id")
        self.open_alerts: Many = self._many(alerts.open_alerts_of, by="mailbox_id")
        self.enrollment_counts: Many = self._many(sequences.enrollment_counts, by="sequence_id")
        self.email_counts: Many = self._many(sequences.email_counts, by="sequence_id")
        self.itineraries: Many = self._many(scheduled_emails.itineraries_of, by="enrollment_id")
        self.events_of_email: Many = self._many(email_events.events_of, by="email_id")
        self.moves_of_email: Many = self._many(email_events.moves_of, by="email_id")
        self.used_days = self._days(mailboxes.used_days)
        self.planned_days = self._days(mailboxes.planned_days)
        self.deliveries = self._deliveries(deliveries.delivered_by_mailboxes, of="mailbox_id")
        self.deliveries_of_sequence = self._deliveries(deliveries.delivered_by_sequences, of="sequence_id")
        self.delivery_days_of_sequence = self._days(
            partial(deliveries.delivered_by_sequences, daily=True), of="sequence_id"
        )
        self.explanations: DataLoader[UUID, Explanation | None] = DataLoader(
            self._explain, max_batch_size=EXPLAINED_AT_ONCE
        )
        self.nested_pages: DataLoader[Nested, Slice] = DataLoader(self._pages_of_each)
        self.nested_counts: DataLoader[Nested, int] = DataLoader(self._counts_of_each)

    def forget(self) -> None:
        """Read everything anew from here on."""
        for loader in vars(self).values():
            if isinstance(loader, DataLoader):
                loader.clear_all()

    def _deliveries(
        self,
        read: Callable[[AsyncConnection, UUID, Collection[Span]], Awaitable[Sequence[AnyRow]]],
        *,
        of: str,
    ) -> DataLoader[Span, AnyRow]:
        """How the emails of each mailbox or sequence ended on those days; *of* is the column of its id."""

        async def load(spans: list[Span]) -> list[AnyRow]:
            async with self._database.transaction(self._workspace_id) as conn:
                rows = await read(conn, self._workspace_id, spans)
            found = {(row._mapping[of], row.first, row.last): row for row in rows}
            return [found[span] for span in spans]

        return DataLoader(load)

    async def _pages_of_each(self, wanted: list[Nested]) -> list[Slice]:
        """A page of the list that each owner has."""
        found = {
            each: each.slices(await self._of_owners(each.pages, owners))
            for each, owners in _by_list(wanted).items()
        }
        return [found[each][owner] for each, owner in wanted]

    async def _counts_of_each(self, wanted: list[Nested]) -> list[int]:
        """How long the list is that each owner has."""
        found: dict[NestedList, dict[UUID, int]] = {
            each: dict((await self._of_owners(each.counts, owners)).values)
            for each, owners in _by_list(wanted).items()
        }
        return [found[each][owner] for each, owner in wanted]

    async def _of_owners(self, asked: tuple[Prepared, Mapping[str, Any]], owners: Collection[UUID]) -> Found:
        statement, values = asked
        return await read(self._database, self._workspace_id, statement, {**values, "owners": owners})

    async def _explain(self, ids: list[UUID]) -> list[Explanation | None]:
        """The explanation of each email that is pending, None for the others."""
        async with self._database.transaction(self._workspace_id) as conn:
            found = await explanations.explainable_emails(conn, self._workspace_id, ids)
        # Arithmetic: in a thread, so that no other request on this loop waits for it.
        explained = await asyncio.to_thread(lambda: [each.explained() for each in found])
        by_id = dict[UUID, Explanation](zip((each.email_id for each in found), explained, strict=True))
        return [by_id.get(each) for each in ids]

    def _one(self, read: Read[Key]) -> DataLoader[Key, AnyRow | None]:
        """One row per id, or None when the workspace has none with it."""

        async def load(ids: list[Key]) -> list[AnyRow | None]:
            async with self._database.transaction(self._workspace_id) as conn:
                found = {row.id: row for row in await read(conn, self._workspace_id, ids)}
            return [found.get(each) for each in ids]

        return DataLoader(load)

    def _many(self, read: Read[UUID], *, by: str) -> Many:
        """The rows whose column *by* is the id, in the order in which they are read."""

        async def load(ids: list[UUID]) -> list[list[AnyRow]]:
            found: defaultdict[UUID, list[AnyRow]] = defaultdict(list)
            async with self._database.transaction(self._workspace_id) as conn:
                for row in await read(conn, self._workspace_id, ids):
                    found[row._mapping[by]].append(row)
            return [found[each] for each in ids]

        return DataLoader(load)

    def _days(
        self,
        read: Callable[[AsyncConnection, UUID, Collection[Span]], Awaitable[Sequence[AnyRow]]],
        *,
        of: str = "mailbox_id",
    ) -> DataLoader[Span, dict[date, AnyRow]]:
        """The rows of each thing between two days, by their day; *of* is the column of its id."""

        async def load(spans: list[Span]) -> list[dict[date, Any]]:
            async with self._database.transaction(self._workspace_id) as conn:
                rows = await read(conn, self._workspace_id, spans)
            found: defaultdict[UUID, dict[date, AnyRow]] = defaultdict(dict)
            for row in rows:
                if row.day is not None:
                    found[row._mapping[of]][row.day] = row
            return [
                {day: row for day, row in found[key].items() if first <= day <= last}
                for key, first, last in spans
            ]

        return DataLoader(load)


def _by_list(wanted: Collection[Nested]) -> Mapping[NestedList, list[UUID]]:
    """The owners whose lists are asked for, by what is asked of them."""
    owners: defaultdict[NestedList, list[UUID]] = defaultdict(list)
    for each, owner in wanted:
        owners[each].append(owner)
    return owners
