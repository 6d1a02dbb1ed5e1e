"""The workshop: the actors with their tools, opened when a worker starts and closed when it stops."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from functools import partial
from time import monotonic

from actors.access_tokens import AccessTokens
from actors.dispatcher import Dispatcher, Rescuer
from actors.grants import GrantKeeper
from actors.ledger import Ledger
from actors.letters import LetterWriter
from actors.planner import Planner
from actors.publisher import MessageStore, Publisher
from actors.queues import DISPATCHER, PLANNER, RECALCULATOR, SENDER
from actors.recalculator import Recalculator
from actors.sender import Sender
from actors.smtp_pool import ConnectionPool
from actors.timekeeper import RESCUE
from actors.token_server import HttpTokenServer
from app.business_clock import business_clock_of
from app.oauth import token_endpoints
from app.settings import Settings
from domain.unsubscribe import KEY_PURPOSE
from persistence.database import Role, open_database
from persistence.vault import Vault

# Of the time that a stop may take: to write down what is in doubt.
_WRITING_SHARE = 1 / 9
# For everything before the dot, connecting included.
_SMTP_TIMEOUT_S = 60.0


class Workshop:
    """
    Makes the actors once per process, on the event loop that they run on.

    Actors are known by name before their tools are opened, because a broker wants to know them first.
    """

    def __init__(self, settings: Settings, broker: Callable[[], MessageStore]) -> None:
        self._settings = settings
        self._broker = broker
        self._actors: dict[str, Callable[..., Awaitable[None]]] = {}
        self._sender: Sender | None = None
        self._waits_until = 0.0
        self._closing: list[Callable[[], Awaitable[None]]] = []

    @property
    def actors(self) -> Mapping[str, Callable[..., Awaitable[None]]]:
        return {name: self._by_name(name) for name in (PLANNER, DISPATCHER, SENDER, RECALCULATOR, RESCUE)}

    async def open(self) -> None:
        settings = self._settings
        database = open_database(settings.database_url, Role.WORKER, pool_size=settings.database_pool_size)
        await database.check_role()
        vault = Vault(settings.secret_key.encode())
        clock = business_clock_of(settings, database)
        lease = timedelta(seconds=settings.lease_s)
        publisher = Publisher(self._broker())
        allow = settings.smtp_allow_networks
        tokens = AccessTokens(
            HttpTokenServer(token_endpoints(settings), allow=allow),
            replaced=GrantKeeper(database, vault).replace,
        )
        pool = ConnectionPool(total=settings.smtp_connections, allow=allow, tokens=tokens)
        sender = Sender(
            database=database,
            ledger=Ledger(database, clock, lease=lease, schedule=settings.retry_schedule),
            letters=LetterWriter(public_url=settings.public_url, token_key=vault.derive(KEY_PURPOSE)),
            pool=pool,
            publisher=publisher,
            vault=vault,
            clock=clock,
            schedule=settings.retry_schedule,
            in_flight=settings.smtp_connections,
            timeout_s=min(_SMTP_TIMEOUT_S, settings.lease_s / 2),
        )
        self._actors = {
            PLANNER: Planner(database=database, clock=clock),
            DISPATCHER: Dispatcher(
                database=database,
                publisher=publisher,
                clock=clock,
                lease=lease,
                most_queued=settings.most_queued,
            ),
            SENDER: sender,
            RECALCULATOR: Recalculator(database=database, clock=clock),
            RESCUE: Rescuer(database=database, publisher=publisher, clock=clock, grace=grace_of(settings)),
        }
        self._sender = sender
        give_up = partial(sender.give_up, timeout_s=settings.stop_within_s * _WRITING_SHARE)
        self._closing = [self._drain, give_up, pool.aclose, publisher.close, database.aclose]

    async def stop(self) -> None:
        """Begin nothing more; from now on replies are waited for."""
        self._waits_until = monotonic() + self._settings.last_replies_s
        if self._sender is not None:
            await self._sender.stop()

    async def close(self) -> None:
        """Close everything when the last message has ended; :meth:`stop` comes first."""
        for close in self._closing:
            await close()

    async def _drain(self) -> None:
        if self._sender is not None:
            await self._sender.drain(timeout_s=max(0.0, self._waits_until - monotonic()))

    def _by_name(self, name: str) -> Callable[..., Awaitable[None]]:
        async def actor(*args: object) -> None:
            await self._actors[name](*args)

        return actor


def grace_of(settings: Settings) -> timedelta:
    """How long after its time a retry's message may still be on its way: as short as the schedule allows."""
    return min(timedelta(minutes=2), *settings.retry_schedule)
