"""What clients were promised: a change of the schema that breaks them is told in the changelog."""

import re
from pathlib import Path

from graphql import build_schema, find_breaking_changes

from api.schema import print_sdl

ROOT = Path(__file__).parents[2]
# The schema of the last release, taken anew at each; before the first one, as it was first promised.
PROMISED = (Path(__file__).parent / "promised_schema.graphql").read_text()


def breaking(now: str) -> list[str]:
    """What a client of the promised schema would trip over."""
    before, after = build_schema(PROMISED), build_schema(now)
    return [change.description.rstrip(".") for change in find_breaking_changes(before, after)]


def announced() -> str:
    """What the changelog says under `### Breaking` of the version that is not released yet, on one line."""
    newest = re.split(r"^## ", (ROOT / "CHANGELOG.md").read_text(), flags=re.MULTILINE)[1]
    section = re.search(r"^### Breaking\n(.*?)(?=^### |\Z)", newest, re.MULTILINE | re.DOTALL)
    return " ".join(section[1].split()) if section else ""


def test_what_breaks_clients_is_in_the_changelog() -> None:
    """Do it without breaking them; or write each of these lines under `### Breaking` in CHANGELOG.md."""
    assert [change for change in breaking(print_sdl()) if change not in announced()] == []


def test_what_breaks_clients_is_noticed() -> None:
    """A field that goes, an argument that becomes necessary; not what is only added."""
    field, argument = "  queueStats: QueueStats!", '  node(\n    """Its id."""\n    id: ID!'
    assert field in PROMISED
    assert argument in PROMISED

    assert breaking(PROMISED) == []
    assert breaking(PROMISED.replace(field, f"{field}\n  other: Int")) == []
    assert breaking(PROMISED.replace(field, "  other: Int")) == ["Field Query.queueStats was removed"]
    assert breaking(PROMISED.replace(argument, f"{argument}\n    of: Int!")) == [
        "A required argument Query.node(of:) was added"
    ]
