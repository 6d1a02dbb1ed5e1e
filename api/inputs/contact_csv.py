"""Contacts in CSV: what the columns are, and the rows read one by one."""

import csv
import io
import re
from collections.abc import Mapping, Sequence

from strawberry.scalars import JSON

from api.errors import UserErrorCode
from api.inputs.contacts import ContactInput, ContactList
from api.inputs.problems import Problem
from api.scalars import EmailAddress, TimeZone

_COLUMNS: Mapping[str, str] = {
    spelling: column
    for column, spellings in {
        "email": ("email", "e_mail", "email_address", "mail"),
        "first_name": ("first_name", "firstname", "given_name"),
        "last_name": ("last_name", "lastname", "surname", "family_name"),
        "company": ("company", "company_name", "organisation", "organization"),
        "phone": ("phone", "phone_number", "telephone", "mobile"),
        "zone": ("zone", "time_zone", "timezone", "tz"),
    }.items()
    for spelling in spellings
}
_BYTE_ORDER_MARK = "\ufeff"


def read_csv(text: str, into: ContactList) -> None:
    """
    Read the rows of *text* into a list; blank ones are passed over.

    Raises:
        Problem: If there is no header, or none with an address, or the quoting is broken.
    """
    lines = csv.reader(
        io.StringIO(text.removeprefix(_BYTE_ORDER_MARK)), delimiter=_delimiter(text), strict=True
    )
    try:
        columns = _columns(next(lines, []))
        for cells in lines:
            _read_row(cells, columns, into, line=lines.line_num)
    except csv.Error as error:
        raise _problem(f"Line {lines.line_num}: {error}.") from error


def _delimiter(text: str) -> str:
    header = text.partition("\n")[0]
    return max(",;\t", key=header.count)


def _columns(header: Sequence[str]) -> list[str]:
    """The field of each column: one of a contact's own, or the name of a custom one."""
    columns = []
    for number, title in enumerate(header, 1):
        spelled = re.sub(r"[^a-z0-9]+", "_", title.strip().lower()).strip("_")
        if not spelled:
            raise _problem(f"Column {number} has no name in the header line.")
        named = f"_{spelled}" if spelled[0].isdigit() else spelled
        columns.append(_COLUMNS.get(named, named))
    if "email" not in columns:
        raise _problem("The header line names no column “email”.")
    if twice := sorted({column for column in columns if columns.count(column) > 1}):
        raise _problem(f"Two columns are {twice[0]}.")
    return columns


def _read_row(cells: Sequence[str], columns: Sequence[str], into: ContactList, *, line: int) -> None:
    if not any(cell.strip() for cell in cells):
        return
    if len(cells) > len(columns):
        into.reject(f"It has {len(cells)} cells, the header {len(columns)}.", line=line)
        return
    given = {column: cell.strip() for column, cell in zip(columns, cells, strict=False) if cell.strip()}
    own = {column: given.get(column) for column in ("first_name", "last_name", "company", "phone")}
    custom = {column: cell for column, cell in given.items() if column not in _COLUMNS.values()}
    contact = ContactInput(
        email=EmailAddress(given.get("email", "")),
        **own,
        zone=TimeZone(given["zone"]) if "zone" in given else None,
        custom_fields=JSON(custom),
    )
    into.add(contact, line=line)


def _problem(message: str) -> Problem:
    return Problem(UserErrorCode.INVALID_CSV, message)
