"""Workspaces as they are asked to be."""

import strawberry

from api.inputs import values
from api.inputs.problems import Problems
from api.inputs.rehearsals import Rehearsable
from domain.contact_gap import WIDEST_GAP


@strawberry.input(description="What to change about the caller's workspace; what is left out stays.")
class UpdateWorkspaceInput(Rehearsable):
    contact_min_gap_days: strawberry.Maybe[int | None] = strawberry.field(
        default=None,
        description=(
            "How many days lie at least between emails that one contact gets from different enrollments, 1 to"
            f" {WIDEST_GAP}; null for any number."
        ),
    )

    def changes(self, problems: Problems) -> dict[str, int | None]:
        """What changes, by column."""
        if not self.contact_min_gap_days:
            return {}
        days = self.contact_min_gap_days.value
        if days is not None:
            with problems.at("contactMinGapDays"):
                values.number(days, least=1, most=WIDEST_GAP)
        return {"contact_min_gap_days": days}
