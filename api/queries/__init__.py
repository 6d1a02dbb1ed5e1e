"""What can be asked, by noun."""

import strawberry

from api.queries.alerts import AlertQueries
from api.queries.api_keys import ApiKeyQueries
from api.queries.audit_log import AuditLogQueries
from api.queries.batches import BatchQueries
from api.queries.contact_imports import ImportQueries
from api.queries.contacts import ContactQueries
from api.queries.email_events import EmailEventQueries
from api.queries.enrollments import EnrollmentQueries
from api.queries.forecasts import ForecastQueries
from api.queries.mailboxes import MailboxQueries
from api.queries.members import MemberQueries
from api.queries.nodes import NodeQueries
from api.queries.recalculations import RecalculationQueries
from api.queries.scheduled_emails import ScheduledEmailQueries
from api.queries.sequences import SequenceQueries
from api.queries.stats import StatsQueries
from api.queries.suppressions import SuppressionQueries
from api.queries.workspaces import WorkspaceQueries


@strawberry.type(
    description="Everything that can be read, with the scope READ. It belongs to the caller's workspace."
)
class Query(
    WorkspaceQueries,
    NodeQueries,
    SequenceQueries,
    MailboxQueries,
    ContactQueries,
    EnrollmentQueries,
    ScheduledEmailQueries,
    EmailEventQueries,
    RecalculationQueries,
    BatchQueries,
    ForecastQueries,
    StatsQueries,
    AlertQueries,
    ApiKeyQueries,
    MemberQueries,
    AuditLogQueries,
    SuppressionQueries,
    ImportQueries,
):
    pass
