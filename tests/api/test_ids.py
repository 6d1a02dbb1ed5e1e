"""Opaque ids."""

import base64
from uuid import UUID

import pytest

from api.ids import GlobalId, MalformedId, global_id, optional_uuid_of, read_global_id, uuid_of

KEY = UUID("01890000-0000-7000-8000-000000000001")


def _encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def test_an_id_reads_back_to_its_kind_and_key() -> None:
    """It is opaque, so it says neither in clear."""
    made = global_id("Sequence", KEY)

    assert read_global_id(made) == GlobalId("Sequence", KEY)
    assert uuid_of("Sequence", made) == KEY
    assert "Sequence" not in made
    assert str(KEY) not in made


def test_events_are_numbered() -> None:
    """Their key is a number from 1 to what PostgreSQL's bigint holds."""
    assert read_global_id(global_id("EmailEvent", 2**63 - 1)) == GlobalId("EmailEvent", 2**63 - 1)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "ä",
        "Sequence",
        str(KEY),
        _encoded("Sequence"),
        _encoded("Sequence:"),
        _encoded("Sequence:1"),
        _encoded(f"Sequence:{KEY.hex}"),
        _encoded(f"Sequence:{str(KEY).upper()}0"),
        _encoded("EmailEvent:0"),
        _encoded("EmailEvent:-1"),
        _encoded("EmailEvent:+1"),
        _encoded("EmailEvent:01"),
        _encoded(f"EmailEvent:{2**63}"),
        _encoded(f"EmailEvent:{KEY}"),
        _encoded(f"Sequence:{KEY}") + "==",
        base64.urlsafe_b64encode(b"\xff\xfe").decode(),
    ],
)
def test_what_was_not_made_here_is_malformed(text: str) -> None:
    """Other spellings of the same key too: clients compare ids as text."""
    with pytest.raises(MalformedId):
        read_global_id(text)


def test_an_id_of_another_kind_is_malformed() -> None:
    """The message says which kind is wanted."""
    mailbox = global_id("Mailbox", KEY)

    with pytest.raises(MalformedId, match="is not an id of a Sequence"):
        uuid_of("Sequence", mailbox)


def test_no_id_stays_none() -> None:
    """For arguments that may be left out."""
    assert optional_uuid_of("Sequence", None) is None
    assert optional_uuid_of("Sequence", global_id("Sequence", KEY)) == KEY
