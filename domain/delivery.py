"""What a reply, or its absence, means for the email, its contact and its mailbox."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from domain.replies import Fault, Reply, Stage

__all__ = [
    "CAPACITY_WAIT",
    "FULL_MAILBOX_WAIT",
    "NEEDS_A_PERSON",
    "RESEND_WAIT",
    "RETRY_SCHEDULE",
    "UNREACHABLE",
    "ActsOn",
    "Fault",
    "Outcome",
    "Reply",
    "Stage",
    "Verdict",
    "retry_delay",
    "verdict",
]

RETRY_SCHEDULE = (timedelta(minutes=5), timedelta(minutes=15), timedelta(minutes=30))
FULL_MAILBOX_WAIT = timedelta(days=1)
"""How long a full mailbox is left alone."""
CAPACITY_WAIT = timedelta(hours=24)
"""How long a mailbox over its provider's limit rests, unless the reply says less."""


RESEND_WAIT = timedelta(minutes=15)
"""
How long an email is in doubt before it goes out once more, where its mailbox wants that: longer than a sender
that is given up may still wait for the reply to its dot (RFC 5321 §4.5.3.2.6).
"""


class Outcome(StrEnum):
    SENT = "SENT"
    RETRY = "RETRY"
    """Not delivered, by a clear answer: one of the email's retries is spent."""
    FAILED = "FAILED"
    HOST_TROUBLE = "HOST_TROUBLE"
    """The conversation never came to this email: it goes back and no retry is spent."""
    NEEDS_AUTH = "NEEDS_AUTH"
    """The mailbox waits for a person; its emails go back."""
    MAILBOX_BLOCKED = "MAILBOX_BLOCKED"
    """The provider's limit is reached: never a bounce; the budget is given back."""
    HARD_BOUNCE = "HARD_BOUNCE"
    SOFT_BOUNCE = "SOFT_BOUNCE"
    IN_DOUBT = "IN_DOUBT"


class ActsOn(StrEnum):
    EMAIL = "EMAIL"
    CONTACT = "CONTACT"
    MAILBOX = "MAILBOX"
    HOST = "HOST"
    """The mailbox's SMTP host: what its circuit counts."""
    REPUTATION = "REPUTATION"
    """Of mailbox and domain: what the guardrail counts."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """*reason* is one word for machines; without *retry_after*, the wait is by the caller's schedule."""

    outcome: Outcome
    acts_on: ActsOn
    reason: str
    retry_after: timedelta | None = None


_ACCEPTED = Verdict(Outcome.SENT, ActsOn.EMAIL, "accepted")


def retry_delay(retries_so_far: int, schedule: Sequence[timedelta] = RETRY_SCHEDULE) -> timedelta | None:
    """Return the wait before the next retry; None when they are used up and the email is FAILED."""
    return schedule[retries_so_far] if retries_so_far < len(schedule) else None


def verdict(stage: Stage, answer: Reply | Fault) -> Verdict:
    """
    Judge the *answer* that ended an attempt at *stage*; only a 2xx after the dot is SENT.

    The enhanced code is preferred over the basic one, and counts by its own first digit
    (RFC 3463 §2; a server may answer ``554 4.4.2``).
    """
    if isinstance(answer, Fault):
        return _without_reply(stage, answer)
    if stage is Stage.DOT and 200 <= answer.code < 300:
        return _ACCEPTED
    if not 400 <= answer.code < 600:
        return _out_of_order(stage)
    if _is_over_limit(answer):
        wait = min(answer.try_again_in or CAPACITY_WAIT, CAPACITY_WAIT)
        return Verdict(Outcome.MAILBOX_BLOCKED, ActsOn.MAILBOX, "provider_limit", wait)
    return _of_mailbox_host(stage, answer) if stage in _BEFORE_MAIL else _of_email(stage, answer)


_LIMIT_ENHANCED = frozenset({"5.4.5", "5.2.251", "5.2.252", "5.2.253", "5.2.254", "5.2.255"})
# 5.2.0 alone is any other trouble with a mailbox; Exchange Online adds what it means.
_LIMIT_WORDS = re.compile(r"\blimit|submissionquota", re.IGNORECASE)


def _is_over_limit(reply: Reply) -> bool:
    if reply.enhanced == "5.2.0":
        return bool(_LIMIT_WORDS.search(reply.text))
    return reply.enhanced in _LIMIT_ENHANCED


_BEFORE_MAIL = frozenset({Stage.CONNECT, Stage.EHLO, Stage.STARTTLS, Stage.AUTH})
_NAMES_RECIPIENT = frozenset({Stage.RCPT, Stage.DATA, Stage.BODY, Stage.DOT})

NEEDS_A_PERSON = frozenset({Fault.AUTH_UNAVAILABLE, Fault.TOKEN_REFUSED, Fault.BLOCKED_HOST})


def _without_reply(stage: Stage, fault: Fault) -> Verdict:
    if stage is Stage.DOT:
        return Verdict(Outcome.IN_DOUBT, ActsOn.EMAIL, "lost_after_dot")
    if fault in NEEDS_A_PERSON:
        return Verdict(Outcome.NEEDS_AUTH, ActsOn.MAILBOX, fault.lower())
    # A kept connection often dies unseen and shows it at MAIL, which says nothing about the email.
    if stage in _BEFORE_MAIL or stage is Stage.MAIL:
        return Verdict(Outcome.HOST_TROUBLE, ActsOn.HOST, fault.lower())
    # Later the email itself may be what the server dies of: it must not come round for ever.
    return Verdict(Outcome.RETRY, ActsOn.HOST, fault.lower())


