"""Plans around clock changes, on single weekdays and before last dates, and why an email has no slot."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from domain.enrollments import Enrollment
from domain.ids import MailboxId
from domain.itineraries import UnplacedReason
from domain.mailboxes import Mailbox, Ramp
from domain.planning import plan
from domain.send_window import Calendar
from tests.domain.planning_world import BERLIN, World, enrolled, hours, mailbox, sequence, slots_of

NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)
OFFICE = Calendar(BERLIN, hours((9, 0, 17, 0)))


def placed(calendar: Calendar, count: int, now: datetime, *, capacity: int = 4) -> list[str]:
    """When *count* contacts enrolled at *now* are written to, by the clock of *calendar*'s zone."""
    box = replace(mailbox(1, capacity=capacity), zone=calendar.zone)
    made = plan(enrolled(count, sequence(1, calendar, [box]), at=now), [box], now=now)
    return sorted(f"{slot.send_at.astimezone(calendar.zone):%m-%d %H:%M %z}" for slot in slots_of(made))


def test_a_sunday_window_sends_only_on_sundays() -> None:
    """With two a day, five contacts need three Sundays."""
    calendar = Calendar(BERLIN, hours((10, 0, 12, 0), days={7}))

    assert placed(calendar, 5, NOW, capacity=2) == [
        "11-29 10:00 +0100",
        "11-29 11:00 +0100",
        "12-06 10:00 +0100",
        "12-06 11:00 +0100",
        "12-13 10:00 +0100",
    ]


def test_an_hour_that_the_clocks_skip_shortens_the_window() -> None:
    """On 2026-03-29 01:00–05:00 has three hours in Berlin: four emails leave every 45 minutes."""
    calendar = Calendar(BERLIN, hours((1, 0, 5, 0)))

    assert placed(calendar, 4, datetime(2026, 3, 28, 12, tzinfo=UTC)) == [
        "03-29 01:00 +0100",
        "03-29 01:45 +0100",
        "03-29 03:30 +0200",
        "03-29 04:15 +0200",
    ]


def test_an_hour_that_comes_twice_lengthens_the_window() -> None:
    """On 2026-10-25 01:00–05:00 has five hours in Berlin: four emails leave every 75 minutes."""
    calendar = Calendar(BERLIN, hours((1, 0, 5, 0)))

    assert placed(calendar, 4, datetime(2026, 10, 24, 12, tzinfo=UTC)) == [
        "10-25 01:00 +0200",
        "10-25 02:15 +0200",
        "10-25 02:30 +0100",
        "10-25 03:45 +0100",
    ]


@pytest.mark.parametrize(
    ("zone", "now", "first"),
    [
        ("America/Santiago", datetime(2026, 9, 5, 12, tzinfo=UTC), "09-06 01:00 -0300"),
        ("Africa/Cairo", datetime(2026, 4, 23, 12, tzinfo=UTC), "04-24 01:00 +0300"),
    ],
)
def test_a_day_without_a_midnight_starts_at_one(zone: str, now: datetime, first: str) -> None:
    """Where clocks go from 00:00 to 01:00, a window from 00:00 opens at 01:00 and the day has 23 hours."""
    calendar = Calendar(ZoneInfo(zone), hours((0, 0, 3, 0)))

    assert placed(calendar, 4, now)[0] == first
    assert [each[6:11] for each in placed(calendar, 4, now)] == ["01:00", "01:30", "02:00", "02:30"]


@pytest.mark.parametrize(
    ("zone", "now", "count"),
    [
        ("America/Santiago", datetime(2026, 4, 4, 14, tzinfo=UTC), 2),
        ("Africa/Cairo", datetime(2026, 10, 29, 14, tzinfo=UTC), 2),
    ],
)
def test_a_day_that_ends_twice_is_one_day(zone: str, now: datetime, count: int) -> None:
    """Where clocks go from midnight back to 23:00, both hours belong to the day before."""
    calendar = Calendar(ZoneInfo(zone), hours((23, 0, 0, 0)))

    times = placed(calendar, count + 1, now, capacity=count)

    assert [each[6:11] for each in times] == ["23:00", "23:00", "23:00"]
    assert len({each[:5] for each in times}) == 2


def test_around_the_clock_a_mailbox_day_is_spread_over_24_hours() -> None:
    """No window is every hour of every day: four a day leave every six hours."""
    assert placed(Calendar(BERLIN), 4, datetime(2026, 11, 22, 23, tzinfo=UTC)) == [
        "11-23 00:00 +0100",
        "11-23 06:00 +0100",
        "11-23 12:00 +0100",
        "11-23 18:00 +0100",
    ]


def test_a_ramp_is_evaluated_on_the_day_that_is_planned() -> None:
    """2, 4, 5, 5 on the days of a ramp from 2 by 2 under a capacity of 5; not today's level throughout."""
    box = replace(mailbox(1, capacity=5), ramp=Ramp(2, 2, date(2026, 11, 23)))

    made = plan(enrolled(16, sequence(1, OFFICE, [box]), at=NOW), [box], now=NOW)

    per_day = [sum(slot.send_day.day == day for slot in slots_of(made)) for day in (23, 24, 25, 26)]
    assert per_day == [2, 4, 5, 5]


def test_an_unlimited_mailbox_is_spaced_by_its_gap() -> None:
    """A capacity of 0 with a gap of an hour gives eight slots in 09:00–17:00, and the ninth tomorrow."""
    box = mailbox(1, capacity=0, gap_s=3600)

    made = plan(enrolled(9, sequence(1, OFFICE, [box]), at=NOW), [box], now=NOW)

    times = sorted(f"{slot.send_at.astimezone(BERLIN):%d %H:%M}" for slot in slots_of(made))
    assert times == [*(f"23 {hour:02}:00" for hour in range(9, 17)), "24 09:00"]


