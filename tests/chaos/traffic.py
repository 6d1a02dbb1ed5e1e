"""Traffic: a client who enrolls contacts over the API, whatever becomes of it, and remembers its word."""

import json
import threading
import urllib.error
from collections.abc import Callable

from typing_extensions import override

from app.demo.campaign import Refused
from tests.chaos.fast_days import OPENS_AT, WINDOW
from tests.chaos.installation import Installation

# Of one mailbox on one day.
CAPACITY = 12
# As they arrive: the second step answers in the thread of the first.
SUBJECTS = ("Welcome", "Re: Welcome")
_BATCH = 50

_MAILBOX = """
mutation ($input: CreateMailboxInput!) {
  createMailbox(input: $input) { mailbox { id } userErrors { message } }
}"""
_SEQUENCE = """
mutation ($input: CreateSequenceInput!) {
  createSequence(input: $input) { sequence { id } userErrors { message } }
}"""
_ACTIVATE = "mutation ($id: ID!) { activateSequence(input: {sequenceId: $id}) { userErrors { message } } }"
ENROLL = """
mutation ($id: ID!, $contacts: [ContactInput!]!) {
  enrollContacts(input: {sequenceId: $id, contacts: $contacts}) {
    enrolled alreadyEnrolled userErrors { message }
  }
}"""


def make_sequence(running: Installation, *, mailboxes: int, domain: str = "example.com") -> str:
    """An active sequence of two steps on two days, in the window of `FastDays`; its id."""
    made = []
    for number in range(mailboxes):
        mailbox = {
            "email": f"sender-{number}@{domain}",
            "host": "127.0.0.1",
            "port": running.smtp_port,
            "security": "NONE",
            "zone": "UTC",
            "dailyCapacity": CAPACITY,
            "minimumGapSeconds": 1,
        }
        made.append(running.ask(_MAILBOX, input=mailbox)["createMailbox"]["mailbox"]["id"])
    sequence = {
        "name": "Welcome Campaign",
        "zone": "UTC",
        "mailboxIds": made,
        "steps": [
            {"subject": "Welcome", "bodyText": "Hello"},
            {"subject": "One more thing", "bodyText": "Hello again"},
        ],
        "sendWindow": {
            "weekdays": [1, 2, 3, 4, 5, 6, 7],
            "intervals": [{"start": f"{OPENS_AT:%H:%M}", "end": f"{OPENS_AT + WINDOW:%H:%M}"}],
        },
    }
    sequence_id: str = running.ask(_SEQUENCE, input=sequence)["createSequence"]["sequence"]["id"]
    running.ask(_ACTIVATE, id=sequence_id)
    return sequence_id


class Traffic(threading.Thread):
    """Enrolls *contacts* in batches whenever *wants_more*; a batch that was not answered is sent again."""

    def __init__(
        self, running: Installation, sequence_id: str, *, contacts: int, wants_more: Callable[[int], bool]
    ) -> None:
        """*wants_more* is asked with the number of contacts that are enrolled."""
        super().__init__(name="traffic", daemon=True)
        self.enrolled: list[str] = []
        self.unanswered = 0
        self.stop = threading.Event()
        self._running = running
        self._sequence_id = sequence_id
        self._contacts = contacts
        self._wants_more = wants_more

    @override
    def run(self) -> None:
        while len(self.enrolled) < self._contacts and not self.stop.is_set():
            if not self._wants_more(len(self.enrolled)):
                self.stop.wait(0.05)
                continue
            first = len(self.enrolled)
            numbers = range(first, min(first + _BATCH, self._contacts))
            batch = [f"contact-{number}@example.test" for number in numbers]
            if self._enroll(batch):
                self.enrolled.extend(batch)
            else:
                self.unanswered += 1
                self.stop.wait(0.2)

    def _enroll(self, batch: list[str]) -> bool:
        """Whether the API gave its word: until then it may have been done, or not."""
        contacts = [{"email": address} for address in batch]
        try:
            done = self._running.ask(ENROLL, id=self._sequence_id, contacts=contacts)["enrollContacts"]
        except (urllib.error.URLError, OSError, Refused, json.JSONDecodeError):
            return False
        return bool(done["enrolled"] + done["alreadyEnrolled"] == len(batch))
