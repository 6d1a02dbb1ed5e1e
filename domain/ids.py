"""The identifiers of things, one type each, so that a mailbox is never taken for a sequence."""

from typing import NewType
from uuid import UUID

WorkspaceId = NewType("WorkspaceId", UUID)
SequenceId = NewType("SequenceId", UUID)
StepId = NewType("StepId", UUID)
MailboxId = NewType("MailboxId", UUID)
ContactId = NewType("ContactId", UUID)
EnrollmentId = NewType("EnrollmentId", UUID)
EmailId = NewType("EmailId", UUID)
RecalculationId = NewType("RecalculationId", UUID)
