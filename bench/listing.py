"""The list that the API is measured by: 20 scheduled emails, each with its contact, step and mailbox."""

import json

# 20 emails of 11 values each, as a page of the timetable shows them.
DOCUMENT = """
query Timetable($first: Int!, $after: String) {
  scheduledEmails(first: $first, after: $after) {
    nodes {
      id status sendAt retryCount
      contact { email firstName company }
      step { position subject }
      mailbox { name email }
    }
    pageInfo { hasNextPage endCursor }
  }
}
"""
PAGE = 20

# What a person would write for this one list, and nothing besides.
SQL = """
SELECT
    email.id, email.status, email.send_at, email.retry_count,
    contact.email, contact.first_name, contact.company, step.position, step_version.subject,
    mailbox.name, mailbox.email,
    (CASE WHEN email.send_at IS NULL THEN 'infinity'::timestamptz ELSE email.send_at END)::text
FROM scheduled_emails email
JOIN contacts contact ON contact.id = email.contact_id
JOIN steps step ON step.id = email.step_id
JOIN step_versions step_version
    ON step_version.step_id = step.id AND step_version.version = step.text_version
LEFT JOIN mailboxes mailbox ON mailbox.id = email.mailbox_id
WHERE email.workspace_id = $1
ORDER BY CASE WHEN email.send_at IS NULL THEN 'infinity'::timestamptz ELSE email.send_at END, email.id
LIMIT $2
"""


def request_body(*, first: int = PAGE, after: str | None = None) -> bytes:
    """The request for one page, as a client sends it."""
    return json.dumps({"query": DOCUMENT, "variables": {"first": first, "after": after}}).encode()
