"""The verdicts by stage: what comes before the email, after the dot, and in place of a reply."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.delivery import (
    RETRY_SCHEDULE,
    ActsOn,
    Outcome,
    Verdict,
    retry_delay,
    verdict,
)
from domain.replies import Fault, Reply, Stage

BEFORE_MAIL = [Stage.CONNECT, Stage.EHLO, Stage.STARTTLS, Stage.AUTH]
WITH_RECIPIENT = [Stage.RCPT, Stage.DATA, Stage.BODY, Stage.DOT]


def reply(text: str) -> Reply:
    code, _, rest = text.partition(" ")
    return Reply(int(code), rest)


@pytest.mark.parametrize("stage", [*BEFORE_MAIL, Stage.MAIL])
@pytest.mark.parametrize(
    "fault",
    [
        Fault.REFUSED,
        Fault.DNS,
        Fault.TIMEOUT,
        Fault.DROPPED,
        Fault.TLS_FAILED,
        Fault.CERTIFICATE,
        Fault.TOKEN_UNAVAILABLE,
    ],
)
def test_a_host_that_cannot_be_talked_to_costs_the_email_nothing(stage: Stage, fault: Fault) -> None:
    """Connect refused, DNS, timeout, TLS: the mailbox's host is in trouble and no retry is spent."""
    assert verdict(stage, fault) == Verdict(Outcome.HOST_TROUBLE, ActsOn.HOST, fault.value.lower())


@pytest.mark.parametrize("stage", [Stage.RCPT, Stage.DATA, Stage.BODY])
@pytest.mark.parametrize("fault", [Fault.TIMEOUT, Fault.DROPPED])
def test_a_line_that_breaks_in_the_middle_of_an_email_spends_a_retry(stage: Stage, fault: Fault) -> None:
    """The email is provably undelivered, but may itself be what the server dies of."""
    assert verdict(stage, fault) == Verdict(Outcome.RETRY, ActsOn.HOST, fault.value.lower())


@pytest.mark.parametrize("fault", list(Fault))
def test_whatever_hides_the_reply_after_the_dot_leaves_the_email_in_doubt(fault: Fault) -> None:
    """Lost after the dot: only silence is ambiguous."""
    assert verdict(Stage.DOT, fault) == Verdict(Outcome.IN_DOUBT, ActsOn.EMAIL, "lost_after_dot")


@pytest.mark.parametrize(
    ("stage", "fault"),
    [
        (Stage.AUTH, Fault.AUTH_UNAVAILABLE),
        (Stage.AUTH, Fault.TOKEN_REFUSED),
        (Stage.CONNECT, Fault.BLOCKED_HOST),
    ],
)
def test_a_host_that_only_a_person_can_set_right_stops_the_mailbox(stage: Stage, fault: Fault) -> None:
    """Trying again would change nothing."""
    assert verdict(stage, fault) == Verdict(Outcome.NEEDS_AUTH, ActsOn.MAILBOX, fault.value.lower())


@pytest.mark.parametrize(
    ("stage", "text"),
    [
        (Stage.AUTH, "535 5.7.8 Username and Password not accepted"),
        (Stage.AUTH, "535 Authentication failed"),
        (Stage.AUTH, "534 5.7.9 Application-specific password required"),
        (Stage.AUTH, "530 5.7.0 Must issue a STARTTLS command first"),
        (Stage.AUTH, "550 5.7.30 Basic authentication is not supported"),
        (Stage.AUTH, "504 5.7.4 Unrecognized authentication type"),
        (Stage.AUTH, "503 Authentication is not enabled"),
        (Stage.EHLO, "530 Authentication required"),
        (Stage.MAIL, "530 5.7.0 Authentication required"),
        (Stage.MAIL, "530 5.5.1 Authentication Required"),
        (Stage.MAIL, "550 5.7.30 Basic authentication is not supported"),
        (Stage.RCPT, "530 Authentication required for relaying"),
        (Stage.RCPT, "535 5.7.139 Authentication unsuccessful"),
        (Stage.DOT, "530 5.7.57 Client not authenticated to send mail"),
    ],
)
def test_a_refused_login_needs_the_mailboxs_owner(stage: Stage, text: str) -> None:
    """535 5.7.8, 534, 530, 550 5.7.30: the contact is untouched."""
    assert verdict(stage, reply(text)) == Verdict(Outcome.NEEDS_AUTH, ActsOn.MAILBOX, "authentication")


