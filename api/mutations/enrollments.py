"""Mutations of enrollments."""

from collections.abc import Sequence as SequenceOf
from dataclasses import replace
from typing import Self

import strawberry
from typing_extensions import override

from api.connections import After, Before, Connection, Direction, First, InDirection, Last, Paging, connection
from api.context import Info
from api.errors import UserErrorCode
from api.fields import resolves
from api.inputs.enrollments import (
    EnrollContactsInput,
    EnrollmentChoice,
    PauseEnrollmentInput,
    ResumeEnrollmentInput,
    StopEnrollmentInput,
    read_contacts,
)
from api.inputs.keys import enrollment_key, sequence_key
from api.inputs.problems import Problems, refuse
from api.invalid_contacts import InvalidContact
from api.mutations.answers import Input, Payload, RehearsedPayload, mutation
from api.mutations.change import Change, changing
from api.mutations.found_contacts import found_contacts
from api.types.enrollment import Enrollment
from api.types.recalculation import Recalculation
from api.types.sequence import Sequence
from domain.ids import ContactId, EnrollmentId, SequenceId
from domain.recalculations import RecalculationCause
from persistence.contacts import upsert_contacts
from persistence.enrollment_moves import pause_enrollment, resume_enrollment, stop_enrollment
from persistence.enrollments import enroll, hold_for_enrolling
from persistence.reading.enrollments import ORDER, enrollments_where
from persistence.refusals import NotInStatus
from persistence.tables import enrollments

_FIGURES = ("enrolled", "already_enrolled", "suppressed")
THE_ENROLLMENT = "The enrollment as it is now; null if the mutation was not done."


