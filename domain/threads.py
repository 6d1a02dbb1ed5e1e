"""Message-IDs, and the emails that belong together by them."""

import re
from dataclasses import dataclass
from uuid import UUID

MAX_REFERENCES = 20
"""A longer chain is trimmed, or header lines outgrow what servers take."""

_REPLY_PREFIXES = re.compile(r"\s*(?:(?:re|aw|sv)\s*:\s*)+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Thread:
    """
    What a follow-up continues.

    *parent* is the Message-ID of the last accepted email, *references* are that email's own,
    *subject* is the stored, rendered subject of the first one.
    """

    parent: str
    references: tuple[str, ...]
    subject: str


def new_message_id(email_id: UUID, sender_address: str) -> str:
    """Return ``<email-id@sender-domain>``: the same for every attempt at one email from one mailbox."""
    return f"<{email_id}@{sender_address.rpartition('@')[2]}>"


def email_id_of(message_id: str) -> UUID | None:
    """The email that *message_id* is of, if it is one of ours; None if it cannot be."""
    try:
        return UUID(message_id.removeprefix("<").partition("@")[0])
    except ValueError:
        return None


def reply_subject(subject: str) -> str:
    """Return *subject* with exactly one ``Re: `` before it, in place of any Re:, AW: and SV:."""
    return "Re: " + bare_subject(subject)


def bare_subject(subject: str) -> str:
    """Return *subject* without any Re:, AW: and SV: before it."""
    prefixes = _REPLY_PREFIXES.match(subject)
    return subject[prefixes.end() :] if prefixes else subject


def references_after(thread: Thread) -> tuple[str, ...]:
    """Return the References of a follow-up (RFC 5322 §3.6.4); trimming keeps the first and the last ones."""
    chain = (*thread.references, thread.parent)
    return chain if len(chain) <= MAX_REFERENCES else (chain[0], *chain[-(MAX_REFERENCES - 1) :])
