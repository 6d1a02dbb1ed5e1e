"""Changing the texts and waits of steps through the API."""

from typing import Any
from unittest.mock import ANY

import pytest

from persistence.database import Database
from tests.api.client import ApiClient
from tests.api.mutations.asking import done, error, everything, refused, sequence, step
from tests.api.mutations.test_steps import make_abc
from tests.support.world import make_enrollment


async def test_a_new_text_is_a_new_version_and_moves_nothing(api: ApiClient, worker_db: Database) -> None:
    """What is not named keeps its words."""
    key, ids = await make_abc(api, worker_db)
    async with worker_db.transaction() as conn:
        await make_enrollment(conn, api.workspace_id, key)

    payload = await done(
        api,
        "updateStep",
        "step { subject bodyText bodyHtml textVersion } recalculation { id }",
        stepId=step(ids["A"]),
        subject="A2",
        bodyHtml="<p>Hi</p>",
    )

    assert payload["step"] == {
        "subject": "A2",
        "bodyText": "Hello",
        "bodyHtml": "<p>Hi</p>",
        "textVersion": 2,
    }
    assert payload["recalculation"] is None


async def test_the_same_text_is_no_new_version(api: ApiClient, worker_db: Database) -> None:
    """Nothing is written, but that somebody asked for it."""
    _, ids = await make_abc(api, worker_db)
    before = await everything(worker_db)

    payload = await done(
        api, "updateStep", "step { textVersion version }", stepId=step(ids["A"]), subject="A"
    )

    assert payload["step"] == {"textVersion": 1, "version": 1}
    assert await everything(worker_db) == before | {"audit_log": [ANY]}


async def test_a_new_wait_replans(api: ApiClient, worker_db: Database) -> None:
    """The text keeps its version."""
    key, ids = await make_abc(api, worker_db)
    async with worker_db.transaction() as conn:
        await make_enrollment(conn, api.workspace_id, key)

    payload = await done(
        api,
        "updateStep",
        "step { waitDays textVersion startsThread } recalculation { cause sequence { id } }",
        stepId=step(ids["B"]),
        waitDays=3,
        startsThread=True,
        expectedVersion=1,
    )

    assert payload["step"] == {"waitDays": 3, "textVersion": 1, "startsThread": True}
    assert payload["recalculation"] == {"cause": "STEPS_CHANGED", "sequence": {"id": sequence(key)}}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"waitDays": -1}, error("OUT_OF_RANGE", "waitDays", "It is a number from 0 to 730.")),
        (
            {"subject": "Hi\r\nBcc: all@example.test"},
            error("INVALID_HEADER", "subject", "It holds a line break or another control character."),
        ),
        (
            {"bodyHtml": "{{ nonsense }}"},
            error(
                "UNKNOWN_VARIABLE",
                "bodyHtml",
                "No contact has nonsense; further fields are written custom.NAME.",
            ),
        ),
        ({"bodyText": "{% if %}"}, error("INVALID_TEMPLATE", "bodyText", "Line 1: missing expression.")),
        (
            {"expectedVersion": 2},
            error("STALE_OBJECT", "expectedVersion", "The step is at version 1 by now."),
        ),
    ],
)
async def test_a_wrong_change_of_a_step_is_refused(
    api: ApiClient, worker_db: Database, changes: dict[str, Any], expected: dict[str, object]
) -> None:
    """As a whole: the wait that came with it is not taken either."""
    _, ids = await make_abc(api, worker_db)
    given: dict[str, Any] = {"waitDays": 5} | changes

    errors = await refused(api, worker_db, "updateStep", stepId=step(ids["A"]), **given)

    assert errors == [expected]
