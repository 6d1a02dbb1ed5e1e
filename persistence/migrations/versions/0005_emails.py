"""Scheduled emails, and what happened to each."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.execute("""
        CREATE TABLE scheduled_emails (
            id UUID NOT NULL,
            workspace_id UUID NOT NULL,
            sequence_id UUID NOT NULL,
            enrollment_id UUID NOT NULL,
            contact_id UUID NOT NULL,
            step_id UUID NOT NULL,
            mailbox_id UUID,
            status TEXT DEFAULT 'PENDING' NOT NULL,
            phase TEXT GENERATED ALWAYS AS (CASE status WHEN 'PENDING'::text THEN 'OPEN'::text WHEN
                'QUEUED'::text THEN 'OPEN'::text WHEN 'SENDING'::text THEN 'OPEN'::text WHEN
                'COMMITTING'::text THEN 'OPEN'::text WHEN 'RETRYING'::text THEN 'WAITING'::text WHEN
                'IN_DOUBT'::text THEN 'WAITING'::text WHEN 'SENT'::text THEN 'SETTLED'::text WHEN
                'FAILED'::text THEN 'FAILED'::text WHEN 'CANCELLED'::text THEN 'CANCELLED'::text ELSE
                NULL::text END) STORED NOT NULL,
            live_step_id UUID GENERATED ALWAYS AS (CASE WHEN status <> 'CANCELLED'::text THEN step_id ELSE
                NULL::uuid END) STORED,
            is_first_touch BOOLEAN DEFAULT false NOT NULL,
            send_at TIMESTAMP WITH TIME ZONE,
            unplaced_reason TEXT,
            window_day DATE,
            send_day DATE,
            quota_day DATE,
            released_because TEXT,
            is_set_by_hand BOOLEAN DEFAULT false NOT NULL,
            is_skipped BOOLEAN DEFAULT false NOT NULL,
            attempt INTEGER DEFAULT '0' NOT NULL,
            retry_count INTEGER DEFAULT '0' NOT NULL,
            crashes INTEGER DEFAULT '0' NOT NULL,
            attempt_token UUID,
            lease_until TIMESTAMP WITH TIME ZONE,
            retry_at TIMESTAMP WITH TIME ZONE,
            last_attempt_at TIMESTAMP WITH TIME ZONE,
            last_error TEXT,
            failure_reason TEXT,
            committing_at TIMESTAMP WITH TIME ZONE,
            sent_at TIMESTAMP WITH TIME ZONE,
            message_id TEXT,
            thread_root TEXT,
            parent_message_id TEXT,
            thread_references TEXT[],
            step_version_id UUID,
            subject TEXT,
            created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            CONSTRAINT scheduled_emails_pkey PRIMARY KEY (id),
            CONSTRAINT scheduled_emails_status_check CHECK (status IN ('PENDING', 'QUEUED', 'SENDING',
                'COMMITTING', 'SENT', 'RETRYING', 'FAILED', 'IN_DOUBT', 'CANCELLED')),
            CONSTRAINT scheduled_emails_workspace_id_fkey FOREIGN KEY(workspace_id) REFERENCES workspaces
                (id) ON DELETE CASCADE,
            CONSTRAINT scheduled_emails_workspace_id_sequence_id_fkey FOREIGN KEY(workspace_id, sequence_id)
                REFERENCES sequences (workspace_id, id) ON DELETE RESTRICT,
            CONSTRAINT scheduled_emails_workspace_id_enrollment_id_fkey FOREIGN KEY(workspace_id,
                enrollment_id) REFERENCES enrollments (workspace_id, id) ON DELETE RESTRICT,
            CONSTRAINT scheduled_emails_workspace_id_contact_id_fkey FOREIGN KEY(workspace_id, contact_id)
                REFERENCES contacts (workspace_id, id) ON DELETE RESTRICT,
            CONSTRAINT scheduled_emails_workspace_id_step_id_fkey FOREIGN KEY(workspace_id, step_id)
                REFERENCES steps (workspace_id, id) ON DELETE RESTRICT,
            CONSTRAINT scheduled_emails_workspace_id_mailbox_id_fkey FOREIGN KEY(workspace_id, mailbox_id)
                REFERENCES mailboxes (workspace_id, id) ON DELETE RESTRICT,
            CONSTRAINT scheduled_emails_unplaced_reason_check CHECK (unplaced_reason IN ('NO_MAILBOX',
                'MAILBOX_UNAVAILABLE', 'WINDOW_NEVER_OPENS', 'NO_CAPACITY', 'AFTER_LAST_DATE',
                'CONTACT_MIN_GAP', 'WAITS_FOR_STEP')),
            CONSTRAINT scheduled_emails_pending_has_slot_or_reason_check CHECK (status <> 'PENDING' OR
                ((send_at IS NULL) = (unplaced_reason IS NOT NULL))),
            CONSTRAINT scheduled_emails_slot_has_mailbox_check CHECK (status <> 'PENDING' OR send_at IS NULL
                OR mailbox_id IS NOT NULL),
            CONSTRAINT scheduled_emails_skipped_is_cancelled_check CHECK (status = 'CANCELLED' OR NOT
                is_skipped),
            CONSTRAINT scheduled_emails_retry_count_check CHECK (retry_count BETWEEN 0 AND 3),
            CONSTRAINT scheduled_emails_counters_check CHECK (attempt >= 0 AND crashes >= 0)
        )
         WITH (fillfactor = 50)
    """)
    op.execute("""
        CREATE INDEX scheduled_emails_contact_id_idx ON scheduled_emails (contact_id) WITH (fillfactor = 50)
    """)
    op.execute("""
        CREATE INDEX scheduled_emails_due_idx ON scheduled_emails (mailbox_id, is_first_touch, send_at, id)
            WHERE phase = 'OPEN'
    """)
    op.execute("""
        CREATE INDEX scheduled_emails_failed_idx ON scheduled_emails (workspace_id, (
        CASE
            WHEN send_at IS NULL THEN 'infinity'::timestamp with time zone
            ELSE send_at
        END), id) WHERE phase = 'FAILED'
    """)
    op.execute("""
        CREATE UNIQUE INDEX scheduled_emails_live_enrollment_id_step_id_key ON scheduled_emails
            (enrollment_id, live_step_id) WITH (fillfactor = 50)
    """)
    op.execute("""
        CREATE INDEX scheduled_emails_mailbox_id_send_day_idx ON scheduled_emails (mailbox_id, send_day)
    """)
    op.execute("""
        CREATE INDEX scheduled_emails_send_at_idx ON scheduled_emails (send_at) WHERE phase = 'OPEN'
    """)
    op.execute("""
        CREATE INDEX scheduled_emails_sent_at_idx ON scheduled_emails (workspace_id, sent_at, id) WHERE
            sent_at IS NOT NULL
    """)
    op.execute("""
        CREATE INDEX scheduled_emails_sequence_id_send_at_idx ON scheduled_emails (sequence_id, (
        CASE
            WHEN send_at IS NULL THEN 'infinity'::timestamp with time zone
            ELSE send_at
        END), id) WITH (fillfactor = 50)
    """)
    op.execute("""
        CREATE INDEX scheduled_emails_to_come_idx ON scheduled_emails (workspace_id, (
        CASE
            WHEN send_at IS NULL THEN 'infinity'::timestamp with time zone
            ELSE send_at
        END), id) WHERE phase IN ('OPEN', 'WAITING')
    """)
    op.execute("""
        CREATE INDEX scheduled_emails_waiting_idx ON scheduled_emails (retry_at) WHERE phase = 'WAITING'
    """)
    op.execute("""
        CREATE INDEX scheduled_emails_workspace_id_send_at_idx ON scheduled_emails (workspace_id, (
        CASE
            WHEN send_at IS NULL THEN 'infinity'::timestamp with time zone
            ELSE send_at
        END), id)
    """)
    op.execute("""
        CREATE TABLE letters (
            email_id UUID NOT NULL,
            workspace_id UUID NOT NULL,
            body_text TEXT NOT NULL,
            body_html TEXT,
            created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            CONSTRAINT letters_pkey PRIMARY KEY (email_id)
        )
         WITH (toast_tuple_target = 4080)
    """)
    op.execute("""
        CREATE TABLE email_events (
            id BIGINT GENERATED BY DEFAULT AS IDENTITY,
            workspace_id UUID NOT NULL,
            email_id UUID NOT NULL,
            enrollment_id UUID NOT NULL,
            mailbox_id UUID,
            kind TEXT NOT NULL,
            at TIMESTAMP WITH TIME ZONE NOT NULL,
            attempt INTEGER DEFAULT '0' NOT NULL,
            code INTEGER,
            reply TEXT,
            cause TEXT,
            created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            CONSTRAINT email_events_pkey PRIMARY KEY (id)
        )
    """)
    op.execute("""
        CREATE INDEX email_events_bounces_idx ON email_events (workspace_id) WHERE kind = 'BOUNCE'
    """)
    op.execute("""
        CREATE INDEX email_events_email_id_idx ON email_events (email_id, id)
    """)
    op.execute("""
        CREATE INDEX email_events_workspace_id_at_idx ON email_events (workspace_id, at, id)
    """)
    op.execute("""
        CREATE TABLE email_moves (
            id BIGINT GENERATED BY DEFAULT AS IDENTITY,
            workspace_id UUID NOT NULL,
            email_id UUID NOT NULL,
            from_send_at TIMESTAMP WITH TIME ZONE,
            to_send_at TIMESTAMP WITH TIME ZONE,
            from_mailbox_id UUID,
            to_mailbox_id UUID,
            cause TEXT NOT NULL,
            recalculation_id UUID,
            at TIMESTAMP WITH TIME ZONE NOT NULL,
            created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            CONSTRAINT email_moves_pkey PRIMARY KEY (id)
        )
    """)
    op.execute("""
        CREATE INDEX email_moves_email_id_idx ON email_moves (email_id, id)
    """)
    op.execute("""
        CREATE INDEX email_moves_recalculation_id_idx ON email_moves USING brin (recalculation_id)
    """)
