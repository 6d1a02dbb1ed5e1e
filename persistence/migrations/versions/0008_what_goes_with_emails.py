"""What goes with emails that are deleted: it names them without a foreign key."""

from alembic import op

revision = "0008"
down_revision = "0007"

_TABLES = ("letters", "email_events", "email_moves")


def upgrade() -> None:
    deletions = (f"DELETE FROM {table} WHERE email_id IN (SELECT id FROM gone);" for table in _TABLES)
    op.execute(f"""
        CREATE FUNCTION delete_with_emails() RETURNS trigger LANGUAGE plpgsql
        AS $$ BEGIN {" ".join(deletions)} RETURN NULL; END $$
    """)
    op.execute("""
        CREATE TRIGGER delete_with_emails AFTER DELETE ON scheduled_emails REFERENCING OLD TABLE AS gone
            FOR EACH STATEMENT EXECUTE FUNCTION delete_with_emails()
    """)
    # Emails that go with their workspace are deleted in the name of their table's owner, and since PostgreSQL
    # 18 the trigger runs as whoever deleted. Row-level security is forced upon owners too.
    for table in _TABLES:
        op.execute(f"""
            CREATE POLICY {table}_go_with_emails ON {table} TO drumbeat_owner
                USING (true) WITH CHECK (false)
        """)
