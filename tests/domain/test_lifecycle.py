"""Every life and every move in it, read off the tables."""

from typing import Any

import pytest

from domain.lifecycle import (
    CONTACT,
    EMAIL,
    ENROLLMENT,
    LIFECYCLES,
    MAILBOX,
    SEQUENCE,
    ContactEvent,
    ContactStatus,
    EmailEvent,
    EmailStatus,
    EnrollmentEvent,
    EnrollmentStatus,
    Lifecycle,
    MailboxEvent,
    MailboxStatus,
    SequenceEvent,
    SequenceStatus,
)

S, E = EmailStatus, EmailEvent


# Any: a life of any kind of thing.
@pytest.mark.parametrize("life", LIFECYCLES, ids=lambda life: life.noun)
def test_from_the_first_state_a_way_leads_to_every_other(life: Lifecycle[Any, Any]) -> None:
    """No state is unreachable, and no event is without a state in which it may happen."""
    reached, fresh = {life.first}, {life.first}
    while fresh:
        onward = {life.after(state, event) for state in fresh for event in life.moves} - {None}
        fresh = onward - reached
        reached |= fresh

    assert reached == set(life.states)
    assert all(life.sources(event) for event in life.moves)


def test_every_event_has_its_move() -> None:
    """The tables are complete."""
    assert set(EMAIL.moves) == set(EmailEvent)
    assert set(ENROLLMENT.moves) == set(EnrollmentEvent)
    assert set(SEQUENCE.moves) == set(SequenceEvent)
    assert set(MAILBOX.moves) == set(MailboxEvent)
    assert set(CONTACT.moves) == set(ContactEvent)


def test_the_way_of_an_email_that_arrives() -> None:
    """Claimed, begun, committed, accepted."""
    status: EmailStatus | None = EMAIL.first
    for event in (E.CLAIM, E.BEGIN, E.COMMIT, E.ACCEPT):
        assert status is not None
        status = EMAIL.after(status, event)

    assert status is S.SENT


@pytest.mark.parametrize("event", EmailEvent)
@pytest.mark.parametrize("status", [S.SENT, S.FAILED, S.CANCELLED])
def test_what_is_settled_never_moves_again(status: EmailStatus, event: EmailEvent) -> None:
    """Not even by a cancel, a rescue or a late reply; what was given up is tried anew if somebody says so."""
    if (status, event) == (S.FAILED, E.REVIVE):
        assert EMAIL.after(status, event) is S.PENDING
    else:
        assert EMAIL.after(status, event) in (None, status)


@pytest.mark.parametrize(
    ("event", "sources"),
    [
        # After the point of no return an email may be on its way: it is not cancelled, claimed or rescued.
        (E.CANCEL, {S.PENDING, S.QUEUED, S.SENDING, S.RETRYING}),
        (E.CLAIM, {S.PENDING}),
        (E.RESCUE, {S.QUEUED, S.SENDING}),
        (E.RELEASE, {S.QUEUED, S.SENDING, S.RETRYING}),
        (E.BEGIN, {S.QUEUED, S.RETRYING}),
        (E.COMMIT, {S.SENDING}),
        (E.ACCEPT, {S.COMMITTING, S.IN_DOUBT}),
        (E.RETRY, {S.SENDING, S.COMMITTING}),
        (E.FAIL, {S.SENDING, S.COMMITTING}),
        (E.LOSE_SIGHT, {S.COMMITTING}),
        (E.SETTLE_SENT, {S.IN_DOUBT}),
        (E.SETTLE_FAILED, {S.IN_DOUBT}),
        (E.RESEND, {S.IN_DOUBT}),
        (E.REVIVE, {S.FAILED}),
    ],
)
def test_an_email_event_happens_only_in_its_states(event: EmailEvent, sources: set[EmailStatus]) -> None:
    """The guard of every update of an email."""
    assert EMAIL.sources(event) == sources


@pytest.mark.parametrize(
    "event", [each for each in EnrollmentEvent if each not in ("PAUSE", "RESUME", "REOPEN")]
)
def test_an_enrollment_ends_from_any_open_state_and_only_once(event: EnrollmentEvent) -> None:
    """A paused one as well as an active one; what has ended stays as it ended, unless it is reopened."""
    ended = ENROLLMENT.after(EnrollmentStatus.ACTIVE, event)

    assert ended is not None
    assert ENROLLMENT.after(EnrollmentStatus.PAUSED, event) is ended
    again = {other for other in EnrollmentEvent if ENROLLMENT.after(ended, other) is not None}
    is_reopened = event in (EnrollmentEvent.COMPLETE, EnrollmentEvent.FAIL)
    assert again == ({EnrollmentEvent.REOPEN} if is_reopened else set())


def test_a_sequence_that_is_completed_reopens_and_an_archived_one_does_not() -> None:
    """New contacts reopen it; the archive is final."""
    assert SEQUENCE.after(SequenceStatus.COMPLETED, SequenceEvent.REOPEN) is SequenceStatus.ACTIVE
    assert all(SEQUENCE.after(SequenceStatus.ARCHIVED, event) is None for event in SequenceEvent)


def test_a_mailbox_that_was_refused_comes_back_and_a_removed_one_is_restored_first() -> None:
    """Resuming serves after a pause, a refused login and a block."""
    for status in (MailboxStatus.PAUSED, MailboxStatus.NEEDS_AUTH, MailboxStatus.BLOCKED):
        assert MAILBOX.after(status, MailboxEvent.RESUME) is MailboxStatus.ACTIVE
    assert MAILBOX.after(MailboxStatus.PAUSED, MailboxEvent.UNBLOCK) is None
    ways_back = {event: MAILBOX.after(MailboxStatus.REMOVED, event) for event in MailboxEvent}
    assert {event: after for event, after in ways_back.items() if after is not None} == {
        MailboxEvent.RESTORE: MailboxStatus.PAUSED
    }


def test_a_contact_who_unsubscribed_stays_so_when_a_bounce_comes_in() -> None:
    """Unsubscribing is stronger than bouncing."""
    assert CONTACT.after(ContactStatus.BOUNCED, ContactEvent.UNSUBSCRIBE) is ContactStatus.UNSUBSCRIBED
    assert CONTACT.after(ContactStatus.UNSUBSCRIBED, ContactEvent.BOUNCE) is None
