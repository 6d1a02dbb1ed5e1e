"""Closed days: public holidays and a sequence's own dates, on which its window does not open."""

from dataclasses import dataclass
from datetime import date

from domain.public_holidays import check_region, public_holidays


@dataclass(frozen=True, slots=True)
class ClosedDays:
    """
    The public holidays of *country* (ISO 3166-1 alpha-2) and its *subdivision*, and *dates* of one's own.

    Raises:
        UnknownHolidays: If nothing is known of the holidays of that country or subdivision.
    """

    country: str | None = None
    subdivision: str | None = None
    dates: frozenset[date] = frozenset()

    def __post_init__(self) -> None:
        if self.country is not None:
            check_region(self.country, self.subdivision)

    def __contains__(self, day: date) -> bool:
        return day in self.dates or self.holiday(day) is not None

    def holiday(self, day: date) -> str | None:
        """The name of the public holiday on *day*."""
        if self.country is None:
            return None
        return public_holidays(self.country, self.subdivision, day.year).get(day)


NEVER_CLOSED = ClosedDays()
