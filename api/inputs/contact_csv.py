"""Contacts in CSV: what the columns are, and the rows read one by one."""

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain

from strawberry.scalars import JSON

from api.csv_cells import unguarded
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
_OWN = frozenset(_COLUMNS.values())
_BYTE_ORDER_MARK = "\ufeff"


class ContactCsv:
    """
    The rows of a CSV file of contacts, read in parts; blank ones are passed over.

    *lines* are those of the file with their ends. *columns* says of columns, by title, which field each one
    is, or that it is none (empty); the others are known by their titles.

    Raises:
        Problem: There is no header line, or none with an address; later, if the quoting is broken.
    """

    def __init__(self, lines: Iterator[str], *, columns: Mapping[str, str] | None = None) -> None:
        header = next(lines, "")
        delimiter = max(",;\t", key=header.count)
        self._rows = csv.reader(chain([header], lines), delimiter=delimiter, strict=True)
        self._columns = _columns(self._next() or [], columns or {})

    def read(self, into: ContactList, *, most: int) -> bool:
        """Read at most *most* rows into a list; whether there may be more."""
        for _ in range(most):
            cells = self._next()
            if cells is None:
                return False
            _read_row(cells, self._columns, into, line=self._rows.line_num)
        return True

    def _next(self) -> Sequence[str] | None:
        try:
            return next(self._rows, None)
        except csv.Error as error:
            raise _problem(f"Line {self._rows.line_num}: {error}.") from error


def read_csv(text: str, into: ContactList) -> None:
    """
    Read the rows of *text* into a list.

    Raises:
        Problem: As `ContactCsv`.
    """
    table = ContactCsv(io.StringIO(text.removeprefix(_BYTE_ORDER_MARK)))
    while table.read(into, most=10_000):
        pass


def _columns(header: Sequence[str], chosen: Mapping[str, str]) -> list[str | None]:
    """The field of each column: one of a contact's own, the name of a custom one, or none."""
    if unknown := sorted(set(chosen) - {title.strip() for title in header}):
        raise _problem(f"The header line names no column “{unknown[0]}”.")
    columns: list[str | None] = []
    for number, title in enumerate(header, 1):
        named = chosen.get(title.strip(), title)
        spelled = _spelled(named)
        if not spelled and title.strip() not in chosen:
            raise _problem(f"Column {number} has no name in the header line.")
        columns.append(_COLUMNS.get(spelled, spelled) or None)
    if "email" not in columns:
        raise _problem("The header line names no column “email”.")
    named_columns = [column for column in columns if column is not None]
    if twice := sorted({column for column in named_columns if named_columns.count(column) > 1}):
        raise _problem(f"Two columns are {twice[0]}.")
    return columns


def _spelled(title: str) -> str:
    spelled = re.sub(r"[^a-z0-9]+", "_", title.strip().lower()).strip("_")
    return f"_{spelled}" if spelled[:1].isdigit() else spelled


def _read_row(cells: Sequence[str], columns: Sequence[str | None], into: ContactList, *, line: int) -> None:
    if not any(cell.strip() for cell in cells):
        return
    if len(cells) > len(columns):
        into.reject(f"It has {len(cells)} cells, the header {len(columns)}.", line=line)
        return
    given = {
        column: unguarded(cell.strip())
        for column, cell in zip(columns, cells, strict=False)
        if column is not None and cell.strip()
    }
    own = {column: given.get(column) for column in ("first_name", "last_name", "company", "phone")}
    custom = {column: cell for column, cell in given.items() if column not in _OWN}
    contact = ContactInput(
        email=EmailAddress(given.get("email", "")),
        **own,
        zone=TimeZone(given["zone"]) if "zone" in given else None,
        custom_fields=JSON(custom),
    )
    into.add(contact, line=line)


def _problem(message: str) -> Problem:
    return Problem(UserErrorCode.INVALID_CSV, message)
