"""Judgement: the result of an attempt and what follows from it, by what ended the handover."""

from dataclasses import replace
from datetime import date, timedelta
from uuid import UUID

import pytest

from actors.judgement import Judgement, judge, why_set_aside
from actors.smtp import Handover, Interrupted, Withheld
from domain.circuit import Encounter
from domain.delivery import RETRY_SCHEDULE
from domain.ids import ContactId, EmailId, EnrollmentId, MailboxId, SequenceId, WorkspaceId
from domain.letter import StepText
from domain.lifecycle import EmailEvent
from domain.replies import Fault, Reply, Stage
from persistence.attempts import Attempt, Login
from persistence.results import Result
from tests.support.world import MONDAY

ID = UUID(int=1)
FIVE, FIFTEEN, THIRTY = RETRY_SCHEDULE
DAY = timedelta(hours=24)


def attempt_of(*, retry_count: int = 0) -> Attempt:
    return Attempt(
        email_id=EmailId(ID),
        workspace_id=WorkspaceId(ID),
        enrollment_id=EnrollmentId(ID),
        sequence_id=SequenceId(ID),
        contact_id=ContactId(ID),
        mailbox_id=MailboxId(ID),
        number=1,
        token=ID,
        retry_count=retry_count,
        quota_day=date(2026, 3, 2),
        capacity=30,
        assumes_sent=True,
        window_day=date(2026, 3, 2),
        from_name="",
        from_address="me@example.com",
        login=Login("127.0.0.1", 2525, "NONE", None, None),
        recipient_name=None,
        recipient_address="you@example.test",
        fields={},
        step_text=StepText("Hello", "Hello", None),
        step_version_id=ID,
        message_id="<1@example.com>",
        thread=None,
    )


ATTEMPT = attempt_of()


def ended(event: EmailEvent, reason: str, code: int | None, reply: str | None, **more: object) -> Result:
    """A result after which all is well with the host, unless *more* says otherwise."""
    return Result(ATTEMPT, event, reason, code, reply, **{"encounter": Encounter()} | more)  # type: ignore[arg-type]  # by its own names


@pytest.mark.parametrize(
    ("handover", "judgement"),
    [
        (
            Handover(Stage.DOT, Reply(250, "2.0.0 queued")),
            Judgement(ended(EmailEvent.ACCEPT, "accepted", 250, "2.0.0 queued")),
        ),
        (
            Handover(Stage.DOT, Fault.DROPPED, "connection reset"),
            Judgement(
                ended(
                    EmailEvent.LOSE_SIGHT,
                    "lost_after_dot",
                    None,
                    "connection reset",
                    encounter=Encounter("connection reset"),
                )
            ),
        ),
        (
            Handover(Stage.RCPT, Reply(550, "5.1.1 nobody")),
            Judgement(ended(EmailEvent.FAIL, "unknown_address", 550, "5.1.1 nobody", bounces=True)),
        ),
        (
            Handover(Stage.DOT, Reply(552, "5.3.4 too big")),
            Judgement(ended(EmailEvent.FAIL, "too_large", 552, "5.3.4 too big")),
        ),
        (
            Handover(Stage.DOT, Reply(550, "5.7.1 spam")),
            Judgement(ended(EmailEvent.FAIL, "policy", 550, "5.7.1 spam", is_refused_by_policy=True)),
        ),
        (
            Handover(Stage.DOT, Interrupted()),
            Judgement(ended(EmailEvent.LOSE_SIGHT, "WORKER_STOPPED", None, None, encounter=None)),
        ),
        (
            Handover(Stage.BODY, Interrupted()),
            Judgement(ended(EmailEvent.RELEASE, "WORKER_STOPPED", None, None, encounter=None)),
        ),
        (
            Handover(Stage.RCPT, Reply(451, "4.7.1 greylisted")),
            Judgement(
                ended(
                    EmailEvent.RETRY,
                    "greylisted",
                    451,
                    "4.7.1 greylisted",
                    retry_at=MONDAY + FIVE,
                    spends_retry=True,
                ),
                retry_in=FIVE,
            ),
        ),
        (
            Handover(Stage.RCPT, Reply(452, "4.2.2 mailbox full")),
            Judgement(
                ended(
                    EmailEvent.RETRY,
                    "mailbox_full",
                    452,
                    "4.2.2 mailbox full",
                    retry_at=MONDAY + DAY,
                    spends_retry=True,
                ),
                retry_in=DAY,
            ),
        ),
        (
            Handover(Stage.CONNECT, Fault.REFUSED),
            Judgement(
                ended(
                    EmailEvent.RETRY,
                    "refused",
                    None,
                    None,
                    retry_at=MONDAY + FIVE,
                    encounter=Encounter("REFUSED"),
                ),
                retry_in=FIVE,
            ),
        ),
        (
            Handover(Stage.AUTH, Reply(535, "5.7.8 wrong")),
            Judgement(ended(EmailEvent.RELEASE, "authentication", 535, "5.7.8 wrong"), login_refused=True),
        ),
        (
            Handover(Stage.MAIL, Reply(550, "5.4.5 limit, try again in 60 minutes")),
            Judgement(
                ended(
                    EmailEvent.RELEASE,
                    "provider_limit",
                    550,
                    "5.4.5 limit, try again in 60 minutes",
                    needs_planner=True,
                ),
                rest=timedelta(minutes=60, seconds=10),
            ),
        ),
        (
            Handover(Stage.DOT, Reply(550, "5.4.5 limit")),
            Judgement(
                ended(EmailEvent.RETRY, "provider_limit", 550, "5.4.5 limit", retry_at=MONDAY + FIVE),
                retry_in=FIVE,
                rest=DAY,
            ),
        ),
        (
            Handover(Stage.DOT, Reply(550, "5.7.30 no passwords")),
            Judgement(
                ended(EmailEvent.RETRY, "authentication", 550, "5.7.30 no passwords", retry_at=MONDAY + FIVE),
                retry_in=FIVE,
                login_refused=True,
            ),
        ),
        (
            Handover(Stage.BODY, Reply(550, "5.7.30 no passwords")),
            Judgement(
                ended(EmailEvent.RETRY, "authentication", 550, "5.7.30 no passwords", retry_at=MONDAY + FIVE),
                retry_in=FIVE,
                login_refused=True,
            ),
        ),
        (
            Handover(Stage.BODY, Withheld()),
            Judgement(ended(EmailEvent.RETRY, "WITHHELD", None, None, retry_at=MONDAY + FIVE), retry_in=FIVE),
        ),
    ],
    ids=lambda case: f"{case.stage} {case.answer}" if isinstance(case, Handover) else "",
)
def test_every_outcome_has_its_result(handover: Handover, judgement: Judgement) -> None:
    """Events, reasons, times and consequences, whole."""
    assert judge(ATTEMPT, handover, now=MONDAY, schedule=RETRY_SCHEDULE) == judgement


