"""Lists in pages: connections whose cursors are places in the list, so that new rows shift nothing."""

import base64
import binascii
import json
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Generic, Protocol, Self, TypeVar

import strawberry

from api.asked_fields import asks_for_a_page
from api.context import Info
from api.errors import BadUserInput
from api.fields import resolves
from api.vocabulary import described
from persistence.direct_reads import Prepared, prepared, prepared_like
from persistence.reading.pages import (
    AnyRow,
    AnySelect,
    InvalidPlace,
    Listed,
    Order,
    Page,
    Place,
    Slice,
    count_statement,
    page_statement,
    shape,
    slice_of,
    values,
)
from persistence.reading.relations import parts_of

T = TypeVar("T")
Listable = TypeVar("Listable", bound="Shaped")
PAGE = 20
LARGEST_PAGE = 100


class Shaped(Protocol):
    """A type of the schema whose things are made of rows."""

    @classmethod
    def of(cls, row: AnyRow) -> Self: ...


class Direction(StrEnum):
    ASC = "ASC"
    DESC = "DESC"


described(
    Direction,
    description="Which end of a list comes first.",
    values={Direction.ASC: "Earliest first.", Direction.DESC: "Latest first."},
)

First = Annotated[
    int | None,
    strawberry.argument(
        description=f"So many from the beginning, at most {LARGEST_PAGE}; {PAGE} by default."
    ),
]
After = Annotated[str | None, strawberry.argument(description="Only what comes after this cursor.")]
Last = Annotated[
    int | None,
    strawberry.argument(description=f"So many from the end instead, at most {LARGEST_PAGE}."),
]
Before = Annotated[str | None, strawberry.argument(description="Only what comes before this cursor.")]
InDirection = Annotated[Direction, strawberry.argument(description="Which end comes first.")]


@strawberry.type(description="Where a page lies in its list.")
class PageInfo:
    has_next_page: bool = strawberry.field(description="Whether the list goes on after this page.")
    has_previous_page: bool = strawberry.field(description="Whether the list has more before this page.")
    start_cursor: str | None = strawberry.field(description="The cursor of the first entry on this page.")
    end_cursor: str | None = strawberry.field(description="The cursor of the last entry on this page.")


@strawberry.type(description="An entry of a list with its place there.")
class Edge(Generic[T]):
    node: T = strawberry.field(description="The entry.")
    cursor: str = strawberry.field(description="Its place, for `after` and `before`; opaque.")


@strawberry.type(description="One page of a list.")
class Connection(Generic[T]):
    nodes: list[T] = strawberry.field(description="The entries alone.")
    page_info: PageInfo = strawberry.field(description="Where this page lies in the list.")
    places: strawberry.Private[Sequence[Place]]
    counted: strawberry.Private[Callable[[], Awaitable[int]]]

    @resolves("The entries with their cursors.")
    def edges(self) -> list[Edge[T]]:
        return [
            Edge(node=node, cursor=cursor_of(place))
            for node, place in zip(self.nodes, self.places, strict=True)
        ]

    @resolves("How many entries the whole list has.")
    async def total_count(self) -> int:
        return await self.counted()


@dataclass(frozen=True, slots=True)
class Paging:
    """The paging arguments of a field, as they were given."""

    first: int | None
    after: str | None
    last: int | None
    before: str | None
    direction: Direction

    def page(self) -> Page:
        """
        The page that is asked for.

        Raises:
            BadUserInput: A size below 0 or too large, both ends at once, or a cursor that is none.
        """
        if self.first is not None and self.last is not None:
            raise BadUserInput("Give `first` or `last`, not both.")
        name, given = ("first", self.first) if self.last is None else ("last", self.last)
        size = PAGE if given is None else given
        if not 0 <= size <= LARGEST_PAGE:
            raise BadUserInput(f"`{name}` is a number from 0 to {LARGEST_PAGE}.")
        return Page(
            limit=size,
            after=_read_cursor(self.after),
            before=_read_cursor(self.before),
            from_end=self.last is not None,
        )


async def connection(
    info: Info, kind: type[Listable], rows: AnySelect | Listed, order: Order, paging: Paging
) -> Connection[Listable]:
    """
    The page of *rows* that is asked for, as things of *kind*; what was read with them is in the loaders.

    Raises:
        BadUserInput: As `Paging.page`, and for a cursor of another list.
    """
    page, ordered, placed = placed_in(order, paging)

    async def counted() -> int:
        ((entries,),) = (await info.context.read(*prepared_from(rows, ("count",), count_statement))).values
        return int(entries)

    if not asks_for_a_page(info):
        return only_counted(counted)
    statement, given = prepared_from(
        rows, (shape(page, ordered),), lambda found: page_statement(found, order=ordered, page=page)
    )
    found = slice_of(await info.context.read(statement, {**given, **placed}), order=ordered, page=page)
    return shown(info, kind, found, counted)


def only_counted(counted: Callable[[], Awaitable[int]]) -> Connection[Listable]:
    """A list of which no page is asked for."""
    nowhere = PageInfo(has_next_page=False, has_previous_page=False, start_cursor=None, end_cursor=None)
    return Connection(nodes=[], page_info=nowhere, places=[], counted=counted)


def placed_in(order: Order, paging: Paging) -> tuple[Page, Order, Mapping[str, Any]]:
    """
    The page that is asked for, the order that it is in, and the values of the place where it begins.

    Raises:
        BadUserInput: As `Paging.page`, and for a cursor of another list.
    """
    page = paging.page()
    ordered = Order(order.keys, is_descending=paging.direction == Direction.DESC)
    try:
        return page, ordered, values(page, ordered)
    except InvalidPlace:
        raise BadUserInput("The cursor is not one of this list.") from None


def prepared_from(
    rows: AnySelect | Listed, purpose: tuple[Hashable, ...], made_of: Callable[[AnySelect], AnySelect]
) -> tuple[Prepared, Mapping[str, Any]]:
    """What is *made_of* a list for that *purpose*, and the values that the list has in it."""
    if isinstance(rows, Listed):
        return prepared((rows.shape, *purpose), lambda: made_of(rows.build())), rows.values
    return prepared_like(made_of(rows))


def shown(
    info: Info, kind: type[Listable], found: Slice, counted: Callable[[], Awaitable[int]]
) -> Connection[Listable]:
    """The page that was *found*, as things of *kind*; what was read with them is at hand from now on."""
    own, related = parts_of(found.found)
    info.context.have_at_hand(related)
    places = found.places
    return Connection(
        nodes=[kind.of(row) for row in own],
        page_info=PageInfo(
            has_next_page=found.has_next,
            has_previous_page=found.has_previous,
            start_cursor=cursor_of(places[0]) if places else None,
            end_cursor=cursor_of(places[-1]) if places else None,
        ),
        places=places,
        counted=counted,
    )


def cursor_of(place: Place) -> str:
    return base64.urlsafe_b64encode(json.dumps(place, separators=(",", ":")).encode()).rstrip(b"=").decode()


def _read_cursor(cursor: str | None) -> Place | None:
    if cursor is None:
        return None
    try:
        decoded = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        keys = json.loads(decoded)
    except (binascii.Error, ValueError, RecursionError):
        keys = None
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise BadUserInput("The cursor is not one that this API gave out.")
    return tuple(keys)
