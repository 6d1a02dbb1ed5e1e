"""What is done with many emails at once, what was handed to the broker, clocks, and what is watched."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.execute("""
        CREATE TABLE recalculations (
            id UUID NOT NULL,
            workspace_id UUID NOT NULL,
            cause TEXT NOT NULL,
            sequence_id UUID,
            mailbox_id UUID,
            details JSONB DEFAULT '{}' NOT NULL,
            requested_by TEXT NOT NULL,
            requested_by_name TEXT,
            part_of_id UUID,
            status TEXT DEFAULT 'PENDING' NOT NULL,
            total INTEGER DEFAULT '0' NOT NULL,
            done INTEGER DEFAULT '0' NOT NULL,
            moved INTEGER DEFAULT '0' NOT NULL,
            unchanged INTEGER DEFAULT '0' NOT NULL,
            cancelled INTEGER DEFAULT '0' NOT NULL,
            infeasible INTEGER DEFAULT '0' NOT NULL,
            median_delay_s INTEGER,
            max_delay_s INTEGER,
            error TEXT,
            requested_at TIMESTAMP WITH TIME ZONE NOT NULL,
            started_at TIMESTAMP WITH TIME ZONE,
            finished_at TIMESTAMP WITH TIME ZONE,
            created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            CONSTRAINT recalculations_pkey PRIMARY KEY (id),
            CONSTRAINT recalculations_workspace_id_fkey FOREIGN KEY(workspace_id) REFERENCES workspaces (id)
                ON DELETE CASCADE,
            CONSTRAINT recalculations_workspace_id_id_key UNIQUE (workspace_id, id),
            CONSTRAINT recalculations_workspace_id_sequence_id_fkey FOREIGN KEY(workspace_id, sequence_id)
                REFERENCES sequences (workspace_id, id) ON DELETE RESTRICT,
            CONSTRAINT recalculations_workspace_id_mailbox_id_fkey FOREIGN KEY(workspace_id, mailbox_id)
                REFERENCES mailboxes (workspace_id, id) ON DELETE RESTRICT,
            CONSTRAINT recalculations_workspace_id_part_of_id_fkey FOREIGN KEY(workspace_id, part_of_id)
                REFERENCES recalculations (workspace_id, id) ON DELETE RESTRICT,
            CONSTRAINT recalculations_status_check CHECK (status IN ('PENDING', 'RUNNING', 'COMPLETED',
                'FAILED'))
        )
    """)
    op.execute("""
        CREATE INDEX recalculations_open_idx ON recalculations (workspace_id, id) WHERE status IN
            ('PENDING', 'RUNNING')
    """)
    op.execute("""
        CREATE TABLE batches (
            id UUID NOT NULL,
            workspace_id UUID NOT NULL,
            count INTEGER NOT NULL,
            starts_at TIMESTAMP WITH TIME ZONE NOT NULL,
            delay_between_emails_s INTEGER,
            hourly_limit INTEGER,
            created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            CONSTRAINT batches_pkey PRIMARY KEY (id),
            CONSTRAINT batches_workspace_id_fkey FOREIGN KEY(workspace_id) REFERENCES workspaces (id) ON
                DELETE CASCADE,
            CONSTRAINT batches_workspace_id_id_key UNIQUE (workspace_id, id),
            CONSTRAINT batches_workspace_id_id_fkey FOREIGN KEY(workspace_id, id) REFERENCES sequences
                (workspace_id, id) ON DELETE CASCADE,
            CONSTRAINT batches_count_check CHECK (count > 0),
            CONSTRAINT batches_delay_between_emails_s_check CHECK (delay_between_emails_s >= 0),
            CONSTRAINT batches_hourly_limit_check CHECK (hourly_limit > 0)
        )
    """)
    op.execute("""
        CREATE TABLE dispatches (
            id UUID NOT NULL,
            actor TEXT NOT NULL,
            workspace UUID,
            email_count INTEGER DEFAULT '0' NOT NULL,
            published_at TIMESTAMP WITH TIME ZONE,
            taken_at TIMESTAMP WITH TIME ZONE,
            processed_at TIMESTAMP WITH TIME ZONE,
            created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            CONSTRAINT dispatches_pkey PRIMARY KEY (id)
        )
    """)
    op.execute("""
        CREATE INDEX dispatches_waiting_idx ON dispatches (actor, created_at) WHERE taken_at IS NULL
    """)
    op.execute("""
        CREATE TABLE clock_leaders (
            id SERIAL NOT NULL,
            epoch INTEGER DEFAULT '0' NOT NULL,
            is_single BOOLEAN DEFAULT true NOT NULL,
            created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            CONSTRAINT clock_leaders_pkey PRIMARY KEY (id),
            CONSTRAINT clock_leaders_is_single_key UNIQUE (is_single)
        )
    """)
    op.execute("""
        CREATE TABLE business_clock (
            id SERIAL NOT NULL,
            present TIMESTAMP WITH TIME ZONE NOT NULL,
            created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            CONSTRAINT business_clock_pkey PRIMARY KEY (id),
            CONSTRAINT business_clock_single_check CHECK (id = 1)
        )
    """)
    op.execute("""
        CREATE TABLE alerts (
            id UUID NOT NULL,
            workspace_id UUID NOT NULL,
            kind TEXT NOT NULL,
            severity TEXT NOT NULL,
            mailbox_id UUID,
            figure FLOAT,
            threshold FLOAT,
            opened_at TIMESTAMP WITH TIME ZONE NOT NULL,
            closed_at TIMESTAMP WITH TIME ZONE,
            created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            CONSTRAINT alerts_pkey PRIMARY KEY (id),
            CONSTRAINT alerts_workspace_id_fkey FOREIGN KEY(workspace_id) REFERENCES workspaces (id) ON
                DELETE CASCADE,
            CONSTRAINT alerts_workspace_id_id_key UNIQUE (workspace_id, id),
            CONSTRAINT alerts_workspace_id_mailbox_id_fkey FOREIGN KEY(workspace_id, mailbox_id) REFERENCES
                mailboxes (workspace_id, id) ON DELETE CASCADE,
            CONSTRAINT alerts_kind_check CHECK (kind IN ('QUOTA_EARLY', 'NEEDS_AUTH', 'FAILURE_RATE',
                'BOUNCE_RATE', 'COMPLAINT_RATE', 'BACKLOG_LATE')),
            CONSTRAINT alerts_severity_check CHECK (severity IN ('WARNING', 'CRITICAL')),
            CONSTRAINT alerts_closed_at_check CHECK (closed_at >= opened_at)
        )
    """)
    op.execute("""
        CREATE UNIQUE INDEX alerts_open_key ON alerts (workspace_id, kind, coalesce(mailbox_id,
            workspace_id)) WHERE closed_at IS NULL
    """)
    op.execute("""
        CREATE TABLE figures (
            name TEXT NOT NULL,
            value JSONB NOT NULL,
            measured_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            CONSTRAINT figures_pkey PRIMARY KEY (name)
        )
    """)
