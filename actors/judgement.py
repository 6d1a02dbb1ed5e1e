"""Judgement: from what ended an attempt to the result that is recorded and what follows from it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from actors.smtp import Handover, Interrupted, Withheld
from domain.circuit import Encounter, encounter_of, rest_after
from domain.delivery import CAPACITY_WAIT, ActsOn, Outcome, Verdict, retry_delay, verdict
from domain.lifecycle import EmailEvent
from domain.replies import Fault, Reply, Stage
from persistence.attempts import Attempt
from persistence.results import Result


@dataclass(frozen=True, slots=True)
class Judgement:
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
        result = Result(attempt, EmailEvent.RETRY, "WITHHELD", retry_at=now + wait, encounter=Encounter())
        return Judgement(result, retry_in=wait)
    found = verdict(handover.stage, handover.answer)
    judgement = _judged(attempt, handover, found, now=now, schedule=schedule)
    encounter = encounter_of(handover.answer, found, handover.detail)
    return replace(judgement, result=replace(judgement.result, encounter=encounter))


def why_set_aside(result: Result) -> str:
    """For the owner of the mailbox: what its server said, and what to do where none was asked."""
    said = result.reply or result.reason
    if result.reason == Fault.BLOCKED_HOST.lower():
        return (
            f"Drumbeat does not connect to this host: {said}. Give the mailbox another host, or have the"
            " operator allow its network (DRUMBEAT_SMTP_ALLOW_NETWORKS)."
        )
    return said


def _judged(
    attempt: Attempt, handover: Handover, found: Verdict, *, now: datetime, schedule: Sequence[timedelta]
) -> Judgement:
    code = handover.answer.code if isinstance(handover.answer, Reply) else None
    said = handover.answer.text if isinstance(handover.answer, Reply) else handover.detail or None
    match found.outcome:
        case Outcome.SENT:
            return Judgement(Result(attempt, EmailEvent.ACCEPT, found.reason, code, said))
        case Outcome.IN_DOUBT:
            return Judgement(Result(attempt, EmailEvent.LOSE_SIGHT, found.reason, code, said))
        case Outcome.FAILED | Outcome.HARD_BOUNCE:
            result = Result(
                attempt,
                EmailEvent.FAIL,
                found.reason,
                code,
                said,
                bounces=found.outcome is Outcome.HARD_BOUNCE,
                is_refused_by_policy=found.acts_on is ActsOn.REPUTATION,
            )
            return Judgement(result)
        case Outcome.NEEDS_AUTH | Outcome.MAILBOX_BLOCKED:
            return _set_aside(attempt, handover.stage, found, code, said, now=now, wait=min(schedule))
        case Outcome.RETRY | Outcome.SOFT_BOUNCE | Outcome.HOST_TROUBLE:
            return _again(attempt, found, code, said, now=now, schedule=schedule)


def _set_aside(
    attempt: Attempt,
    stage: Stage,
    found: Verdict,
    code: int | None,
    said: str | None,
    *,
    now: datetime,
    wait: timedelta,
) -> Judgement:
    """The mailbox cannot send, for now or without a person; the email loses nothing by it."""
    is_blocked = found.outcome is Outcome.MAILBOX_BLOCKED
    rest = (found.retry_after or CAPACITY_WAIT) if is_blocked else None
    if stage in (Stage.BODY, Stage.DOT):
        # Perhaps past the point of no return, where nothing is given back: the gate holds it next time.
        result = Result(attempt, EmailEvent.RETRY, found.reason, code, said, retry_at=now + wait)
        return Judgement(result, wait, login_refused=not is_blocked, rest=rest)
    result = Result(attempt, EmailEvent.RELEASE, found.reason, code, said, needs_planner=is_blocked)
    return Judgement(result, login_refused=not is_blocked, rest=rest)


def _again(
    attempt: Attempt,
    found: Verdict,
    code: int | None,
    said: str | None,
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
        return Judgement(
            Result(attempt, EmailEvent.FAIL, "RETRIES_EXHAUSTED", code, said, bounces_softly=stayed_full)
        )
    wait = found.retry_after or wait
    result = Result(
        attempt, EmailEvent.RETRY, found.reason, code, said, retry_at=now + wait, spends_retry=spends
    )
    return Judgement(result, retry_in=wait)
