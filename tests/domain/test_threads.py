"""Message-IDs and threads."""

from uuid import UUID

import pytest

from domain.threads import (
    MAX_REFERENCES,
    Thread,
    email_id_of,
    new_message_id,
    references_after,
    reply_subject,
)


def test_a_message_id_is_made_of_the_email_and_the_senders_domain() -> None:
    """Nothing in it is left to chance: every attempt carries the same."""
    email_id = UUID("0190a000-0000-7000-8000-000000000001")

    assert (
        new_message_id(email_id, "ann@mail.example.com")
        == "<0190a000-0000-7000-8000-000000000001@mail.example.com>"
    )


def test_a_message_id_tells_its_email() -> None:
    """Whatever the domain: an email that was handed over to another mailbox keeps its first one."""
    email_id = UUID("0190a000-0000-7000-8000-000000000001")

    assert email_id_of(new_message_id(email_id, "ann@mail.example.com")) == email_id


@pytest.mark.parametrize("foreign", ["<CAF=x1@mail.example.com>", "<>", "no id", "<0190a000@example.com>"])
def test_the_message_id_of_somebody_else_tells_none(foreign: str) -> None:
    """Replies cite what their servers made, too."""
    assert email_id_of(foreign) is None


@pytest.mark.parametrize(
    ("first", "reply"),
    [
        ("Hello", "Re: Hello"),
        ("Re: Hello", "Re: Hello"),
        ("RE: Hello", "Re: Hello"),
        ("re:Hello", "Re: Hello"),
        ("AW: Re: SV :  Hello", "Re: Hello"),
        ("Regarding: us", "Re: Regarding: us"),
        ("Hello re: you", "Re: Hello re: you"),
        ("Aw, re: that", "Re: Aw, re: that"),
        ("", "Re: "),
    ],
)
def test_a_follow_up_has_exactly_one_re(first: str, reply: str) -> None:
    """Re:, RE:, AW: and SV: before the subject are replaced, inside it they stay."""
    assert reply_subject(first) == reply


def test_the_references_grow_by_the_parent() -> None:
    """RFC 5322 §3.6.4: the parent's References, then the parent."""
    second = Thread("<1@example.com>", (), "Hello")
    third = Thread("<2@example.com>", references_after(second), "Hello")

    assert references_after(second) == ("<1@example.com>",)
    assert references_after(third) == ("<1@example.com>", "<2@example.com>")


def test_a_long_chain_keeps_the_first_and_the_last_references() -> None:
    """Trimmed in the middle, so that the thread keeps its root."""
    chain = tuple(f"<{n}@example.com>" for n in range(1, 26))

    trimmed = references_after(Thread("<26@example.com>", chain, "Hello"))
    untouched = references_after(Thread("<20@example.com>", chain[:19], "Hello"))

    assert len(trimmed) == MAX_REFERENCES == len(untouched) == 20
    assert trimmed[0] == "<1@example.com>"
    assert trimmed[1:] == tuple(f"<{n}@example.com>" for n in range(8, 27))
    assert untouched == (*chain[:19], "<20@example.com>")
