"""What goes with emails that are deleted: it names them without a foreign key."""

from alembic import op

revision = "0008"
down_revision = "0007"

_TABLES = ("letters", "email_events", "email_moves")


def upgrade() -> None:
    deletions = (f"DELETE FROM {table} WHERE email_id IN (SELECT id FROM gone);" for table in _TABLES)
    _after("DELETE", "delete_with_emails", " ".join(deletions), naming="REFERENCING OLD TABLE AS gone")
    _after("TRUNCATE", "truncate_with_emails", f"TRUNCATE {', '.join(_TABLES)};")
    # Emails that go with their workspace are deleted in the name of their tables' owner, and since PostgreSQL
    # 18 the trigger runs as whoever deleted. Row-level security is forced upon owners too.
    for table in _TABLES:
        op.execute(f"""
            CREATE POLICY {table}_go_with_emails ON {table} TO drumbeat_owner
                USING (true) WITH CHECK (false)
        """)


def _after(deletion: str, name: str, statements: str, *, naming: str = "") -> None:
    op.execute(f"""
        CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql
        AS $$ BEGIN {statements} RETURN NULL; END $$
    """)
    op.execute(f"""
        CREATE TRIGGER {name} AFTER {deletion} ON scheduled_emails {naming}
            FOR EACH STATEMENT EXECUTE FUNCTION {name}()
    """)
