"""Steps of a sequence."""

from datetime import datetime

import strawberry

from api.types.node import Node


@strawberry.type(description="One email of a sequence, sent to each contact after the step before it.")
class Step(Node):
    position: int | None = strawberry.field(description="Its place, from 1; null once it is removed.")
    wait_days: int | None = strawberry.field(
        description="Calendar days from the step before it; for the first step, from the enrollment. Null if "
        "it waits in another unit."
    )
    wait_working_days: int | None = strawberry.field(
        description="Working days from the step before it, if it waits in them: Mondays to Fridays that are "
        "neither holidays nor closed dates of its sequence."
    )
    wait_minutes: int | None = strawberry.field(
        description="Minutes from the instant of the step before it, if it waits in hours and minutes."
    )
    starts_thread: bool = strawberry.field(
        description="Whether it begins a new conversation instead of replying to the step before it."
    )
    subject: str = strawberry.field(description="Liquid template of the subject.")
    body_text: str = strawberry.field(description="Liquid template of the plain text.")
    body_html: str | None = strawberry.field(description="Liquid template of the HTML, if there is one.")
    text_version: int = strawberry.field(
        description="Grows with every edit of its templates; emails take the newest when they leave."
    )
    version: int = strawberry.field(description="Grows with every change; give it back as `expectedVersion`.")
    removed_at: datetime | None = strawberry.field(description="When it was removed, if it was.")
    created_at: datetime = strawberry.field(description="When it was made.")
    updated_at: datetime = strawberry.field(description="When it was last changed.")
