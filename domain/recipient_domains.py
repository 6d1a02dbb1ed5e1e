"""How many emails of a mailbox go to addresses of one domain on each of its days."""

from collections import Counter
from datetime import date

from domain.seating import Holder


class RecipientDomains:
    """Counts by day and domain, kept only where there is a *cap*; without a domain there is no limit."""

    def __init__(self, cap: int | None) -> None:
        self._cap = cap
        self._counts: Counter[tuple[date, str]] = Counter()
        self._domains: dict[Holder, str] = {}

    def have_room(self, send_day: date, domain: str | None) -> bool:
        """Whether one more may go to *domain* on *send_day*."""
        return self._cap is None or domain is None or self._counts[send_day, domain] < self._cap

    def add(self, holder: Holder, send_day: date, domain: str | None) -> None:
        if self._cap is not None and domain is not None:
            self._counts[send_day, domain] += 1
            self._domains[holder] = domain

    def remove(self, holder: Holder, send_day: date) -> None:
        domain = self._domains.pop(holder, None)
        if domain is not None:
            self._counts[send_day, domain] -= 1

    def is_over(self, holder: Holder, send_day: date) -> bool:
        """Whether the domain of *holder* has more than its cap on *send_day*."""
        domain = self._domains.get(holder)
        return domain is not None and self._cap is not None and self._counts[send_day, domain] > self._cap
