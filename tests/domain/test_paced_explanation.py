"""Why an email of a batch has its time."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from domain.batches import Departures
from domain.explanation import explain
from domain.ids import EmailId
from domain.itineraries import Slot
from domain.plan import Taken
from domain.surroundings import Surroundings
from tests.domain.planning_examples import NOW, OFFICE
from tests.domain.planning_world import BERLIN, enrolled, mailbox, sequence

NINE = datetime(2026, 11, 23, 8, tzinfo=UTC)
MONDAY = date(2026, 11, 23)
A_MINUTE = timedelta(minutes=1)
BOX = mailbox(1, gap_s=20)


def pushes(
    held: datetime,
    *,
    turn: datetime = NINE,
    others: tuple[datetime, ...] = (),
    counted: dict[date, int] | None = None,
) -> list[tuple[str, str]]:
    """What pushed an email of a batch to *held*, and until when by the clock in Berlin."""
    [contact] = enrolled(1, replace(sequence(1, OFFICE, [BOX]), pace=A_MINUTE), at=NOW)
    day = held.astimezone(BERLIN).date()
    leg = contact.legs[0]._replace(held=Slot(BOX.id, held, day, day))
    contact = replace(contact, not_before=turn, legs=(leg,))
    taken = tuple(Taken(EmailId(UUID(int=7000 + n)), BOX.id, each) for n, each in enumerate(others))
    found = explain(contact, leg, surroundings=Surroundings(BOX, (OFFICE,), taken, counted))
    return [(str(push.constraint), f"{push.until.astimezone(BERLIN):%a %H:%M:%S}") for push in found.pushes]


def test_an_email_that_leaves_when_it_is_its_turn_waited_for_that() -> None:
    """Three emails were before it."""
    turn = Departures(NINE, A_MINUTE).earliest(3)

    assert pushes(turn, turn=turn) == [("ENROLLED", "Mon 07:00:00"), ("NOT_BEFORE", "Mon 09:03:00")]


def test_window_taken_instant_and_pace_are_named_in_order() -> None:
    """Its turn is at seven, the window opens at nine, the mailbox sends then, and the batch until 09:05."""
    found = pushes(NINE + 5 * A_MINUTE, turn=NOW, others=(NINE,))

    assert found == [
        ("ENROLLED", "Mon 07:00:00"),
        ("WINDOW", "Mon 09:00:00"),
        ("SLOT_TAKEN", "Mon 09:00:20"),
        ("PACE", "Mon 09:05:00"),
    ]


def test_a_day_that_is_full_is_named() -> None:
    """Monday has its 30, so it is Tuesday; nobody needs to know when those leave."""
    found = pushes(NINE + timedelta(days=1), counted={MONDAY: 30})

    assert found == [
        ("ENROLLED", "Mon 07:00:00"),
        ("NOT_BEFORE", "Mon 09:00:00"),
        ("MAILBOX_FULL", "Tue 09:00:00"),
    ]
