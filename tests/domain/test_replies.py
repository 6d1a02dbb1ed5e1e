"""Reading SMTP replies."""

from datetime import timedelta

import pytest

from domain.replies import Reply


@pytest.mark.parametrize(
    ("text", "enhanced"),
    [
        ("5.1.1 The email account does not exist", "5.1.1"),
        ("5.1.10", "5.1.10"),
        ("5.2.252 Limit exceeded", "5.2.252"),
        ("#5.1.1 unknown", "5.1.1"),
        ("(5.7.1) refused", "5.7.1"),
        ("5.1.1: unknown", "5.1.1"),
        ("The mailbox is full\n4.2.2 Please direct the recipient to\n4.2.2 their settings", "4.2.2"),
        ("2.0.0 OK", "2.0.0"),
        ("No such user here", None),
        ("", None),
        ("mail from 5.1.1.7 blocked", None),
        ("5.1.1.7 is on a block list", None),
        ("3.1.1 no such class", None),
        ("version 15.7.1 ready", None),
    ],
)
def test_the_enhanced_code_is_read_from_the_head_of_a_line(text: str, enhanced: str | None) -> None:
    """IP addresses and version numbers look alike, and are none."""
    assert Reply(550, text).enhanced == enhanced


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("4.7.1 Greylisted, please try again in 5 minutes", 310),
        ("4.7.1 Greylisting in action, try again in 300 seconds", 310),
        ("Try again in 1 minute", 70),
        ("please retry after 45s", 55),
        ("retry in 2 min", 130),
        ("wait 2 hours before the next message", 7_210),
        ("TRY AGAIN IN 1 HR", 3_610),
        ("try again in 90 hours", 86_400),
        ("try again in 999999999 hours", 86_400),
    ],
)
def test_a_wait_that_the_text_asks_for_is_honoured_and_a_little_more(text: str, seconds: int) -> None:
    """Ten seconds are added, and a day is the longest that a foreign text can make us wait."""
    assert Reply(451, text).try_again_in == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text",
    [
        "4.7.0 Try again later",
        "try again later, 4 messages are queued",
        "try again in a few minutes",
        "over 100 recipients in 5 minutes",
        "awaiting 5 seconds",
        "retry 9999999999 s",
        "",
    ],
)
def test_a_text_without_a_clear_wait_asks_for_none(text: str) -> None:
    """Then the schedule decides."""
    assert Reply(451, text).try_again_in is None
