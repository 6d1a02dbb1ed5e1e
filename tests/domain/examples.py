"""How many examples a property is shown, by what one of them costs."""

import os

from hypothesis import settings


def examples(number: int) -> settings:
    """*number* of them, so that a property costs seconds; or as many as ``DRUMBEAT_EXAMPLES`` asks for."""
    return settings(max_examples=int(os.environ.get("DRUMBEAT_EXAMPLES", number)))
