"""The garbage collector, kept away while planning makes millions of objects."""

import gc

import pytest

from persistence.collector import collector_paused


def _plan_and_fail() -> None:
    with collector_paused():
        with collector_paused():
            assert not gc.isenabled()
        assert not gc.isenabled()
        raise ValueError("planning failed")


def test_nothing_is_collected_until_the_outermost_block_ends() -> None:
    """One block inside another does not wake it early, and an error does not leave it asleep."""
    with pytest.raises(ValueError, match="planning failed"):
        _plan_and_fail()

    assert gc.isenabled()
