"""Who may do what, and row-level security: the second net below the workspace in every statement."""

from alembic import op

revision = "0006"
down_revision = "0005"

# What the API and what the workers may do with a table, in the letters of _PRIVILEGES.
_OF_WORKSPACES = {
    "workspaces": ("SIU", "S"),
    "members": ("SIUD", ""),
    "invitations": ("SIUD", ""),
    "sessions": ("SIUD", ""),
    "api_keys": ("SIU", ""),
    "audit_log": ("SI", "SI"),
    "idempotency_keys": ("SIUD", "SD"),
    "suppressions": ("SIUD", "SIU"),
    "schedule_runs": ("", "SID"),
    "sequences": ("SIU", "SU"),
    "steps": ("SIU", "SU"),
    "step_versions": ("SI", "S"),
    "mailboxes": ("SIU", "SU"),
    "sequence_mailboxes": ("SID", "S"),
    "mailbox_days": ("SIU", "SIU"),
    "imports": ("SIU", "SU"),
    "import_errors": ("SI", ""),
    "contacts": ("SIU", "SU"),
    "enrollments": ("SIU", "SU"),
    "recalculations": ("SIU", "SIU"),
    "batches": ("SI", "S"),
    "scheduled_emails": ("SIU", "SIU"),
    "letters": ("SD", "SIU"),
    "email_events": ("SI", "SI"),
    "email_moves": ("SI", "SI"),
    "alerts": ("S", "SIU"),
}
# What a contact that is deleted takes along out of rows that nobody changes otherwise.
_ERASABLE = {
    "audit_log": "asked, before, after",
    "email_events": "reply",
    "import_errors": "email",
}
# People exist beside workspaces: a member of two is one row.
_OF_PEOPLE = {
    "users": ("SIU", ""),
    "logins": ("SID", ""),
}
# Counted before anybody has a workspace.
_OF_CALLERS = {
    "rate_limits": ("SIU", "SD"),
}
_OF_THE_CLOCK = {
    "dispatches": ("", "SIUD"),
    "clock_leaders": ("", "SIUD"),
    "business_clock": ("S", "SIUD"),
    # Counts without a name in them.
    "figures": ("S", "SIU"),
}
_PRIVILEGES = {"S": "SELECT", "I": "INSERT", "U": "UPDATE", "D": "DELETE"}

# Sub-selects, so that they are read once per statement and an index on the column is used; nullif, because
# a setting that was local to an earlier transaction is an empty text afterwards.
_WORKSPACE = "(SELECT nullif(current_setting('drumbeat.workspace', true), '')::uuid)"
_KEY_HASH = "(SELECT decode(nullif(current_setting('drumbeat.api_key_hash', true), ''), 'hex'))"
_SESSION_HASH = "(SELECT decode(nullif(current_setting('drumbeat.session_hash', true), ''), 'hex'))"
_USER = "(SELECT nullif(current_setting('drumbeat.user', true), '')::uuid)"
_ISSUER = "(SELECT nullif(current_setting('drumbeat.issuer', true), ''))"
_SUB = "(SELECT nullif(current_setting('drumbeat.sub', true), ''))"
_ADDRESS = "(SELECT nullif(current_setting('drumbeat.verified_address', true), ''))"

# How somebody without a workspace finds one: whoever knows the hash of a key or a session may read that one
# row, and whom a provider vouched for what is kept of them, their memberships, and invitations to them.
_BEFORE_A_WORKSPACE = (
    ("api_keys_by_hash", "api_keys", f"key_hash = {_KEY_HASH}"),
    ("sessions_by_hash", "sessions", f"token_hash = {_SESSION_HASH}"),
    ("members_of_user", "members", f"user_id = {_USER}"),
    ("invitations_by_address", "invitations", f"normalised_email = {_ADDRESS}"),
)


def upgrade() -> None:
    for table, (api, worker) in (_OF_WORKSPACES | _OF_PEOPLE | _OF_CALLERS | _OF_THE_CLOCK).items():
        _grant(table, api, "drumbeat_api")
        _grant(table, worker, "drumbeat_worker")
    for table, columns in _ERASABLE.items():
        op.execute(f"GRANT UPDATE ({columns}, updated_at) ON {table} TO drumbeat_api")
    # How far events are numbered, for those who watch them.
    op.execute("GRANT SELECT ON SEQUENCE email_events_id_seq TO drumbeat_api")
    for table in _OF_WORKSPACES:
        _keep_apart(table, column="id" if table == "workspaces" else "workspace_id")
    for name, table, rule in _BEFORE_A_WORKSPACE:
        op.execute(f"CREATE POLICY {name} ON {table} FOR SELECT TO drumbeat_api USING ({rule})")
    _keep_people_apart()


def _keep_people_apart() -> None:
    """A workspace sees its members; whom a provider vouched for sees and changes the row of their own."""
    own = f"issuer = {_ISSUER} AND sub = {_SUB}"
    op.execute("ALTER TABLE users ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
    op.execute(f"""
        CREATE POLICY users_themselves ON users TO drumbeat_api USING ({own}) WITH CHECK ({own})
    """)
    op.execute("""
        CREATE POLICY users_of_workspace ON users FOR SELECT TO drumbeat_api
            USING (id IN (SELECT user_id FROM members))
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
