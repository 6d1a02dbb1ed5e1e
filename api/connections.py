"""Lists in pages: connections whose cursors are places in the list, so that new rows shift nothing."""

import base64
import binascii
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Generic, TypeVar

import strawberry

from api.context import Info
from api.errors import BadUserInput
from api.fields import resolves
from api.types.node import Node
from api.vocabulary import described
from persistence.reading.pages import AnySelect, InvalidPlace, Order, Page, Place, Slice, count, read_page

T = TypeVar("T")
Listed = TypeVar("Listed", bound=Node)
PAGE = 20
LARGEST_PAGE = 100


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
    edges: list[Edge[T]] = strawberry.field(description="The entries with their cursors.")
    nodes: list[T] = strawberry.field(description="The entries alone.")
    page_info: PageInfo = strawberry.field(description="Where this page lies in the list.")
    counted: strawberry.Private[Callable[[], Awaitable[int]]]

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
        size = next((given for given in (self.first, self.last) if given is not None), PAGE)
        if not 0 <= size <= LARGEST_PAGE:
            raise BadUserInput(f"A page has 0 to {LARGEST_PAGE} entries.")
        return Page(
            limit=size,
            after=_read_cursor(self.after),
            before=_read_cursor(self.before),
            from_end=self.last is not None,
        )


async def connection(
    info: Info, kind: type[Listed], rows: AnySelect, order: Order, paging: Paging
) -> Connection[Listed]:
    """
    The page of *rows* that is asked for, as things of *kind*.

    Raises:
        BadUserInput: As `Paging.page`, and for a cursor of another list.
    """
    page = paging.page()
    ordered = Order(order.keys, is_descending=paging.direction == Direction.DESC)
    try:
        async with info.context.transaction() as conn:
            found = await read_page(conn, rows, order=ordered, page=page)
    except InvalidPlace:
        raise BadUserInput("The cursor is not one of this list.") from None

    async def counted() -> int:
        async with info.context.transaction() as conn:
            return await count(conn, rows)

    return _shaped(kind, found, counted)


def _shaped(kind: type[Listed], found: Slice, counted: Callable[[], Awaitable[int]]) -> Connection[Listed]:
    nodes = [kind.of(row) for row in found.rows]
    cursors = [_cursor(place) for place in found.places]
    return Connection(
        edges=[Edge(node=node, cursor=cursor) for node, cursor in zip(nodes, cursors, strict=True)],
        nodes=nodes,
        page_info=PageInfo(
            has_next_page=found.has_next,
            has_previous_page=found.has_previous,
            start_cursor=cursors[0] if cursors else None,
            end_cursor=cursors[-1] if cursors else None,
        ),
        counted=counted,
    )


def _cursor(place: Place) -> str:
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
