"""Closed days, working hours and waits of every kind, as Hypothesis thinks of them for its worlds."""

from datetime import date, time, timedelta
from functools import cache

from hypothesis import strategies as st

from domain.closed_days import NEVER_CLOSED, ClosedDays
from domain.send_window import EVERY_DAY, SendWindow
from domain.waits import Wait, WaitUnit

# Holidays near the days on which worlds begin: Good Friday, Independence Day, All Saints, New Year.
REGIONS = (("DE", "BY"), ("DE", None), ("US", None), ("CL", None), ("EG", None), ("NZ", "AUK"))
FIRST_DAYS = tuple(date(2026, month, day) for month, day in ((3, 27), (7, 6), (10, 23), (12, 30)))


def _ahead(first: date, days: int) -> date:
    return first + timedelta(days=days)


regions = st.sampled_from(((None, None), *REGIONS))
own_days = st.lists(st.builds(_ahead, st.sampled_from(FIRST_DAYS), st.integers(0, 9)), max_size=4)


@cache
@st.composite
def closed_days(draw: st.DrawFn) -> ClosedDays:
    country, subdivision = draw(regions)
    return ClosedDays(country, subdivision, frozenset(draw(own_days)))


closings = st.just(NEVER_CLOSED) | closed_days()
# Mostly none: many days pass before it is clear that hours and a window never meet.
working_hours = (
    st.none()
    | st.none()
    | st.builds(
        SendWindow,
        st.sampled_from((EVERY_DAY, frozenset(range(1, 6)), frozenset({1, 2, 7}))),
        st.sampled_from(
            (
                ((time(8), time(18)),),
                ((time(7), time(12)), (time(13), time(19, 30))),
                ((time(20), time(4)),),
                ((time(1, 30), time(2, 30)), (time(12), time(0))),
            )
        ),
    )
)
waits = st.builds(Wait, st.sampled_from((0, 1, 2, 3))) | st.sampled_from(
    (
        Wait(1, WaitUnit.WORKING_DAYS),
        Wait(4, WaitUnit.WORKING_DAYS),
        Wait(1, WaitUnit.MINUTES),
        Wait(95, WaitUnit.MINUTES),
        Wait(600, WaitUnit.MINUTES),
        Wait(3000, WaitUnit.MINUTES),
    )
)
