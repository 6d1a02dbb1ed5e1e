"""What a resolver may use: the caller's workspace, the database, the clock, and the request's loaders."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, Protocol, TypeAlias
from uuid import UUID

import strawberry
from sqlalchemy.ext.asyncio import AsyncConnection

from api.executions import Executions
from api.live.changes import Changes
from api.live.live import Live, Timing
from api.loaders import Loaders
from api.once import Once
from api.origins import origin_of
from api.rate_limits import RateLimiter
from api.uploads import AT_ONCE
from domain.access import MemberRole, Scope
from domain.credentials import OAuthProvider
from domain.identities import Identity
from domain.ids import MailboxId, WorkspaceId
from domain.pseudonyms import KEY_PURPOSE, Pseudonyms
from domain.replies import Stage
from persistence.attempts import Login
from persistence.database import Database
from persistence.direct_reads import Prepared, read
from persistence.nested_lists import NestedList
from persistence.reading.pages import AnyRow, Found
from persistence.vault import Vault

_MOST_FORECASTS = 3


class Clock(Protocol):
    """Business time; in the demo it steps instead of running."""

    async def now(self) -> datetime:
        """The present, in UTC."""


class IdentityProvider(Protocol):
    """Who vouches for people who log in (OpenID Connect)."""

    async def authorization_url(
        self, *, redirect_uri: str, state: str, nonce: str, code_challenge: str
    ) -> str:
        """Where the browser goes to log in; raises `IdentityUnknown`."""

    async def identify(self, code: str, *, redirect_uri: str, nonce: str, code_verifier: str) -> Identity:
        """Whom the provider gave *code* for; raises `IdentityRefused` or `IdentityUnknown`."""


@dataclass(frozen=True, slots=True)
class MailboxFinding:
    """Whether a mailbox can send, in *words* for its owner; if not, the *stage* of the conversation."""

    passed: bool
    stage: Stage | None
    words: str


class CheckMailbox(Protocol):
    """Asks the server of a mailbox whether it lets us in; sends nothing, and takes seconds at most."""

    async def __call__(
        self, workspace_id: WorkspaceId, mailbox_id: MailboxId, login: Login, /
    ) -> MailboxFinding:
        """What it found."""


async def _no_check(_: WorkspaceId, __: MailboxId, ___: Login) -> MailboxFinding:
    return MailboxFinding(passed=False, stage=None, words="This installation checks no mailboxes.")


@dataclass(frozen=True, slots=True)
class Services:
    """
    What the API is built from. *database* has the role `drumbeat_api`; *public_url* is how recipients
    and browsers reach this server, without a slash at its end; at *providers* mailboxes may log in by OAuth.
    People log in at *identities*, if anywhere, and are then sent to *after_login_url*; with *login_founds*,
    who was not invited gets a workspace of their own. Pages of *other_origins* may ask with their cookies as
    our own do. With *hsts_s* above 0, browsers that came by TLS come by nothing else for so many seconds.
    Each of *probes* returns None when its part is ready, or what is wrong and how to mend it.
    Metrics are for whoever brings *metrics_token*, and for nobody where it is empty.
    *callers* counts requests, *strangers* failed attempts from an address; without them nothing is counted.
    """

    database: Database
    vault: Vault
    clock: Clock
    public_url: str
    providers: frozenset[OAuthProvider] = frozenset()
    identities: IdentityProvider | None = None
    login_founds: bool = True
    after_login_url: str = "/"
    other_origins: Sequence[str] = ()
    hsts_s: int = 0
    check_mailbox: CheckMailbox = _no_check
    probes: Mapping[str, Callable[[], Awaitable[str | None]]] = field(default_factory=dict)
    metrics_token: str = ""
    timing: Timing = field(default_factory=Timing)
    live: Live = field(init=False)
    callers: RateLimiter | None = None
    strangers: RateLimiter | None = None
    executions: Executions = field(default_factory=Executions)
    # Files that are read at the same time; whoever comes next waits, and so does their client.
    importing: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))
    # Who plans for an answer waits here for whoever does so already.
    planning: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1))

    def __post_init__(self) -> None:
        object.__setattr__(self, "live", Live(Changes(self.database), self.timing))

    @property
    def origins(self) -> Sequence[str]:
        return (origin_of(self.public_url), *self.other_origins)


class Present:
    """The moment of one request: the clock is asked once, however many fields want to know."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._asked: asyncio.Task[datetime] | None = None

    async def now(self) -> datetime:
        if self._asked is None:
            self._asked = asyncio.create_task(self._ask())
        return await self._asked

    def forget(self) -> None:
        """Ask again when somebody wants to know."""
        self._asked = None

    async def _ask(self) -> datetime:
        return await self._clock.now()


