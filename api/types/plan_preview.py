"""What a change or a rebalance would do to the plan, before it does."""

from datetime import date
from uuid import UUID

import strawberry

from api.context import Info
from api.fields import resolves
from api.types.mailbox import Mailbox
from api.types.node import present
from api.types.unplaced_count import UnplacedCount

MOST_DAYS = 1_000


@strawberry.type(description="A day of a mailbox that would become fuller or emptier.")
class PreviewedDay:
    day: date = strawberry.field(description="The day, in the mailbox's zone.")
    before: int = strawberry.field(description="Emails of all sequences that are planned on it now.")
    after: int = strawberry.field(description="Emails that would be planned on it.")
    mailbox_id: strawberry.Private[UUID]

    @resolves("The mailbox.")
    async def mailbox(self, info: Info) -> Mailbox:
        return Mailbox.of(present(await info.context.loaders.mailboxes.load(self.mailbox_id)))


@strawberry.type(description="What would change in the plan; nothing of it is written.")
class PlanPreview:
    placed: int = strawberry.field(description="Emails that would be given their first time.")
    moved: int = strawberry.field(description="Emails that would be given another time or mailbox.")
    unchanged: int = strawberry.field(description="Emails that would keep theirs.")
    cancelled: int = strawberry.field(description="Emails that would be taken out of the plan.")
    infeasible: int = strawberry.field(description="Emails that would have no time.")
    unplaced: list[UnplacedCount] = strawberry.field(description="The same emails, by reason.")
    median_delay_seconds: int | None = strawberry.field(
        description="How much later the moved emails would leave, in the middle; negative is earlier."
    )
    max_delay_seconds: int | None = strawberry.field(
        description="How much later the moved email would leave that would be delayed most."
    )
    changed_days: int = strawberry.field(description="How many days of mailboxes become fuller or emptier.")
    days: list[PreviewedDay] = strawberry.field(
        description=f"Those days, soonest first; the first {MOST_DAYS} of them."
    )
    token: str = strawberry.field(
        description=(
            "Stands for every single change of this plan. `commitRebalance` takes that of a rebalance, and"
            " any other mutation that of its own dry run, as `planToken`. Opaque."
        )
    )
