"""How much is due, under way and done."""

from datetime import datetime

import strawberry


@strawberry.type(description="How much is due, under way and done, over all mailboxes.")
class QueueStats:
    as_of: datetime = strawberry.field(description="The moment of these figures.")
    due: int = strawberry.field(description="Planned emails whose time has come.")
    late: int = strawberry.field(description="Those of them whose time came more than five minutes ago.")
    queued: int = strawberry.field(description="Emails handed to the broker.")
    sending: int = strawberry.field(description="Emails that a worker is handing over.")
    retrying: int = strawberry.field(description="Emails that wait to be tried again.")
    in_doubt: int = strawberry.field(description="Emails that may or may not have arrived.")
    unplaced: int = strawberry.field(description="Planned emails without a slot.")
    sent_today: int = strawberry.field(
        description="Emails accepted today, each mailbox's day by its own zone."
    )
    failed_today: int = strawberry.field(
        description="Emails given up today, each mailbox's day by its own zone."
    )
