"""Planned emails that nothing holds: neither their workspace, mailbox, sequence nor enrollment rests."""

# To be read as emails e, and filtered further with AND.
UNHELD = """
scheduled_emails AS e
JOIN workspaces AS w ON w.id = e.workspace_id AND w.sending_paused_at IS NULL
JOIN mailboxes AS m ON m.id = e.mailbox_id AND m.status = 'ACTIVE'
JOIN sequences AS q ON q.id = e.sequence_id AND q.status = 'ACTIVE'
JOIN enrollments AS n ON n.id = e.enrollment_id AND n.status = 'ACTIVE'
WHERE e.phase = 'OPEN' AND e.status = 'PENDING'
"""
