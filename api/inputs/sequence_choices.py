"""Which sequence begins, rests, goes on or ends, as it is given."""

import strawberry

from api.inputs.rehearsals import Rehearsable


@strawberry.input(description="Which sequence.")
class SequenceChoice:
    sequence_id: strawberry.ID = strawberry.field(description="The sequence.")
    expected_version: int | None = strawberry.field(
        default=None, description="Refuse if the sequence is not at this version."
    )


@strawberry.input(description="Which sequence begins to send.")
class ActivateSequenceInput(SequenceChoice, Rehearsable):
    pass


@strawberry.input(description="Which sequence is put on hold.")
class PauseSequenceInput(SequenceChoice):
    pass


@strawberry.input(description="Which sequence goes on sending.")
class ResumeSequenceInput(SequenceChoice, Rehearsable):
    pass


@strawberry.input(description="Which sequence is put away for good.")
class ArchiveSequenceInput(SequenceChoice, Rehearsable):
    pass
