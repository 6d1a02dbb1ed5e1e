"""What may leave now, and what holds it."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.circuit import Circuit
from domain.gate import PASSING, DueEmail, Hold, MailboxLoad, Pass, has_reservation, judge
from domain.lifecycle import ContactStatus, EmailStatus, EnrollmentStatus, MailboxStatus, SequenceStatus
from domain.rates import A_DAY, Rate, RateKind
from domain.send_window import Calendar
from tests.domain.planning_world import BERLIN, hours, mailbox

# Monday, 11:30 in Berlin.
NOW = datetime(2026, 11, 23, 10, 30, tzinfo=UTC)
TODAY = date(2026, 11, 23)
MINUTE = timedelta(minutes=1)

DUE = DueEmail(
    status=EmailStatus.QUEUED,
    enrollment=EnrollmentStatus.ACTIVE,
    sequence=SequenceStatus.ACTIVE,
    contact=ContactStatus.ACTIVE,
    calendar=Calendar(BERLIN, hours((9, 0, 17, 0))),
    is_suppressed=False,
    is_next=True,
    not_before=None,
    retry_at=None,
    quota_day=TODAY,
)


def hourly(most: int) -> tuple[Rate, ...]:
    return (Rate(RateKind.HOURLY, most),)


def sliding(most: int, minutes: int) -> tuple[Rate, ...]:
    return (Rate(RateKind.SLIDING, most, minutes * MINUTE),)


ROLLING = (Rate(RateKind.ROLLING_24H, 1, A_DAY),)


# Any: whatever fields of a load a test is about.
def load(*, capacity: int = 30, gap_s: int = 1, rates: tuple[Rate, ...] = (), **fields: Any) -> MailboxLoad:
    box = replace(mailbox(1, capacity=capacity, gap_s=gap_s), rates=rates, recipient_domain_daily_cap=2)
    return replace(MailboxLoad(box, MailboxStatus.ACTIVE, TODAY, used=1), **fields)


def test_a_due_email_goes() -> None:
    """Everything is as it should be."""
    assert judge(DUE, load(), now=NOW) is Pass.GO


@pytest.mark.parametrize(
    "stopped",
    [
        {"enrollment": EnrollmentStatus.REPLIED},
        {"enrollment": EnrollmentStatus.CANCELLED},
        {"contact": ContactStatus.UNSUBSCRIBED},
        {"contact": ContactStatus.DELETED},
        {"is_suppressed": True},
    ],
)
def test_what_was_stopped_is_cancelled_even_if_it_would_be_held(stopped: dict[str, Any]) -> None:
    """A stop comes before every other condition."""
    assert judge(replace(DUE, **stopped), load(status=MailboxStatus.PAUSED), now=NOW) is Pass.CANCEL


@given(
    status=st.sampled_from([EmailStatus.QUEUED, EmailStatus.RETRYING]),
    enrollment=st.sampled_from(EnrollmentStatus),
    sequence=st.sampled_from(SequenceStatus),
    contact=st.sampled_from(ContactStatus),
    is_suppressed=st.booleans(),
    minutes=st.none() | st.integers(-10, 10),
    mailbox_status=st.sampled_from(MailboxStatus),
    used=st.integers(0, 40),
)
def test_nothing_goes_while_all_sending_is_paused(
    status: EmailStatus,
    enrollment: EnrollmentStatus,
    sequence: SequenceStatus,
    contact: ContactStatus,
    is_suppressed: bool,
    minutes: int | None,
    mailbox_status: MailboxStatus,
    used: int,
) -> None:
    """Whatever else is so; a stop is obeyed meanwhile, and a wait goes on, as without the pause."""
    retry_at = None if minutes is None else NOW + minutes * MINUTE
    email = replace(
        DUE,
        status=status,
        enrollment=enrollment,
        sequence=sequence,
        contact=contact,
        is_suppressed=is_suppressed,
        retry_at=retry_at,
    )
    box = load(status=mailbox_status, used=used)

    running = judge(email, box, now=NOW)
    paused = judge(replace(email, is_sending_paused=True), box, now=NOW)

    assert paused is (running if running in (Pass.CANCEL, Pass.WAIT) else Hold.SENDING_PAUSED)
    assert Hold.SENDING_PAUSED in PASSING


@pytest.mark.parametrize(
    ("email", "mailbox_load", "hold"),
    [
        ({}, {"status": MailboxStatus.NEEDS_AUTH}, Hold.MAILBOX_UNAVAILABLE),
        ({}, {"circuit": Circuit(3, NOW + MINUTE)}, Hold.HOST_UNAVAILABLE),
        ({}, {"circuit": Circuit(3, NOW), "in_flight": 1}, Hold.MAILBOX_BUSY),
        ({"sequence": SequenceStatus.PAUSED}, {}, Hold.SEQUENCE_NOT_ACTIVE),
        ({"enrollment": EnrollmentStatus.PAUSED}, {}, Hold.ENROLLMENT_PAUSED),
        ({"is_next": False}, {}, Hold.NOT_ITS_TURN),
        ({"not_before": NOW + MINUTE}, {}, Hold.NOT_ITS_TURN),
        ({"calendar": Calendar(BERLIN, hours((13, 0, 14, 0)))}, {}, Hold.OUTSIDE_WINDOW),
        ({"breaks_contact_gap": True}, {}, Hold.CONTACT_MIN_GAP),
        ({"quota_day": None}, {"used": 30}, Hold.DAY_FULL),
        ({}, {"rates": hourly(2), "starts": [NOW - MINUTE, NOW - 30 * MINUTE]}, Hold.HOUR_FULL),
        ({}, {"rates": sliding(1, 40), "starts": [NOW - 39 * MINUTE]}, Hold.SLIDING_WINDOW_FULL),
        ({}, {"rates": ROLLING, "starts": [NOW - 1439 * MINUTE]}, Hold.ROLLING_24H_FULL),
        (
            {"recipient_domain": "example.org"},
            {"by_domain": {"example.org": 2}},
            Hold.RECIPIENT_DOMAIN_FULL,
        ),
        ({}, {"last_attempt_at": NOW - timedelta(milliseconds=999)}, Hold.TOO_CLOSE),
        ({}, {"in_flight": 2}, Hold.MAILBOX_BUSY),
    ],
)
def test_each_condition_that_is_not_met_holds_the_email(
    email: dict[str, Any], mailbox_load: dict[str, Any], hold: Hold
) -> None:
    """One condition at a time, everything else being as it should be."""
    assert judge(replace(DUE, **email), load(**mailbox_load), now=NOW) is hold


@pytest.mark.parametrize(
    ("email", "mailbox_load"),
    [
        ({"not_before": NOW}, {}),
        ({"calendar": Calendar(BERLIN, hours((11, 30, 12, 0)))}, {}),
        ({"quota_day": None}, {"used": 29}),
        ({}, {"rates": hourly(2), "starts": [NOW - MINUTE, NOW - 31 * MINUTE]}),
        ({}, {"rates": sliding(1, 40), "starts": [NOW - 40 * MINUTE]}),
        ({}, {"rates": ROLLING, "starts": [NOW - 1440 * MINUTE]}),
        ({"recipient_domain": "example.org"}, {"by_domain": {"example.org": 1, "example.com": 2}}),
        ({}, {"last_attempt_at": NOW - timedelta(seconds=1)}),
        ({}, {"in_flight": 1}),
        ({"quota_day": None}, {"used": 10_000, "capacity": 0}),
    ],
)
def test_each_condition_is_met_at_its_edge(email: dict[str, Any], mailbox_load: dict[str, Any]) -> None:
    """At the very moment, with the last place, a gap after the email before."""
    assert judge(replace(DUE, **email), load(**mailbox_load), now=NOW) is Pass.GO


def test_a_reserved_email_has_its_place_in_a_full_day() -> None:
    """Its own reservation is among the 30 used ones; one that was reserved for another day is not."""
    full = load(used=30)

    assert judge(DUE, full, now=NOW) is Pass.GO
    assert judge(replace(DUE, quota_day=TODAY - timedelta(days=1)), full, now=NOW) is Hold.DAY_FULL
    assert judge(replace(DUE, status=EmailStatus.RETRYING), full, now=NOW) is Hold.DAY_FULL


def test_a_reserved_email_in_a_full_day_still_keeps_the_hour_and_the_sliding_window() -> None:
    """The place in the day is not a place in the hour."""
    hour = load(used=30, rates=hourly(1), starts=[NOW - MINUTE])
    stretch = load(used=30, rates=sliding(1, 2), starts=[NOW - MINUTE])

    assert judge(DUE, hour, now=NOW) is Hold.HOUR_FULL
    assert judge(DUE, stretch, now=NOW) is Hold.SLIDING_WINDOW_FULL


def test_a_retry_waits_for_its_time_give_or_take_the_clocks() -> None:
    """Six seconds early it goes back to its wait, five seconds early it may leave."""
    retry = replace(DUE, status=EmailStatus.RETRYING, retry_at=NOW + timedelta(seconds=6))

    assert judge(retry, load(), now=NOW) is Pass.WAIT
    assert judge(retry, load(), now=NOW + timedelta(seconds=1)) is Pass.GO


def test_what_leaves_is_counted_on() -> None:
    """A reserved email is in the day's count already; both are in flight, and the last start is theirs."""
    counted = load(used=29, rates=hourly(2))

    counted.take(NOW, is_reserved=has_reservation(DUE, counted))
    assert (counted.used, counted.room_today, counted.in_flight) == (29, 1, 1)
    assert counted.is_too_close(NOW)
    counted.take(NOW + MINUTE, is_reserved=False)

    assert (counted.used, counted.room_today, counted.in_flight) == (30, 0, 2)
    assert counted.last_attempt_at == NOW + MINUTE
    assert counted.limited(NOW + MINUTE) is Hold.DAY_FULL
    assert counted.limited(NOW + MINUTE, is_reserved=True) is Hold.HOUR_FULL
    assert counted.limited(NOW + 45 * MINUTE, is_reserved=True) is None


def test_a_capacity_below_what_is_used_leaves_no_room_and_no_debt() -> None:
    """Lowered from 30 to 20 after 25 were sent: nothing more today."""
    assert load(capacity=20, used=25).room_today == 0
    assert load(capacity=0, used=25).room_today is None
