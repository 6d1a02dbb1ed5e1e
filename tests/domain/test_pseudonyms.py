"""Pseudonyms: the same for the same address, and nobody without the key can tell whose they are."""

from uuid import UUID

import pytest

from domain.addresses import InvalidAddress, parse_address
from domain.pseudonyms import Pseudonyms, unlinked

HERE, ELSEWHERE = UUID(int=1), UUID(int=2)
ADA = "ada@example.test"


def test_an_address_has_one_pseudonym_in_each_workspace() -> None:
    """It is known again there, and nowhere else; and another key makes another one."""
    known = Pseudonyms(b"key")

    assert known.of_address(HERE, ADA) == Pseudonyms(b"key").of_address(HERE, ADA)
    others = {
        known.of_address(ELSEWHERE, ADA),
        known.of_address(HERE, "bo@example.test"),
        Pseudonyms(b"other").of_address(HERE, ADA),
        unlinked(HERE),
        unlinked(ELSEWHERE),
    }
    assert len(others | {known.of_address(HERE, ADA)}) == 6


def test_nobody_can_be_written_to_by_a_pseudonym() -> None:
    """It has the form of an address, and is none that anybody may give us (RFC 5321 §4.5.3.1, RFC 2606)."""
    for pseudonym in (Pseudonyms(b"key").of_address(HERE, ADA), unlinked(HERE)):
        local, domain = pseudonym.split("@")
        assert (len(local) <= 64, domain) == (True, "erased.invalid")
        with pytest.raises(InvalidAddress):
            parse_address(pseudonym)
