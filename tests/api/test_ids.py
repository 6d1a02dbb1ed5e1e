"""Opaque ids."""

import base64
import json
from uuid import UUID

import pytest

from api.ids import GlobalId, MalformedId, global_id, optional_uuid_of, read_global_id, uuid_of

KEY = UUID("01890000-0000-7000-8000-000000000001")


def _encoded(kind: str, packed: bytes = b"") -> str:
    return base64.urlsafe_b64encode(kind.encode() + packed).rstrip(b"=").decode()


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
        _encoded("Sequence:", b"1"),
        _encoded("Sequence:", KEY.bytes[:15]),
        _encoded("Sequence:", KEY.bytes + b"0"),
        _encoded("Sequence:", str(KEY).encode()),
        _encoded("Séquence:", KEY.bytes),
        _encoded("EmailEvent:", bytes(8)),
        _encoded("EmailEvent:", (2**63).to_bytes(8)),
        _encoded("EmailEvent:", b"1"),
        _encoded("EmailEvent:", KEY.bytes),
        _encoded("Sequence:", KEY.bytes) + "=",
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


def test_five_thousand_of_them_fit_a_request() -> None:
    """As many contacts as one mutation may name, within the largest body that is read."""
    ids = [global_id("Contact", KEY)] * 5_000

    assert len(json.dumps(ids)) < 200 * 1024
