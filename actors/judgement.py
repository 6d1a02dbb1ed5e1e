"""Judgement: from what ended an attempt to the result that is recorded and what follows from it."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple

from actors.smtp import Handover, Interrupted, Withheld
from domain.circuit import ANSWERED, encounter_of, rest_after
from domain.delivery import CAPACITY_WAIT, ActsOn, Outcome, Verdict, retry_delay, verdict
from domain.lifecycle import EmailEvent
from domain.replies import Fault, Reply, Stage
from persistence.attempts import Attempt
from persistence.results import Result


class Judgement(NamedTuple):
    """
    The *result* of an attempt. *retry_in* asks for a message after that wait; *login_refused* and *rest*
    concern the mailbox.
    """

    result: Result
    retry_in: timedelta | None = None
    login_refused: bool = False
    rest: timedelta | None = None


def judge(attempt: Attempt, handover: Handover, *, now: datetime, schedule: Sequence[timedelta]) -> Judgement:
    """What *handover*, ended at business time *now*, means for *attempt* (see `domain.delivery`)."""
    if isinstance(handover.answer, Interrupted):
        # The host is not to blame, so its circuit hears nothing of it.
        event = EmailEvent.LOSE_SIGHT if handover.stage is Stage.DOT else EmailEvent.RELEASE
        return Judgement(Result(attempt, event, "WORKER_STOPPED"))
    if isinstance(handover.answer, Withheld):
        # Marked or not, nothing was handed over: it comes again, and the gate asks anew what withheld it.
        wait = min(schedule)
        result = Result(attempt, EmailEvent.RETRY, "WITHHELD", retry_at=now + wait, encounter=ANSWERED)
        return Judgement(result, retry_in=wait)
    found = verdict(handover.stage, handover.answer)
    # What every result of this handover tells, besides its event and the reason.
    ending = partial(
        Result,
        attempt,
        code=handover.answer.code if isinstance(handover.answer, Reply) else None,
        reply=handover.answer.text if isinstance(handover.answer, Reply) else handover.detail or None,
        encounter=encounter_of(handover.answer, found, handover.detail),
    )
    match found.outcome:
        case Outcome.SENT:
            return Judgement(ending(EmailEvent.ACCEPT, found.reason))
        case Outcome.IN_DOUBT:
            return Judgement(ending(EmailEvent.LOSE_SIGHT, found.reason))
        case Outcome.FAILED | Outcome.HARD_BOUNCE:
            bounces = found.outcome is Outcome.HARD_BOUNCE
            by_policy = found.acts_on is ActsOn.REPUTATION
            return Judgement(
                ending(EmailEvent.FAIL, found.reason, bounces=bounces, is_refused_by_policy=by_policy)
            )
        case Outcome.NEEDS_AUTH | Outcome.MAILBOX_BLOCKED:
            return _set_aside(ending, handover.stage, found, now=now, wait=min(schedule))
        case Outcome.RETRY | Outcome.SOFT_BOUNCE | Outcome.HOST_TROUBLE:
            return _again(attempt, ending, found, now=now, schedule=schedule)


def why_set_aside(result: Result) -> str:
    """For the owner of the mailbox: what its server said, and what to do where none was asked."""
    said = result.reply or result.reason
    if result.reason == Fault.BLOCKED_HOST.lower():
        return (
            f"Drumbeat does not connect to this host: {said}. Give the mailbox another host, or have the"
            " operator allow its network (DRUMBEAT_SMTP_ALLOW_NETWORKS)."
        )
    return said


def _set_aside(
    ending: "partial[Result]", stage: Stage, found: Verdict, *, now: datetime, wait: timedelta
) -> Judgement:
    """The mailbox cannot send, for now or without a person; the email loses nothing by it."""
    is_blocked = found.outcome is Outcome.MAILBOX_BLOCKED
    rest = (found.retry_after or CAPACITY_WAIT) if is_blocked else None
    if stage in (Stage.BODY, Stage.DOT):
        # Perhaps past the point of no return, where nothing is given back: the gate holds it next time.
        result = ending(EmailEvent.RETRY, found.reason, retry_at=now + wait)
        return Judgement(result, wait, login_refused=not is_blocked, rest=rest)
    result = ending(EmailEvent.RELEASE, found.reason, needs_planner=is_blocked)
    return Judgement(result, login_refused=not is_blocked, rest=rest)


def _again(
    attempt: Attempt,
    ending: "partial[Result]",
    found: Verdict,
    *,
    now: datetime,
    schedule: Sequence[timedelta],
) -> Judgement:
    """A retry, if one is left. Trouble with the host spends none: the email was never looked at."""
    spends = found.outcome is not Outcome.HOST_TROUBLE
    if spends:
        wait = retry_delay(attempt.retry_count, schedule)
    else:
        # As long as the circuit leaves the host alone for this trouble: it comes back to try it again.
        wait = rest_after(attempt.host_troubles + 1, schedule)
    if wait is None:
        stayed_full = found.outcome is Outcome.SOFT_BOUNCE
        return Judgement(ending(EmailEvent.FAIL, "RETRIES_EXHAUSTED", bounces_softly=stayed_full))
    wait = found.retry_after or wait
    result = ending(EmailEvent.RETRY, found.reason, retry_at=now + wait, spends_retry=spends)
    return Judgement(result, retry_in=wait)
