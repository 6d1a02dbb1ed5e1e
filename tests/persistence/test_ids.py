"""Identifiers: version 7, in the order of their making."""

import time
from uuid import RFC_4122, UUID

import pytest

from persistence.ids import uuid7, uuid7s


def test_an_id_is_a_uuid_of_version_7() -> None:
    """Version and variant stand where RFC 9562 wants them."""
    made = uuid7()

    assert (made.version, made.variant) == (7, RFC_4122)


def test_an_id_tells_when_it_was_made() -> None:
    """Its first 48 bits are the milliseconds since 1970."""
    before = time.time_ns() // 1_000_000
    made = uuid7()
    after = time.time_ns() // 1_000_000

    assert before <= made.int >> 80 <= after + 1


def test_ids_of_a_process_only_grow() -> None:
    """Also many within a millisecond."""
    made = [uuid7() for _ in range(10_000)]

    assert made == sorted(set(made))


def test_ids_grow_when_the_clock_is_set_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that was corrected does not put new rows before old ones."""
    before = uuid7()
    past = time.time_ns() - 10**10
    monkeypatch.setattr(time, "time_ns", lambda: past)

    after = uuid7()

    assert after > before


def test_many_ids_are_made_at_once() -> None:
    """They grow among each other, and come after those made before and before those made later."""
    before = uuid7()
    many = [UUID(bytes=each) for each in uuid7s(10_000)]
    made = [before, *many, uuid7()]

    assert made == sorted(set(made))
    assert {(each.version, each.variant) for each in many} == {(7, RFC_4122)}
