"""Claims: what is due and may leave is taken up, as much as each mailbox may send, and paid for."""

from datetime import timedelta
from typing import Any

import pytest

from persistence.tables import enrollments, mailboxes, scheduled_emails, sequences, steps
from tests.persistence.delivery import LEASE, MINUTE, NOW, TODAY, Delivery, at, make_delivery
from tests.support.world import make_enrollment, make_sequence

SECOND = timedelta(seconds=1)


async def test_what_is_due_is_taken_up_and_reserved(delivery: Delivery) -> None:
    """It is queued for its first attempt, leased, and counted on the mailbox's day."""
    (due,) = await delivery.due(crashes=1)
    await delivery.due(send_at=NOW + SECOND)

    (claimed,) = await delivery.claim()

    assert claimed == (due, delivery.mailbox_id, 1, 1, NOW)
    email = await delivery.email(due)
    assert (email.status, email.attempt, email.quota_day) == ("QUEUED", 0, TODAY)
    assert LEASE - MINUTE < email.lease_until - email.updated_at < LEASE + MINUTE
    assert await delivery.day() == (30, 1, 0, 0)


async def test_follow_ups_go_before_first_emails(delivery: Delivery) -> None:
    """Whoever was written to first comes first when room is short, though both are due."""
    await delivery.change(mailboxes, delivery.mailbox_id, minimum_gap_s=60)
    await delivery.add()
    follow_up = await delivery.add(enrollment={"last_window_day": TODAY - timedelta(days=9)})

    assert await delivery.claimed() == [follow_up]


async def test_priority_goes_before_follow_ups(delivery: Delivery) -> None:
    """A first email of an urgent sequence leaves before another's follow-up, whatever is due before both."""
    await delivery.change(mailboxes, delivery.mailbox_id, minimum_gap_s=60)
    async with delivery.db.transaction() as conn:
        other = await make_sequence(conn, delivery.workspace_id, mailboxes=[delivery.mailbox_id])
        enrollment_id = await make_enrollment(
            conn, delivery.workspace_id, other, mailbox_id=delivery.mailbox_id, planned_at=NOW
        )
    await delivery.change(sequences, other, priority=1)
    await delivery.due(3, send_at=NOW - MINUTE)
    await delivery.add(send_at=NOW - MINUTE, enrollment={"last_window_day": TODAY - timedelta(days=9)})
    urgent = await delivery.add(enrollment_id)

    assert await delivery.claimed() == [urgent]


async def test_room_that_one_turn_leaves_is_for_the_next(delivery: Delivery) -> None:
    """Two may leave at once: the only follow-up, and the first email that is due for longest."""
    await delivery.due(2)
    (first,) = await delivery.due(send_at=NOW - MINUTE)
    follow_up = await delivery.add(enrollment={"last_window_day": TODAY - timedelta(days=9)})

    assert sorted(await delivery.claimed()) == sorted([first, follow_up])


async def test_the_head_of_a_mailbox_is_by_priority_then_time_then_id(delivery: Delivery) -> None:
    """Two leave at once, from two connections; the sequence says today what is urgent."""
    async with delivery.db.transaction() as conn:
        other = await make_sequence(conn, delivery.workspace_id, mailboxes=[delivery.mailbox_id])
        enrollment_id = await make_enrollment(
            conn, delivery.workspace_id, other, mailbox_id=delivery.mailbox_id, planned_at=NOW
        )
    late, early = await delivery.add(), await delivery.add(send_at=NOW - MINUTE)
    first, urgent = await delivery.add(), await delivery.add(enrollment_id)
    await delivery.change(sequences, other, priority=1)

    at_once = await delivery.claimed()
    for each in at_once:
        await delivery.change(scheduled_emails, each, status="FAILED")
    then = await delivery.claimed()

    assert sorted(at_once) == sorted([early, urgent])
    assert then == [late, first]


