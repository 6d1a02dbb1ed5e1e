"""CSV as it is handed out: no cell is a formula to the program that opens it."""

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import datetime

# OWASP, CSV Injection: what makes a spreadsheet take a cell for a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r")
# Before a formula it makes a text of it; imports take it away again.
GUARD = "'"


def csv_lines(rows: Iterable[Sequence[object]]) -> bytes:
    """*rows* as lines of CSV (RFC 4180); nothing is an empty cell, instants are in UTC."""
    written = io.StringIO(newline="")
    csv.writer(written, quoting=csv.QUOTE_ALL).writerows([[_cell(value) for value in row] for row in rows])
    # Half a character, which JSON may hold, has no bytes.
    return written.getvalue().encode(errors="replace")


def unguarded(cell: str) -> str:
    """A cell as it was before `csv_lines` wrote it."""
    return cell[len(GUARD) :] if cell.startswith(tuple(GUARD + sign for sign in FORMULA)) else cell


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, bool):
        return str(value).lower()
    text = str(value)
    # A number is no formula, whatever its sign.
    is_number = isinstance(value, int | float)
    return f"{GUARD}{text}" if text.startswith(FORMULA) and not is_number else text
