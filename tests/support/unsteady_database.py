"""A database that is away when a test says so."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection
from typing_extensions import override

from domain.ids import WorkspaceId
from persistence.database import Database


class UnsteadyDatabase(Database):
    """The connections of *database*, all real; some *transactions*, which it counts, cannot be begun."""

    def __init__(self, database: Database) -> None:
        super().__init__(database.engine, database.role)
        self.transactions = 0
        self._failing: frozenset[int] = frozenset()

    def fail_next(self, number: int, *, after: int = 0) -> None:
        """Have the next *number* transactions fail, once *after* more of them went well."""
        first = self.transactions + after + 1
        self._failing = frozenset(range(first, first + number))

    @override
    @asynccontextmanager
    async def transaction(self, workspace_id: WorkspaceId | None = None) -> AsyncIterator[AsyncConnection]:
        self.transactions += 1
        if self.transactions in self._failing:
            raise OperationalError("BEGIN", {}, ConnectionRefusedError("nothing listens there"))
        async with super().transaction(workspace_id) as conn:
            yield conn
