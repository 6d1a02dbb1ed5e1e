"""What a thing points to: at once where it was read with the thing itself, else through a loader."""

from collections.abc import Callable, Generator
from typing import Any, Generic, TypeVar, cast
from uuid import UUID

from api.context import Info
from api.loaders import One
from api.types.node import present
from persistence.reading.pages import AnyRow

T = TypeVar("T")


def related(info: Info, loader: str, key: UUID, shape: Callable[[AnyRow], T]) -> T:
    """
    What *shape* makes of the row with *key*, which a foreign key promises; the *loader* so named reads it.

    It is an awaitable of that while the row is not at hand. The executor takes both from a resolver; to
    await each of a hundred rows that are there would cost more than reading them.
    """
    row = info.context.at_hand[loader].get(key)
    if row is not None:
        return shape(row)
    return cast("T", _Later(getattr(info.context.loaders, loader), key, shape))


class _Later(Generic[T]):
    """A row that its loader has to read. Nothing is begun before somebody waits for it."""

    __slots__ = ("_key", "_loader", "_shape")

    def __init__(self, loader: One, key: UUID, shape: Callable[[AnyRow], T]) -> None:
        self._loader, self._key, self._shape = loader, key, shape

    def __await__(self) -> Generator[Any, Any, T]:
        return self._shape(present((yield from self._loader.load(self._key).__await__())))
