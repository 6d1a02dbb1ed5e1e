"""The columns and constraints that tables have in common."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    Column,
    DateTime,
    ForeignKeyConstraint,
    MetaData,
    Text,
    UniqueConstraint,
    Uuid,
    func,
)

from domain.lifecycle import Lifecycle
from persistence.ids import uuid7

metadata = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
        "ck": "%(table_name)s_%(constraint_name)s_check",
        "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
    }
)


def key() -> Column[Any]:
    return Column("id", Uuid, primary_key=True, default=uuid7)


def workspace() -> Column[Any]:
    return Column("workspace_id", Uuid, nullable=False)


def instant(name: str, *, nullable: bool = True) -> Column[Any]:
    return Column(name, DateTime(timezone=True), nullable=nullable)


def timestamps() -> tuple[Column[Any], Column[Any]]:
    return (
        Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
        Column(
            "updated_at",
            DateTime(timezone=True),
            nullable=False,
            server_default=func.now(),
            onupdate=func.now(),
        ),
    )


def one_of(column: str, choices: Iterable[str]) -> CheckConstraint:
    """Hold *column* to *choices* by a named constraint; NULL passes."""
    listed = ", ".join(f"'{choice}'" for choice in choices)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


def status(lifecycle: Lifecycle[Any, Any]) -> tuple[Column[Any], CheckConstraint]:
    """The status column of a thing with a life: its states and its first one come from the lifecycle."""
    column = Column("status", Text, nullable=False, server_default=str(lifecycle.first))
    return column, one_of("status", lifecycle.states)


def same_workspace(*columns: str, table: str, ondelete: str = "RESTRICT") -> list[ForeignKeyConstraint]:
    """Foreign keys to *table* that cannot cross from one workspace into another."""
    return [
        ForeignKeyConstraint(
            ["workspace_id", column], [f"{table}.workspace_id", f"{table}.id"], ondelete=ondelete
        )
        for column in columns
    ]


def gone_with_workspace() -> ForeignKeyConstraint:
    """The row's own workspace; no foreign key of another table points to the row."""
    return ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], ondelete="CASCADE")


def in_workspace() -> tuple[ForeignKeyConstraint, UniqueConstraint]:
    """The row's own workspace, and the key that composite foreign keys point to."""
    return gone_with_workspace(), UniqueConstraint("workspace_id", "id")
