"""Refusals: facts that keep a change from being made. Raising one rolls the whole change back."""

from collections.abc import Collection
from enum import StrEnum
from uuid import UUID

from domain.hand_set_times import Obstacle


class Noun(StrEnum):
    """What a refusal is about, in the words of the API."""

    SEQUENCE = "sequence"
    STEP = "step"
    MAILBOX = "mailbox"
    CONTACT = "contact"
    ENROLLMENT = "enrollment"
    EMAIL = "email"
    API_KEY = "API key"
    MEMBER = "member"
    INVITATION = "invitation"
    WORKSPACE = "workspace"


class Refusal(Exception):
    """A change that was asked for is not made, and why."""


class UnknownObject(Refusal):
    """The workspace has no *noun* with any of *ids*; one of another workspace is no different."""

    def __init__(self, noun: Noun, ids: Collection[UUID]) -> None:
        super().__init__(f"no such {noun}: {', '.join(map(str, ids))}")
        self.noun = noun
        self.ids = frozenset(ids)


class StaleObject(Refusal):
    """The caller knew an older version of the *noun*; it is at *version* now."""

    def __init__(self, noun: Noun, version: int) -> None:
        super().__init__(f"the {noun} is at version {version} by now")
        self.noun = noun
        self.version = version


class NotInStatus(Refusal):
    """What was asked for does not happen to a *noun* in *status*."""

    def __init__(self, noun: Noun, status: str) -> None:
        super().__init__(f"the {noun} is {status}")
        self.noun = noun
        self.status = status


class SequenceHasNoSteps(Refusal):
    """A sequence without a step has nothing to send."""


class IsBatch(Refusal):
    """The sequence of a batch has one step, and gets its contacts when the batch is scheduled."""


class NoActiveMailbox(Refusal):
    """The workspace has no mailbox that can send."""


class NobodyToWriteTo(Refusal):
    """Nobody of those named can be written to; *suppressed* of them are known."""

    def __init__(self, *, suppressed: int) -> None:
        super().__init__("nobody can be written to")
        self.suppressed = suppressed


class MailboxAddressTaken(Refusal):
    """A live mailbox, here or in another workspace, sends from *address* already."""

    def __init__(self, address: str) -> None:
        super().__init__("a mailbox with this address exists")
        self.address = address


class LaterEmailLeft(Refusal):
    """A later email of the same enrollment has left already: this one would come out of order."""


class ContactNotWrittenTo(Refusal):
    """The contact is suppressed, bounced, unsubscribed or deleted."""


class TimeNotAllowed(Refusal):
    """An email cannot leave at the time that was asked for."""

    def __init__(self, obstacle: Obstacle) -> None:
        super().__init__(f"the email cannot leave then: {obstacle}")
        self.obstacle = obstacle


class PlanBusy(Refusal):
    """The workspace is being planned at this moment."""


class LastOwner(Refusal):
    """The workspace would have no owner any more."""
