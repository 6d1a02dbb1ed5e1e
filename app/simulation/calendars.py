"""What a scenario file says of holidays, hours and waits, and what is wrong with it."""

from collections.abc import Iterator

from app.simulation.document import Document, HoursPart, SequencePart, StepPart, place
from domain.closed_days import ClosedDays
from domain.public_holidays import UnknownHolidays, check_region
from domain.send_window import EVERY_DAY, InvalidSendWindow, SendWindow
from domain.waits import Wait, WaitUnit


def closed_days(part: SequencePart) -> ClosedDays:
    return ClosedDays(part.holiday_country, part.holiday_subdivision, frozenset(part.closed_dates))


def working_hours(part: HoursPart | None) -> SendWindow | None:
    if part is None:
        return None
    weekdays = EVERY_DAY if part.weekdays is None else frozenset(part.weekdays)
    return SendWindow(weekdays, tuple(part.intervals))


def wait_of(part: StepPart) -> Wait:
    """The wait of a step; none is none."""
    if part.wait_working_days is not None:
        return Wait(part.wait_working_days, WaitUnit.WORKING_DAYS)
    if part.wait_hours or part.wait_minutes:
        return Wait(part.wait_hours * 60 + part.wait_minutes, WaitUnit.MINUTES)
    return Wait(part.wait_days)


def calendar_problems(document: Document) -> Iterator[str]:
    """What is wrong with holidays, hours and waits although each field alone is right."""
    for number, sequence in enumerate(document.sequences):
        yield from _holiday_problems(number, sequence)
        for at, step in enumerate(sequence.steps):
            units = (step.wait_days, step.wait_working_days, step.wait_hours or step.wait_minutes)
            if sum(map(bool, units)) > 1:
                where = place("sequences", number, "steps", at)
                yield f"{where}: waits in more than one unit; leave out all but one"
    for number, box in enumerate(document.mailboxes):
        try:
            working_hours(box.working_hours)
        except InvalidSendWindow as error:
            yield f"{place('mailboxes', number, 'working_hours', error.field)}: {error}"


def _holiday_problems(number: int, sequence: SequencePart) -> Iterator[str]:
    if sequence.holiday_country is None:
        if sequence.holiday_subdivision is not None:
            where = place("sequences", number, "holiday_subdivision")
            yield f"{where}: is part of no country; add holiday_country, or give none"
        return
    try:
        check_region(sequence.holiday_country, sequence.holiday_subdivision)
    except UnknownHolidays as error:
        yield f"{place('sequences', number, f'holiday_{error.field}')}: {error}"
