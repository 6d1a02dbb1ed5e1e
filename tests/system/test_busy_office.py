"""Eight clients, a planner, two recalculators and a sender at once: no rule breaks, nobody sees an error.

Eight seconds of it, or as many as ``DRUMBEAT_BUSY_SECONDS`` says.
"""

import os
from email import message_from_bytes

import pytest
from sqlalchemy import text

from persistence.database import Database, Role, open_database
from tests.support.busy_clients import Client
from tests.support.busy_office import GAP_S, BusyOffice, busy_office

SECONDS = float(os.environ.get("DRUMBEAT_BUSY_SECONDS", "8"))
CLIENTS = 8
# Each finds the rows that break a rule, whenever one looks.
ALWAYS = {
    "nobody who has ended has anything planned": """
        SELECT e.id FROM scheduled_emails e JOIN enrollments n ON n.id = e.enrollment_id
        WHERE e.status IN ('PENDING', 'QUEUED', 'RETRYING') AND n.status NOT IN ('ACTIVE', 'PAUSED')
    """,
    "one email at a time is on its way to a contact of a sequence": """
        SELECT enrollment_id FROM scheduled_emails
        WHERE status IN ('QUEUED', 'SENDING', 'COMMITTING', 'RETRYING')
        GROUP BY enrollment_id HAVING count(*) > 1
    """,
    "no more is used than the highest capacity of the day": """
        SELECT mailbox_id FROM mailbox_days WHERE capacity > 0 AND used > capacity
    """,
    "what is used is what left or is on its way": """
        SELECT d.mailbox_id FROM mailbox_days d WHERE d.used <> (
            SELECT count(*) FROM scheduled_emails e WHERE e.mailbox_id = d.mailbox_id AND e.quota_day = d.day
                AND e.status IN ('QUEUED', 'SENDING', 'COMMITTING', 'SENT', 'IN_DOUBT')
        )
    """,
    "emails of a mailbox leave the minimum gap apart": f"""
        SELECT id FROM (
            SELECT id, last_attempt_at - lag(last_attempt_at) OVER (
                PARTITION BY mailbox_id ORDER BY last_attempt_at
            ) AS gap FROM scheduled_emails
            -- What went back to the plan may have got another mailbox since it was attempted.
            WHERE last_attempt_at IS NOT NULL AND status NOT IN ('PENDING', 'QUEUED', 'CANCELLED')
        ) AS left_at WHERE gap < interval '{GAP_S} seconds'
    """,
    "emails leave in the window": """
        SELECT id FROM scheduled_emails WHERE status = 'SENT'
            AND (extract(hour FROM last_attempt_at AT TIME ZONE 'UTC') NOT BETWEEN 9 AND 10
                OR extract(isodow FROM last_attempt_at AT TIME ZONE 'UTC') > 5)
    """,
    "all steps of a contact leave from one mailbox": """
        SELECT enrollment_id FROM scheduled_emails WHERE status IN ('SENT', 'IN_DOUBT')
        GROUP BY enrollment_id HAVING count(DISTINCT mailbox_id) > 1
    """,
    "no recalculation fails": "SELECT id FROM recalculations WHERE status = 'FAILED'",
}
# Each finds the rows that break a rule once everything that was asked for is done.
AT_REST = {
    "every recalculation is done": "SELECT id FROM recalculations WHERE status IN ('PENDING', 'RUNNING')",
    "everyone active is planned": """
        SELECT id FROM enrollments WHERE status = 'ACTIVE' AND planned_at IS NULL
    """,
    "every live step ahead has its email, and no other has": """
        SELECT n.id FROM enrollments n WHERE n.status = 'ACTIVE' AND EXISTS (
            SELECT FROM steps s FULL JOIN (
                SELECT * FROM scheduled_emails WHERE enrollment_id = n.id AND status = 'PENDING'
            ) AS e ON e.step_id = s.id
            WHERE coalesce(s.sequence_id, e.sequence_id) = n.sequence_id
                AND ((e.id IS NULL AND s.removed_at IS NULL AND s.position >= n.next_position
                        AND NOT EXISTS (
                            SELECT FROM scheduled_emails had WHERE had.enrollment_id = n.id
                                AND had.step_id = s.id AND had.status <> 'CANCELLED'))
                    OR (e.id IS NOT NULL AND (s.removed_at IS NOT NULL OR s.position < n.next_position)))
        )
    """,
    "no follow-up comes before its wait": """
        SELECT id FROM (
            SELECT e.id, s.wait_days, e.window_day, e.status,
                lag(e.window_day) OVER (PARTITION BY e.enrollment_id ORDER BY e.send_at) AS before
            FROM scheduled_emails e JOIN steps s ON s.id = e.step_id
            JOIN enrollments n ON n.id = e.enrollment_id AND n.status = 'ACTIVE'
            WHERE e.status NOT IN ('CANCELLED', 'FAILED')
        ) AS ordered WHERE status = 'PENDING' AND window_day < before + wait_days
    """,
    "steps are planned in their order": """
        SELECT id FROM (
            SELECT e.id, s.position < lag(s.position) OVER (
                PARTITION BY e.enrollment_id ORDER BY e.send_at
            ) AS is_out_of_order
            FROM scheduled_emails e JOIN steps s ON s.id = e.step_id WHERE e.status = 'PENDING'
        ) AS ordered WHERE is_out_of_order
    """,
    "no more is planned than the capacity leaves": """
        SELECT e.mailbox_id FROM scheduled_emails e JOIN mailboxes m ON m.id = e.mailbox_id
        LEFT JOIN mailbox_days d ON d.mailbox_id = e.mailbox_id AND d.day = e.send_day
        WHERE e.status = 'PENDING'
        GROUP BY e.mailbox_id, e.send_day, m.daily_capacity, d.used
        HAVING count(*) + coalesce(d.used, 0) > m.daily_capacity
    """,
    "what is planned keeps the minimum gap": f"""
        SELECT id FROM (
            SELECT id, send_at - lag(send_at) OVER (PARTITION BY mailbox_id ORDER BY send_at) AS gap
            FROM scheduled_emails WHERE status = 'PENDING'
        ) AS planned WHERE gap < interval '{GAP_S} seconds'
    """,
    "what was paused for a moment is active again": """
        SELECT id FROM mailboxes WHERE status <> 'ACTIVE'
        UNION ALL SELECT id FROM sequences WHERE status = 'PAUSED'
    """,
}


