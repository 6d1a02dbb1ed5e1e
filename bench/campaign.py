"""The campaign that planning is measured on: one sequence, its mailboxes, and contacts not yet enrolled."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

import psycopg

from domain.ids import ContactId, MailboxId, SequenceId, WorkspaceId
from persistence.database import libpq_url
from persistence.ids import uuid7

# So many emails a day may leave a mailbox; office hours are 09:00-17:00 UTC on workdays.
CAPACITY = 30
WAIT_DAYS = 3

OFFICE_HOURS = '{"weekdays": [1, 2, 3, 4, 5], "intervals": [["09:00", "17:00"]]}'


@dataclass(frozen=True, slots=True)
class Campaign:
    """A workspace with one active sequence; *spare_ids* are mailboxes that do not serve it yet."""

    workspace_id: WorkspaceId
    sequence_id: SequenceId
    mailbox_ids: Sequence[MailboxId]
    spare_ids: Sequence[MailboxId]
    contact_ids: Sequence[ContactId]


def make_campaign(
    url: str,
    *,
    contacts: int,
    steps: int,
    mailboxes: int,
    spare_mailboxes: int = 0,
    window: str | None = OFFICE_HOURS,
) -> Campaign:
    """Empty the database of *url*, a superuser's, and make a campaign in it; no *window* is every hour."""
    campaign = Campaign(
        WorkspaceId(uuid7()),
        SequenceId(uuid7()),
        [MailboxId(uuid7()) for _ in range(mailboxes)],
        [MailboxId(uuid7()) for _ in range(spare_mailboxes)],
        [ContactId(uuid7()) for _ in range(contacts)],
    )
    with psycopg.connect(libpq_url(url)) as conn:
        conn.execute("TRUNCATE workspaces, letters, email_events, email_moves CASCADE")
        conn.execute(
            "INSERT INTO workspaces (id, name, zone) VALUES (%s, 'Benchmark', 'UTC')", [campaign.workspace_id]
        )
        _write_mailboxes(conn, campaign)
        _write_sequence(conn, campaign, steps=steps, window=window)
        _write_contacts(conn, campaign)
    settle(url)
    return campaign


def settle(url: str) -> None:
    """Let the database do now what it would do in the midst of a measurement."""
    with psycopg.connect(libpq_url(url), autocommit=True) as conn:
        conn.execute("VACUUM (ANALYZE)")
        conn.execute("CHECKPOINT")


def _write_mailboxes(conn: psycopg.Connection, campaign: Campaign) -> None:
    for number, mailbox_id in enumerate([*campaign.mailbox_ids, *campaign.spare_ids]):
        conn.execute(
            """
            INSERT INTO mailboxes (
                id, workspace_id, name, email, normalised_email, zone, host, port, security, daily_capacity
            )
            VALUES (%(id)s, %(in)s, %(name)s, %(name)s, %(name)s, 'UTC', '127.0.0.1', 2525, 'NONE', %(most)s)
            """,
            {
                "id": mailbox_id,
                "in": campaign.workspace_id,
                "name": f"sender-{number}@example.com",
                "most": CAPACITY,
            },
        )


def _write_sequence(conn: psycopg.Connection, campaign: Campaign, *, steps: int, window: str | None) -> None:
    ids = (campaign.workspace_id, campaign.sequence_id)
    conn.execute(
        """
        INSERT INTO sequences (workspace_id, id, name, zone, status, send_window)
        VALUES (%s, %s, 'Benchmark', 'UTC', 'ACTIVE', %s)
        """,
        [*ids, window],
    )
    for position in range(1, steps + 1):
        step_id = uuid7()
        wait_days = 0 if position == 1 else WAIT_DAYS
        conn.execute(
            """
            INSERT INTO steps (workspace_id, sequence_id, id, position, wait_days)
            VALUES (%s, %s, %s, %s, %s)
            """,
            [*ids, step_id, position, wait_days],
        )
        conn.execute(
            """
            INSERT INTO step_versions (id, workspace_id, step_id, version, subject, body_text)
            VALUES (%s, %s, %s, 1, 'Welcome', 'Hello')
            """,
            [uuid7(), campaign.workspace_id, step_id],
        )
    links = ((*ids, mailbox_id) for mailbox_id in campaign.mailbox_ids)
    _copy(conn, "sequence_mailboxes (workspace_id, sequence_id, mailbox_id)", ["uuid"] * 3, links)


def _write_contacts(conn: psycopg.Connection, campaign: Campaign) -> None:
    rows = (
        (
            contact_id,
            campaign.workspace_id,
            f"contact-{number}@example.test",
            f"contact-{number}@example.test",
        )
        for number, contact_id in enumerate(campaign.contact_ids)
    )
    columns = "contacts (id, workspace_id, email, normalised_email)"
    _copy(conn, columns, ["uuid", "uuid", "text", "text"], rows)


def _copy(
    conn: psycopg.Connection, columns: str, types: Sequence[str], rows: Iterable[tuple[UUID | str, ...]]
) -> None:
    with conn.cursor() as cursor, cursor.copy(f"COPY {columns} FROM STDIN (FORMAT BINARY)".encode()) as copy:
        copy.set_types(types)
        for row in rows:
            copy.write_row(row)
