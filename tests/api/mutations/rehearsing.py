"""Dry runs as a client asks for them."""

from typing import Any

from tests.api.client import Answer, ApiClient
from tests.api.mutations.asking import done

FIGURES = "moved unchanged cancelled infeasible medianDelaySeconds maxDelaySeconds"
PREVIEW = f"preview {{ token placed {FIGURES} changedDays days {{ mailbox {{ id }} day before after }} }}"


async def tried(api: ApiClient, mutation: str, selection: str = "", /, **given: Any) -> Answer:
    """The whole answer of a dry run."""
    return await done(api, mutation, f"{selection} {PREVIEW}", **given, dryRun=True)


async def rehearsed(api: ApiClient, mutation: str, /, **given: Any) -> Answer:
    """Its preview."""
    preview: Answer = (await tried(api, mutation, **given))["preview"]
    return preview
