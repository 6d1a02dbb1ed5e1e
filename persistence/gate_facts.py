"""What the gate reads of emails that ask to begin an attempt, and the locks that it reads under."""

from sqlalchemy import text

# A ticket is an email's id and the attempt that its message may begin: one that is out of date finds nothing.
_TICKETS = """
    unnest(CAST(:ids AS uuid[]), CAST(:numbers AS int[])) AS ticket (id, number)
"""
_BEGINNABLE = "e.attempt + 1 = ticket.number AND e.status IN ('QUEUED', 'RETRYING')"
MAILBOXES_OF = text(f"""
SELECT DISTINCT e.mailbox_id FROM {_TICKETS} JOIN scheduled_emails AS e ON e.id = ticket.id AND {_BEGINNABLE}
""")
LOCK_ENROLLMENTS = text(f"""
SELECT count(*) FROM (
    SELECT n.id FROM {_TICKETS}
    JOIN scheduled_emails AS e ON e.id = ticket.id AND {_BEGINNABLE}
    JOIN enrollments AS n ON n.id = e.enrollment_id
    ORDER BY n.id FOR NO KEY UPDATE OF n
) AS locked
""")
LOCK_EMAILS = text(f"""
SELECT count(*) FROM (
    SELECT e.id FROM {_TICKETS} JOIN scheduled_emails AS e ON e.id = ticket.id AND {_BEGINNABLE}
    ORDER BY e.id FOR NO KEY UPDATE OF e
) AS locked
""")
FACTS = text(f"""
SELECT e.id, e.workspace_id, e.enrollment_id, e.sequence_id, e.contact_id, e.mailbox_id, e.status, e.attempt,
    e.retry_count, e.retry_at, e.quota_day, e.message_id,
    n.status AS enrollment_status, n.next_not_before,
    s.position IS NOT DISTINCT FROM n.next_position AS is_next, s.removed_at IS NOT NULL AS is_removed,
    q.status AS sequence_status, q.zone AS sequence_zone, q.uses_contact_zone, q.first_date, q.last_date,
    q.holiday_country, q.holiday_subdivision, q.closed_dates,
    coalesce(q.send_window, w.send_window) AS send_window,
    c.status AS contact_status, c.zone AS contact_zone,
    split_part(c.normalised_email, '@', 2) AS recipient_domain,
    c.email, c.first_name, c.last_name, c.company, c.phone, c.custom_fields,
    EXISTS (
        SELECT FROM suppressions AS u WHERE u.workspace_id = e.workspace_id AND u.address = c.normalised_email
    ) AS is_suppressed,
    m.from_name, m.email AS from_address, m.host, m.port, m.security, m.in_doubt_policy,
    m.username, m.password_encrypted, m.oauth_provider, m.refresh_token_encrypted,
    v.id AS step_version_id, v.subject, v.body_text, v.body_html, s.starts_thread,
    parent.message_id AS parent_message_id, parent.thread_references, parent.subject AS parent_subject
FROM {_TICKETS}
JOIN scheduled_emails AS e ON e.id = ticket.id AND {_BEGINNABLE}
JOIN enrollments AS n ON n.id = e.enrollment_id
JOIN steps AS s ON s.id = e.step_id
JOIN step_versions AS v ON v.step_id = s.id AND v.version = s.text_version
JOIN sequences AS q ON q.id = e.sequence_id
JOIN workspaces AS w ON w.id = e.workspace_id
JOIN contacts AS c ON c.id = e.contact_id
JOIN mailboxes AS m ON m.id = e.mailbox_id
LEFT JOIN LATERAL (
    SELECT p.message_id, p.thread_references, p.subject FROM scheduled_emails AS p
    WHERE p.enrollment_id = e.enrollment_id AND p.id <> e.id AND p.status IN ('SENT', 'IN_DOUBT')
        AND p.message_id IS NOT NULL
    ORDER BY coalesce(p.sent_at, p.committing_at) DESC, p.id DESC LIMIT 1
) AS parent ON true
ORDER BY e.send_at, e.id
""")
