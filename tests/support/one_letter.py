"""The smallest campaign over the API: a letter of one step, at any hour of any day."""

from collections.abc import Sequence

from app.demo.campaign import GraphqlClient


async def write_to(api: GraphqlClient, contacts: Sequence[str], *, smtp_port: int) -> None:
    """A sequence of one step for *contacts*, with as many mailboxes, whose server listens on *smtp_port*."""
    mailbox_ids = []
    for count in range(len(contacts)):
        mailbox = {
            "email": f"box{count}@sender.example",
            "host": "127.0.0.1",
            "port": smtp_port,
            "security": "NONE",
            "zone": "UTC",
            "dailyCapacity": 0,
        }
        made = await api.ask(
            "mutation ($input: CreateMailboxInput!) { createMailbox(input: $input)"
            " { mailbox { id } userErrors { message } } }",
            {"input": mailbox},
        )
        mailbox_ids.append(made["createMailbox"]["mailbox"]["id"])
    sequence = {
        "name": "One letter",
        "zone": "UTC",
        "mailboxIds": mailbox_ids,
        "steps": [{"subject": "Hello", "bodyText": "Hello"}],
    }
    made = await api.ask(
        "mutation ($input: CreateSequenceInput!) { createSequence(input: $input)"
        " { sequence { id } userErrors { message } } }",
        {"input": sequence},
    )
    sequence_id = made["createSequence"]["sequence"]["id"]
    await api.ask(
        "mutation ($enroll: EnrollContactsInput!, $activate: ActivateSequenceInput!) {"
        " enrollContacts(input: $enroll) { enrolled userErrors { message } }"
        " activateSequence(input: $activate) { userErrors { message } } }",
        {
            "enroll": {"sequenceId": sequence_id, "contacts": [{"email": each} for each in contacts]},
            "activate": {"sequenceId": sequence_id},
        },
    )
