"""`docs/lifecycle.md`, made from the states and moves in the domain: ``python -m app.lifecycle_page``."""

import sys
from collections.abc import Iterator
from enum import StrEnum
from typing import Any

from graphql import GraphQLEnumType, GraphQLSchema, build_schema

from api.schema import print_sdl
from domain.lifecycle import LIFECYCLES, Lifecycle

# Any: the page does not care which states and events a life is made of.
_Lifecycle = Lifecycle[Any, Any]

_HEAD = """\
# Lifecycles

Everything that has a status is here, with each of its states and every move between them. A move that is not
on this page cannot happen: the update in the database names the states that it may start from.

This page is made from `domain/lifecycle.py` by `make docs`. Do not edit it.
"""


def lifecycle_page() -> str:
    """The page, one part for each kind of thing, in the order of the domain."""
    schema = build_schema(print_sdl())
    return "\n".join([_HEAD, *("\n".join(_part(each, schema)) for each in LIFECYCLES)])


def _part(lifecycle: _Lifecycle, schema: GraphQLSchema) -> Iterator[str]:
    yield f"## {lifecycle.noun.capitalize()}\n"
    yield "```mermaid\nstateDiagram-v2"
    yield from _diagram(lifecycle)
    yield "```\n"
    yield "| state | meaning |\n|---|---|"
    for state in lifecycle.states:
        yield f"| `{state}` | {_meaning(state, schema)} |"
    yield ""
    yield from _events(lifecycle, schema)


def _diagram(lifecycle: _Lifecycle) -> Iterator[str]:
    """The lines of the diagram; events with the same effect share an arrow."""
    yield f"    [*] --> {lifecycle.first}"
    left = set()
    for source in lifecycle.states:
        for target in lifecycle.states:
            events = [str(event) for event in lifecycle.moves if lifecycle.after(source, event) == target]
            if events:
                left.add(source)
                yield f"    {source} --> {target}: {', '.join(events)}"
    for state in lifecycle.states:
        if state not in left:
            yield f"    {state} --> [*]"


def _events(lifecycle: _Lifecycle, schema: GraphQLSchema) -> Iterator[str]:
    """A table of events; what they mean is told where clients see them, which is those of emails."""
    meanings = {event: _meaning(event, schema) for event in lifecycle.moves}
    is_told = all(meanings.values())
    yield "| event | from | to |" + " meaning |" * is_told
    yield "|---|---|---|" + "---|" * is_told
    for event, move in lifecycle.moves.items():
        sources = ", ".join(f"`{state}`" for state in lifecycle.states if state in move.sources)
        yield f"| `{event}` | {sources} | `{move.target}` |" + f" {meanings[event]} |" * is_told
    yield ""


def _meaning(choice: StrEnum, schema: GraphQLSchema) -> str:
    """What the API says of *choice*; empty where it does not show it."""
    kind = type(choice).__name__
    for name in (kind, f"{kind}Kind"):
        shown = schema.type_map.get(name)
        if isinstance(shown, GraphQLEnumType) and choice.name in shown.values:
            return " ".join((shown.values[choice.name].description or "").split())
    return ""


if __name__ == "__main__":
    sys.stdout.write(lifecycle_page())
