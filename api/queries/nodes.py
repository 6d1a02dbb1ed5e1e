"""Finding things of any kind by their ids."""

import asyncio
from collections.abc import Callable
from typing import Annotated, Any

import strawberry
from strawberry.dataloader import DataLoader

from api.context import Info
from api.errors import BadUserInput, Forbidden, NotFound
from api.fields import resolves
from api.ids import GlobalId, MalformedId, read_global_id
from api.loaders import Loaders
from api.types.alert import Alert
from api.types.api_key import ApiKey
from api.types.audit_entry import AuditEntry
from api.types.batch import Batch
from api.types.contact import Contact
from api.types.contact_import import Import
from api.types.email_event import EmailEvent, EmailMove
from api.types.enrollment import Enrollment
from api.types.mailbox import Mailbox
from api.types.member import Invitation, Member
from api.types.node import Node
from api.types.recalculation import Recalculation
from api.types.scheduled_email import ScheduledEmail
from api.types.sequence import Sequence
from api.types.step import Step
from api.types.suppression import Suppression
from api.types.workspace import Workspace
from domain.access import Scope

MOST_IDS = 100
# Loaders of numbered things take numbers, all others UUIDs; `read_global_id` gives each its own.
_KINDS: dict[str, tuple[type[Node], Callable[[Loaders], DataLoader[Any, Any]]]] = {
    "Alert": (Alert, lambda loaders: loaders.alerts),
    "ApiKey": (ApiKey, lambda loaders: loaders.api_keys),
    "AuditEntry": (AuditEntry, lambda loaders: loaders.audit_entries),
    "Batch": (Batch, lambda loaders: loaders.batches),
    "Contact": (Contact, lambda loaders: loaders.contacts),
    "EmailEvent": (EmailEvent, lambda loaders: loaders.email_events),
    "EmailMove": (EmailMove, lambda loaders: loaders.email_moves),
    "Enrollment": (Enrollment, lambda loaders: loaders.enrollments),
    "Import": (Import, lambda loaders: loaders.imports),
    "Invitation": (Invitation, lambda loaders: loaders.invitations),
    "Mailbox": (Mailbox, lambda loaders: loaders.mailboxes),
    "Member": (Member, lambda loaders: loaders.members),
    "Recalculation": (Recalculation, lambda loaders: loaders.recalculations),
    "ScheduledEmail": (ScheduledEmail, lambda loaders: loaders.scheduled_emails),
    "Sequence": (Sequence, lambda loaders: loaders.sequences),
    "Step": (Step, lambda loaders: loaders.steps),
    "Suppression": (Suppression, lambda loaders: loaders.suppressions),
    "Workspace": (Workspace, lambda loaders: loaders.workspaces),
}


@strawberry.type
class NodeQueries:
    @resolves("The thing with this id, of whatever kind it is.")
    async def node(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="Its id.")],  # noqa: A002
    ) -> Node | None:
        found = await _find(info, _known(id))
        if found is None:
            raise NotFound("node")
        return found

    @resolves("The things with these ids, in the same order; null where the workspace has none.")
    async def nodes(
        self,
        info: Info,
        ids: Annotated[
            list[strawberry.ID], strawberry.argument(description=f"Their ids, at most {MOST_IDS}.")
        ],
    ) -> list[Node | None]:
        if len(ids) > MOST_IDS:
            raise BadUserInput(f"Ask for at most {MOST_IDS} ids.")
        return list(await asyncio.gather(*(_find_if_any(info, each) for each in ids)))


def _known(text: str) -> GlobalId:
    read = read_global_id(text)
    if read.kind not in _KINDS:
        raise MalformedId(text)
    return read


async def _find_if_any(info: Info, text: str) -> Node | None:
    """Nothing has an id that is none: the other things are found all the same."""
    try:
        wanted = _known(text)
    except MalformedId:
        return None
    return await _find(info, wanted)


async def _find(info: Info, wanted: GlobalId) -> Node | None:
    kind, loader = _KINDS[wanted.kind]
    if kind is AuditEntry and Scope.ADMIN not in info.context.caller.scopes:
        raise Forbidden(Scope.ADMIN)
    row = await loader(info.context.loaders).load(wanted.key)
    return None if row is None else kind.of(row)