async def test_with_a_gap_one_leaves_and_the_next_waits(delivery: Delivery) -> None:
    """The gap is reserved with the claim: no dispatcher takes the next one up before it is over."""
    await delivery.change(mailboxes, delivery.mailbox_id, minimum_gap_s=60)
    first, second = await delivery.due(2)

    assert await delivery.claimed() == [first]
    assert await delivery.claimed(now=NOW + 59 * SECOND) == []
    assert await delivery.claimed(now=NOW + 60 * SECOND) == [second]


async def test_what_waits_for_its_sender_counts_as_under_way(delivery: Delivery) -> None:
    """Two emails of a mailbox are with its server at a time: more would only be sent back by the gate."""
    await delivery.due(3)

    assert [len(await delivery.claim()), len(await delivery.claim())] == [2, 0]
    assert await delivery.under_way() == (2, 0)


async def test_no_more_than_asked_for(delivery: Delivery) -> None:
    """Whatever the mailboxes could give."""
    other = await delivery.mailbox()
    await delivery.due(2)
    await delivery.due(2, mailbox_id=other)

    assert len(await delivery.claim(limit=3)) == 3
    assert len(await delivery.claim(limit=3)) == 1


async def test_the_day_is_the_mailboxs_own_and_its_budget_is_kept(delivery: Delivery) -> None:
    """At 23:30 UTC it is Tuesday already in Berlin, where nothing was used; Monday was full."""
    berlin = await delivery.mailbox(zone="Europe/Berlin", daily_capacity=1)
    first, second = await delivery.due(2, mailbox_id=berlin, send_at=at(22, 59))

    monday = await delivery.claimed(now=at(22, 59))
    full = await delivery.claimed(now=at(22, 59))
    await delivery.change(scheduled_emails, second, send_at=at(23, 5))
    tuesday = await delivery.claimed(now=at(23, 5))

    assert (monday, full, tuesday) == ([first], [], [second])
    assert await delivery.day(at(22).date(), berlin) == (1, 1, 0, 0)
    assert await delivery.day(at(0, day=3).date(), berlin) == (1, 1, 0, 0)


async def test_a_capacity_of_zero_is_no_limit(delivery: Delivery) -> None:
    """The day is counted all the same."""
    await delivery.change(mailboxes, delivery.mailbox_id, daily_capacity=0)
    await delivery.due(1)

    assert len(await delivery.claim()) == 1
    assert await delivery.day() == (0, 1, 0, 0)


@pytest.mark.parametrize(
    ("limits", "frees_at"),
    [
        ({"hourly_limit": 2}, at(10)),
        ({"sliding_window_limit": 2, "sliding_window_s": 1800}, at(9, 44)),
    ],
)
async def test_hourly_and_sliding_limits_count_what_was_begun(
    delivery: Delivery, limits: dict[str, int], frees_at: Any
) -> None:
    """Those of 9:14 and 9:15 are two; the hour is the clock's, the window of half an hour slides."""
    await delivery.change(mailboxes, delivery.mailbox_id, **limits)
    await delivery.add(status="SENT", last_attempt_at=at(9, 14))
    await delivery.add(status="SENT", last_attempt_at=at(9, 15))
    (due,) = await delivery.due(send_at=frees_at - MINUTE)

    assert await delivery.claimed(now=frees_at - MINUTE) == []
    assert await delivery.claimed(now=frees_at) == [due]


async def test_what_is_queued_counts_for_the_hour(delivery: Delivery) -> None:
    """A limit of one gives one, though none has begun."""
    await delivery.change(mailboxes, delivery.mailbox_id, hourly_limit=1)
    await delivery.due(2)

    assert [len(await delivery.claim()), len(await delivery.claim())] == [1, 0]


