"""How it goes with a mailbox: its server, its last emails, and what to look at."""

from datetime import datetime
from enum import StrEnum

import strawberry

from api.fields import resolves
from api.types.alert import Alert
from api.types.delivery_stats import DeliveryStats
from api.vocabulary import described
from domain.circuit import CircuitState
from domain.lifecycle import MailboxStatus

described(
    CircuitState,
    description="Whether emails are handed to a mailbox's server, by how it answered the last ones.",
    values={
        CircuitState.CLOSED: "They are: all is well, or there was trouble once or twice in a row.",
        CircuitState.OPEN: "They wait: there was trouble three times in a row or more.",
        CircuitState.HALF_OPEN: "The rest is over: one email tries the server.",
    },
)


@strawberry.type(
    description="How it goes with a mailbox's server. After three troubles in a row the circuit opens: the"
    " server is left alone, and then tried with one email. What waits for it loses no attempt."
)
class MailboxCircuit:
    state: CircuitState = strawberry.field(description="Whether emails are handed to the server.")
    troubles: int = strawberry.field(description="Troubles in a row since the server last answered.")
    until: datetime | None = strawberry.field(
        description="When the server is tried again, or from when on; null while the circuit is closed."
    )
    last_error: str | None = strawberry.field(description="The last of the troubles, in its words.")


class HealthLevel(StrEnum):
    HEALTHY = "HEALTHY"
    STRAINED = "STRAINED"
    UNABLE = "UNABLE"


described(
    HealthLevel,
    description="How it goes with a mailbox.",
    values={
        HealthLevel.HEALTHY: "It sends, and nothing is to be said.",
        HealthLevel.STRAINED: "It sends, and there is an alert to look at, or trouble with its server.",
        HealthLevel.UNABLE: "It does not send: by its status, or as its server is left alone.",
    },
)


@strawberry.type(description="Whether a mailbox can send, how its last emails fared, and what to look at.")
class MailboxHealth:
    lately: DeliveryStats = strawberry.field(
        description="How emails ended in the last seven days, with today."
    )
    circuit: MailboxCircuit = strawberry.field(description="How it goes with its server.")
    alerts: list[Alert] = strawberry.field(description="Open alerts about it, oldest first.")
    status: strawberry.Private[MailboxStatus]

    @resolves("All of it in one word.")
    def level(self) -> HealthLevel:
        if self.status != MailboxStatus.ACTIVE or self.circuit.state is CircuitState.OPEN:
            return HealthLevel.UNABLE
        return HealthLevel.STRAINED if self.alerts or self.circuit.troubles else HealthLevel.HEALTHY
