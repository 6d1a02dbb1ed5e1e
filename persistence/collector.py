"""The garbage collector, kept away while planning makes millions of objects and no cycles."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collector_paused() -> Iterator[None]:
    """
    Let nothing be collected within the block; one inside another ends with the outer one.

    The collector would go through all rows, emails and slots again and again, for a third of the time.
    What the block needs no longer is freed all the same: that takes no collector.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
