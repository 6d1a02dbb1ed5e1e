"""Lists that things have: what is asked of them, and the page of each thing in what was found."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from persistence.direct_reads import Prepared
from persistence.reading.pages import Found, Order, Page, Slice, slice_of


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
    # Or only how long it is.
    is_shown: bool

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
