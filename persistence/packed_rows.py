"""Ids and instants by the thousand, kept as the bytes that PostgreSQL sent until somebody looks at them."""

import struct
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar, overload
from uuid import UUID

from typing_extensions import override

from domain.ids import EmailId

# PostgreSQL counts the microseconds from here (timestamptz_send).
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_INSTANT = struct.Struct("!q")
_ID = struct.Struct("!16s")
_Value = TypeVar("_Value")


class _Packed(Sequence[_Value]):
    """Values of one length each, one after the other in *packed*."""

    # Any: what *_form* unpacks is known to those below.
    _form: struct.Struct

    def __init__(self, packed: bytes) -> None:
        self._packed = packed

    @abstractmethod
    def _value(self, stored: tuple[Any, ...]) -> _Value: ...

    @override
    def __len__(self) -> int:
        return len(self._packed) // self._form.size

    @overload
    def __getitem__(self, at: int) -> _Value: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[_Value]: ...
    @override
    def __getitem__(self, at: int | slice) -> _Value | Sequence[_Value]:
        if isinstance(at, slice):
            return list(self)[at]
        return self._value(self._form.unpack_from(self._packed, range(len(self))[at] * self._form.size))

    @override
    def __iter__(self) -> Iterator[_Value]:
        return map(self._value, self._form.iter_unpack(self._packed))


class PackedIds(_Packed[EmailId]):
    """Ids of emails, as ``uuid_send`` writes them."""

    _form = _ID

    @override
    def _value(self, stored: tuple[Any, ...]) -> EmailId:
        return EmailId(UUID(bytes=stored[0]))


class PackedInstants(_Packed[datetime]):
    """Instants, as ``timestamptz_send`` writes them."""

    _form = _INSTANT

    @override
    def _value(self, stored: tuple[Any, ...]) -> datetime:
        return _EPOCH + timedelta(microseconds=stored[0])
