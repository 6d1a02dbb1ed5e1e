"""Exports over HTTP: contacts and emails as CSV, page by page, however many there are."""

import dataclasses
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Text, cast, func, select
from starlette.requests import Request
from starlette.responses import Response
from strawberry.utils.str_converters import to_camel_case

from api.context import Context, Services
from api.csv_cells import csv_lines
from api.errors import BadUserInput
from api.ids import global_id
from api.inputs.contact_filter import ContactFilter
from api.inputs.email_filter import ScheduledEmailFilter
from api.transfers import admitted, csv_file, refusal
from domain.access import Scope
from domain.lifecycle import ContactStatus, EmailStatus
from persistence.reading import contacts as reading_contacts
from persistence.reading.pages import AnyRow, AnySelect, Order, Page, page_statement, values
from persistence.reading.scheduled_emails import ORDERS, EmailOrder, emails_where
from persistence.tables import contacts, mailboxes, scheduled_emails, step_versions, steps

PAGE = 1_000
_MOST_CUSTOM = 200
_CONTACT_COLUMNS = ("email", "first_name", "last_name", "company", "phone", "zone", "status", "created_at")
_EMAIL_COLUMNS = (
    "recipient_email",
    "subject",
    "status",
    "send_at",
    "sent_at",
    "mailbox",
    "step",
    "retry_count",
    "last_error",
    "failure_reason",
    "message_id",
)


async def download(
    context: Context, rows: AnySelect, order: Order, given: Mapping[str, Any] | None = None
) -> AsyncIterator[Sequence[AnyRow]]:
    """
    All of *rows*, a page at a time, each read in a transaction of its own: nobody waits for a slow client.

    *given* are the values that are named in *rows*.
    """
    page = Page(PAGE)
    while True:
        statement = page_statement(rows, order=order, page=page)
        async with context.transaction() as conn:
            found = (await conn.execute(statement, {**(given or {}), **values(page, order)})).all()
        yield found[:PAGE]
        if len(found) <= PAGE:
            return
        page = Page(PAGE, after=tuple(found[PAGE - 1][-len(order.keys) :]))


async def export_contacts(request: Request, services: Services) -> Response:
    """`GET /exports/contacts.csv`, with the fields of `ContactFilter` as parameters."""
    try:
        context = await admitted(request, services, needs=Scope.READ)
        asked = ContactFilter(**_given(request, ContactFilter, status=ContactStatus))
        await asked.check_ids(context.loaders)
        rows = asked.rows(context.workspace_id)
        custom = await _custom_fields(context, rows)
    except Exception as error:
        return refusal(error)
    header = [*_CONTACT_COLUMNS, *(f"custom_{name}" if name in _CONTACT_COLUMNS else name for name in custom)]

    async def lines() -> AsyncIterator[bytes]:
        yield csv_lines([header])
        async for page in download(context, rows, reading_contacts.ORDER):
            yield csv_lines(
                [
                    *(row._mapping[name] for name in _CONTACT_COLUMNS),
                    *(row.custom_fields.get(name) for name in custom),
                ]
                for row in page
            )

    return csv_file(lines(), "contacts.csv")


async def export_emails(request: Request, services: Services) -> Response:
    """`GET /exports/scheduled-emails.csv`, with the fields of `ScheduledEmailFilter` as parameters."""
    try:
        context = await admitted(request, services, needs=Scope.READ)
        given = _given(request, ScheduledEmailFilter, status=EmailStatus)
        asked = ScheduledEmailFilter(**given).parsed()
    except Exception as error:
        return refusal(error)
    columns = scheduled_emails.c
    template = (
        select(step_versions.c.subject)
        .where(step_versions.c.step_id == columns.step_id, step_versions.c.version == steps.c.text_version)
        .scalar_subquery()
    )
    listed = emails_where(context.workspace_id, asked)
    rows = (
        listed.build()
        .join(contacts, contacts.c.id == columns.contact_id)
        .join(steps, steps.c.id == columns.step_id)
        .join(mailboxes, mailboxes.c.id == columns.mailbox_id, isouter=True)
        .add_columns(
            contacts.c.email.label("recipient_email"),
            func.coalesce(columns.subject, template).label("shown_subject"),
            mailboxes.c.email.label("mailbox"),
            cast(steps.c.position, Text).label("step"),
        )
    )

    async def lines() -> AsyncIterator[bytes]:
        yield csv_lines([("id", *_EMAIL_COLUMNS)])
        async for page in download(context, rows, ORDERS[EmailOrder.SEND_AT], listed.values):
            yield csv_lines([_email_cells(row._mapping) for row in page])

    return csv_file(lines(), "scheduled-emails.csv")


# Any: a row by column.
def _email_cells(row: Mapping[Any, Any]) -> list[object]:
    cells = dict(row) | {"subject": row["shown_subject"]}
    return [global_id("ScheduledEmail", row["id"]), *(cells[name] for name in _EMAIL_COLUMNS)]


async def _custom_fields(context: Context, rows: AnySelect) -> list[str]:
    """The names of the custom fields that any of *rows* has, in order."""
    keys = rows.with_only_columns(func.jsonb_object_keys(contacts.c.custom_fields).label("name")).subquery()
    async with context.transaction() as conn:
        names = await conn.scalars(
            select(keys.c.name).distinct().order_by(keys.c.name).limit(_MOST_CUSTOM + 1)
        )
        found = list(names)
    if len(found) > _MOST_CUSTOM:
        raise BadUserInput(f"They have more than {_MOST_CUSTOM} custom fields between them; filter them.")
    return found


# Any: values of a filter's fields.
def _given(request: Request, filter_: type, *, status: type[StrEnum]) -> dict[str, Any]:
    """The parameters of *request* as fields of *filter_*."""
    fields = {to_camel_case(each.name): each.name for each in dataclasses.fields(filter_)}
    given: dict[str, Any] = {}
    for name in request.query_params:
        if name not in fields:
            known = ", ".join(sorted(fields))
            raise BadUserInput(f"There is no parameter `{name}`; there are {known}.")
        texts = request.query_params.getlist(name)
        try:
            if name == "status":
                read: object = [status(text) for text in texts]
            else:
                read = texts if name.endswith("Ids") else _READ.get(name, str)(texts[-1])
        except ValueError:
            raise BadUserInput(f"`{name}` cannot be “{texts[-1][:100]}”.") from None
        given[fields[name]] = read
    return given


def _instant(text: str) -> datetime:
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError(text)
    return instant


def _truth(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError(text)
    return text == "true"


# Everything else is text.
_READ: Mapping[str, Callable[[str], object]] = {
    **dict.fromkeys(("sendFrom", "sendTo", "sentFrom", "sentTo", "updatedSince"), _instant),
    **dict.fromkeys(("isSuppressed", "isUnplaced"), _truth),
}