@pytest.mark.processes
@pytest.mark.timeout(6 * SECONDS + 120)
async def test_no_rule_breaks_while_everyone_works_at_once(installation_url: str) -> None:
    """Looked at every four seconds and when all is done; letters are counted at the mail server."""
    worker_db, api_db = (open_database(installation_url, role) for role in (Role.WORKER, Role.API))
    async with busy_office(worker_db, api_db, mailboxes=4) as office:
        clients = [Client(office, number) for number in range(CLIENTS)]
        for _ in range(max(1, round(SECONDS / 4))):
            await office.run(clients, seconds=4)
            assert await broken(office, ALWAYS) == {}

        await office.come_to_rest()

        assert await broken(office, ALWAYS | AT_REST) == {}
        sent = await office.ids("SELECT message_id FROM scheduled_emails WHERE status = 'SENT'")
        # By the header alone: a follow-up cites the letters before it.
        received = [str(message_from_bytes(letter.content)["Message-ID"]) for letter in office.server.letters]
        assert sum(office.done.values()) >= SECONDS
        assert len(sent) > 0
        assert sorted(received) == sorted(sent)
        assert office.most_running <= 1
        assert await deadlocks(worker_db) == 0
    await worker_db.aclose()
    await api_db.aclose()


async def broken(office: BusyOffice, rules: dict[str, str]) -> dict[str, list[str]]:
    """The rules that do not hold, and the first rows that break them."""
    found = {rule: (await office.ids(statement))[:5] for rule, statement in rules.items()}
    return {rule: rows for rule, rows in found.items() if rows}


async def deadlocks(database: Database) -> int:
    async with database.transaction() as conn:
        counted = await conn.scalar(
            text("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        )
        return int(counted or 0)
