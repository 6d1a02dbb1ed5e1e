"""Unsubscribe tokens: opaque, and only ours."""

import re
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.signed_texts import InvalidToken
from domain.unsubscribe import UnsubscribeToken, read_token, unsubscribe_token
from tests.domain.examples import examples

KEY = b"0123456789abcdef0123456789abcdef"
WORKSPACE = UUID("0190a000-0000-7000-8000-000000000001")
CONTACT = UUID("0190a000-0000-7000-8000-000000000002")
SEQUENCE = UUID("0190a000-0000-7000-8000-000000000003")


@given(workspace_id=st.uuids(), contact_id=st.uuids(), sequence_id=st.none() | st.uuids())
@examples(2000)
def test_a_token_reads_back_to_who_leaves_what(
    workspace_id: UUID, contact_id: UUID, sequence_id: UUID | None
) -> None:
    """Whatever ids went in come out, and the text fits into a URL as it is."""
    token = unsubscribe_token(KEY, workspace_id=workspace_id, contact_id=contact_id, sequence_id=sequence_id)

    read = read_token(KEY, token)

    assert (read.workspace_id, read.contact_id, read.sequence_id) == (workspace_id, contact_id, sequence_id)
    assert re.fullmatch(r"[A-Za-z0-9_-]+", token)


def test_a_token_is_the_same_every_time_and_as_long_as_promised() -> None:
    """Both lengths are stated: with a sequence 86 characters, without one 64."""
    one = unsubscribe_token(KEY, workspace_id=WORKSPACE, contact_id=CONTACT, sequence_id=SEQUENCE)
    again = unsubscribe_token(KEY, workspace_id=WORKSPACE, contact_id=CONTACT, sequence_id=SEQUENCE)
    everything = unsubscribe_token(KEY, workspace_id=WORKSPACE, contact_id=CONTACT, sequence_id=None)

    assert one == again
    assert (len(one), len(everything)) == (86, 64)
    assert isinstance(read_token(KEY, one), UnsubscribeToken)


@given(st.data())
@examples(2000)
def test_no_token_with_a_changed_character_is_read(data: st.DataObject) -> None:
    """Each character counts, the spare bits of the last one too."""
    token = unsubscribe_token(KEY, workspace_id=WORKSPACE, contact_id=CONTACT, sequence_id=SEQUENCE)
    place = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.characters(exclude_characters=token[place]))

    with pytest.raises(InvalidToken):
        read_token(KEY, token[:place] + other + token[place + 1 :])


@pytest.mark.parametrize(
    "text", ["", "a", "ab", "abcd", "!!!!", "é" * 64, "A" * 64, "A" * 86, "A" * 10_000, "=", "A" * 63 + "\n"]
)
def test_a_text_that_is_no_token_is_refused(text: str) -> None:
    """Scanners call such links with anything."""
    with pytest.raises(InvalidToken):
        read_token(KEY, text)


def test_a_token_of_another_key_or_with_something_added_is_refused() -> None:
    """Only the holder of the key makes tokens, and a token has one spelling."""
    token = unsubscribe_token(KEY, workspace_id=WORKSPACE, contact_id=CONTACT, sequence_id=None)

    for changed in (
        f"{token}=",
        f"{token}==",
        f"{token}AAAA",
        f" {token}",
        f"{token}\n",
        token[:-1],
        token[4:],
    ):
        with pytest.raises(InvalidToken):
            read_token(KEY, changed)
    with pytest.raises(InvalidToken):
        read_token(b"another key of thirty-two bytes!", token)


def test_a_token_with_a_sequence_cannot_be_cut_to_one_for_everything() -> None:
    """The signature covers the ids as a whole."""
    narrow = unsubscribe_token(KEY, workspace_id=WORKSPACE, contact_id=CONTACT, sequence_id=SEQUENCE)
    wide = unsubscribe_token(KEY, workspace_id=WORKSPACE, contact_id=CONTACT, sequence_id=None)

    # 32 bytes of ids are 42 2/3 characters: both tokens agree up to there.
    assert narrow[:42] == wide[:42]
    with pytest.raises(InvalidToken):
        read_token(KEY, narrow[:64])
