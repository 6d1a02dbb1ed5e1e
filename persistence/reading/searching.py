"""Searching: rows with a text somewhere in what people know them by."""

from typing import Any

from sqlalchemy import ColumnElement, func

from persistence.storable_text import storable


def has_text(text: str, *columns: ColumnElement[Any]) -> ColumnElement[bool]:
    """
    Whether *text*, in any case, is in *columns*, which are read one after another with a space between.

    No index knows: whoever asks reads each row until a page is full.
    """
    known_by = func.concat_ws(" ", *columns)
    return func.strpos(func.lower(known_by), func.lower(storable(text.strip()))) > 0
