"""Faults: what can happen to an installation, drawn by a seed, and what it costs in doubt at most."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random

from tests.chaos.installation import CONNECTIONS, LEASE_S, Installation
from tests.chaos.messages import Messages

# Longer than any lease, so that what is frozen wakes up among its successors.
FROZEN_S = LEASE_S + 2.0

# Out of a hundred. Emails are in the workers' hands, so most of it happens to workers.
SHARES = {
    "worker killed": 26,
    "worker process killed": 12,
    "worker frozen": 12,
    "clock killed": 8,
    "clock frozen": 6,
    "api killed": 8,
    "messages doubled": 8,
    "queues purged": 5,
    "queues deleted": 3,
    "broker killed": 4,
    "database crashed": 4,
    "connections ended": 4,
}
# Whoever sends is interrupted between the final dot and what it writes down of it.
_COSTS_DOUBT = frozenset({"worker killed", "worker process killed", "worker frozen"})


def draw(chance: Random, number: int) -> list[str]:
    """*number* faults in any order, each kind by its share and, as far as they go round, once at least."""
    kinds = list(SHARES)
    drawn = kinds[:number]
    drawn += chance.choices(kinds, weights=list(SHARES.values()), k=number - len(drawn))
    chance.shuffle(drawn)
    return drawn


@dataclass
class Faults:
    """Lets faults happen to *running*, and remembers them."""

    running: Installation
    chance: Random
    messages: Messages
    happened: Counter[str] = field(default_factory=Counter)
    _thaw_at: dict[str, float] = field(default_factory=dict)

    @property
    def most_in_doubt(self) -> int:
        """How many emails were in the hands of those who were interrupted, at most."""
        return CONNECTIONS * sum(self.happened[kind] for kind in _COSTS_DOUBT)

    def happen(self, kind: str) -> None:
        self.happened[kind] += 1
        act: dict[str, Callable[[], object]] = {
            "worker killed": lambda: self._restart("worker"),
            "worker process killed": lambda: self.running.system.kill_youngest(self._one("worker")),
            "worker frozen": lambda: self._freeze("worker"),
            "clock killed": lambda: self._restart("clock"),
            "clock frozen": lambda: self._freeze("clock"),
            "api killed": lambda: self._restart("api"),
            "messages doubled": lambda: self.messages.publish_again(self.chance),
            "queues purged": self.messages.purge,
            "queues deleted": self.messages.delete_queues,
            "broker killed": self._kill_broker,
            "database crashed": self.running.postgres.crash,
            "connections ended": self.running.postgres.end_connections,
        }
        act[kind]()

    def thaw(self, *, everyone: bool = False) -> None:
        """Let those go on who were frozen for long enough."""
        for name, at in list(self._thaw_at.items()):
            if everyone or time.monotonic() >= at:
                del self._thaw_at[name]
                self.running.system.thaw(name)

    def _one(self, command: str) -> str:
        return self.chance.choice(list(self._all(command)))

    def _all(self, command: str) -> Iterator[str]:
        return (name for name in self.running.system.processes if name.partition("-")[0] == command)

    def _restart(self, command: str) -> None:
        name = self._one(command)
        self._thaw_at.pop(name, None)
        self.running.system.kill(name)
        self.running.system.start(name)

    def _freeze(self, command: str) -> None:
        name = self._one(command)
        if name not in self._thaw_at:
            self._thaw_at[name] = time.monotonic() + FROZEN_S
            self.running.system.freeze(name)

    def _kill_broker(self) -> None:
        self.running.rabbitmq.kill()
        self.running.rabbitmq.restart()
        self.messages.firehose.listen()
