"""Emails without a time, counted by reason."""

from collections.abc import Mapping
from typing import Self

import strawberry

from domain.itineraries import UnplacedReason


@strawberry.type(description="How many emails have no time, for one reason.")
class UnplacedCount:
    reason: UnplacedReason = strawberry.field(description="The reason.")
    count: int = strawberry.field(description="How many emails it keeps from having a time.")

    @classmethod
    def by_reason(cls, counts: Mapping[UnplacedReason, int]) -> list[Self]:
        """Those that there are, in the order in which reasons are listed."""
        return [cls(reason=reason, count=counts[reason]) for reason in UnplacedReason if counts.get(reason)]