def _out_of_order(stage: Stage) -> Verdict:
    """No refusal, yet not what ends an attempt: a server that is not in step with us."""
    if stage is Stage.DOT:
        return Verdict(Outcome.IN_DOUBT, ActsOn.EMAIL, "unclear_after_dot")
    if stage in _BEFORE_MAIL:
        return Verdict(Outcome.HOST_TROUBLE, ActsOn.HOST, "out_of_order")
    return Verdict(Outcome.RETRY, ActsOn.HOST, "out_of_order")


# RFC 4954 §6, and 538 of its predecessor.
_AUTH_CODES = frozenset({530, 534, 535, 538})
# 5.7.30: basic authentication switched off; 5.7.57 and 5.7.139: Exchange Online's own two.
_AUTH_ENHANCED = frozenset({"5.7.8", "5.7.9", "5.7.30", "5.7.57", "5.7.139"})


def _is_about_login(reply: Reply) -> bool:
    return reply.code in _AUTH_CODES or reply.enhanced in _AUTH_ENHANCED


def _of_mailbox_host(stage: Stage, reply: Reply) -> Verdict:
    refuses_login = stage is Stage.AUTH and _is_permanent(reply)
    if refuses_login or _is_about_login(reply):
        return Verdict(Outcome.NEEDS_AUTH, ActsOn.MAILBOX, "authentication")
    return Verdict(Outcome.HOST_TROUBLE, ActsOn.HOST, f"{stage.lower()}_refused", reply.try_again_in)


def _is_permanent(reply: Reply) -> bool:
    return reply.enhanced.startswith("5") if reply.enhanced else reply.code >= 500


def _of_email(stage: Stage, reply: Reply) -> Verdict:
    if stage in _NAMES_RECIPIENT and (bounce := _bounce(reply)):
        return bounce
    if _is_about_login(reply):
        return Verdict(Outcome.NEEDS_AUTH, ActsOn.MAILBOX, "authentication")
    return _permanent(stage, reply) if _is_permanent(reply) else _transient(reply)


_UNREACHABLE = {
    "5.1.1": "unknown_address",
    "5.1.2": "unknown_domain",
    "5.1.3": "bad_address",
    "5.1.6": "moved_address",
    "5.1.10": "no_mail_here",
    "5.2.1": "disabled_address",
}


UNREACHABLE = frozenset(_UNREACHABLE.values())
"""The reasons of a hard bounce."""


def _bounce(reply: Reply) -> Verdict | None:
    if reply.enhanced in ("4.2.2", "5.2.2"):
        return Verdict(Outcome.SOFT_BOUNCE, ActsOn.CONTACT, "mailbox_full", FULL_MAILBOX_WAIT)
    if reply.enhanced in _UNREACHABLE:
        return Verdict(Outcome.HARD_BOUNCE, ActsOn.CONTACT, _UNREACHABLE[reply.enhanced])
    return None


_HOST_BUSY = frozenset({"4.3.0", "4.3.2", "4.4.5", "4.7.0", "4.2.1", "4.5.3"})
_GREYLIST_WORDS = re.compile(r"gr[ea]y-?\s?list", re.IGNORECASE)


def _transient(reply: Reply) -> Verdict:
    wait = reply.try_again_in
    if reply.enhanced == "4.7.1" or _GREYLIST_WORDS.search(reply.text):
        return Verdict(Outcome.RETRY, ActsOn.EMAIL, "greylisted", wait)
    if reply.code == 421 or reply.enhanced in _HOST_BUSY:
        return Verdict(Outcome.RETRY, ActsOn.HOST, "host_busy", wait)
    return Verdict(Outcome.RETRY, ActsOn.EMAIL, "transient", wait)


_TOO_LARGE = frozenset({"5.3.4", "5.2.3"})
_REPUTATION_WORDS = re.compile(r"\bspam|\bblocked\b|\bpolicy\b|\bblock-?list|\bblack-?list", re.IGNORECASE)
_UNKNOWN_USER_WORDS = re.compile(
    r"\b(user|recipient|address|mailbox|account)\s+(is\s+)?(unknown|not\s+found|does\s*n.t\s+exist|does\s+not\s+exist)"
    r"|\b(unknown|no\s+such|invalid)\s+(local\s+)?(user|recipient|mailbox|address|account)\b",
    re.IGNORECASE,
)
# "Other or undefined": codes that say no more than the basic one (RFC 3463 §3.1).
_SAYS_NOTHING = frozenset({None, "5.0.0", "5.5.0"})


def _permanent(stage: Stage, reply: Reply) -> Verdict:
    enhanced = reply.enhanced or ""
    if enhanced in _TOO_LARGE:
        return Verdict(Outcome.FAILED, ActsOn.EMAIL, "too_large")
    if enhanced.startswith("5.6.") or reply.code in (501, 555):
        return Verdict(Outcome.FAILED, ActsOn.EMAIL, "malformed")
    if enhanced.startswith("5.7.") or _REPUTATION_WORDS.search(reply.text):
        return Verdict(Outcome.FAILED, ActsOn.REPUTATION, "policy")
    if stage is Stage.MAIL:
        return Verdict(Outcome.FAILED, ActsOn.MAILBOX, "sender_refused")
    if reply.enhanced in _SAYS_NOTHING and _UNKNOWN_USER_WORDS.search(reply.text):
        return Verdict(Outcome.HARD_BOUNCE, ActsOn.CONTACT, "unknown_address")
    return Verdict(Outcome.FAILED, ActsOn.EMAIL, "rejected")
