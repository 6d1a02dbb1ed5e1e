"""Public holidays of countries and their subdivisions, as the `holidays` library knows them."""

from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from types import MappingProxyType

from holidays import country_holidays, list_supported_countries

_LISTED = 20


class UnknownHolidays(ValueError):
    """Nothing is known of the holidays of a *field*, country or subdivision; the message says what helps."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def check_region(country: str, subdivision: str | None) -> None:
    """
    Make sure that the holidays of *country* (ISO 3166-1 alpha-2) and its *subdivision* are known.

    Raises:
        UnknownHolidays: If they are not.
    """
    if country not in _subdivisions():
        raise UnknownHolidays(
            "country",
            f"“{country[:50]}” is not a country of ISO 3166-1 whose holidays are known; give two capitals, "
            "for example DE.",
        )
    known = _subdivisions()[country]
    if subdivision is None or subdivision in known:
        return
    if not known:
        raise UnknownHolidays("subdivision", f"{country} has no subdivisions; give none.")
    raise UnknownHolidays(
        "subdivision",
        f"“{subdivision[:50]}” is not a subdivision of {country}; give one of {', '.join(known[:_LISTED])}"
        f"{' …' if len(known) > _LISTED else ''}, or none.",
    )


# A year at a time, and never the library's object itself: that grows while it is read, and plans are made in
# several threads.
@lru_cache(maxsize=4096)
def public_holidays(country: str, subdivision: str | None, year: int) -> Mapping[date, str]:
    """The holidays of *year* by date, with their English names, those kept on another day on both."""
    found = country_holidays(country, subdiv=subdivision, years=year, expand=False, language="en_US")
    return MappingProxyType({day: name for day, name in sorted(found.items()) if day.year == year})


@lru_cache(maxsize=1)
def _subdivisions() -> Mapping[str, tuple[str, ...]]:
    listed = list_supported_countries(include_aliases=False)
    return MappingProxyType({country: tuple(names) for country, names in listed.items() if len(country) == 2})
