"""What can be done, by noun."""

import strawberry

from api.mutations.api_keys import ApiKeyMutations
from api.mutations.batches import BatchMutations
from api.mutations.contacts import ContactMutations
from api.mutations.email_interventions import EmailInterventionMutations
from api.mutations.enrollments import EnrollmentMutations
from api.mutations.mailbox_tests import MailboxTestMutations
from api.mutations.mailboxes import MailboxMutations
from api.mutations.members import MemberMutations
from api.mutations.pauses import PauseMutations
from api.mutations.rebalance import RebalanceMutations
from api.mutations.rebalance_preview import RebalancePreviewMutations
from api.mutations.sequence_mailboxes import SequenceMailboxMutations
from api.mutations.sequences import SequenceMutations
from api.mutations.settling import SettlingMutations
from api.mutations.steps import StepMutations
from api.mutations.suppressions import SuppressionMutations
from api.mutations.workspaces import WorkspaceMutations


@strawberry.type(
    description="Everything that can be changed. A mutation with `userErrors` has changed nothing. Each needs"
    " the scope WRITE, unless it says otherwise."
)
class Mutation(
    ApiKeyMutations,
    MemberMutations,
    WorkspaceMutations,
    PauseMutations,
    SuppressionMutations,
    SettlingMutations,
    EmailInterventionMutations,
    RebalanceMutations,
    RebalancePreviewMutations,
    BatchMutations,
    EnrollmentMutations,
    ContactMutations,
    SequenceMailboxMutations,
    MailboxTestMutations,
    MailboxMutations,
    StepMutations,
    SequenceMutations,
):
    pass
