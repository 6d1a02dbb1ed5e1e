"""Workspaces as they are asked to be."""

import strawberry

from api.inputs import values
from api.inputs.problems import Problems
from api.inputs.rehearsals import Rehearsable
from api.inputs.send_windows import SendWindowInput, zone_and_window
from api.scalars import TimeZone
from domain.contact_gap import WIDEST_GAP


@strawberry.input(description="What to change about the caller's workspace; what is left out stays.")
class UpdateWorkspaceInput(Rehearsable):
    name: strawberry.Maybe[str] = strawberry.field(default=None, description="Its name, for people.")
    zone: strawberry.Maybe[TimeZone] = strawberry.field(
        default=None,
        description=(
            "The zone whose midnight begins its day, and that of sequences that are made without one from now"
            " on; those that there are keep theirs."
        ),
    )
    send_window: strawberry.Maybe[SendWindowInput | None] = strawberry.field(
        default=None,
        description=(
            "When sequences send that have no window of their own, those under way too; null for every hour"
            " of every day."
        ),
    )
    contact_min_gap_days: strawberry.Maybe[int | None] = strawberry.field(
        default=None,
        description=(
            "How many days lie at least between emails that one contact gets from different enrollments, 1 to"
            f" {WIDEST_GAP}; null for any number."
        ),
    )
    expected_version: int | None = strawberry.field(
        default=None, description="Refuse if the workspace is not at this version."
    )

    def changes(self, problems: Problems) -> dict[str, object]:
        """What changes, by column."""
        columns: dict[str, object] = {}
        if self.name:
            with problems.at("name"):
                columns["name"] = values.name(self.name.value)
        columns |= zone_and_window(self.zone, self.send_window, problems)
        if self.contact_min_gap_days:
            columns["contact_min_gap_days"] = days = self.contact_min_gap_days.value
            if days is not None:
                with problems.at("contactMinGapDays"):
                    values.number(days, least=1, most=WIDEST_GAP)
        return columns
