"""The fields of a scenario file: each arrives, and a bad one is named with what helps."""

from collections.abc import Callable
from pathlib import Path

import pytest

from app.simulation.reading import read_scenario
from domain.mailboxes import Ramp
from domain.recalculations import RecalculationCause
from domain.scenarios import Joining, MailboxChange
from domain.waits import Wait
from tests.support.scenario import SMALL, problems

Written = Callable[[str], Path]
START = "start: must be the date of the first day between 2000 and 2099, like 2026-11-23, without quotes"


def test_every_field_arrives(written: Written) -> None:
    """Zones, limits, ramps, priorities and who serves what."""
    named = read_scenario(
        written("""
zone = "Europe/Berlin"
start = 2026-11-23
reply_rate = 1
seed = 7
contact_min_gap_days = 3
[[sequences]]
name = "First"
steps = [{ wait_days = 3 }]
zone = "Asia/Kolkata"
intervals = ["22:00-02:00"]
priority = 2
weight = 3
max_new_contacts_per_day = 9
[[sequences]]
name = "Second"
steps = [{}]
[[mailboxes]]
name = "north"
zone = "America/New_York"
daily_capacity = 0
minimum_gap_s = 90
sequences = ["Second"]
[[mailboxes]]
name = "east"
ramp = { start = 5, step = 2, from_day = 3 }
[[contacts]]
sequence = "Second"
number = 4
on_day = 2
[[contacts]]
sequence = "First"
number = 5
known = 3
on_day = 3
[[changes]]
on_day = 6
mailbox = "north"
change = "capacity"
daily_capacity = 12
""")
    )

    scenario = named.scenario
    north, east = scenario.mailboxes
    first, second = scenario.courses
    assert (scenario.zone.key, f"{scenario.start}", scenario.reply_rate, scenario.seed) == (
        *("Europe/Berlin", "2026-11-23"),
        *(1.0, 7),
    )
    assert (north.zone.key, north.daily_capacity, north.minimum_gap.seconds) == ("America/New_York", 0, 90)
    assert (east.zone.key, east.daily_capacity) == ("Europe/Berlin", 30)
    assert east.ramp is not None
    assert (east.ramp, f"{east.ramp.started_on}") == (Ramp(5, 2, east.ramp.started_on), "2026-11-25")
    assert (first.waits, first.sequence.priority, first.sequence.mailbox_ids) == ((Wait(3),), 2, (east.id,))
    assert (first.sequence.weight, second.sequence.weight) == (3, 1)
    starts = [each.sequence.max_new_contacts_per_day for each in (first, second)]
    assert starts == [9, None]
    assert second.sequence.mailbox_ids == (north.id, east.id)
    assert (first.sequence.calendar.zone.key, second.sequence.calendar.window) == ("Asia/Kolkata", None)
    window = first.sequence.calendar.window
    assert window is not None
    assert [f"{opens:%H:%M}-{closes:%H:%M}" for opens, closes in window.intervals] == ["22:00-02:00"]
    assert window.weekdays == frozenset(range(1, 8))
    assert scenario.joinings == (
        Joining(2, second.sequence.id, 4),
        Joining(3, first.sequence.id, 5, known=(1, 2, 3)),
    )
    assert scenario.contact_min_gap_days == 3
    assert scenario.changes == (MailboxChange(6, RecalculationCause.CAPACITY_CHANGED, north.id, 12),)
    assert (list(named.mailboxes.values()), list(named.sequences.values())) == (
        ["north", "east"],
        ["First", "Second"],
    )


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (
            'zone = "Europe/Berlin"\n',
            "",
            'zone: is missing; it must be a zone of the IANA database, like "Europe/Berlin"',
        ),
        (
            '"Europe/Berlin"',
            '"Mars/Olympus"',
            "zone: must be a zone of the IANA database, like \"Europe/Berlin\", not 'Mars/Olympus'",
        ),
        (
            "2026-11-23",
            '"Monday"',
            f"{START}, not 'Monday'",
        ),
        (
            "2026-11-23",
            "9999-12-31",
            f"{START}, not 9999-12-31",
        ),
        (
            "start =",
            "colour = 1\nstart =",
            (
                "colour: there is no such field; correct its name to one of "
                "zone, start, mailboxes, sequences, contacts, changes, contact_min_gap_days, reply_rate, seed"
            ),
        ),
        (
            'name = "east"',
            'name = "east"\ncapacity = 3',
            (
                "mailboxes 2, capacity: there is no such field; correct its name to one of "
                "name, daily_capacity, minimum_gap_s, zone, ramp, working_hours, sequences"
            ),
        ),
        (
            'name = "east"',
            'name = "east"\ndaily_capacity = -1',
            "mailboxes 2, daily_capacity: must be a whole number from 0 (unlimited) to 1000000, not -1",
        ),
        (
            'name = "east"',
            'name = "east"\ndaily_capacity = "30"',
            "mailboxes 2, daily_capacity: must be a whole number from 0 (unlimited) to 1000000, not '30'",
        ),
        (
            'name = "east"',
            'name = "east"\nramp = { start = 0, step = 1 }',
            "mailboxes 2, ramp, start: must be a whole number of emails from 1 to 1000000, not 0",
        ),
        (
            'name = "east"',
            'name = "north"',
            'mailboxes 2, name: "north" is there already; give it another name',
        ),
        (
            'name = "east"',
            'name = ""',
            "mailboxes 2, name: must be a name of 1 to 40 printable characters, not ''",
        ),
        (
            'name = "east"',
            'name = "a\\u0007"',
            "mailboxes 2, name: must be a name of 1 to 40 printable characters, not 'a\\x07'",
        ),
        (
            'name = "east"',
            'name = "east"\nsequences = ["Welcom"]',
            'mailboxes 2, sequences: nothing is called "Welcom"; name one of Welcome',
        ),
        (
            "wait_days = 1 ",
            "wait_days = 1.5 ",
            "sequences 1, steps 3, wait_days: must be a whole number of days from 0 to 365, not 1.5",
        ),
        (
            "steps = [{}, { wait_days = 2 }, { wait_days = 1 }]",
            "steps = []",
            "sequences 1, steps: must be 1 to 50 tables, like [{}, { wait_days = 2 }], not []",
        ),
        (
            "steps = [{}, { wait_days = 2 }, { wait_days = 1 }]",
            "steps = [1]",
            "sequences 1, steps 1: must be 1 to 50 tables, like [{}, { wait_days = 2 }], not 1",
        ),
        (
            "[1, 2, 3, 4, 5]",
            "[0]",
            "sequences 1, weekdays 1: must be a list of numbers from 1 (Monday) to 7 (Sunday), not 0",
        ),
        (
            "[1, 2, 3, 4, 5]",
            "[]",
            "sequences 1, weekdays: Name at least one weekday, from 1 (Monday) to 7 (Sunday).",
        ),
        (
            '"09:00-17:00"',
            '"nine to five"',
            "sequences 1, intervals 1: must be a list of hours, like [\"09:00-17:00\"], not 'nine to five'",
        ),
        (
            '"09:00-17:00"',
            '"09:00-25:00"',
            "sequences 1, intervals 1: must be a list of hours, like [\"09:00-17:00\"], not '09:00-25:00'",
        ),
        (
            '"09:00-17:00"',
            '"09:00-09:00"',
            "sequences 1, intervals: An interval ends where it starts, at 09:00.",
        ),
        (
            'intervals = ["09:00-17:00"]\n',
            "",
            'sequences 1, intervals: is missing beside weekdays; add hours like ["09:00-17:00"]',
        ),
        ("number = 90", "number = 0", "contacts 1, number: must be a whole number from 1 to 100000, not 0"),
        (
            "number = 90",
            'number = 60000\n[[contacts]]\nsequence = "Welcome"\nnumber = 60000',
            "contacts: there are more than 100000 in all; simulate fewer",
        ),
        (
            'sequence = "Welcome"',
            'sequence = "Farewell"',
            'contacts 1, sequence: nothing is called "Farewell"; name one of Welcome',
        ),
        (
            '[[contacts]]\nsequence = "Welcome"\nnumber = 90',
            "",
            "contacts: is missing; it must be one to 1000 tables, each under [[contacts]]",
        ),
        (
            '[[contacts]]\nsequence = "Welcome"\nnumber = 90',
            "[contacts]\nnumber = 90",
            "contacts: must be one to 1000 tables, each under [[contacts]], not {'number': 90}",
        ),
        (
            "start =",
            "reply_rate = 1.5\nstart =",
            "reply_rate: must be the share of emails that are answered, from 0 to 1, not 1.5",
        ),
    ],
)
def test_a_bad_field_is_named_with_what_helps(written: Written, old: str, new: str, problem: str) -> None:
    """One line each, with the place as a person counts it."""
    assert old in SMALL

    told = problems(written(SMALL.replace(old, new, 1)))

    assert told == [problem]
