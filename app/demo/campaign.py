"""Setting the campaign up and reading how it went, all through the GraphQL API."""

import asyncio
import json
import urllib.request
from collections.abc import Mapping
from typing import Any

from app.demo.scenario import MAILBOXES, contacts_csv, mailbox_input, sequence_input


class Refused(Exception):
    """The API did not do what was asked; the message is its answer."""


class GraphqlClient:
    """One workspace's way to the API at *url*."""

    def __init__(self, url: str, key: str) -> None:
        self._url = url
        self._key = key

    # Any: what an answer holds is what its query asked for.
    async def ask(self, document: str, variables: Mapping[str, object] | None = None) -> dict[str, Any]:
        """
        The data of the answer to *document*.

        Raises:
            Refused: If there are errors, or a mutation's userErrors.
        """
        return await asyncio.to_thread(self._post, document, dict(variables or {}))

    def _post(self, document: str, variables: dict[str, object]) -> dict[str, Any]:
        request = urllib.request.Request(  # noqa: S310 - our own server
            self._url,
            data=json.dumps({"query": document, "variables": variables}).encode(),
            headers={"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310
            answer = json.load(response)
        data: dict[str, Any] = answer.get("data") or {}
        problems = answer.get("errors") or [
            error
            for payload in data.values()
            if isinstance(payload, dict)
            for error in payload.get("userErrors") or ()
        ]
        if problems:
            raise Refused(json.dumps(problems))
        return data


_CREATE_MAILBOX = """
mutation ($input: CreateMailboxInput!) {
  createMailbox(input: $input) { mailbox { id } userErrors { code message path } }
}"""
_CREATE_SEQUENCE = """
mutation ($input: CreateSequenceInput!) {
  createSequence(input: $input) { sequence { id } userErrors { code message path } }
}"""
_IMPORT = """
mutation ($input: ImportContactsInput!) {
  importContacts(input: $input) { created invalid { reason } userErrors { code message path } }
}"""
_CONTACTS = "query ($after: String) { contacts(first: 100, after: $after) { nodes { id email } } }"
_ENROLL = """
mutation ($input: EnrollContactsInput!) {
  enrollContacts(input: $input) { enrolled userErrors { code message path } }
}"""
_ACTIVATE = """
mutation ($input: ActivateSequenceInput!) {
  activateSequence(input: $input) { sequence { status } userErrors { code message path } }
}"""


async def set_up(api: GraphqlClient, *, smtp_port: int) -> str:
    """Make mailboxes, sequence and contacts, enroll and activate; the id of the sequence."""
    mailbox_ids = []
    for name in MAILBOXES:
        made = await api.ask(_CREATE_MAILBOX, {"input": mailbox_input(name, port=smtp_port)})
        mailbox_ids.append(made["createMailbox"]["mailbox"]["id"])
    made = await api.ask(_CREATE_SEQUENCE, {"input": sequence_input(mailbox_ids)})
    sequence_id: str = made["createSequence"]["sequence"]["id"]
    await api.ask(_IMPORT, {"input": {"csv": contacts_csv()}})
    found = await api.ask(_CONTACTS)
    by_address = sorted(found["contacts"]["nodes"], key=lambda contact: contact["email"])
    contact_ids = [contact["id"] for contact in by_address]
    await api.ask(_ENROLL, {"input": {"sequenceId": sequence_id, "contactIds": contact_ids}})
    await api.ask(_ACTIVATE, {"input": {"sequenceId": sequence_id}})
    return sequence_id


_EMAILS = """
query ($after: String) {
  scheduledEmails(first: 100, after: $after) {
    nodes {
      recipientEmail sendAt sentAt status retryCount lastError
      mailbox { email } step { position } enrollment { status }
    }
    pageInfo { hasNextPage endCursor }
  }
}"""


async def scheduled_emails(api: GraphqlClient) -> list[dict[str, Any]]:
    """Every scheduled email of the workspace, page by page."""
    emails: list[dict[str, Any]] = []
    after = None
    while True:
        page = (await api.ask(_EMAILS, {"after": after}))["scheduledEmails"]
        emails.extend(page["nodes"])
        if not page["pageInfo"]["hasNextPage"]:
            return emails
        after = page["pageInfo"]["endCursor"]
