"""The operations that documents show: GraphQL in fences, each with its variables in the fence after it."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
# Stands in the documents for an id that an answer gave.
GIVEN = "…"
_FENCES = re.compile(r"^```graphql\n(.*?)^```$(?:\n```json\n(.*?)^```$)?", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation of a document, and its variables as they stand there."""

    text: str
    variables: dict[str, Any]  # JSON

    @property
    def name(self) -> str:
        return re.split(r"\W+", self.text)[1]

    def given(self, ids: Mapping[str, str]) -> dict[str, Any]:
        """The variables with *ids*, by the names of the variables and fields that they are for."""
        filled: dict[str, Any] = _filled(self.variables, "", ids)
        return filled


def operations(document: str) -> list[Operation]:
    """All of *document*, a path within the repository."""
    found = _FENCES.findall((ROOT / document).read_text())
    return [Operation(text, json.loads(variables or "{}")) for text, variables in found]


# Any: JSON.
def _filled(value: Any, name: str, ids: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _filled(each, key, ids) for key, each in value.items()}
    if isinstance(value, list):
        return [_filled(each, name, ids) for each in value]
    return ids[name] if value == GIVEN else value
