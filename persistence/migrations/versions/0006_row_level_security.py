"""Who may do what, and row-level security: the second net below the workspace in every statement."""

from alembic import op

revision = "0006"
down_revision = "0005"

# What the API and what the workers may do with a table, in the letters of _PRIVILEGES.
_OF_WORKSPACES = {
    "workspaces": ("SIU", "S"),
    "members": ("SIUD", ""),
    "api_keys": ("SIU", ""),
    "audit_log": ("SI", "SI"),
    "idempotency_keys": ("SIUD", ""),
    "suppressions": ("SIUD", "SIU"),
    "schedule_runs": ("", "SID"),
    "sequences": ("SIU", "SU"),
    "steps": ("SIU", "SU"),
    "step_versions": ("SI", "S"),
    "mailboxes": ("SIU", "SU"),
    "sequence_mailboxes": ("SID", "S"),
    "mailbox_days": ("SIU", "SIU"),
    "imports": ("SIU", "SU"),
    "contacts": ("SIU", "SU"),
    "enrollments": ("SIU", "SU"),
    "recalculations": ("SIU", "SIU"),
    "batches": ("SI", "S"),
    "scheduled_emails": ("SIU", "SIU"),
    "email_events": ("SI", "SI"),
    "email_moves": ("SI", "SI"),
}
_OF_THE_CLOCK = {
    "dispatches": ("", "SIUD"),
    "clock_leaders": ("", "SIUD"),
    "business_clock": ("S", "SIUD"),
}
_PRIVILEGES = {"S": "SELECT", "I": "INSERT", "U": "UPDATE", "D": "DELETE"}

# Sub-selects, so that they are read once per statement and an index on the column is used; nullif, because
# a setting that was local to an earlier transaction is an empty text afterwards.
_WORKSPACE = "(SELECT nullif(current_setting('drumbeat.workspace', true), '')::uuid)"
_KEY_HASH = "(SELECT decode(nullif(current_setting('drumbeat.api_key_hash', true), ''), 'hex'))"


def upgrade() -> None:
    for table, (api, worker) in (_OF_WORKSPACES | _OF_THE_CLOCK).items():
        _grant(table, api, "drumbeat_api")
        _grant(table, worker, "drumbeat_worker")
    for table in _OF_WORKSPACES:
        _keep_apart(table, column="id" if table == "workspaces" else "workspace_id")
    # How a key finds its workspace: whoever knows its hash may read that one row.
    op.execute(f"""
        CREATE POLICY api_keys_by_hash ON api_keys FOR SELECT TO drumbeat_api USING (key_hash = {_KEY_HASH})
    """)


def _grant(table: str, letters: str, role: str) -> None:
    if letters:
        op.execute(f"GRANT {', '.join(_PRIVILEGES[letter] for letter in letters)} ON {table} TO {role}")


def _keep_apart(table: str, *, column: str) -> None:
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
    op.execute(f"""
        CREATE POLICY {table}_of_workspace ON {table} TO drumbeat_api
            USING ({column} = {_WORKSPACE}) WITH CHECK ({column} = {_WORKSPACE})
    """)
    op.execute(f"""
        CREATE POLICY {table}_for_workers ON {table} TO drumbeat_worker USING (true) WITH CHECK (true)
    """)