class Allowance:
    """How often one request may have something costly: *most* times."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._taken = 0

    def take(self) -> bool:
        """Whether it may be had once more."""
        self._taken += 1
        return self._taken <= self.most


@dataclass(slots=True)
class Stream:
    """
    Of a subscription: after which number it goes on, and the number of what it told last.

    Numbers are of the connection, so that a browser that comes back need not know of them.
    """

    resumes_from: str | None = None
    number: str | None = None


@dataclass(frozen=True, slots=True)
class Caller:
    """
    Who asks: a person who is logged in, or an API key.

    *name* is the person's or the key's; a key has no address, no picture and no role. *actor* is who they
    are in the records of what was done.
    """

    workspace_id: WorkspaceId
    actor: str
    scopes: frozenset[Scope]
    name: str
    email: str | None = None
    avatar_url: str | None = None
    role: MemberRole | None = None


@dataclass(frozen=True)
class Context:
    """
    One request, or one subscription.

    Every transaction sees the caller's workspace alone. Resolvers run at the same time, so none shares a
    connection with another, and none awaits a loader inside a transaction: the pool may have no second one.
    """

    services: Services
    caller: Caller
    present: Present
    stream: Stream = field(default_factory=Stream)
    # Of a mutation with an Idempotency-Key.
    once: Once | None = None
    at_hand: defaultdict[str, dict[UUID, AnyRow]] = field(default_factory=lambda: defaultdict(dict))
    # What is asked of lists that things have, by the fields of the document that ask for them.
    nested_lists: dict[tuple[int, ...], NestedList] = field(default_factory=dict)
    forecasts: Allowance = field(default_factory=lambda: Allowance(_MOST_FORECASTS))

    @property
    def workspace_id(self) -> WorkspaceId:
        return self.caller.workspace_id

    def have_at_hand(self, related: Mapping[str, Sequence[AnyRow]]) -> None:
        """Keep rows that were read with others for those who would ask loaders, by these names, for them."""
        for loader, rows in related.items():
            self.at_hand[loader].update((row.id, row) for row in rows)

    def forget(self) -> None:
        """Read everything anew from here on."""
        self.at_hand.clear()
        self.loaders.forget()

    @cached_property
    def loaders(self) -> Loaders:
        return Loaders(self.services.database, self.workspace_id)

    def transaction(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """A transaction in the caller's workspace, committed at the end of the block."""
        return self.services.database.transaction(self.workspace_id)

    async def read(self, statement: Prepared, values: Mapping[str, Any]) -> Found:
        """What one statement finds in the caller's workspace: the shortest way to it."""
        return await read(self.services.database, self.workspace_id, statement, values)

    def snapshot(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """The caller's workspace at one moment, to read from."""
        return self.services.database.snapshot(self.workspace_id)

    async def now(self) -> datetime:
        """Business time, in UTC; the same throughout the request."""
        return await self.present.now()

    def renew(self) -> None:
        """Know nothing of what was read and when: a subscription tells of a new moment."""
        self.loaders.forget()
        self.present.forget()

    @property
    def vault(self) -> Vault:
        return self.services.vault

    @property
    def pseudonyms(self) -> Pseudonyms:
        """What stands for addresses that are to be forgotten."""
        return Pseudonyms(self.vault.derive(KEY_PURPOSE))


Info: TypeAlias = strawberry.Info[Context, None]


def context_for(services: Services, caller: Caller) -> Context:
    return Context(
        services=services,
        caller=caller,
        present=Present(services.clock),
    )
