"""Holidays and closed dates, working hours, and the units of waits, through the API."""

from typing import Any

import pytest

from persistence.database import Database
from tests.api.client import ApiClient
from tests.api.mutations.asking import done, error, mailbox, refused, sequence, step
from tests.api.mutations.test_steps import make_abc
from tests.support.world import make_enrollment, make_mailbox, make_sequence

STEP = {"subject": "Hi", "bodyText": "Hello"}
HOLIDAYS = "sequence { holidayCountry holidaySubdivision closedDates }"
WAITS = "waitDays waitWorkingDays waitMinutes"
HOURS = {"weekdays": [1, 2], "intervals": [{"start": "12:00", "end": "18:00"}]}
UNKNOWN_COUNTRY = (
    "“XX” is not a country of ISO 3166-1 whose holidays are known; give two capitals, for example DE."
)
ORPHAN = "It is part of no country; give holidayCountry too, or no subdivision."


async def test_a_sequence_is_made_with_holidays_and_closed_dates(api: ApiClient) -> None:
    """The dates come back in order, each once."""
    payload = await done(
        api,
        "createSequence",
        HOLIDAYS,
        name="Welcome",
        holidayCountry="DE",
        holidaySubdivision="BY",
        closedDates=["2026-12-31", "2026-12-24", "2026-12-31"],
    )

    assert payload["sequence"] == {
        "holidayCountry": "DE",
        "holidaySubdivision": "BY",
        "closedDates": ["2026-12-24", "2026-12-31"],
    }


@pytest.mark.parametrize(
    "changes", [{"holidayCountry": "DE"}, {"closedDates": ["2026-12-24"]}], ids=["country", "dates"]
)
async def test_other_holidays_replan(api: ApiClient, worker_db: Database, changes: dict[str, Any]) -> None:
    """As another window does."""
    async with worker_db.transaction() as conn:
        key = await make_sequence(conn, api.workspace_id)
        await make_enrollment(conn, api.workspace_id, key)

    payload = await done(
        api, "updateSequence", "recalculation { cause }", sequenceId=sequence(key), **changes
    )
    again = await done(api, "updateSequence", "recalculation { cause }", sequenceId=sequence(key), **changes)

    assert payload["recalculation"] == {"cause": "WINDOW_CHANGED"}
    assert again["recalculation"] is None


@pytest.mark.parametrize(
    ("given", "path", "code", "message"),
    [
        ({"holidayCountry": "XX"}, "holidayCountry", "UNKNOWN_HOLIDAYS", UNKNOWN_COUNTRY),
        ({"holidaySubdivision": "BY"}, "holidaySubdivision", "UNKNOWN_HOLIDAYS", ORPHAN),
        (
            {
                "closedDates": [
                    f"{year}-{month:02}-{day:02}"
                    for year in (2026, 2027, 2028, 2029)
                    for month in range(1, 13)
                    for day in range(1, 29)
                ]
            },
            "closedDates",
            "TOO_MANY",
            "There are more than 1000.",
        ),
    ],
    ids=["country", "subdivision", "dates"],
)
async def test_unknown_holidays_are_refused(
    api: ApiClient, worker_db: Database, given: dict[str, Any], path: str, code: str, message: str
) -> None:
    """When a sequence is made and when it is changed; nothing is written."""
    async with worker_db.transaction() as conn:
        key = await make_sequence(conn, api.workspace_id)

    for mutation, rest in (
        ("createSequence", {"name": "A"}),
        ("updateSequence", {"sequenceId": sequence(key)}),
    ):
        errors = await refused(api, worker_db, mutation, **rest, **given)

        assert errors == [error(code, path, message)]


async def test_a_country_is_not_taken_from_its_subdivision(api: ApiClient, worker_db: Database) -> None:
    """Without the country the subdivision has to go too."""
    async with worker_db.transaction() as conn:
        key = await make_sequence(conn, api.workspace_id, holiday_country="DE", holiday_subdivision="BY")

    errors = await refused(api, worker_db, "updateSequence", sequenceId=sequence(key), holidayCountry=None)

    assert errors == [error("UNKNOWN_HOLIDAYS", "holidaySubdivision", ORPHAN)]


async def test_working_hours_are_kept_and_replan(api: ApiClient, worker_db: Database) -> None:
    """Null is any time again; the same hours are no change."""
    async with worker_db.transaction() as conn:
        key = await make_mailbox(conn, api.workspace_id)
    selection = "mailbox { workingHours { weekdays intervals { start end } } } recalculation { cause }"

    payloads = [
        await done(api, "updateMailbox", selection, mailboxId=mailbox(key), workingHours=hours)
        for hours in (HOURS, HOURS, None)
    ]

    assert [each["mailbox"]["workingHours"] for each in payloads] == [HOURS, HOURS, None]
    assert [each["recalculation"] for each in payloads] == [
        {"cause": "WINDOW_CHANGED"},
        None,
        {"cause": "WINDOW_CHANGED"},
    ]


