"""Mailboxes that are alike but for their ids: their days are laid out once, and filled apart."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from domain.draft import Draft
from domain.ids import EmailId
from domain.layouts import Layouts
from domain.mailboxes import Mailbox
from domain.send_window import Calendar
from tests.domain.planning_world import BERLIN, enrolled, hours, mailbox, sequence

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
MONDAY = date(2026, 11, 23)


def draft_for(*boxes: Mailbox) -> Draft:
    """A draft with one contact whose sequence may use all of *boxes*."""
    mine = sequence(1, Calendar(BERLIN, hours((9, 0, 17, 0))), boxes)
    return Draft(
        enrolled(1, mine, at=NOON), boxes, now=NOON, taken=(), calendars={}, starts={}, layouts=Layouts()
    )


def test_mailboxes_that_are_alike_share_the_slots_of_their_days_but_not_who_holds_them() -> None:
    """Two Mondays have one grid; an email that is held in the first takes no room from the second."""
    boxes = (mailbox(1), mailbox(2))
    timetables = draft_for(*boxes).timetables
    first, second = (timetables[box.id].day(MONDAY) for box in boxes)
    everywhere = ((0, 30),)

    timetables[boxes[0].id].hold(EmailId(UUID(int=1)), first.grid.instant(3))

    assert first.grid is second.grid
    assert (first.room(everywhere), second.room(everywhere)) == (29, 30)


def test_whoever_differs_in_capacity_gap_or_zone_has_slots_of_its_own() -> None:
    """30 a day, 20 a day, an hour apart, and an hour away: four grids, each with its own slots."""
    model = mailbox(1)
    boxes = (
        model,
        replace(mailbox(2), daily_capacity=20),
        replace(mailbox(3), minimum_gap=timedelta(hours=1)),
        replace(mailbox(4), zone=ZoneInfo("Europe/London")),
    )

    draft = draft_for(*boxes)
    grids = [draft.timetables[box.id].day(MONDAY).grid for box in boxes]

    assert len({id(grid) for grid in grids}) == 4
    assert [grid.slots for grid in grids] == [30, 20, 8, 30]


def test_a_mailbox_that_serves_another_window_too_has_slots_of_its_own() -> None:
    """Windows of one hour beside eight need eight times as many slots, on that mailbox alone."""
    boxes = (mailbox(1), mailbox(2))
    wide = sequence(1, Calendar(BERLIN, hours((9, 0, 17, 0))), boxes)
    narrow = sequence(2, Calendar(BERLIN, hours((13, 0, 14, 0))), boxes[1:])
    contacts = [*enrolled(1, wide, at=NOON), *enrolled(1, narrow, at=NOON)]

    draft = Draft(contacts, boxes, now=NOON, taken=(), calendars={}, starts={}, layouts=Layouts())

    assert [draft.timetables[box.id].day(MONDAY).grid.slots for box in boxes] == [30, 240]
