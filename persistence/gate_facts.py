"""What the gate reads of emails that ask to begin an attempt, and the locks that it reads under."""

from sqlalchemy import text

from persistence.statements import Statement

# A ticket is an email's id and the attempt that its message may begin: one that is out of date finds nothing.
# OFFSET 0 keeps the look-up by id, once for all of them, and IS TRUE keeps tickets a set that is hashed once:
# PostgreSQL believes that next to nothing is queued, as is true most of the time, and in a join would compare
# every email with every ticket. For the same reason sets of ids below are arrays: as joins they may be looked
# up anew for every row.
_ASKED = """(
    SELECT * FROM scheduled_emails
    WHERE id = ANY(CAST(:ids AS uuid[])) AND status IN ('QUEUED', 'RETRYING') AND (
        (id, attempt + 1) IN (SELECT * FROM unnest(CAST(:ids AS uuid[]), CAST(:numbers AS int[])))
    ) IS TRUE
    OFFSET 0
) AS e
"""
# Mailboxes before enrollments before emails, which is the order of the columns. Enrollments of all emails:
# until its mailbox is locked, an email may be claimed anew, and a late copy of its ticket hold again.
LOCK = Statement(
    text(f"""
SELECT ARRAY(
    SELECT id FROM mailboxes
    WHERE id = ANY(ARRAY(SELECT e.mailbox_id FROM {_ASKED})) ORDER BY id FOR NO KEY UPDATE
) AS mailbox_ids, (SELECT count(*) FROM (
    SELECT FROM enrollments
    WHERE id = ANY(ARRAY(SELECT enrollment_id FROM scheduled_emails WHERE id = ANY(CAST(:ids AS uuid[]))))
    ORDER BY id FOR NO KEY UPDATE
) AS locked) AS enrollments, (SELECT count(*) FROM (
    SELECT FROM scheduled_emails WHERE id = ANY(CAST(:ids AS uuid[])) ORDER BY id FOR NO KEY UPDATE
) AS locked) AS emails
""")
)
FACTS = Statement(
    text(f"""
SELECT e.id, e.workspace_id, e.enrollment_id, e.sequence_id, e.contact_id, e.step_id, e.mailbox_id, e.status,
    e.attempt, e.retry_count, e.retry_at, e.quota_day, e.message_id,
    n.status AS enrollment_status, n.next_not_before, n.next_position,
    c.status AS contact_status, c.zone AS contact_zone,
    split_part(c.normalised_email, '@', 2) AS recipient_domain,
    c.email, c.first_name, c.last_name, c.company, c.phone, c.custom_fields,
    EXISTS (
        SELECT FROM suppressions AS u WHERE u.workspace_id = e.workspace_id AND u.address = c.normalised_email
    ) AS is_suppressed,
    m.from_name, m.email AS from_address, m.host, m.port, m.security, m.in_doubt_policy,
    m.username, m.password_encrypted, m.oauth_provider, m.refresh_token_encrypted,
    parent.message_id AS parent_message_id, parent.thread_references, parent.subject AS parent_subject
FROM {_ASKED}
JOIN enrollments AS n ON n.id = e.enrollment_id
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
)
# Of the few steps that a group of emails is sent for, with the many words of their texts.
STEPS = Statement(
    text("""
SELECT s.id, s.position, s.removed_at IS NOT NULL AS is_removed, s.starts_thread,
    v.id AS version_id, v.subject, v.body_text, v.body_html,
    q.status AS sequence_status, q.zone, q.uses_contact_zone, q.first_date, q.last_date,
    q.holiday_country, q.holiday_subdivision, q.closed_dates,
    coalesce(q.send_window, w.send_window) AS send_window,
    w.sending_paused_at IS NOT NULL AS is_sending_paused,
    CASE WHEN q.priority <= 0 THEN w.contact_min_gap_days END AS contact_min_gap_days
FROM steps AS s
JOIN step_versions AS v ON v.step_id = s.id AND v.version = s.text_version
JOIN sequences AS q ON q.id = s.sequence_id
JOIN workspaces AS w ON w.id = s.workspace_id
WHERE s.id = ANY(CAST(:ids AS uuid[]))
""")
)
