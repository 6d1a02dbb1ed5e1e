"""The verdicts on clear refusals of an email: each row of the table about replies, at its stages."""

from datetime import timedelta

import pytest

from domain.delivery import CAPACITY_WAIT, FULL_MAILBOX_WAIT, ActsOn, Outcome, Verdict, verdict
from domain.replies import Reply, Stage

WITH_RECIPIENT = [Stage.RCPT, Stage.DATA, Stage.BODY, Stage.DOT]


def reply(text: str) -> Reply:
    code, _, rest = text.partition(" ")
    return Reply(int(code), rest)


@pytest.mark.parametrize("stage", [Stage.MAIL, *WITH_RECIPIENT])
@pytest.mark.parametrize(
    "text",
    [
        "421 4.3.0 Temporary system problem",
        "421 4.4.5 Server busy",
        "421 4.7.0 Our system has detected an unusual rate",
        "421 Service closing",
        "450 4.2.1 The user is receiving mail too quickly",
        "452 4.5.3 Too many recipients",
        "432 4.3.2 Concurrent connections limit exceeded",
    ],
)
def test_a_busy_host_makes_the_email_come_back_later(stage: Stage, text: str) -> None:
    """421 4.3.0, 4.4.5, 4.7.0, 450 4.2.1, 452 4.5.3, 432 4.3.2: back off; the host's circuit counts it."""
    assert verdict(stage, reply(text)) == Verdict(Outcome.RETRY, ActsOn.HOST, "host_busy")


@pytest.mark.parametrize("stage", [Stage.AUTH, Stage.MAIL, *WITH_RECIPIENT])
@pytest.mark.parametrize(
    "text",
    [
        "550 5.4.5 Daily user sending limit exceeded",
        "554 5.2.0 STOREDRV.Submission; message submission rate has exceeded the configured limit",
        "554 5.2.0 SubmissionQuotaExceededException",
        "550 5.2.251 Too many",
        "550 5.2.252 Too many",
        "550 5.2.253 Too many",
        "550 5.2.254 Too many",
        "550 5.2.255 Too many",
    ],
)
def test_a_provider_limit_blocks_the_mailbox_and_never_bounces_the_contact(stage: Stage, text: str) -> None:
    """550 5.4.5, 554 5.2.0 (limit), 550 5.2.251–255: permanent by code, capacity by meaning."""
    assert verdict(stage, reply(text)) == Verdict(
        Outcome.MAILBOX_BLOCKED, ActsOn.MAILBOX, "provider_limit", CAPACITY_WAIT
    )


def test_a_provider_limit_lasts_only_as_long_as_the_reply_says() -> None:
    """Up to 24 hours, less if the provider knows better."""
    given = verdict(Stage.MAIL, reply("550 5.4.5 Limit exceeded, try again in 2 hours"))

    assert given.retry_after == timedelta(hours=2, seconds=10)


def test_another_trouble_under_the_code_of_a_limit_is_none() -> None:
    """5.2.0 without a word about a limit is any trouble with a mailbox."""
    assert verdict(Stage.RCPT, reply("554 5.2.0 Mailbox trouble")) == Verdict(
        Outcome.FAILED, ActsOn.EMAIL, "rejected"
    )


@pytest.mark.parametrize("stage", [Stage.MAIL, *WITH_RECIPIENT])
@pytest.mark.parametrize(
    "text",
    [
        "450 4.7.1 Please come back",
        "451 4.7.1 Greylisting in action",
        "450 Greylisted",
        "451 4.3.0 Grey-listed",
        "451 You have been graylisted",
    ],
)
def test_greylisting_comes_back_by_the_schedule(stage: Stage, text: str) -> None:
    """450/451 greylisting, 4.7.1: same mailbox, same sender, minutes later."""
    assert verdict(stage, reply(text)) == Verdict(Outcome.RETRY, ActsOn.EMAIL, "greylisted")


def test_greylisting_that_names_its_time_is_believed() -> None:
    """ "Try again in N minutes" comes before the schedule."""
    assert verdict(Stage.RCPT, reply("451 4.7.1 Greylisted, try again in 7 minutes")) == Verdict(
        Outcome.RETRY, ActsOn.EMAIL, "greylisted", timedelta(minutes=7, seconds=10)
    )


@pytest.mark.parametrize(
    "text", ["450 Requested action not taken", "451 4.4.1 No answer", "452 4.3.1 Disk full"]
)
def test_any_other_4xx_is_tried_again(text: str) -> None:
    """Transient is transient."""
    assert verdict(Stage.RCPT, reply(text)) == Verdict(Outcome.RETRY, ActsOn.EMAIL, "transient")


@pytest.mark.parametrize("stage", WITH_RECIPIENT)
@pytest.mark.parametrize("text", ["452 4.2.2 Over quota", "552 5.2.2 Mailbox full"])
def test_a_full_mailbox_is_a_soft_bounce_a_day_later(stage: Stage, text: str) -> None:
    """452 4.2.2, 552 5.2.2: minutes do not empty a mailbox."""
    assert verdict(stage, reply(text)) == Verdict(
        Outcome.SOFT_BOUNCE, ActsOn.CONTACT, "mailbox_full", FULL_MAILBOX_WAIT
    )
    assert timedelta(days=1) <= FULL_MAILBOX_WAIT <= timedelta(days=2)