@pytest.mark.parametrize(
    ("stage", "text", "reason"),
    [
        (Stage.CONNECT, "421 4.3.0 Temporary system problem", "connect_refused"),
        (Stage.CONNECT, "554 5.7.1 No service for your address", "connect_refused"),
        (Stage.EHLO, "421 4.7.0 Too many connections", "ehlo_refused"),
        (Stage.STARTTLS, "454 4.7.0 TLS not available", "starttls_refused"),
        (Stage.STARTTLS, "502 5.5.1 Not implemented", "starttls_refused"),
        (Stage.AUTH, "454 4.7.0 Temporary authentication failure", "auth_refused"),
        (Stage.AUTH, "432 4.3.2 Concurrent connections limit exceeded", "auth_refused"),
    ],
)
def test_a_refusal_before_the_email_is_named_is_trouble_with_the_host(
    stage: Stage, text: str, reason: str
) -> None:
    """It says nothing about the email, whose retries are not spent."""
    assert verdict(stage, reply(text)) == Verdict(Outcome.HOST_TROUBLE, ActsOn.HOST, reason)


@pytest.mark.parametrize("code", [200, 250, 251, 252, 299])
def test_a_2xx_after_the_dot_is_sent(code: int) -> None:
    """Whatever else the text says."""
    assert verdict(Stage.DOT, Reply(code, "5.1.1 odd")) == Verdict(Outcome.SENT, ActsOn.EMAIL, "accepted")


@pytest.mark.parametrize("code", [0, 150, 354, 399, 600])
def test_neither_yes_nor_no_after_the_dot_is_in_doubt(code: int) -> None:
    """Only a clear refusal proves that the email was not taken."""
    assert verdict(Stage.DOT, Reply(code, "")) == Verdict(Outcome.IN_DOUBT, ActsOn.EMAIL, "unclear_after_dot")


@pytest.mark.parametrize(
    ("stage", "outcome"),
    [(Stage.AUTH, Outcome.HOST_TROUBLE), (Stage.DATA, Outcome.RETRY), (Stage.BODY, Outcome.RETRY)],
)
def test_a_server_out_of_step_has_accepted_nothing(stage: Stage, outcome: Outcome) -> None:
    """A 250 where a 354 belongs, for example."""
    assert verdict(stage, Reply(250, "2.0.0 OK")) == Verdict(outcome, ActsOn.HOST, "out_of_order")


@given(
    stage=st.sampled_from(Stage),
    answer=st.sampled_from(Fault)
    | st.builds(
        Reply,
        code=st.integers(0, 999),
        text=st.text(max_size=20)
        | st.from_regex(
            r"[245]\.[0-7]\.[0-9]{1,3} (try again in [0-9]{1,12} (seconds|hours))?", fullmatch=True
        ),
    ),
)
def test_only_the_dot_can_send_or_leave_doubt_and_only_a_named_recipient_bounces(
    stage: Stage, answer: Reply | Fault
) -> None:
    """Before the dot the email is provably undelivered; before RCPT no contact is touched."""
    given_verdict = verdict(stage, answer)

    if given_verdict.outcome in (Outcome.SENT, Outcome.IN_DOUBT):
        assert stage is Stage.DOT
    if given_verdict.acts_on is ActsOn.CONTACT:
        assert stage in WITH_RECIPIENT
    if given_verdict.outcome is Outcome.HOST_TROUBLE:
        assert stage in (*BEFORE_MAIL, Stage.MAIL)
    assert given_verdict.retry_after is None or given_verdict.retry_after <= timedelta(hours=24)


def test_retries_wait_5_15_and_30_minutes_and_then_end() -> None:
    """The first attempt and at most three retries."""
    delays = [retry_delay(spent) for spent in range(5)]

    assert delays == [timedelta(minutes=5), timedelta(minutes=15), timedelta(minutes=30), None, None]
    assert tuple(delays[:3]) == RETRY_SCHEDULE


def test_another_schedule_may_be_given() -> None:
    """Tests and the demo use seconds."""
    assert retry_delay(0, (timedelta(seconds=1),)) == timedelta(seconds=1)
    assert retry_delay(1, (timedelta(seconds=1),)) is None
