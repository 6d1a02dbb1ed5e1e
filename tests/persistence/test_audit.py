"""The audit: rows that keep every promise, and for each promise rows that break it."""

from collections.abc import Awaitable, Callable
from uuid import uuid4

import pytest
from sqlalchemy import delete, func, insert, select, text, update

from domain.ids import EmailId
from persistence.audit import PROMISES, Breach, breach_of
from persistence.tables import (
    audit_log,
    contacts,
    email_events,
    enrollments,
    letters,
    mailbox_days,
    mailboxes,
    scheduled_emails,
    sequences,
    step_versions,
)
from persistence.window_audit import left_outside_window
from tests.persistence.delivery import MINUTE, NOW, Delivery, at

KEPT = Breach(0, ())


async def audited(delivery: Delivery) -> dict[str, Breach]:
    """Every promise that is broken."""
    async with delivery.db.transaction() as conn:
        found = {promise.name: await breach_of(conn, promise) for promise in PROMISES}
        found["window"] = await left_outside_window(conn, delivery.workspace_id)
    return {name: breach for name, breach in found.items() if breach != KEPT}


async def a_good_day(delivery: Delivery) -> tuple[EmailId, EmailId]:
    """Two emails of two contacts, one sent, one on its way, and a follow-up that is planned."""
    first, second = await delivery.due(2)
    await delivery.sent(first)
    await _add_follow_up(delivery, first)
    await delivery.begun(second, now=NOW + MINUTE)
    await _add_follow_up(delivery, second)
    return first, second


async def _add_follow_up(delivery: Delivery, email_id: EmailId) -> None:
    enrollment_id = (await delivery.email(email_id)).enrollment_id
    await delivery.add(enrollment_id, position=2, send_at=at(9, day=4))


async def test_an_ordinary_day_breaks_no_promise(delivery: Delivery) -> None:
    """With emails in different states."""
    await a_good_day(delivery)

    assert await audited(delivery) == {}


async def _follow_up_vanishes(delivery: Delivery, sent: EmailId, _: EmailId) -> None:
    follow_up = await delivery.follow_up_of(sent)
    async with delivery.db.transaction() as conn:
        await conn.execute(text("SET LOCAL ROLE none"))
        await conn.execute(delete(scheduled_emails).where(scheduled_emails.c.id == follow_up))


async def _failed_of_nothing(delivery: Delivery, sent: EmailId, _: EmailId) -> None:
    await delivery.change(scheduled_emails, sent, status="FAILED", sent_at=None)


async def _lost_in_the_plan(delivery: Delivery, sent: EmailId, _: EmailId) -> None:
    await delivery.change(scheduled_emails, await delivery.follow_up_of(sent), status="CANCELLED")


async def _holder_is_gone(delivery: Delivery, _: EmailId, begun: EmailId) -> None:
    await delivery.change(scheduled_emails, begun, lease_until=func.clock_timestamp() - 10 * MINUTE)


async def _accepted_again(delivery: Delivery, sent: EmailId, _: EmailId) -> None:
    email = await delivery.email(sent)
    async with delivery.db.transaction() as conn:
        await conn.execute(text("SET LOCAL ROLE none"))
        await conn.execute(
            insert(email_events).values(
                workspace_id=delivery.workspace_id,
                email_id=sent,
                enrollment_id=email.enrollment_id,
                kind="ACCEPT",
                at=NOW,
            )
        )


async def _said_to_be_sent(delivery: Delivery, _: EmailId, begun: EmailId) -> None:
    await delivery.change(scheduled_emails, begun, status="SENT", sent_at=NOW + MINUTE, lease_until=None)


async def _capacity_was_one(delivery: Delivery, *_: EmailId) -> None:
    # A counter that tells the truth cannot exceed the capacity: the table refuses that.
    async with delivery.db.transaction() as conn:
        await conn.execute(text("SET LOCAL ROLE none"))
        await conn.execute(mailbox_days.update().values(capacity=1, used=1))


async def _counted_twice(delivery: Delivery, *_: EmailId) -> None:
    async with delivery.db.transaction() as conn:
        await conn.execute(text("SET LOCAL ROLE none"))
        await conn.execute(mailbox_days.update().values(used=3))


async def _left_too_soon(delivery: Delivery, sent: EmailId, begun: EmailId) -> None:
    await delivery.change(mailboxes, delivery.mailbox_id, minimum_gap_s=90)
    await delivery.change(scheduled_emails, begun, status="COMMITTING")


async def _two_on_their_way(delivery: Delivery, _: EmailId, begun: EmailId) -> None:
    follow_up = await delivery.follow_up_of(begun)
    await delivery.change(scheduled_emails, follow_up, status="RETRYING", retry_at=NOW)


async def _begun_before_the_one_before_it_was_settled(delivery: Delivery, sent: EmailId, _: EmailId) -> None:
    follow_up = await delivery.follow_up_of(sent)
    await delivery.change(scheduled_emails, sent, last_attempt_at=NOW - 2 * MINUTE, sent_at=NOW - 2 * MINUTE)
    await delivery.change(scheduled_emails, follow_up, last_attempt_at=NOW - MINUTE)


