"""The README's walk: what it shows is what its reader gets."""

import re
from typing import Any

import pytest

from tests.support.readme import steps, walk

pytestmark = [pytest.mark.processes, pytest.mark.timeout(120)]


async def test_the_answers_in_the_readme_are_real() -> None:
    """Field by field the same kind of value, and the same states; ids and times are the reader's own."""
    shown = [answer for _, answer in steps()]

    answers = await walk()

    assert [_kind(answer) for answer in answers] == [_kind(answer) for answer in shown]


# Any: JSON.
def _kind(value: Any, field: str = "") -> Any:
    if isinstance(value, dict):
        return {name: _kind(each, name) for name, each in value.items()}
    if isinstance(value, list):
        # A set of kinds: how many days there are, or pushes, the hour decides.
        return {repr(_kind(each)) for each in value}
    if isinstance(value, str):
        return value if re.fullmatch("[A-Z_]+", value) and field != "constraint" else "text"
    return value if value is None or isinstance(value, bool) else "number"
