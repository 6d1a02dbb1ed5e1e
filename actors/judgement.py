"""Judgement: from what ended an attempt to the result that is recorded and what follows from it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from actors.smtp import Handover, Withheld
from domain.delivery import CAPACITY_WAIT, Outcome, Verdict, retry_delay, verdict
from domain.lifecycle import EmailEvent
from domain.replies import Reply
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


_RELEASING = frozenset({Outcome.NEEDS_AUTH, Outcome.MAILBOX_BLOCKED})


def judge(attempt: Attempt, handover: Handover, *, now: datetime, schedule: Sequence[timedelta]) -> Judgement:
    """What *handover*, ended at business time *now*, means for *attempt* (see `domain.delivery`)."""
    if isinstance(handover.answer, Withheld):
        return Judgement(Result(attempt, EmailEvent.RELEASE, "WITHHELD"))
    found = verdict(handover.stage, handover.answer)
    code = handover.answer.code if isinstance(handover.answer, Reply) else None
    said = handover.answer.text if isinstance(handover.answer, Reply) else handover.detail or None
    match found.outcome:
        case Outcome.SENT:
            return Judgement(Result(attempt, EmailEvent.ACCEPT, found.reason, code, said))
        case Outcome.IN_DOUBT:
            return Judgement(Result(attempt, EmailEvent.LOSE_SIGHT, found.reason, code, said))
        case Outcome.FAILED | Outcome.HARD_BOUNCE:
            bounces = found.outcome is Outcome.HARD_BOUNCE
            return Judgement(Result(attempt, EmailEvent.FAIL, found.reason, code, said, bounces=bounces))
        case Outcome.NEEDS_AUTH:
            return Judgement(
                Result(attempt, EmailEvent.RELEASE, found.reason, code, said), login_refused=True
            )
        case Outcome.MAILBOX_BLOCKED:
            result = Result(attempt, EmailEvent.RELEASE, found.reason, code, said, needs_planner=True)
            return Judgement(result, rest=found.retry_after or CAPACITY_WAIT)
        case Outcome.RETRY | Outcome.SOFT_BOUNCE | Outcome.HOST_TROUBLE:
            return _again(attempt, found, code, said, now=now, schedule=schedule)


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
    wait = retry_delay(attempt.retry_count if spends else 0, schedule)
    if wait is None:
        return Judgement(Result(attempt, EmailEvent.FAIL, "RETRIES_EXHAUSTED", code, said))
    wait = found.retry_after or wait
    result = Result(
        attempt, EmailEvent.RETRY, found.reason, code, said, retry_at=now + wait, spends_retry=spends
    )
    return Judgement(result, retry_in=wait)
