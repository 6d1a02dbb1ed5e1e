"""Pages of lists that things have, such as a sequence's enrollments: one statement for all the things."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Uuid, func, select, true

from persistence.arrays import given
from persistence.direct_reads import Prepared
from persistence.reading.pages import AnySelect, Found, Order, Page, Slice, page_statement, slice_of


@dataclass(frozen=True, slots=True, eq=False)
class NestedList:
    """
    A list that things of one kind have, each its own, of which the same *page* is asked for.

    Both statements come with all their values but the `owners`.
    """

    pages: tuple[Prepared, Mapping[str, Any]]
    counts: tuple[Prepared, Mapping[str, Any]]
    order: Order
    page: Page

    def slices(self, found: Found) -> Mapping[UUID, Slice]:
        """What was found for each owner; one without any entry has an empty page."""
        by_owner: defaultdict[UUID, list[Any]] = defaultdict(list)
        for values in found.values:
            by_owner[values[-1]].append(values[:-1])
        columns = found.columns[:-1]
        pages = defaultdict[UUID, Slice](lambda: self._slice(Found(columns, [])))
        pages.update({owner: self._slice(Found(columns, rows)) for owner, rows in by_owner.items()})
        return pages

    def _slice(self, found: Found) -> Slice:
        return slice_of(found, order=self.order, page=self.page)


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
