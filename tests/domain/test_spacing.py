"""Instants that keep a least distance."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from domain.spacing import Spacing

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
minutes = st.integers(-600, 600)


def at(minute: float) -> datetime:
    return NOON + timedelta(minutes=minute)


def test_an_instant_between_two_others_keeps_the_gap_to_both() -> None:
    """A gap of ten minutes: twenty are enough for one in the middle, nineteen are not."""
    spacing = Spacing(timedelta(minutes=10), [at(0), at(20), at(39)])

    assert spacing.first_free(at(-10)) == at(-10)
    assert spacing.first_free(at(-9)) == at(10)
    assert spacing.first_free(at(10)) == at(10)
    assert spacing.first_free(at(11)) == at(49)


def test_what_is_given_back_is_free_again() -> None:
    """Of two at one instant only one is, and whoever asks can see what was given back."""
    spacing = Spacing(timedelta(minutes=10), [at(0), at(0)])

    spacing.remove(at(0))
    assert spacing.first_free(at(0)) == at(10)
    spacing.remove(at(0))

    assert spacing.first_free(at(0)) == at(0)
    assert spacing.freed == [at(0), at(0)]


@given(held=st.lists(minutes), gap=st.integers(1, 60), since=minutes)
def test_the_first_free_instant_is_free_and_none_before_it_is(held: list[int], gap: int, since: int) -> None:
    """By minutes, which is what all of them are multiples of."""
    spacing = Spacing(timedelta(minutes=gap))
    for minute in held:
        spacing.add(at(minute))

    found = (spacing.first_free(at(since)) - NOON) // timedelta(minutes=1)

    free = [minute for minute in range(since, found + 1) if all(abs(minute - one) >= gap for one in held)]
    assert free == [found]