@pytest.mark.parametrize(("retry_count", "wait"), [(0, FIVE), (1, FIFTEEN), (2, THIRTY)])
def test_the_wait_grows_with_each_retry(retry_count: int, wait: timedelta) -> None:
    """5, 15 and 30 minutes."""
    attempt = attempt_of(retry_count=retry_count)

    judgement = judge(attempt, Handover(Stage.RCPT, Reply(451, "later")), now=MONDAY, schedule=RETRY_SCHEDULE)

    assert judgement.retry_in == wait
    assert judgement.result.retry_at == MONDAY + wait


@pytest.mark.parametrize("reply", [Reply(451, "4.7.1 later"), Reply(452, "4.2.2 mailbox full")])
def test_the_fourth_refusal_is_the_last(reply: Reply) -> None:
    """Whatever is refused for now after three retries has failed, and is no bounce."""
    attempt = attempt_of(retry_count=3)

    judgement = judge(attempt, Handover(Stage.RCPT, reply), now=MONDAY, schedule=RETRY_SCHEDULE)

    assert judgement == Judgement(
        Result(
            attempt,
            EmailEvent.FAIL,
            "RETRIES_EXHAUSTED",
            reply.code,
            reply.text,
            bounces_softly=reply.enhanced == "4.2.2",
            encounter=Encounter(),
        )
    )


def test_a_host_in_trouble_is_tried_again_after_the_last_retry() -> None:
    """It spends none: the email was never looked at."""
    attempt = attempt_of(retry_count=3)

    judgement = judge(attempt, Handover(Stage.EHLO, Fault.TIMEOUT), now=MONDAY, schedule=RETRY_SCHEDULE)

    assert (judgement.result.event, judgement.result.spends_retry) == (EmailEvent.RETRY, False)
    assert judgement.retry_in == FIVE


@pytest.mark.parametrize(
    ("host_troubles", "wait"), [(0, FIVE), (2, FIVE), (3, FIFTEEN), (4, THIRTY), (99, THIRTY)]
)
def test_a_host_in_trouble_is_left_alone_for_longer_each_time(host_troubles: int, wait: timedelta) -> None:
    """The email waits as long as the circuit does after this trouble, and comes back to try the host."""
    attempt = replace(ATTEMPT, host_troubles=host_troubles)

    judgement = judge(attempt, Handover(Stage.EHLO, Fault.TIMEOUT), now=MONDAY, schedule=RETRY_SCHEDULE)

    assert judgement.retry_in == wait


@pytest.mark.parametrize(
    ("reason", "reply", "told"),
    [
        (
            "blocked_host",
            "mail.test is 127.0.0.1: loopback",
            (
                "Drumbeat does not connect to this host: mail.test is 127.0.0.1: loopback. Give the mailbox"
                " another host, or have the operator allow its network (DRUMBEAT_SMTP_ALLOW_NETWORKS)."
            ),
        ),
        ("authentication", "535 5.7.8 wrong password", "535 5.7.8 wrong password"),
        ("auth_unavailable", None, "auth_unavailable"),
    ],
)
def test_the_owner_of_a_mailbox_is_told_what_to_do(reason: str, reply: str | None, told: str) -> None:
    """Where a server was asked, in its words."""
    result = Result(ATTEMPT, EmailEvent.RELEASE, reason, reply=reply)

    assert why_set_aside(result) == told
