"""
What is under way, found by the mailboxes that send it.

An index of emails by status would cost an entry in every other index each time that one is claimed. So each
mailbox names its emails that are under way. Whoever brings one there, by a claim or by the beginning of a
retry, has locked the mailbox and names it in the same transaction; nobody has to strike it off, as the next
one leaves out what is not under way any more. So what is named is looked at before it counts.
"""

from collections.abc import Iterable, Mapping
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain import lifecycle
from domain.ids import EmailId
from persistence.statements import Statement

# Of an email e.
IS_UNDER_WAY = f"e.status IN {tuple(map(str, lifecycle.UNDER_WAY))}"

# To be read as a table of emails. OFFSET 0 keeps the look-up by id, mailbox by mailbox: PostgreSQL expects
# ten names in each, and would rather read the whole table than look up so many.
UNDER_WAY = f"""(
    SELECT named.* FROM mailboxes AS m CROSS JOIN LATERAL (
        SELECT * FROM scheduled_emails AS e
        WHERE e.id = ANY (m.under_way) AND e.mailbox_id = m.id AND {IS_UNDER_WAY}
        OFFSET 0
    ) AS named
    WHERE m.under_way <> '{{}}'
)"""

_NAME = Statement(
    text("""
UPDATE mailboxes AS m SET under_way = named.email_ids
FROM (
    SELECT mailbox_id, array_agg(email_id) AS email_ids
    FROM unnest(CAST(:mailbox_ids AS uuid[]), CAST(:email_ids AS uuid[])) AS given (mailbox_id, email_id)
    GROUP BY mailbox_id
) AS named
WHERE m.id = named.mailbox_id
""")
)


async def name_under_way(conn: AsyncConnection, emails: Mapping[UUID, Iterable[EmailId]]) -> None:
    """Name all *emails* that are under way in locked mailboxes, by the mailboxes' ids."""
    pairs = [(mailbox_id, email_id) for mailbox_id, email_ids in emails.items() for email_id in email_ids]
    await _NAME.run(
        conn,
        mailbox_ids=[mailbox_id for mailbox_id, _ in pairs],
        email_ids=[email_id for _, email_id in pairs],
    )