@pytest.mark.parametrize(
    ("table", "values"),
    [
        (enrollments, {"status": "PAUSED"}),
        (enrollments, {"next_position": 2}),
        (enrollments, {"next_not_before": NOW + SECOND}),
        # What left last, left in the window of tomorrow: not before that.
        (enrollments, {"last_window_day": TODAY + timedelta(days=1)}),
        (sequences, {"status": "PAUSED"}),
        (sequences, {"status": "DRAFT"}),
        (mailboxes, {"status": "PAUSED"}),
        (mailboxes, {"status": "NEEDS_AUTH"}),
        (mailboxes, {"next_allowed_at": NOW + SECOND}),
        (mailboxes, {"last_attempt_at": NOW, "minimum_gap_s": 1}),
        (scheduled_emails, {"released_because": "DAY_FULL"}),
        (scheduled_emails, {"send_at": NOW - timedelta(minutes=10)}),
        (steps, {"position": None, "removed_at": NOW}),
    ],
)
async def test_what_may_not_leave_stays(delivery: Delivery, table: Any, values: dict[str, Any]) -> None:
    """It is not its turn, somebody holds it, or the planner gives it another time; nothing is reserved."""
    (due,) = await delivery.due()
    email = await delivery.email(due)
    row_of = {
        enrollments: email.enrollment_id,
        sequences: email.sequence_id,
        mailboxes: email.mailbox_id,
        scheduled_emails: due,
        steps: email.step_id,
    }
    await delivery.change(table, row_of[table], **values)

    assert await delivery.claimed() == []
    assert ((await delivery.email(due)).status, await delivery.day()) == ("PENDING", None)


async def test_nothing_leaves_before_its_wait_though_the_planner_is_late(delivery: Delivery) -> None:
    """Step 1 left on Tuesday, so step 2, planned for Wednesday, is not due before Thursday."""
    second = await delivery.add(
        position=2,
        send_at=at(9, day=4),
        enrollment={"next_position": 2, "last_window_day": at(9, day=3).date()},
    )

    assert await delivery.claimed(now=at(9, day=4)) == []
    await delivery.change(scheduled_emails, second, send_at=at(9, day=5), window_day=at(9, day=5).date())
    assert await delivery.claimed(now=at(9, day=5)) == [second]


async def test_a_blocked_mailbox_and_its_many_due_emails_starve_nobody(delivery: Delivery) -> None:
    """More mailboxes than are asked for have nothing to give, and those behind them are served."""
    full = [await delivery.mailbox(daily_capacity=1) for _ in range(5)]
    for mailbox_id in full:
        await delivery.add(mailbox_id=mailbox_id, status="QUEUED", quota_day=TODAY)
        await delivery.due(
            4, mailbox_id=mailbox_id, send_at=NOW - 5 * MINUTE, enrollment={"status": "PAUSED"}
        )
    last = await delivery.mailbox()
    (due,) = await delivery.due(mailbox_id=last)

    assert await delivery.claimed(limit=1) == [due]


async def test_the_mailbox_that_waited_longest_is_first(delivery: Delivery) -> None:
    """However many there are to serve, each has its turn."""
    recent, rested = [
        await delivery.mailbox(last_attempt_at=last_attempt_at) for last_attempt_at in (at(8, 59), at(8))
    ]
    await delivery.due(mailbox_id=recent, send_at=at(8, 55))
    (due,) = await delivery.due(mailbox_id=rested)

    assert await delivery.claimed(limit=1) == [due]


async def test_the_mailbox_that_waited_longest_is_first_in_whichever_workspace(delivery: Delivery) -> None:
    """Workspaces take turns as their mailboxes do, whatever the priorities of their sequences."""
    await delivery.change(mailboxes, delivery.mailbox_id, last_attempt_at=at(8, 30))
    (waited,) = await delivery.due()
    others = []
    for minute in (20, 40):
        other = await make_delivery(delivery.db, priority=minute)
        await other.change(mailboxes, other.mailbox_id, last_attempt_at=at(8, minute))
        others += await other.due()

    assert [await delivery.claimed(limit=1) for _ in range(3)] == [[others[0]], [waited], [others[1]]]