def test_a_window_shorter_than_the_gap_has_one_slot_a_day() -> None:
    """A gap of an hour does not close a window of half an hour."""
    box, calendar = mailbox(1, gap_s=3600), Calendar(BERLIN, hours((9, 0, 9, 30)))

    made = plan(enrolled(2, sequence(1, calendar, [box]), at=NOW), [box], now=NOW)

    times = sorted(f"{slot.send_at.astimezone(BERLIN):%d %H:%M}" for slot in slots_of(made))
    assert times == ["23 09:00", "24 09:00"]


def reason(enrollment: Enrollment, boxes: list[Mailbox]) -> list[UnplacedReason | None]:
    made = World(NOW, tuple(boxes), (enrollment,)).plan()
    assert slots_of(made) == []
    return [email.unplaced_reason for email in made.itineraries[0].emails]


def one(calendar: Calendar, boxes: list[Mailbox], waits: tuple[int, ...] = (0,)) -> Enrollment:
    return enrolled(1, sequence(1, calendar, boxes), waits=waits, at=NOW)[0]


def test_without_any_mailbox_an_email_says_so_and_the_next_step_waits_for_it() -> None:
    """NO_MAILBOX for the first step, WAITS_FOR_STEP for those after it."""
    assert reason(one(OFFICE, [], (0, 1, 1)), []) == [
        UnplacedReason.NO_MAILBOX,
        UnplacedReason.WAITS_FOR_STEP,
        UnplacedReason.WAITS_FOR_STEP,
    ]


def test_a_mailbox_that_is_not_known_is_no_mailbox() -> None:
    """A sequence that names only mailboxes which are gone has none."""
    assert reason(one(OFFICE, [mailbox(1)]), [mailbox(2)]) == [UnplacedReason.NO_MAILBOX]


def test_mailboxes_that_are_all_unavailable_are_waited_for() -> None:
    """MAILBOX_UNAVAILABLE: one has to be resumed."""
    box = replace(mailbox(1), is_available=False)

    assert reason(one(OFFICE, [box]), [box]) == [UnplacedReason.MAILBOX_UNAVAILABLE]


def test_an_enrollment_bound_to_a_mailbox_that_was_unlinked_waits() -> None:
    """It is not served by a mailbox that its sequence may no longer use, nor moved without being asked."""
    bound = replace(one(OFFICE, [mailbox(1)]), mailbox_id=MailboxId(UUID(int=2)))

    assert reason(bound, [mailbox(1), mailbox(2)]) == [UnplacedReason.MAILBOX_UNAVAILABLE]


def test_a_window_that_never_opens_is_named() -> None:
    """A first date beyond the twenty years that are planned."""
    never = Calendar(BERLIN, hours((9, 0, 17, 0)), first_date=date(2060, 1, 1))

    assert reason(one(never, [mailbox(1)]), [mailbox(1)]) == [UnplacedReason.WINDOW_NEVER_OPENS]


def test_an_email_whose_wait_ends_after_the_last_date_says_so() -> None:
    """The first step still fits before the last date, the follow-up in three days does not."""
    ending, box = Calendar(BERLIN, hours((9, 0, 17, 0)), last_date=date(2026, 11, 24)), mailbox(1)

    made = plan([one(ending, [box], (0, 3))], [box], now=NOW)

    assert [email.unplaced_reason for email in made.itineraries[0].emails] == [
        None,
        UnplacedReason.AFTER_LAST_DATE,
    ]


def test_what_does_not_fit_before_the_last_date_has_no_slot() -> None:
    """Two days of two emails: the fifth contact is not written to."""
    ending, box = Calendar(BERLIN, hours((9, 0, 17, 0)), last_date=date(2026, 11, 24)), mailbox(1, capacity=2)

    made = plan(enrolled(5, sequence(1, ending, [box]), at=NOW), [box], now=NOW)

    assert len(slots_of(made)) == 4
    assert made.itineraries[4].emails[0].unplaced_reason is UnplacedReason.AFTER_LAST_DATE


def test_a_gap_that_leaves_no_slot_on_any_day_is_no_capacity() -> None:
    """Around the clock with a gap of 30 hours no local day has a slot that keeps it."""
    box = mailbox(1, gap_s=30 * 3600)

    assert reason(one(Calendar(BERLIN), [box]), [box]) == [UnplacedReason.NO_CAPACITY]


def test_an_enrollment_without_steps_has_an_empty_itinerary() -> None:
    """Nothing is asked for it, and no mailbox is bound."""
    empty = replace(one(OFFICE, [mailbox(1)]), legs=())

    made = plan([empty], [mailbox(1)], now=NOW)

    assert made.itineraries[0].emails == ()
    assert made.itineraries[0].mailbox_id is None


def test_what_must_not_leave_before_an_instant_leaves_at_the_first_slot_after_it() -> None:
    """A follow-up held back until Tuesday 12:10 takes the slot of 12:12 or a later one."""
    box = mailbox(1)
    late = replace(one(OFFICE, [box]), not_before=NOW + timedelta(days=1, hours=5, minutes=10))

    made = plan([late], [box], now=NOW)

    assert f"{slots_of(made)[0].send_at.astimezone(BERLIN):%a %H:%M}" == "Tue 12:12"
