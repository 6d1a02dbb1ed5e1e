"""What a mutation leaves in the audit log: what it was asked for, and the thing that it is about."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from math import isfinite
from typing import Any, NamedTuple, Self
from uuid import UUID

from graphql import value_from_ast_untyped
from sqlalchemy import Table

from api.context import Info
from api.ids import MalformedId, uuid_of
from persistence import tables
from persistence.audit_log import HIDDEN
from persistence.storable_text import storable

# The thing that a mutation is about is named first in its input.
_KINDS_BY_FIELD = {
    "sequenceId": "Sequence",
    "stepId": "Step",
    "mailboxId": "Mailbox",
    "contactId": "Contact",
    "enrollmentId": "Enrollment",
    "emailId": "ScheduledEmail",
    "apiKeyId": "ApiKey",
    "memberId": "Member",
    "invitationId": "Invitation",
}
TABLES: Mapping[str, Table] = {
    "Sequence": tables.sequences,
    "Step": tables.steps,
    "Mailbox": tables.mailboxes,
    "Contact": tables.contacts,
    "Import": tables.imports,
    "Enrollment": tables.enrollments,
    "ScheduledEmail": tables.scheduled_emails,
    "Batch": tables.batches,
    "ApiKey": tables.api_keys,
    "Member": tables.members,
    "Invitation": tables.invitations,
    "Workspace": tables.workspaces,
}
# Fields of inputs whose values nobody reads again.
SECRET_FIELDS = frozenset({"password", "refreshToken"})
_LONGEST_TEXT = 500
_MOST_ENTRIES = 20


class About(NamedTuple):
    """A thing with an id."""

    kind: str
    key: UUID


@dataclass(frozen=True, slots=True)
class Asked:
    """A mutation by its name, its input as the client wrote it, and the thing that it names, if any."""

    action: str
    given: Mapping[str, Any]  # JSON
    about: About | None

    @classmethod
    def of(cls, info: Info, *, about: About | None = None) -> Self:
        given = _input(info)
        return cls(info.field_name, given, about or _about(given))

    @property
    def shown(self) -> Mapping[str, Any]:
        """The input without its secrets, long texts and long lists cut; what was left out is null there."""
        told = {name: value for name, value in self.given.items() if value is not None and name != "dryRun"}
        return {name: _shortened(name, value) for name, value in told.items()}


def _input(info: Info) -> Mapping[str, Any]:
    # Not `selected_fields`, which follows every fragment wherever it is spread: 2^n of them in n lines.
    (node, *_) = info._raw_info.field_nodes
    for argument in node.arguments or ():
        if argument.name.value == "input":
            return value_from_ast_untyped(argument.value, info.variable_values) or {}
    return {}


def _about(given: Mapping[str, Any]) -> About | None:
    for field, kind in _KINDS_BY_FIELD.items():
        if isinstance(text := given.get(field), str):
            # The mutation itself refuses what is no id.
            with suppress(MalformedId):
                return About(kind, uuid_of(kind, text))
    return None


# Any: a value of an input.
def _shortened(name: str, value: Any) -> Any:
    if name in SECRET_FIELDS and value is not None:
        return HIDDEN
    if isinstance(value, dict):
        return {storable(each): _shortened(each, inner) for each, inner in value.items()}
    if isinstance(value, list):
        shown = [_shortened(name, inner) for inner in value[:_MOST_ENTRIES]]
        return [*shown, f"… and {len(value) - _MOST_ENTRIES} more"] if len(value) > _MOST_ENTRIES else shown
    if isinstance(value, str):
        return storable(value if len(value) <= _LONGEST_TEXT else f"{value[:_LONGEST_TEXT]}…")
    return str(value) if isinstance(value, float) and not isfinite(value) else value