@pytest.mark.parametrize("stage", WITH_RECIPIENT)
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("550 5.1.1 The email account does not exist", "unknown_address"),
        ("553 5.1.2 We cannot find the recipient domain", "unknown_domain"),
        ("553 5.1.3 Not a valid address", "bad_address"),
        ("501 5.1.3 Bad recipient address syntax", "bad_address"),
        ("550 5.1.6 Moved", "moved_address"),
        ("550 5.1.10 Recipient not found", "no_mail_here"),
        ("550 5.2.1 The account is disabled", "disabled_address"),
        ("450 5.1.1 User unknown", "unknown_address"),
        ("550 5.1.1 User blocked by policy", "unknown_address"),
    ],
)
def test_an_address_that_leads_nowhere_is_a_hard_bounce(stage: Stage, text: str, reason: str) -> None:
    """550/553 5.1.1, 5.1.2, 5.1.3, 5.1.6, 5.1.10, 5.2.1; the enhanced code beats basic code and words."""
    assert verdict(stage, reply(text)) == Verdict(Outcome.HARD_BOUNCE, ActsOn.CONTACT, reason)


@pytest.mark.parametrize("text", ["553 5.1.1 Unknown sender", "550 5.1.3 Bad address", "550 No such user"])
def test_a_refused_sender_is_never_the_contacts_fault(text: str) -> None:
    """At MAIL the server has not heard of the recipient yet."""
    assert verdict(Stage.MAIL, reply(text)) == Verdict(Outcome.FAILED, ActsOn.MAILBOX, "sender_refused")


@pytest.mark.parametrize("stage", [Stage.MAIL, *WITH_RECIPIENT])
@pytest.mark.parametrize(
    "text",
    [
        "550 5.7.1 Message rejected",
        "550 5.7.26 Unauthenticated sender",
        "550 5.7.515 Access denied",
        "554 5.7.0 Refused",
        "554 Looks like SPAM",
        "550 Your address is blocked",
        "554 Message not accepted for policy reasons",
        "554 listed on our blocklist",
        "550 5.3.0 spam",
    ],
)
def test_a_matter_of_reputation_counts_for_the_guardrail_and_spares_the_contact(
    stage: Stage, text: str
) -> None:
    """5.7.x, "spam", "blocked", "policy": fail this email, do not suppress."""
    assert verdict(stage, reply(text)) == Verdict(Outcome.FAILED, ActsOn.REPUTATION, "policy")


@pytest.mark.parametrize("stage", [Stage.MAIL, *WITH_RECIPIENT])
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("552 5.3.4 Message size exceeds the limit", "too_large"),
        ("550 5.2.3 Message too long, by policy", "too_large"),
        ("554 5.6.0 Malformed message", "malformed"),
        ("550 5.6.1 Media not supported", "malformed"),
        ("501 Syntax error", "malformed"),
        ("555 5.5.4 Unsupported parameters", "malformed"),
    ],
)
def test_a_letter_that_is_wrong_in_itself_fails(stage: Stage, text: str, reason: str) -> None:
    """552 5.3.4, 5.2.3, 5.6.x, 501, 555: the author has to know."""
    assert verdict(stage, reply(text)) == Verdict(Outcome.FAILED, ActsOn.EMAIL, reason)


@pytest.mark.parametrize("stage", WITH_RECIPIENT)
@pytest.mark.parametrize(
    "text",
    [
        "550 User unknown",
        "550 No such user here",
        "550 unknown recipient",
        "550 Recipient not found",
        "550 Mailbox does not exist",
        "550 The account doesn't exist",
        "553 Invalid recipient",
        "550 5.0.0 no such mailbox",
        "550 5.5.0 user unknown",
    ],
)
def test_words_about_an_unknown_user_bounce_where_no_code_says_more(stage: Stage, text: str) -> None:
    """5xx without enhanced code: suppress only on unknown-user wording."""
    assert verdict(stage, reply(text)) == Verdict(Outcome.HARD_BOUNCE, ActsOn.CONTACT, "unknown_address")


@pytest.mark.parametrize("stage", WITH_RECIPIENT)
@pytest.mark.parametrize(
    "text",
    [
        "550 Requested action not taken: mailbox unavailable",
        "554 Transaction failed",
        "550",
        "550 5.4.4 user unknown",
        "503 Bad sequence of commands",
    ],
)
def test_any_other_5xx_fails_the_email_and_nothing_else(stage: Stage, text: str) -> None:
    """What is not clear never bounces a contact."""
    assert verdict(stage, reply(text)) == Verdict(Outcome.FAILED, ActsOn.EMAIL, "rejected")


def test_the_enhanced_code_says_whether_a_refusal_lasts() -> None:
    """A 554 with a 4.x.x is transient, a 451 with a 5.x.x is not."""
    assert verdict(Stage.DOT, reply("554 4.4.2 Timed out")).outcome is Outcome.RETRY
    assert verdict(Stage.DOT, reply("451 5.6.0 Malformed")).outcome is Outcome.FAILED
