"""Making sequences through the API, and every mistake that can be made with it."""

from typing import Any

import pytest

from persistence.database import Database
from tests.api.client import ApiClient
from tests.api.mutations.asking import done, error, mailbox, refused
from tests.support.world import make_mailbox

WINDOW = {"weekdays": [1, 2, 3, 4, 5], "intervals": [{"start": "09:00", "end": "17:00"}]}
HELLO = {"subject": "Hello {{ first_name }}", "bodyText": "Hi"}
MINIMAL = {"name": "Welcome Campaign", "zone": "Europe/Berlin", "sendWindow": WINDOW, "steps": [HELLO]}
WHOLE = """
    sequence {
        name status zone priority weight usesContactZone firstDate lastDate
        openTrackingEnabled clickTrackingEnabled version
        sendWindow { weekdays intervals { start end } }
        steps { position waitDays startsThread subject bodyText bodyHtml textVersion }
        mailboxes { id }
    }
"""


async def test_a_sequence_is_made_in_one_call(api: ApiClient, worker_db: Database) -> None:
    """With steps, window and mailboxes; a draft."""
    async with worker_db.transaction() as conn:
        mailboxes = [await make_mailbox(conn, api.workspace_id) for _ in range(2)]

    payload = await done(
        api,
        "createSequence",
        WHOLE,
        **MINIMAL,
        mailboxIds=[mailbox(key) for key in mailboxes],
        priority=3,
        weight=100,
        firstDate="2026-03-02",
        lastDate="2026-12-31",
        whenStepFails="CONTINUE",
        openTrackingEnabled=False,
    )

    assert payload["sequence"] == {
        "name": "Welcome Campaign",
        "status": "DRAFT",
        "zone": "Europe/Berlin",
        "priority": 3,
        "weight": 100,
        "usesContactZone": False,
        "firstDate": "2026-03-02",
        "lastDate": "2026-12-31",
        "openTrackingEnabled": False,
        "clickTrackingEnabled": True,
        "version": 1,
        "sendWindow": WINDOW,
        "steps": [
            {
                "position": 1,
                "waitDays": 0,
                "startsThread": False,
                "subject": "Hello {{ first_name }}",
                "bodyText": "Hi",
                "bodyHtml": None,
                "textVersion": 1,
            }
        ],
        "mailboxes": [{"id": mailbox(key)} for key in mailboxes],
    }


async def test_what_is_left_out_is_ordinary(api: ApiClient) -> None:
    """The workspace's zone, no window, no mailboxes; waits of 0 and then 1 day."""
    payload = await done(api, "createSequence", WHOLE, name="Short", steps=[HELLO, HELLO, HELLO])

    made = payload["sequence"]
    assert (made["zone"], made["sendWindow"], made["mailboxes"]) == ("UTC", None, [])
    assert [(step["position"], step["waitDays"]) for step in made["steps"]] == [(1, 0), (2, 1), (3, 1)]


async def test_steps_go_where_they_say(api: ApiClient) -> None:
    """Whatever their order in the list."""
    steps = [
        HELLO | {"subject": "Last", "position": 2},
        HELLO | {"subject": "First", "position": 1},
    ]

    payload = await done(api, "createSequence", "sequence { steps { subject } }", name="S", steps=steps)

    assert payload["sequence"]["steps"] == [{"subject": "First"}, {"subject": "Last"}]


def wanted(**changes: Any) -> dict[str, Any]:
    return MINIMAL | changes


def window(**changes: Any) -> dict[str, Any]:
    return wanted(sendWindow=WINDOW | changes)


