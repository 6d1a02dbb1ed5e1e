"""Holidays and closed dates as they are given."""

from collections.abc import Collection
from datetime import date

from api.errors import UserErrorCode
from api.inputs.problems import Problem
from domain.public_holidays import UnknownHolidays, check_region

MOST_CLOSED_DATES = 1000
_FIELDS = {"country": "holidayCountry", "subdivision": "holidaySubdivision"}

COUNTRY = "The country whose public holidays are kept, by ISO 3166-1 alpha-2, for example `DE`"
SUBDIVISION = "A part of that country with holidays of its own, for example `BY`"
CLOSED_DATES = (
    f"Dates on which the window does not open, beside holidays and in its zone; at most {MOST_CLOSED_DATES}"
)


def region_problem(country: str | None, subdivision: str | None) -> tuple[str, str] | None:
    """The field and the message of what is wrong with a country and its subdivision, if anything is."""
    if country is None:
        if subdivision is None:
            return None
        return "holidaySubdivision", "It is part of no country; give holidayCountry too, or no subdivision."
    try:
        check_region(country, subdivision)
    except UnknownHolidays as unknown:
        return _FIELDS[unknown.field], str(unknown)
    return None


def closed_dates(given: Collection[date]) -> list[date]:
    """The dates in order, each once."""
    if len(given) > MOST_CLOSED_DATES:
        raise Problem(UserErrorCode.TOO_MANY, f"There are more than {MOST_CLOSED_DATES}.")
    return sorted(set(given))
