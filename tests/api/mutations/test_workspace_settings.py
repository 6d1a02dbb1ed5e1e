"""A workspace's name, zone and window, and what they mean for sequences that have none of their own."""

from datetime import timedelta
from typing import Any

import pytest

from persistence.database import Database
from tests.api.client import ApiClient, SteppingClock
from tests.api.mutations.asking import done, error, refused
from tests.support.planning_office import Planned
from tests.support.recalculating import SUNDAY, planned, recalculate
from tests.support.shared_contacts import make_shared_contacts
from tests.support.sharing import beside
from tests.support.world import MONDAY

TUESDAYS = {"weekdays": [2], "intervals": [{"start": "09:00", "end": "17:00"}]}
WINDOW = (
    "workspace { sendWindow { weekdays intervals { start end } } version } recalculation { cause status }"
)


@pytest.fixture
def clock() -> SteppingClock:
    return SteppingClock(SUNDAY)


@pytest.fixture
async def world(api: ApiClient, worker_db: Database) -> Planned:
    """Three contacts of a sequence with a window of its own, on Monday."""
    return await planned(worker_db, 3, workspace_id=api.workspace_id)


async def _inherit(world: Planned) -> None:
    await world.execute("UPDATE sequences SET send_window = NULL WHERE id = :id", id=world.sequence_id)


async def test_a_workspace_is_renamed_and_gets_another_zone(api: ApiClient, stranger: ApiClient) -> None:
    """The zone is that of sequences that are made from then on; nothing is planned anew."""
    earlier = await done(api, "createSequence", "sequence { id zone }", name="Earlier")
    selection = "workspace { name zone version } recalculation { id }"

    changed = await done(api, "updateWorkspace", selection, name="Acme", zone="Europe/Berlin")

    assert changed["workspace"] == {"name": "Acme", "zone": "Europe/Berlin", "version": 2}
    assert changed["recalculation"] is None
    later = await done(api, "createSequence", "sequence { zone }", name="Later")
    again = await api.data("query ($id: ID!) { sequence(id: $id) { zone } }", id=earlier["sequence"]["id"])
    assert (again["sequence"]["zone"], later["sequence"]["zone"]) == ("UTC", "Europe/Berlin")
    theirs = await stranger.data("{ viewer { workspace { name zone } } }")
    assert theirs["viewer"]["workspace"] != {"name": "Acme", "zone": "Europe/Berlin"}


async def test_another_window_moves_the_sequences_that_have_none(api: ApiClient, world: Planned) -> None:
    """To Tuesday, as the workspace says by now; one with its own window stays on Monday."""
    own = await beside(world)
    await own.enroll(2)
    await _inherit(world)
    await recalculate(world)
    monday, tuesday = MONDAY.date(), MONDAY.date() + timedelta(days=1)

    payload = await done(api, "updateWorkspace", WINDOW, sendWindow=TUESDAYS)
    await recalculate(world)

    assert payload["workspace"] == {"sendWindow": TUESDAYS, "version": 2}
    assert payload["recalculation"] == {"cause": "WINDOW_CHANGED", "status": "PENDING"}
    days = {(each.sequence_id, each.window_day) for each in await world.emails()}
    assert days == {(world.sequence_id, tuesday), (own.sequence_id, monday)}


async def test_null_is_every_hour_of_every_day(api: ApiClient) -> None:
    """And the same again is no change that anything has to be planned for."""
    await done(api, "updateWorkspace", WINDOW, sendWindow=TUESDAYS)

    none = await done(api, "updateWorkspace", WINDOW, sendWindow=None)
    same = await done(api, "updateWorkspace", WINDOW, sendWindow=None)

    assert none["workspace"]["sendWindow"] is None
    assert none["recalculation"]["cause"] == "WINDOW_CHANGED"
    assert same["recalculation"] is None


async def test_a_window_and_a_gap_at_once_are_planned_together(api: ApiClient, worker_db: Database) -> None:
    """One recalculation carries both out, and a dry run shows both."""
    world = await make_shared_contacts(worker_db, workspace_id=api.workspace_id)
    await world.plan()
    await _inherit(world.first)
    both: dict[str, Any] = {"contactMinGapDays": 3, "sendWindow": TUESDAYS}

    rehearsed = await done(api, "updateWorkspace", "preview { moved token }", **both, dryRun=True)
    token = rehearsed["preview"]["token"]
    payload = await done(api, "updateWorkspace", "recalculation { id cause }", **both, planToken=token)
    await recalculate(world.first)

    assert payload["recalculation"]["cause"] == "WINDOW_CHANGED"
    assert [each.cause for each in await world.first.recalculations()] == [
        "WINDOW_CHANGED",
        "CONTACT_GAP_RAISED",
    ]
    moved = [each for each in await world.first.moves() if each.from_send_at is not None]
    assert rehearsed["preview"]["moved"] == len(moved) > 0


@pytest.mark.parametrize(
    ("given", "code", "path", "message"),
    [
        ({"name": " "}, "BLANK", "name", "Give it a name."),
        (
            {"zone": "Mars/Olympus"},
            "INVALID_ZONE",
            "zone",
            "“Mars/Olympus” is not a zone of the IANA database, for example Europe/Berlin.",
        ),
        (
            {"sendWindow": TUESDAYS | {"weekdays": [8]}},
            "INVALID_SEND_WINDOW",
            "sendWindow.weekdays",
            "Weekdays are numbers from 1 (Monday) to 7 (Sunday).",
        ),
        (
            {"name": "A", "expectedVersion": 7},
            "STALE_OBJECT",
            "expectedVersion",
            "The workspace is at version 1 by now.",
        ),
    ],
    ids=["name", "zone", "window", "version"],
)
async def test_what_makes_no_sense_is_refused(
    api: ApiClient, worker_db: Database, given: dict[str, Any], code: str, path: str, message: str
) -> None:
    """By its field, and nothing is written."""
    assert await refused(api, worker_db, "updateWorkspace", **given) == [error(code, path, message)]


async def test_a_pause_of_all_sending_is_a_change_too(api: ApiClient) -> None:
    """Whoever saw it sending is told that it was paused meanwhile."""
    paused = await done(api, "pauseSending", "workspace { version }")
    resumed = await done(api, "resumeSending", "workspace { version }")

    assert (paused["workspace"]["version"], resumed["workspace"]["version"]) == (2, 3)
