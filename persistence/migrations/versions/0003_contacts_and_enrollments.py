"""Contacts, the imports that they came by, and their enrollments."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.execute("""
        CREATE TABLE imports (
            id UUID NOT NULL,
            workspace_id UUID NOT NULL,
            status TEXT DEFAULT 'COMPLETED' NOT NULL,
            rows INTEGER DEFAULT '0' NOT NULL,
            created INTEGER DEFAULT '0' NOT NULL,
            updated INTEGER DEFAULT '0' NOT NULL,
            invalid INTEGER DEFAULT '0' NOT NULL,
            suppressed INTEGER DEFAULT '0' NOT NULL,
            created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            CONSTRAINT imports_pkey PRIMARY KEY (id),
            CONSTRAINT imports_workspace_id_fkey FOREIGN KEY(workspace_id) REFERENCES workspaces (id) ON
                DELETE CASCADE,
            CONSTRAINT imports_workspace_id_id_key UNIQUE (workspace_id, id),
            CONSTRAINT imports_status_check CHECK (status IN ('RUNNING', 'COMPLETED', 'FAILED'))
        )
    """)
    op.execute("""
        CREATE TABLE contacts (
            id UUID NOT NULL,
            workspace_id UUID NOT NULL,
            email TEXT NOT NULL,
            normalised_email TEXT NOT NULL,
            first_name TEXT,
            last_name TEXT,
            company TEXT,
            phone TEXT,
            zone TEXT,
            custom_fields JSONB DEFAULT '{}' NOT NULL,
            status TEXT DEFAULT 'ACTIVE' NOT NULL,
            bounced_at TIMESTAMP WITH TIME ZONE,
            soft_bounces INTEGER DEFAULT '0' NOT NULL,
            unsubscribed_at TIMESTAMP WITH TIME ZONE,
            deleted_at TIMESTAMP WITH TIME ZONE,
            import_id UUID,
            version INTEGER DEFAULT '1' NOT NULL,
            created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            CONSTRAINT contacts_pkey PRIMARY KEY (id),
            CONSTRAINT contacts_status_check CHECK (status IN ('ACTIVE', 'BOUNCED', 'UNSUBSCRIBED',
                'DELETED')),
            CONSTRAINT contacts_workspace_id_fkey FOREIGN KEY(workspace_id) REFERENCES workspaces (id) ON
                DELETE CASCADE,
            CONSTRAINT contacts_workspace_id_id_key UNIQUE (workspace_id, id),
            CONSTRAINT contacts_workspace_id_import_id_fkey FOREIGN KEY(workspace_id, import_id) REFERENCES
                imports (workspace_id, id) ON DELETE RESTRICT
        )
    """)
    op.execute("""
        CREATE UNIQUE INDEX contacts_live_normalised_email_key ON contacts (workspace_id, normalised_email)
            WHERE status <> 'DELETED'
    """)
    op.execute("""
        CREATE TABLE enrollments (
            id UUID NOT NULL,
            workspace_id UUID NOT NULL,
            sequence_id UUID NOT NULL,
            contact_id UUID NOT NULL,
            mailbox_id UUID,
            status TEXT DEFAULT 'ACTIVE' NOT NULL,
            enrolled_at TIMESTAMP WITH TIME ZONE NOT NULL,
            started_at TIMESTAMP WITH TIME ZONE,
            current_step INTEGER DEFAULT '0' NOT NULL,
            next_send_at TIMESTAMP WITH TIME ZONE,
            paused_at TIMESTAMP WITH TIME ZONE,
            completed_at TIMESTAMP WITH TIME ZONE,
            next_position INTEGER DEFAULT '1' NOT NULL,
            next_not_before TIMESTAMP WITH TIME ZONE,
            last_window_day DATE,
            held_for INTERVAL DEFAULT '0' NOT NULL,
            planned_at TIMESTAMP WITH TIME ZONE,
            replanned_at TIMESTAMP WITH TIME ZONE,
            displaced_at TIMESTAMP WITH TIME ZONE,
            version INTEGER DEFAULT '1' NOT NULL,
            created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            CONSTRAINT enrollments_pkey PRIMARY KEY (id),
            CONSTRAINT enrollments_status_check CHECK (status IN ('ACTIVE', 'PAUSED', 'COMPLETED',
                'REPLIED', 'BOUNCED', 'UNSUBSCRIBED', 'FAILED', 'CANCELLED')),
            CONSTRAINT enrollments_workspace_id_fkey FOREIGN KEY(workspace_id) REFERENCES workspaces (id) ON
                DELETE CASCADE,
            CONSTRAINT enrollments_workspace_id_id_key UNIQUE (workspace_id, id),
            CONSTRAINT enrollments_workspace_id_sequence_id_fkey FOREIGN KEY(workspace_id, sequence_id)
                REFERENCES sequences (workspace_id, id) ON DELETE RESTRICT,
            CONSTRAINT enrollments_workspace_id_contact_id_fkey FOREIGN KEY(workspace_id, contact_id)
                REFERENCES contacts (workspace_id, id) ON DELETE RESTRICT,
            CONSTRAINT enrollments_next_position_check CHECK (next_position >= 1),
            CONSTRAINT enrollments_current_step_check CHECK (current_step >= 0)
        )
         WITH (fillfactor = 50)
    """)
    op.execute("""
        CREATE INDEX enrollments_contact_id_idx ON enrollments (contact_id)
    """)
    op.execute("""
        CREATE UNIQUE INDEX enrollments_open_sequence_id_contact_id_key ON enrollments (sequence_id,
            contact_id) WHERE status IN ('ACTIVE', 'PAUSED')
    """)
    op.execute("""
        CREATE INDEX enrollments_sequence_id_status_idx ON enrollments (sequence_id, status)
    """)
    op.execute("""
        CREATE INDEX enrollments_unplanned_idx ON enrollments (workspace_id, enrolled_at, id) WHERE
            planned_at IS NULL AND status = 'ACTIVE'
    """)
