"""Inbound messages in tests: emails that they are about, and what became of these."""

from typing import Any

from sqlalchemy import select

from domain.ids import EmailId
from domain.inbound import Inbound, InboundKind
from persistence.inbound import Recorded, record_inbound
from persistence.rescue import rescue
from persistence.tables import contacts, mailboxes
from tests.persistence.delivery import MINUTE, NOW, Delivery, at

CONTACT = "someone@example.test"


async def sent(delivery: Delivery, **email: Any) -> EmailId:
    email_id = await delivery.add(contact={"email": CONTACT}, **email)
    await delivery.sent(email_id)
    return email_id


async def in_doubt(delivery: Delivery) -> EmailId:
    await delivery.change(mailboxes, delivery.mailbox_id, in_doubt_policy="HOLD")
    email_id = await delivery.add(contact={"email": CONTACT})
    await delivery.committed(email_id)
    await delivery.expire(email_id)
    async with delivery.db.transaction() as conn:
        await rescue(conn, now=NOW + MINUTE)
    return email_id


async def message(delivery: Delivery, about: EmailId | None, kind: InboundKind, **fields: Any) -> Inbound:
    cites = () if about is None else ("<unknown@example.com>", (await delivery.email(about)).message_id)
    return Inbound(kind, cites, **({"sender": CONTACT, "subject": "Re: Welcome"} | fields))


async def record(delivery: Delivery, inbound: Inbound) -> Recorded | None:
    async with delivery.db.transaction() as conn:
        return await record_inbound(conn, delivery.workspace_id, inbound, now=at(12))


async def statuses(delivery: Delivery, email_id: EmailId) -> tuple[str, str, str]:
    """Of the email, its enrollment and its contact."""
    email = await delivery.email(email_id)
    async with delivery.db.transaction() as conn:
        contact = await conn.scalar(select(contacts.c.status).where(contacts.c.id == email.contact_id))
    return email.status, (await delivery.enrollment_of(email_id)).status, str(contact)
