"""
The first migrations, written down from the tables: ``python -m persistence.migrations.draft``.

For the time before the first release: after a change of ``persistence/tables`` it writes 0001 to 0005
anew. Once they are released they are frozen, and a change is a new file written by hand;
``tests/persistence/test_migrations.py`` says what it still lacks. Grants and policies (0006) are by hand
from the start, and so are the room in an index of a constraint (0007) and what goes with emails (0008).
"""

import textwrap
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import Dialect, make_url
from sqlalchemy.schema import CreateIndex, CreateTable, ExecutableDDLElement

from persistence.tables import metadata

_FILES = {
    "0001_workspaces": (
        "Workspaces, who may enter them, and what they did.",
        """workspaces users members invitations logins sessions api_keys
        audit_log idempotency_keys rate_limits suppressions schedule_runs""",
    ),
    "0002_sequences_and_mailboxes": (
        "Sequences with their steps, and mailboxes with their days.",
        "sequences steps step_versions mailboxes sequence_mailboxes mailbox_days",
    ),
    "0003_contacts_and_enrollments": (
        "Contacts, the imports that they came by, and their enrollments.",
        "imports import_errors contacts enrollments",
    ),
    "0004_recalculations_and_dispatches": (
        "What is done with many emails at once, what was handed to the broker, clocks, and what is watched.",
        "recalculations batches dispatches clock_leaders business_clock alerts figures",
    ),
    "0005_emails": (
        "Scheduled emails, and what happened to each.",
        "scheduled_emails letters email_events email_moves",
    ),
}
_INDENT = " " * 8
_WIDTH = 108
_DIALECT: Dialect = make_url("postgresql+psycopg://").get_dialect()()


def main() -> None:
    versions = Path(__file__).parent / "versions"
    before: str | None = None
    for name, (about, tables) in _FILES.items():
        revision = name[:4]
        (versions / f"{name}.py").write_text(draft(about, revision, before, tables.split()))
        before = revision


def draft(about: str, revision: str, before: str | None, tables: Sequence[str]) -> str:
    """The text of a migration that makes *tables* with their indexes."""
    down = f'"{before}"' if before else "None"
    head = f'"""{about}"""\n\nfrom alembic import op\n\nrevision = "{revision}"\ndown_revision = {down}\n'
    statements = [f'    op.execute("""\n{_ddl(element)}\n    """)\n' for element in _elements(tables)]
    return f"{head}\n\ndef upgrade() -> None:\n{''.join(statements)}"


def _elements(tables: Sequence[str]) -> list[ExecutableDDLElement]:
    elements: list[ExecutableDDLElement] = []
    for name in tables:
        table = metadata.tables[name]
        elements.append(CreateTable(table))
        elements += [CreateIndex(index) for index in sorted(table.indexes, key=lambda index: str(index.name))]
    return elements


def _ddl(element: ExecutableDDLElement) -> str:
    lines = str(element.compile(dialect=_DIALECT)).replace("\t", "    ").strip().splitlines()
    return "\n".join(_folded(line.rstrip()) for line in lines if line.strip())


def _folded(line: str) -> str:
    depth = len(line) - len(line.lstrip())
    return textwrap.fill(
        line.strip(),
        width=_WIDTH,
        initial_indent=_INDENT + " " * depth,
        subsequent_indent=_INDENT + " " * (depth + 4),
        break_long_words=False,
        break_on_hyphens=False,
    )


if __name__ == "__main__":
    main()
