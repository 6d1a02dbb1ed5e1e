"""What is to be done with one email by hand, as it is asked for."""

from datetime import datetime

import strawberry


@strawberry.input(description="Which email.")
class EmailChoice:
    email_id: strawberry.ID = strawberry.field(description="The email.")


@strawberry.input(description="Which email is tried again.")
class RetryEmailInput(EmailChoice):
    pass


@strawberry.input(description="Which email is taken out.")
class CancelEmailInput(EmailChoice):
    pass


@strawberry.input(description="Which email leaves when.")
class RescheduleEmailInput(EmailChoice):
    send_at: datetime = strawberry.field(
        description=(
            "When it is to leave. It has to be open then, with room left in the day and the gap to its"
            " neighbours kept, and not before its wait is over."
        )
    )