@strawberry.type(description="The answer to `enrollContacts`.")
class EnrollContactsPayload(RehearsedPayload):
    sequence: Sequence | None = strawberry.field(
        default=None, description="The sequence as it is now; null if the mutation was not done."
    )
    enrolled: int = strawberry.field(
        default=0, description="Contacts that are on their way now; their emails are placed in a moment."
    )
    already_enrolled: int = strawberry.field(
        default=0, description="Contacts that were on their way already, or were named twice."
    )
    suppressed: int = strawberry.field(
        default=0, description="Contacts that are not written to: suppressed, bounced or unsubscribed."
    )
    invalid: list[InvalidContact] = strawberry.field(
        default_factory=list, description="Contacts of the list that could not be taken; the others were."
    )

    sequence_id: strawberry.Private[SequenceId | None] = None
    contact_ids: strawberry.Private[SequenceOf[ContactId]] = ()

    @resolves(
        "The enrollments of the contacts that were named, new ones and those that were there, the last one"
        " first unless you say so. None in a dry run."
    )
    async def enrollments(
        self,
        info: Info,
        order: InDirection = Direction.DESC,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[Enrollment]:
        rows = enrollments_where(
            info.context.workspace_id, sequence_id=self.sequence_id, contact_ids=self.contact_ids
        )
        return await connection(info, Enrollment, rows, ORDER, Paging(first, after, last, before, order))

    @override
    def rehearsed(self) -> Self:
        return replace(self, sequence=None, contact_ids=())


@strawberry.type(description="The answer to `pauseEnrollment`.")
class PauseEnrollmentPayload(Payload):
    enrollment: Enrollment | None = strawberry.field(default=None, description=THE_ENROLLMENT)


@strawberry.type(description="The answer to `resumeEnrollment`.")
class ResumeEnrollmentPayload(RehearsedPayload):
    enrollment: Enrollment | None = strawberry.field(default=None, description=THE_ENROLLMENT)
    recalculation: Recalculation | None = strawberry.field(
        default=None, description="The replanning that the time on hold makes necessary."
    )


@strawberry.type(description="The answer to `stopEnrollment`.")
class StopEnrollmentPayload(RehearsedPayload):
    enrollment: Enrollment | None = strawberry.field(default=None, description=THE_ENROLLMENT)


@strawberry.type
class EnrollmentMutations:
    @mutation(
        "Put contacts on their way through a sequence. One that is on its way already stays where it is."
    )
    async def enroll_contacts(self, info: Info, asked: Input[EnrollContactsInput]) -> EnrollContactsPayload:
        with Problems() as problems:
            sequence_id = sequence_key(asked.sequence_id, problems)
            known, listed = read_contacts(asked.contact_ids, asked.contacts, problems)
            if not asked.names_anybody:
                problems.add(
                    UserErrorCode.NO_RECIPIENTS, "Say who: by ids, contacts, import or filter.", "contacts"
                )
        async with changing(info, asked) as change:
            conn, workspace_id = change.conn, change.workspace_id
            await _hold_open(change, sequence_id)
            written = await upsert_contacts(
                conn, workspace_id, cards=list(listed.cards.values()), pseudonyms=info.context.pseudonyms
            )
            found = await found_contacts(change, asked)
            contact_ids = [*known, *(written[address].contact_id for address in listed.cards), *found]
            outcome = await enroll(conn, workspace_id, sequence_id, contact_ids=contact_ids, now=change.now)
            await change.place()
            payload = EnrollContactsPayload(
                sequence=await change.sequence(sequence_id),
                enrolled=outcome.enrolled,
                already_enrolled=outcome.already_enrolled + listed.duplicates,
                suppressed=outcome.suppressed,
                invalid=listed.invalid,
                preview=change.preview,
                sequence_id=sequence_id,
                contact_ids=contact_ids,
            )
            change.figures = {name: getattr(payload, name) for name in _FIGURES}
            return payload

    @mutation("Put an enrollment on hold; its plan stays, and the time on hold does not count towards waits.")
    async def pause_enrollment(
        self, info: Info, asked: Input[PauseEnrollmentInput]
    ) -> PauseEnrollmentPayload:
        enrollment_id = _chosen(asked)
        async with changing(info) as change:
            await pause_enrollment(
                change.conn,
                change.workspace_id,
                enrollment_id,
                now=change.now,
                expected_version=asked.expected_version,
            )
            return PauseEnrollmentPayload(enrollment=await change.enrollment(enrollment_id))

    @mutation("Let an enrollment that is on hold go on.")
    async def resume_enrollment(
        self, info: Info, asked: Input[ResumeEnrollmentInput]
    ) -> ResumeEnrollmentPayload:
        enrollment_id = _chosen(asked)
        async with changing(info, asked) as change:
            sequence_id = await resume_enrollment(
                change.conn,
                change.workspace_id,
                enrollment_id,
                now=change.now,
                expected_version=asked.expected_version,
            )
            recalculation = await change.recalculate(
                RecalculationCause.ENROLLMENT_RESUMED, sequence_id=sequence_id, enrollment_id=enrollment_id
            )
            return ResumeEnrollmentPayload(
                enrollment=await change.enrollment(enrollment_id),
                recalculation=recalculation,
                preview=change.preview,
            )

    @mutation("End an enrollment: what it had still to send is cancelled, except what is being handed over.")
    async def stop_enrollment(self, info: Info, asked: Input[StopEnrollmentInput]) -> StopEnrollmentPayload:
        enrollment_id = _chosen(asked)
        async with changing(info, asked) as change:
            await change.end(enrollments.c.id == enrollment_id)
            await stop_enrollment(
                change.conn,
                change.workspace_id,
                enrollment_id,
                now=change.now,
                expected_version=asked.expected_version,
            )
            return StopEnrollmentPayload(
                enrollment=await change.enrollment(enrollment_id), preview=change.preview
            )


async def _hold_open(change: Change, sequence_id: SequenceId) -> None:
    try:
        await hold_for_enrolling(change.conn, change.workspace_id, sequence_id)
    except NotInStatus as refusal:
        raise refuse(
            UserErrorCode.SEQUENCE_NOT_ACTIVE,
            f"The sequence is {refusal.status.lower()} and takes no contacts.",
            "sequenceId",
        ) from refusal


def _chosen(asked: EnrollmentChoice) -> EnrollmentId:
    with Problems() as problems:
        return enrollment_key(asked.enrollment_id, problems)
