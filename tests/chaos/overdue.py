"""Emails that were due yesterday, as an outage leaves them behind."""

from datetime import timedelta

import psycopg

from bench.campaign import Campaign, make_campaign, settle
from tests.chaos.fast_days import OPENS_AT
from tests.chaos.installation import Installation

# The hours of a day in which all of it may leave.
WINDOW = timedelta(minutes=10)
GAP_S = 1
_HOURS = (
    f'{{"weekdays": [1, 2, 3, 4, 5, 6, 7], "intervals": [["{OPENS_AT:%H:%M}", "{OPENS_AT + WINDOW:%H:%M}"]]}}'
)

_MAILBOXES = "UPDATE mailboxes SET port = %s, daily_capacity = %s, minimum_gap_s = %s"
# Spread over the mailboxes in turn, as planner and dispatcher leave them when everything ends at once.
_ENROLLMENTS = """
INSERT INTO enrollments (id, workspace_id, sequence_id, contact_id, mailbox_id, enrolled_at, planned_at)
SELECT gen_random_uuid(), c.workspace_id, %(sequence_id)s, c.id,
    (CAST(%(mailbox_ids)s AS uuid[]))[1 + row_number() OVER (ORDER BY c.id) %% %(mailboxes)s],
    %(planned_at)s, %(planned_at)s
FROM contacts AS c
"""
_EMAILS = """
INSERT INTO scheduled_emails (
    id, workspace_id, sequence_id, enrollment_id, contact_id, step_id, mailbox_id,
    send_at, window_day, send_day
)
SELECT gen_random_uuid(), n.workspace_id, n.sequence_id, n.id, n.contact_id, s.id, n.mailbox_id,
    %(due_at)s + make_interval(secs => row_number() OVER (PARTITION BY n.mailbox_id ORDER BY n.id)),
    CAST(%(due_at)s AS date), CAST(%(due_at)s AS date)
FROM enrollments AS n JOIN steps AS s ON s.sequence_id = n.sequence_id
"""


def make_overdue(running: Installation, *, emails: int, mailboxes: int, capacity: int) -> Campaign:
    """*emails* to as many contacts, due since yesterday morning; each mailbox may send *capacity* a day."""
    campaign = make_campaign(
        running.database_url, contacts=emails, steps=1, mailboxes=mailboxes, window=_HOURS
    )
    yesterday = OPENS_AT - timedelta(days=1)
    values = {
        "sequence_id": campaign.sequence_id,
        "mailbox_ids": list(campaign.mailbox_ids),
        "mailboxes": mailboxes,
        "planned_at": yesterday,
        "due_at": yesterday,
    }
    with psycopg.connect(running.database_url) as conn:
        conn.execute(_MAILBOXES, [running.smtp_port, capacity, GAP_S])
        conn.execute(_ENROLLMENTS, values)
        conn.execute(_EMAILS, values)
    settle(running.database_url)
    return campaign
