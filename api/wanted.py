"""What a caller wants by its id: it is there, or the answer is `NOT_FOUND`."""

import re
from uuid import UUID

from api.errors import NotFound
from api.ids import uuid_of
from api.loaders import Loaders, One
from persistence.reading.pages import AnyRow


async def wanted(loader: One, kind: str, text: str) -> AnyRow:
    """
    The row of the *kind* of thing with the id *text*.

    Raises:
        MalformedId: If it is no id, or one of another kind.
        NotFound: If the workspace has none with that id.
    """
    return await existing(loader, kind, uuid_of(kind, text))


async def wanted_sequence(loaders: Loaders, text: str | None) -> UUID | None:
    """The id of the sequence that is asked for, None for all; raises as `wanted` does."""
    if text is None:
        return None
    sequence_id: UUID = (await wanted(loaders.sequences, "Sequence", text)).id
    return sequence_id


async def existing(loader: One, kind: str, key: UUID) -> AnyRow:
    """As `wanted`, by the key that was in an id."""
    row = await loader.load(key)
    if row is None:
        raise NotFound(re.sub(r"\B(?=[A-Z])", " ", kind).lower())
    return row
