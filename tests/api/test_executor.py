"""The straight way answers what the long one answers, whatever the values are."""

from collections.abc import Awaitable
from typing import Any, cast

import pytest
import strawberry

from api.context import Info
from api.executor import Executor


class Late:
    """A name that has to be waited for."""

    def __await__(self) -> Any:
        yield from ()
        return "late"


@strawberry.type
class Leaf:
    name: str
    size: int | None = None
    tags: list[str] = strawberry.field(default_factory=list)
    parts: list["Leaf | None"] | None = None

    @strawberry.field
    def length(self) -> int:
        return len(self.name)

    @strawberry.field
    def shouted(self, info: Info) -> str:
        return f"{self.name}{info.context}".upper()

    @strawberry.field
    def reciprocal(self) -> float | None:
        return 1 / (self.size or 0)

    @strawberry.field
    def perhaps_late(self) -> str:
        return cast("str", Late()) if self.size else self.name

    @strawberry.field
    async def waited(self) -> str:
        return self.name

    @strawberry.field
    def repeated(self, times: int = 2) -> str:
        return self.name * times


@strawberry.type
class Query:
    @strawberry.field
    def leaves(self) -> list[Leaf]:
        broken = Leaf(name=cast("str", None))
        return [
            Leaf(name="a", size=2, tags=["x", "y"], parts=[Leaf(name="b"), None]),
            Leaf(name="c", parts=[Leaf(name="d", size=4), broken]),
        ]

    @strawberry.field
    def huge(self) -> Leaf | None:
        return Leaf(name="e", size=2**40)


OURS = strawberry.Schema(Query, execution_context_class=Executor)
THEIRS = strawberry.Schema(Query)

asked = pytest.mark.parametrize(
    "document",
    [
        "{ leaves { name size tags length shouted } }",
        "{ leaves { first: name ...Deep } } fragment Deep on Leaf { name parts { name tags length } }",
        "{ leaves { reciprocal name } }",
        "{ leaves { name perhapsLate } }",
        "{ leaves { waited name repeated(times: 3) size } }",
        "{ leaves { name parts { waited name } } }",
        "{ huge { name size } }",
        "query ($no: Boolean = false) { leaves { name @include(if: $no) size @skip(if: $no) } }",
        "{ leaves { __typename name } }",
    ],
)


@asked
async def test_answers_and_errors_are_those_of_graphql_core(document: str) -> None:
    """In the order in which they are asked for; nulls go up to where they may be, and errors tell where."""
    ours, theirs = [await schema.execute(document, context_value="!") for schema in (OURS, THEIRS)]

    assert repr(ours.data) == repr(theirs.data)
    assert [each.formatted for each in ours.errors or ()] == [each.formatted for each in theirs.errors or ()]


async def test_what_is_plain_takes_no_long_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """The long way begins with a field that is executed by itself."""
    executed: list[str] = []
    execute_field = Executor.execute_field

    def note(self: Executor, parent: Any, *arguments: Any) -> Awaitable[Any] | Any:
        executed.append(parent.name)
        return execute_field(self, parent, *arguments)

    monkeypatch.setattr(Executor, "execute_field", note)

    await OURS.execute("{ huge { name parts { name shouted } } }", context_value="!")

    assert executed == []
