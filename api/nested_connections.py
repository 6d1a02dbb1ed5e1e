"""Lists that things have: pages like those of the queries, read at once for all things on a page."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from sqlalchemy import Column

from api.asked_fields import asks_for_a_page
from api.connections import Connection, Listable, Paging, only_counted, placed_in, prepared_from, shown
from api.context import Info
from persistence.nested_lists import NestedList
from persistence.reading.nested_pages import count_of_each, page_of_each
from persistence.reading.pages import AnySelect, Listed, Order, shape


async def nested_connection(
    info: Info,
    kind: type[Listable],
    rows: Callable[[], AnySelect | Listed],
    order: Order,
    paging: Paging,
    *,
    of: Column[Any],
    owner: UUID,
) -> Connection[Listable]:
    """
    The page of those *rows* whose column *of* is *owner*; *rows* has those of all owners.

    Raises:
        BadUserInput: As `connection`.
    """
    # The same field of a document has the same arguments, whatever thing it is asked of.
    field = tuple(map(id, info._raw_info.field_nodes))
    asked = info.context.nested_lists.get(field)
    if asked is None:
        asked = info.context.nested_lists[field] = _nested_list(info, rows(), order, paging, of)
    key = (asked, owner)
    loaders = info.context.loaders

    def counted() -> Awaitable[int]:
        return loaders.nested_counts.load(key)

    if not asked.is_shown:
        return only_counted(counted)
    return shown(info, kind, await loaders.nested_pages.load(key), counted)


def _nested_list(
    info: Info, rows: AnySelect | Listed, order: Order, paging: Paging, of: Column[Any]
) -> NestedList:
    page, ordered, placed = placed_in(order, paging)
    pages, given = prepared_from(
        rows,
        (str(of), shape(page, ordered)),
        lambda found: page_of_each(found, of=of, order=ordered, page=page),
    )
    counts = prepared_from(rows, (str(of), "count"), lambda found: count_of_each(found, of=of))
    return NestedList((pages, {**given, **placed}), counts, ordered, page, asks_for_a_page(info))