def one_step(**changes: Any) -> dict[str, Any]:
    return wanted(steps=[HELLO | changes])


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (wanted(name="  "), error("BLANK", "name", "Give it a name.")),
        (
            wanted(name="Welcome\r\nBcc: all@example.test"),
            error("INVALID_HEADER", "name", "It holds a line break or another control character."),
        ),
        (wanted(name="x" * 201), error("TOO_LONG", "name", "It is longer than 200 characters.")),
        (
            wanted(zone="Mars/Olympus"),
            error(
                "INVALID_ZONE",
                "zone",
                "“Mars/Olympus” is not a zone of the IANA database, for example Europe/Berlin.",
            ),
        ),
        (
            window(intervals=[{"start": "09:00", "end": "09:00"}]),
            error(
                "INVALID_SEND_WINDOW",
                "sendWindow.intervals",
                "An interval ends where it starts, at 09:00.",
            ),
        ),
        (
            window(weekdays=[]),
            error(
                "INVALID_SEND_WINDOW",
                "sendWindow.weekdays",
                "Name at least one weekday, from 1 (Monday) to 7 (Sunday).",
            ),
        ),
        (
            window(weekdays=[0]),
            error(
                "INVALID_SEND_WINDOW",
                "sendWindow.weekdays",
                "Weekdays are numbers from 1 (Monday) to 7 (Sunday).",
            ),
        ),
        (
            window(intervals=[]),
            error(
                "INVALID_SEND_WINDOW",
                "sendWindow.intervals",
                "Give at least one interval, for example 09:00 to 17:00.",
            ),
        ),
        (
            wanted(firstDate="2026-03-02", lastDate="2026-03-01"),
            error("OUT_OF_RANGE", "lastDate", "The last date is before the first."),
        ),
        (wanted(weight=0), error("OUT_OF_RANGE", "weight", "It is a number from 1 to 100.")),
        (wanted(priority=101), error("OUT_OF_RANGE", "priority", "It is a number from -100 to 100.")),
        (
            wanted(mailboxIds=["nonsense"]),
            error("INVALID_ID", "mailboxIds.0", "“nonsense” is not an id."),
        ),
        (one_step(waitDays=-1), error("OUT_OF_RANGE", "steps.0.waitDays", "It is a number from 0 to 730.")),
        (one_step(position=2), error("OUT_OF_RANGE", "steps.0.position", "It is a number from 1 to 1.")),
        (
            wanted(steps=[HELLO, HELLO | {"position": 1}]),
            error("DUPLICATE", "steps.1.position", "Another step is at position 1."),
        ),
        (
            one_step(subject="Hello {{ frist_name }}"),
            error(
                "UNKNOWN_VARIABLE",
                "steps.0.subject",
                "No contact has frist_name; further fields are written custom.NAME.",
            ),
        ),
        (
            one_step(bodyText="{% if %}"),
            error("INVALID_TEMPLATE", "steps.0.bodyText", "Line 1: missing expression."),
        ),
        (
            one_step(bodyHtml="<p>\n{{ first_name | nonsense }}"),
            error("INVALID_TEMPLATE", "steps.0.bodyHtml", "Line 2: unknown filter 'nonsense'."),
        ),
        (
            one_step(subject="Hello\nBcc: all@example.test"),
            error("INVALID_HEADER", "steps.0.subject", "It holds a line break or another control character."),
        ),
        (one_step(bodyText=" \n"), error("BLANK", "steps.0.bodyText", "Write something.")),
        (wanted(steps=[HELLO] * 51), error("TOO_MANY", "steps", "There are more than 50.")),
    ],
)
async def test_a_mistake_is_named_and_nothing_is_written(
    api: ApiClient, worker_db: Database, given: dict[str, Any], expected: dict[str, object]
) -> None:
    """With its code, its place and a message for people."""
    assert await refused(api, worker_db, "createSequence", **given) == [expected]


async def test_all_mistakes_are_named_at_once(api: ApiClient, worker_db: Database) -> None:
    """In the order of the input's parts."""
    errors = await refused(
        api, worker_db, "createSequence", name="", zone="Nowhere", steps=[HELLO | {"waitDays": -1}]
    )

    assert [(each["code"], each["path"]) for each in errors] == [
        ("BLANK", ["name"]),
        ("INVALID_ZONE", ["zone"]),
        ("OUT_OF_RANGE", ["steps", "0", "waitDays"]),
    ]


async def test_custom_fields_may_be_used_before_anyone_has_them(api: ApiClient) -> None:
    """An email whose contact lacks one is held back when it is written."""
    step = HELLO | {"subject": "Your {{ custom.plan }} plan"}

    payload = await done(api, "createSequence", "sequence { stepCount }", name="S", steps=[step])

    assert payload["sequence"] == {"stepCount": 1}


async def test_mailboxes_of_another_workspace_do_not_exist(
    api: ApiClient, stranger: ApiClient, worker_db: Database
) -> None:
    """The sequence is not made without them either."""
    async with worker_db.transaction() as conn:
        own = await make_mailbox(conn, api.workspace_id)
        foreign = await make_mailbox(conn, stranger.workspace_id)

    given = MINIMAL | {"mailboxIds": [mailbox(own), mailbox(foreign)]}
    errors = await refused(api, worker_db, "createSequence", **given)

    assert errors == [error("NOT_FOUND", "mailboxIds.1", "There is no mailbox with this id.")]
