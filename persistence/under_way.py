"""
What is under way, found by the mailboxes that send it.

An index of emails by status would cost an entry in every other index each time that one is claimed. So each
mailbox names its emails that are under way. Whoever brings one there, by a claim or by the beginning of a
retry, has locked the mailbox and names it in the same transaction; nobody has to strike off one that ends, as
the next one leaves out what is not under way any more. So what is named is looked at before it counts, and
where nothing has been sent for a while it is forgotten.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain import lifecycle
from domain.ids import EmailId
from persistence.statements import Statement

# Of an email e.
IS_UNDER_WAY = f"e.status IN {tuple(map(str, lifecycle.UNDER_WAY))}"


def named_in(mailbox: str) -> str:
    """
    The emails that *mailbox*, an alias of a row, names: a table to be joined laterally.

    OFFSET 0 keeps the look-up by id. PostgreSQL expects ten names in each mailbox, and would rather read all
    that the mailbox ever sent, or the whole table.
    """
    return f"(SELECT * FROM scheduled_emails AS named WHERE named.id = ANY ({mailbox}.under_way) OFFSET 0)"


# To be read as a table of emails.
UNDER_WAY = f"""(
    SELECT e.* FROM mailboxes AS m CROSS JOIN LATERAL {named_in("m")} AS e
    WHERE m.under_way <> '{{}}' AND e.mailbox_id = m.id AND {IS_UNDER_WAY}
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


# A mailbox that sends names others soon: to strike off meanwhile would only be one more version of its row.
_RESTS_AFTER = timedelta(seconds=10)
# All of it is as it was when the statement began. So it is done only to a row that is still the one that was
# read, as whoever names an email writes it under its lock; and nobody waits.
_FORGET = Statement(
    text(f"""
WITH ended AS MATERIALIZED (
    SELECT m.ctid AS place, m.xmin AS version
    FROM mailboxes AS m
    WHERE m.under_way <> '{{}}' AND coalesce(m.last_attempt_at <= :rested_since, true) AND NOT EXISTS (
        SELECT FROM {named_in("m")} AS e WHERE e.mailbox_id = m.id AND {IS_UNDER_WAY}
    )
), locked AS MATERIALIZED (
    SELECT m.ctid AS place
    FROM ended JOIN mailboxes AS m ON m.ctid = ended.place AND m.xmin = ended.version
    FOR NO KEY UPDATE OF m SKIP LOCKED
)
UPDATE mailboxes AS m SET under_way = '{{}}' FROM locked WHERE m.ctid = locked.place
""")
)


async def forget_ended(conn: AsyncConnection, *, now: datetime) -> None:
    """Let mailboxes that rest at business time *now* name nothing, if nothing that they name is under way."""
    await _FORGET.run(conn, rested_since=now - _RESTS_AFTER)
