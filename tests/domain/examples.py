"""How many examples a property is shown, by what one of them costs."""

import os

from hypothesis import settings


def examples(number: int, *, each_like: int = 1) -> settings:
    """
    *number* of them, so that a property costs seconds; or as many as ``DRUMBEAT_EXAMPLES`` asks for.

    One that costs *each_like* ordinary examples counts as so many when they are asked for.
    """
    asked_for = os.environ.get("DRUMBEAT_EXAMPLES")
    return settings(max_examples=max(1, int(asked_for) // each_like) if asked_for else number)
