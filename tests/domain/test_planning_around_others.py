"""New contacts beside what a mailbox has planned already: the first free place, and never a full one."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from hypothesis import given

from domain.ids import EmailId
from domain.mailboxes import Mailbox, Ramp
from domain.plan import Taken, TakenDay
from domain.planning import plan
from domain.send_window import Calendar
from tests.domain.planning_examples import NOW, OFFICE
from tests.domain.planning_world import BERLIN, World, enrolled, hours, mailbox, sequence, slots_of, worlds

MONDAY = date(2026, 11, 23)
DAY = timedelta(days=1)


def taken(box: Mailbox, *instants: datetime) -> list[Taken]:
    return [Taken(EmailId(UUID(int=number)), box.id, at) for number, at in enumerate(instants, 1)]


def at_nine(days: int) -> datetime:
    return datetime(2026, 11, 23, 8, tzinfo=UTC) + days * DAY


def test_an_email_far_ahead_keeps_nobody_behind_it() -> None:
    """With a follow-up planned in a month, a new contact starts today and not in a month."""
    box = mailbox(1, capacity=1)

    made = plan(
        enrolled(1, sequence(1, OFFICE, [box]), waits=(0, 3), at=NOW),
        [box],
        now=NOW,
        taken=taken(box, at_nine(30)),
    )

    assert [slot.send_day for slot in slots_of(made)] == [MONDAY, MONDAY + 3 * DAY]


def test_an_email_due_soon_does_not_shorten_a_wait() -> None:
    """The place beside a neighbour that leaves today is no place for a follow-up of three days."""
    box = mailbox(1, capacity=2)

    made = plan(
        enrolled(1, sequence(1, OFFICE, [box]), waits=(0, 3), at=NOW),
        [box],
        now=NOW,
        taken=taken(box, at_nine(0), at_nine(1)),
    )

    assert [slot.window_day for slot in slots_of(made)] == [MONDAY, MONDAY + 3 * DAY]


def test_what_rolls_over_skips_days_that_are_full() -> None:
    """Monday to Wednesday are full of what others planned: two leave on Thursday, the third on Friday."""
    box = mailbox(1, capacity=2)
    others = [at_nine(days) + timedelta(hours=hour) for days in (0, 1, 2) for hour in (0, 4)]

    made = plan(enrolled(3, sequence(1, OFFICE, [box]), at=NOW), [box], now=NOW, taken=taken(box, *others))

    per_day = Counter(slot.send_day for slot in slots_of(made))
    assert per_day == {MONDAY + 3 * DAY: 2, MONDAY + 4 * DAY: 1}


def test_follow_ups_fill_the_capacity_of_their_own_day() -> None:
    """With a ramp of 1, 2, 3 … emails, what is planned for Wednesday is judged by Wednesday's three."""
    ramp = Ramp(start=1, step=1, started_on=MONDAY)
    box = Mailbox(mailbox(1).id, BERLIN, 30, timedelta(seconds=1), ramp)

    made = plan(enrolled(6, sequence(1, OFFICE, [box]), at=NOW), [box], now=NOW)

    per_day = Counter(slot.send_day for slot in slots_of(made))
    assert per_day == {MONDAY: 1, MONDAY + DAY: 2, MONDAY + 2 * DAY: 3}


def test_sequences_on_one_mailbox_leave_in_the_hours_of_their_own_zones() -> None:
    """09:00–17:00 is that of New York for one of them and of Tokyo for the other, on their own weekdays."""
    box = mailbox(1)
    for name, first in (("America/New_York", "Mon 09"), ("Asia/Tokyo", "Tue 09")):
        zone = ZoneInfo(name)
        workdays = Calendar(zone, hours((9, 0, 17, 0), days=range(1, 6)))

        made = plan(
            enrolled(30, sequence(1, workdays, [box]), at=NOW),
            [box],
            now=at_nine(0),
            calendars={box.id: [OFFICE]},
        )

        walls = sorted(slot.send_at for slot in slots_of(made))
        assert f"{walls[0].astimezone(zone):%a %H}" == first
        assert {9 <= instant.astimezone(zone).hour < 17 for instant in walls} == {True}


def test_no_two_contacts_share_a_slot_of_a_mailbox() -> None:
    """Placed in one turn and in the next: 20 contacts of two sequences have 20 instants."""
    box = mailbox(1)
    first = plan(enrolled(10, sequence(1, OFFICE, [box]), at=NOW), [box], now=NOW)
    instants = [slot.send_at for slot in slots_of(first)]

    second = plan(
        enrolled(10, sequence(2, OFFICE, [box]), at=NOW), [box], now=NOW, taken=taken(box, *instants)
    )

    assert len({*instants, *(slot.send_at for slot in slots_of(second))}) == 20


@given(worlds())
def test_others_take_the_same_places_by_the_day_as_one_by_one(world: World) -> None:
    """Read as days of a mailbox, they are looked at only where there is room."""
    days: dict[object, list[Taken]] = {}
    for each in sorted(world.taken, key=lambda each: (each.send_at, each.email_id.int)):
        zone = next(box.zone for box in world.mailboxes if box.id == each.mailbox_id)
        key = (each.mailbox_id, each.send_at.astimezone(zone).date(), each.calendar, each.recipient_domain)
        days.setdefault(key, []).append(each)
    by_day = [
        TakenDay(
            theirs[0].mailbox_id,
            [each.email_id for each in theirs],
            [each.send_at for each in theirs],
            theirs[0].calendar,
            theirs[0].recipient_domain,
        )
        for theirs in days.values()
    ]

    made = plan(world.enrollments, world.mailboxes, now=world.now, taken=by_day, starts=world.starts)

    assert made == world.plan()


def test_emails_outside_of_the_open_time_use_up_no_slot() -> None:
    """Two slots from nine to ten; whoever leaves at eight and at eleven keeps nobody from them."""
    box = mailbox(1, capacity=0, gap_s=1800)
    narrow = Calendar(BERLIN, hours((9, 0, 10, 0)))
    hour = timedelta(hours=1)

    made = plan(
        enrolled(2, sequence(1, narrow, [box]), at=NOW),
        [box],
        now=NOW,
        taken=taken(box, at_nine(0) - hour, at_nine(0) + 2 * hour),
    )

    assert [slot.send_at for slot in slots_of(made)] == [at_nine(0), at_nine(0) + hour / 2]
