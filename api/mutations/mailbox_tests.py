"""The mutation that asks a mailbox's server whether it lets us in."""

import strawberry

from api.context import Info
from api.inputs.keys import mailbox_key
from api.inputs.problems import Problems
from api.mutations.answers import Input, Payload, mutation
from api.mutations.change import changing
from api.types.mailbox import Mailbox
from api.vocabulary import described
from domain.replies import Stage
from persistence.mailboxes import login_of

described(
    Stage,
    name="SmtpStage",
    description="Where a conversation with a mailbox's server stood.",
    values={
        Stage.CONNECT: "Finding the server, connecting, TLS from the first byte, and its greeting.",
        Stage.EHLO: "Asking what it can do.",
        Stage.STARTTLS: "Upgrading the connection to TLS.",
        Stage.AUTH: "Logging in, and a sign of life after it.",
        Stage.MAIL: "Naming the sender.",
        Stage.RCPT: "Naming the recipient.",
        Stage.DATA: "Asking to hand the letter over.",
        Stage.BODY: "Handing the letter over, up to its end.",
        Stage.DOT: "Ending the letter.",
    },
)


@strawberry.input(description="Which mailbox is tried.")
class TestMailboxInput:
    mailbox_id: strawberry.ID = strawberry.field(description="The mailbox; one on hold can be tried too.")


@strawberry.type(description="The answer to `testMailbox`.")
class TestMailboxPayload(Payload):
    passed: bool | None = strawberry.field(
        default=None, description="Whether its server let us in; null if it was not asked."
    )
    stage: Stage | None = strawberry.field(default=None, description="Where it failed, if it did.")
    message: str | None = strawberry.field(
        default=None, description="What was found, and what helps, for people."
    )
    mailbox: Mailbox | None = strawberry.field(default=None, description="The mailbox.")


@strawberry.type
class MailboxTestMutations:
    @mutation(
        "Connect to a mailbox's server, log in, and take leave; nothing is sent, and the mailbox stays as it"
        " is. Takes some seconds at most."
    )
    async def test_mailbox(self, info: Info, asked: Input[TestMailboxInput]) -> TestMailboxPayload:
        context = info.context
        with Problems() as problems:
            mailbox_id = mailbox_key(asked.mailbox_id, problems)
        async with context.transaction() as conn:
            login = await login_of(conn, context.workspace_id, mailbox_id)
        # No transaction is open while somebody else is asked.
        found = await context.services.check_mailbox(context.workspace_id, mailbox_id, login)
        async with changing(info) as change:
            change.figures = {"passed": int(found.passed)}
            return TestMailboxPayload(
                passed=found.passed,
                stage=found.stage,
                message=found.words,
                mailbox=await change.mailbox(mailbox_id),
            )
