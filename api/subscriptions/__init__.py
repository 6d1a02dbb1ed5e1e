"""What can be watched, by noun."""

import strawberry

from api.subscriptions.emails import EmailSubscriptions
from api.subscriptions.emails_under_way import EmailsUnderWaySubscriptions
from api.subscriptions.queue_stats import QueueStatsSubscriptions
from api.subscriptions.recalculations import RecalculationSubscriptions


@strawberry.type(
    description="Everything that can be watched, with the scope READ: over WebSockets at /graphql, by "
    "graphql-transport-ws, and as server-sent events at /graphql/stream. Each says at once how things are."
)
class Subscription(
    QueueStatsSubscriptions, RecalculationSubscriptions, EmailSubscriptions, EmailsUnderWaySubscriptions
):
    pass
