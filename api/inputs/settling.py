"""What became of emails, as it is told."""

import strawberry

from api.errors import UserErrorCode
from api.inputs.problems import refuse
from api.vocabulary import described
from domain.inbound import Inbound, NotAMessage, read_inbound
from persistence.settling import Settlement

described(
    Settlement,
    description="What became of an email in doubt, by someone's word.",
    values={
        Settlement.SENT: "It had arrived; the sequence goes on.",
        Settlement.FAILED: "It had not arrived; the sequence says whether it ends or goes on.",
        Settlement.RESEND: "Send it again with the same Message-ID; it arrives twice if it had arrived.",
    },
)


@strawberry.input(description="What became of an email in doubt.")
class ResolveInDoubtInput:
    email_id: strawberry.ID = strawberry.field(description="The email, which is `IN_DOUBT`.")
    settlement: Settlement = strawberry.field(description="What became of it, or is to.")


@strawberry.input(description="A message that came in to one of the workspace's mailboxes.")
class RecordInboundInput:
    message: str = strawberry.field(
        description=(
            "The message as it arrived (RFC 5322), headers first. Long bodies may be cut: only the headers"
            " count, and the parts of a delivery report (RFC 3464) or of a feedback report (RFC 5965)."
        )
    )

    def read(self) -> Inbound:
        """
        The message, read.

        Raises:
            InputRefused: If it is none.
        """
        try:
            return read_inbound(self.message.encode(errors="replace"))
        except NotAMessage as unreadable:
            raise refuse(UserErrorCode.INVALID_MESSAGE, str(unreadable), "message") from None
