"""What a follow-up continues: the last accepted email of its enrollment, and that one's thread."""

from typing import Any

import pytest
from sqlalchemy import select

from domain.threads import Thread
from persistence.database import Database
from persistence.tables import enrollments, mailboxes, steps
from tests.persistence.delivery import Delivery, at, make_delivery

FOUR = tuple((0, f"Subject {number}", "Hello") for number in range(1, 5))


@pytest.fixture
async def four(worker_db: Database) -> Delivery:
    """A sequence of four steps that follow each other without a wait."""
    return await make_delivery(worker_db, steps=FOUR)


async def thread_of(four: Delivery, *sent: dict[str, Any]) -> Thread | None:
    """The thread that step 4 is given after the first three, which were sent an hour apart but for *sent*."""
    enrollment_id = None
    for number, overrides in enumerate(sent, 1):
        ordinary: dict[str, Any] = {
            "status": "SENT",
            "sent_at": at(number),
            "message_id": f"<{number}@example.com>",
            "subject": "Welcome, Ada" if number == 1 else "Re: Welcome, Ada",
            "thread_references": [f"<{before}@example.com>" for before in range(1, number)],
        }
        email_id = await four.add(enrollment_id, position=number, **ordinary | overrides)
        enrollment_id = (await four.email(email_id)).enrollment_id
    due = await four.add(enrollment_id, position=4)
    await four.change(enrollments, (await four.email(due)).enrollment_id, next_position=4)
    return (await four.begun(due)).thread


async def test_an_email_with_none_before_it_has_no_thread(four: Delivery) -> None:
    """It begins its own."""
    assert await thread_of(four) is None


async def test_a_follow_up_continues_the_last_one(four: Delivery) -> None:
    """Parent is the last one sent, its references name the root, its subject is that of the root."""
    assert await thread_of(four, {}, {}, {}) == Thread(
        "<3@example.com>", ("<1@example.com>", "<2@example.com>"), "Re: Welcome, Ada"
    )


async def test_the_last_one_is_the_last_by_time(four: Delivery) -> None:
    """Steps may have been moved: step 1 left last here."""
    thread = await thread_of(four, {"sent_at": at(7)}, {}, {})

    assert thread == Thread("<1@example.com>", (), "Welcome, Ada")


@pytest.mark.parametrize("status", ["FAILED", "CANCELLED"])
async def test_what_was_never_accepted_is_no_parent(four: Delivery, status: str) -> None:
    """Nobody has it, so nothing can answer to it."""
    thread = await thread_of(four, {}, {}, {"status": status})

    assert thread == Thread("<2@example.com>", ("<1@example.com>",), "Re: Welcome, Ada")


async def test_what_is_in_doubt_is_taken_to_be_accepted(four: Delivery) -> None:
    """The sequence goes on from the time at which it was committed."""
    in_doubt = {"status": "IN_DOUBT", "sent_at": None, "committing_at": at(3)}

    thread = await thread_of(four, {}, {}, in_doubt)

    assert thread is not None
    assert thread.parent == "<3@example.com>"


async def test_a_step_may_start_a_thread_of_its_own(four: Delivery) -> None:
    """Then nothing before it matters."""
    async with four.db.transaction() as conn:
        last = await conn.scalar(select(steps.c.id).where(steps.c.position == 4))
    assert last is not None
    await four.change(steps, last, starts_thread=True)

    assert await thread_of(four, {}, {}, {}) is None


async def test_another_contacts_emails_are_none_of_its_thread(four: Delivery) -> None:
    """Threads are of one enrollment."""
    await four.add(status="SENT", sent_at=at(8), message_id="<other@example.com>", subject="Other")

    assert await thread_of(four) is None


async def test_a_message_id_once_given_stays(four: Delivery) -> None:
    """Also when another mailbox makes the next attempt."""
    elsewhere = await four.mailbox(email="ada@example.org")
    due = await four.add(message_id="<first@example.com>", attempt=1, mailbox_id=elsewhere)

    assert (await four.begun(due)).message_id == "<first@example.com>"


async def test_the_text_in_force_is_written(four: Delivery) -> None:
    """A corrected text reaches those who were not written to yet; HOLD tells what follows a doubt."""
    await four.change(mailboxes, four.mailbox_id, in_doubt_policy="HOLD")
    (due,) = await four.due()

    attempt = await four.begun(due)

    assert (attempt.step_text.subject, attempt.assumes_sent) == ("Subject 1", False)
