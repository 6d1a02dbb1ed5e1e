"""Sets of ids on their way to PostgreSQL: planning sends tens of thousands at once, several times."""

import struct
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from psycopg.abc import Buffer
from psycopg.types.array import ListBinaryDumper
from psycopg.types.uuid import UUIDBinaryDumper
from typing_extensions import override

# Dimensions, whether any is null, type of the elements; length and first subscript of the only dimension.
_HEAD = struct.Struct("!5i")
_ITEM_HEAD = struct.pack("!i", 16)
_ID_OID = 2950


class ArrayDumper(ListBinaryDumper):
    """Writes lists as psycopg's own does, in binary form, and lists of UUIDs three times as fast."""

    # Any: a list as a statement was given it.
    @override
    def dump(self, obj: list[Any]) -> Buffer | None:
        if obj and isinstance(self.sub_dumper, UUIDBinaryDumper) and set(map(type, obj)) == {UUID}:
            return _ids(obj)
        return super().dump(obj)


def _ids(ids: Sequence[UUID]) -> bytes:
    head = _HEAD.pack(1, 0, _ID_OID, len(ids), 1)
    return head + _ITEM_HEAD + _ITEM_HEAD.join([each.int.to_bytes(16) for each in ids])
