"""
A client of Drumbeat's API in plain Python: `DRUMBEAT_KEY=db_… python client.py https://drumbeat.example.com`.

It makes a mailbox, a sequence and an enrollment, and prints the timetable. It needs nothing but Python.
"""

import json
import os
import sys
from collections.abc import Iterator
from time import sleep
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

MAILBOX = """
mutation Mailbox($input: CreateMailboxInput!) {
  createMailbox(input: $input) { mailbox { id } userErrors { code message path } }
}
"""
SEQUENCE = """
mutation Sequence($input: CreateSequenceInput!) {
  createSequence(input: $input) { sequence { id } userErrors { code message path } }
}
"""
ACTIVATE = """
mutation Activate($input: ActivateSequenceInput!) {
  activateSequence(input: $input) { sequence { id status } userErrors { code message path } }
}
"""
ENROLL = """
mutation Enroll($input: EnrollContactsInput!) {
  enrollContacts(input: $input) { enrolled alreadyEnrolled suppressed userErrors { code message path } }
}
"""
TIMETABLE = """
query Timetable($filter: ScheduledEmailFilter, $after: String) {
  scheduledEmails(first: 100, after: $after, filter: $filter) {
    nodes { status sendAt recipientEmail subject mailbox { name } }
    pageInfo { hasNextPage endCursor }
  }
}
"""


class Refused(Exception):
    """The API did not do what it was asked for; the message says why."""


class Drumbeat:
    """The API at *url*, asked with *key*."""

    def __init__(self, url: str, key: str) -> None:
        self._url = f"{url}/graphql"
        self._headers = {
            "Authorization": f"Bearer {key}",
            "Content-Type": "application/json",
            "Accept": "application/graphql-response+json",
        }

    def ask(self, document: str, **variables: Any) -> dict[str, Any]:
        """The data of the answer; errors at its top level are raised."""
        body = json.dumps({"query": document, "variables": variables}).encode()
        request = Request(self._url, body, self._headers)
        try:
            with urlopen(request, timeout=30) as response:
                answer = json.load(response)
        except HTTPError as refused:
            # A request that could not be carried out has a status of its own, and an answer all the same.
            answer = json.load(refused)
        if answer.get("errors"):
            raise Refused("; ".join(each["message"] for each in answer["errors"]))
        data: dict[str, Any] = answer["data"]
        return data

    def change(self, document: str, asked: dict[str, Any]) -> dict[str, Any]:
        """The payload of the document's one mutation; what is wrong with *asked* is raised."""
        [payload] = self.ask(document, input=asked).values()
        if payload["userErrors"]:
            raise Refused("; ".join(f"{each['path']}: {each['message']}" for each in payload["userErrors"]))
        changed: dict[str, Any] = payload
        return changed

    def emails(self, **wanted: Any) -> Iterator[dict[str, Any]]:
        """All scheduled emails that the filter *wanted* lets through, page by page."""
        after = None
        while True:
            page = self.ask(TIMETABLE, filter=wanted, after=after)["scheduledEmails"]
            yield from page["nodes"]
            if not page["pageInfo"]["hasNextPage"]:
                return
            after = page["pageInfo"]["endCursor"]


def planned(drumbeat: Drumbeat, sequence_id: str) -> list[dict[str, Any]]:
    """The emails of a sequence, which have their times a moment after somebody was enrolled."""
    for _ in range(100):
        if emails := list(drumbeat.emails(sequenceId=sequence_id, isUnplaced=False)):
            return emails
        sleep(0.3)
    raise Refused("nothing was planned within half a minute: do a clock and a worker run?")


def main(url: str, key: str) -> None:
    drumbeat = Drumbeat(url, key)
    server = {"host": "127.0.0.1", "port": 2525, "security": "NONE"}
    mailbox = drumbeat.change(MAILBOX, {"email": "py@example.com", "zone": "Europe/Berlin", **server})[
        "mailbox"
    ]
    steps = [
        {"subject": "Hello {{ first_name }}", "bodyText": "Shall we talk?"},
        {"subject": "One more thing", "bodyText": "Still there?", "waitWorkingDays": 3},
    ]
    written = {"name": "From Python", "mailboxIds": [mailbox["id"]], "steps": steps}
    sequence = drumbeat.change(SEQUENCE, written)["sequence"]
    drumbeat.change(ACTIVATE, {"sequenceId": sequence["id"]})
    contacts = [{"email": "ada@example.test", "firstName": "Ada"}]
    enrolled = drumbeat.change(ENROLL, {"sequenceId": sequence["id"], "contacts": contacts})
    sys.stdout.write(f"enrolled {enrolled['enrolled']}\n")
    for email in planned(drumbeat, sequence["id"]):
        sys.stdout.write(f"{email['sendAt']} {email['recipientEmail']} {email['subject']}\n")


if __name__ == "__main__":
    main(sys.argv[1], os.environ["DRUMBEAT_KEY"])