async def test_working_hours_that_make_no_sense_are_refused(api: ApiClient, worker_db: Database) -> None:
    """They are named by their field, when a mailbox is made and when it is changed."""
    async with worker_db.transaction() as conn:
        key = await make_mailbox(conn, api.workspace_id)
    made = {"email": "a@example.com", "host": "smtp.example.com", "zone": "UTC"}

    for mutation, rest in (("createMailbox", made), ("updateMailbox", {"mailboxId": mailbox(key)})):
        errors = await refused(
            api, worker_db, mutation, **rest, workingHours={"weekdays": [], "intervals": HOURS["intervals"]}
        )

        assert errors == [
            error(
                "INVALID_SEND_WINDOW",
                "workingHours.weekdays",
                "Name at least one weekday, from 1 (Monday) to 7 (Sunday).",
            )
        ]


async def test_steps_wait_in_one_of_three_units(api: ApiClient) -> None:
    """Hours and minutes add up."""
    waits: tuple[dict[str, int], ...] = (
        {},
        {"waitDays": 2},
        {"waitWorkingDays": 3},
        {"waitHours": 1, "waitMinutes": 30},
        {"waitHours": 2},
    )

    payload = await done(
        api,
        "createSequence",
        f"sequence {{ steps {{ {WAITS} }} }}",
        name="Welcome",
        steps=[STEP | wait for wait in waits],
    )

    assert [tuple(each.values()) for each in payload["sequence"]["steps"]] == [
        (0, None, None),
        (2, None, None),
        (None, 3, None),
        (None, None, 90),
        (None, None, 120),
    ]


async def test_another_unit_takes_the_place_of_the_one_before_and_replans(
    api: ApiClient, worker_db: Database
) -> None:
    """From a day to working days, to minutes, and back; the same wait once more replans nothing."""
    key, ids = await make_abc(api, worker_db)
    async with worker_db.transaction() as conn:
        await make_enrollment(conn, api.workspace_id, key)
    selection = f"step {{ {WAITS} }} recalculation {{ cause }}"

    found = [
        await done(api, "updateStep", selection, stepId=step(ids["B"]), **wait)
        for wait in (
            {"waitWorkingDays": 2},
            {"waitHours": 1},
            {"waitMinutes": 60},
            {"waitDays": 1},
        )
    ]

    assert [tuple(each["step"].values()) for each in found] == [
        (None, 2, None),
        (None, None, 60),
        (None, None, 60),
        (1, None, None),
    ]
    assert [each["recalculation"] is None for each in found] == [False, False, True, False]


@pytest.mark.parametrize(
    ("wait", "code", "path", "message"),
    [
        (
            {"waitDays": 1, "waitWorkingDays": 1},
            "AMBIGUOUS_WAIT",
            "waitWorkingDays",
            "It waits by waitDays already; leave one of them out.",
        ),
        (
            {"waitWorkingDays": 1, "waitMinutes": 1},
            "AMBIGUOUS_WAIT",
            "waitMinutes",
            "It waits by waitWorkingDays already; leave one of them out.",
        ),
        ({"waitWorkingDays": 0}, "OUT_OF_RANGE", "waitWorkingDays", "It is a number from 1 to 520."),
        (
            {"waitHours": 0, "waitMinutes": 0},
            "OUT_OF_RANGE",
            "waitHours",
            "Hours and minutes come to 0 minutes; make them 1 to 1051200, or write waitDays: 0 for none.",
        ),
        ({"waitMinutes": -5}, "OUT_OF_RANGE", "waitMinutes", "It is a number from 0 to 1051200."),
    ],
    ids=["two", "three", "none", "no time", "negative"],
)
async def test_a_wait_that_makes_no_sense_is_refused(
    api: ApiClient, worker_db: Database, wait: dict[str, int], code: str, path: str, message: str
) -> None:
    """In a new sequence, a new step and a change; nothing is written."""
    key, ids = await make_abc(api, worker_db)

    asked: tuple[tuple[str, dict[str, Any], str], ...] = (
        ("createSequence", {"name": "A", "steps": [STEP | wait]}, f"steps.0.{path}"),
        ("addStep", {"sequenceId": sequence(key), "step": STEP | wait}, f"step.{path}"),
        ("updateStep", {"stepId": step(ids["B"]), **wait}, path),
    )
    for mutation, given, place in asked:
        assert await refused(api, worker_db, mutation, **given) == [error(code, place, message)]
