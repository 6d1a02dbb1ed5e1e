"""Pages of lists that things have, such as a sequence's enrollments: one statement for all the things."""

from typing import Any

from sqlalchemy import ColumnElement, Uuid, func, select, true

from persistence.arrays import given
from persistence.reading.pages import AnySelect, Order, Page, page_statement


def page_of_each(rows: AnySelect, *, of: ColumnElement[Any], order: Order, page: Page) -> AnySelect:
    """
    The *page* of those *rows* whose column *of* names one of the `owners`, for each of them.

    Like `page_statement`, with the owner as the last column; each owner's rows are in the order of the page.
    """
    owners = given({"owner": Uuid()})
    theirs = page_statement(rows.where(of == owners.c.owner), order=order, page=page)
    keys = [key.column.label(f"sorted_by_{n}") for n, key in enumerate(order.keys)]
    within = theirs.add_columns(*keys).lateral("page")
    shown = list(within.c)[: -len(keys)]
    falls = order.is_descending != page.from_end
    placed = [within.c[key.name].desc() if falls else within.c[key.name] for key in keys]
    return (
        select(*shown, owners.c.owner)
        .select_from(owners.join(within, true()))
        .order_by(owners.c.owner, *placed)
    )


def count_of_each(rows: AnySelect, *, of: ColumnElement[Any]) -> AnySelect:
    """How many of *rows* each of the `owners` has."""
    owners = given({"owner": Uuid()})
    counted = (
        rows.where(of == owners.c.owner)
        .order_by(None)
        .with_only_columns(func.count().label("entries"), maintain_column_froms=True)
        .lateral("counted")
    )
    return select(owners.c.owner, counted.c.entries).select_from(owners.join(counted, true()))