async def _planned_for_one_who_ended(delivery: Delivery, sent: EmailId, _: EmailId) -> None:
    enrollment_id = (await delivery.email(sent)).enrollment_id
    await delivery.change(enrollments, enrollment_id, status="REPLIED")


async def _open_for_one_who_bounced(delivery: Delivery, sent: EmailId, _: EmailId) -> None:
    await delivery.change(contacts, (await delivery.email(sent)).contact_id, status="BOUNCED")


async def _event_of_no_email(delivery: Delivery, sent: EmailId, _: EmailId) -> None:
    email = await delivery.email(sent)
    async with delivery.db.transaction() as conn:
        await conn.execute(
            insert(email_events).values(
                workspace_id=delivery.workspace_id,
                email_id=uuid4(),
                enrollment_id=email.enrollment_id,
                kind="RELEASE",
                at=NOW,
            )
        )


async def _letter_of_another_workspace(delivery: Delivery, sent: EmailId, _: EmailId) -> None:
    async with delivery.db.transaction() as conn:
        await conn.execute(text("SET LOCAL ROLE none"))
        await conn.execute(update(letters).values(workspace_id=uuid4()))


async def _text_of_another_step(delivery: Delivery, sent: EmailId, _: EmailId) -> None:
    other = (await delivery.email(await delivery.follow_up_of(sent))).step_id
    versions = step_versions.c
    text_of_it = select(versions.id).where(versions.step_id == other).scalar_subquery()
    await delivery.change(scheduled_emails, sent, step_version_id=text_of_it)


async def _in_a_closed_window(delivery: Delivery, *_: EmailId) -> None:
    window = {"weekdays": [2], "intervals": [["09:00", "17:00"]]}
    await delivery.change(sequences, delivery.sequence_id, send_window=window)


@pytest.mark.parametrize(
    ("sabotage", "promise"),
    [
        (_failed_of_nothing, "conservation"),
        (_lost_in_the_plan, "conservation"),
        (_follow_up_vanishes, "nothing lost"),
        (_holder_is_gone, "nothing lost"),
        (_accepted_again, "at most once"),
        (_said_to_be_sent, "at most once"),
        (_capacity_was_one, "quota"),
        (_counted_twice, "counters are rows"),
        (_left_too_soon, "spacing"),
        (_two_on_their_way, "step order"),
        (_begun_before_the_one_before_it_was_settled, "step order"),
        (_planned_for_one_who_ended, "stop means stop"),
        (_open_for_one_who_bounced, "stop means stop"),
        (_event_of_no_email, "one workspace each"),
        (_letter_of_another_workspace, "one workspace each"),
        (_text_of_another_step, "one workspace each"),
        (_in_a_closed_window, "window"),
    ],
)
async def test_what_breaks_a_promise_is_found(
    delivery: Delivery, sabotage: Callable[[Delivery, EmailId, EmailId], Awaitable[None]], promise: str
) -> None:
    """By its name; the first offenders are named."""
    sent, begun = await a_good_day(delivery)

    await sabotage(delivery, sent, begun)

    found = await audited(delivery)
    assert promise in found
    assert found[promise].count >= len(found[promise].first) >= 1


@pytest.mark.parametrize("whose", ["sequence", "workspace"])
async def test_a_window_that_was_changed_says_nothing_of_what_left_before(
    delivery: Delivery, whose: str
) -> None:
    """The change is on record as a recalculation, of the sequence or of all that take its workspace's."""
    await a_good_day(delivery)
    await _in_a_closed_window(delivery)
    async with delivery.db.transaction() as conn:
        await conn.execute(
            text("""
                INSERT INTO recalculations
                    (id, workspace_id, sequence_id, cause, requested_by, status, requested_at)
                VALUES (gen_random_uuid(), :workspace_id, :sequence_id, 'WINDOW_CHANGED', 'test', 'COMPLETED',
                    :at)
            """),
            {
                "workspace_id": delivery.workspace_id,
                "sequence_id": delivery.sequence_id if whose == "sequence" else None,
                "at": NOW + 5 * MINUTE,
            },
        )

    assert await audited(delivery) == {}


async def test_a_window_may_change_while_nobody_is_on_the_way(
    delivery: Delivery,
) -> None:
    """No recalculation was necessary, and the audit log alone has the change."""
    await a_good_day(delivery)
    await _in_a_closed_window(delivery)
    changed = {
        "workspace_id": delivery.workspace_id,
        "actor": "someone",
        "actor_name": "Someone",
        "action": "updateSequence",
        "object_kind": "Sequence",
        "object_id": delivery.sequence_id,
    }
    renamed = changed | {"before": {"name": "Old"}, "after": {"name": "New"}, "at": NOW + 5 * MINUTE}
    moved = changed | {"before": {"send_window": None}, "after": {"send_window": {}}, "at": NOW + 5 * MINUTE}

    async with delivery.db.transaction() as conn:
        await conn.execute(insert(audit_log).values(renamed))
    after_a_name = set(await audited(delivery))
    async with delivery.db.transaction() as conn:
        await conn.execute(insert(audit_log).values(moved))

    assert after_a_name == {"window"}
    assert await audited(delivery) == {}
