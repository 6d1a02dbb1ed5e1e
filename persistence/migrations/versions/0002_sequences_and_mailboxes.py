"""Sequences with their steps, and mailboxes with their days."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.execute("""
        CREATE TABLE sequences (
            id UUID NOT NULL,
            workspace_id UUID NOT NULL,
            name TEXT NOT NULL,
            kind TEXT DEFAULT 'SEQUENCE' NOT NULL,
            status TEXT DEFAULT 'DRAFT' NOT NULL,
            zone TEXT NOT NULL,
            send_window JSONB,
            uses_contact_zone BOOLEAN DEFAULT false NOT NULL,
            first_date DATE,
            last_date DATE,
            holiday_country TEXT,
            holiday_subdivision TEXT,
            closed_dates DATE[] DEFAULT '{}' NOT NULL,
            priority INTEGER DEFAULT '0' NOT NULL,
            weight INTEGER DEFAULT '1' NOT NULL,
            max_new_contacts_per_day INTEGER,
            when_mailbox_paused TEXT DEFAULT 'WAIT' NOT NULL,
            when_mailbox_removed TEXT DEFAULT 'TRANSFER' NOT NULL,
            when_step_fails TEXT DEFAULT 'STOP' NOT NULL,
            open_tracking_enabled BOOLEAN DEFAULT true NOT NULL,
            click_tracking_enabled BOOLEAN DEFAULT true NOT NULL,
            version INTEGER DEFAULT '1' NOT NULL,
            activated_at TIMESTAMP WITH TIME ZONE,
            paused_at TIMESTAMP WITH TIME ZONE,
            completed_at TIMESTAMP WITH TIME ZONE,
            archived_at TIMESTAMP WITH TIME ZONE,
            created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            CONSTRAINT sequences_pkey PRIMARY KEY (id),
            CONSTRAINT sequences_status_check CHECK (status IN ('DRAFT', 'ACTIVE', 'PAUSED', 'COMPLETED',
                'ARCHIVED')),
            CONSTRAINT sequences_workspace_id_fkey FOREIGN KEY(workspace_id) REFERENCES workspaces (id) ON
                DELETE CASCADE,
            CONSTRAINT sequences_workspace_id_id_key UNIQUE (workspace_id, id),
            CONSTRAINT sequences_kind_check CHECK (kind IN ('SEQUENCE', 'ONE_OFF')),
            CONSTRAINT sequences_when_mailbox_paused_check CHECK (when_mailbox_paused IN ('WAIT',
                'TRANSFER', 'CANCEL')),
            CONSTRAINT sequences_when_mailbox_removed_check CHECK (when_mailbox_removed IN ('WAIT',
                'TRANSFER', 'CANCEL')),
            CONSTRAINT sequences_when_step_fails_check CHECK (when_step_fails IN ('STOP', 'CONTINUE')),
            CONSTRAINT sequences_dates_in_order_check CHECK (first_date <= last_date),
            CONSTRAINT sequences_weight_check CHECK (weight BETWEEN 1 AND 100),
            CONSTRAINT sequences_holidays_check CHECK (holiday_country IS NOT NULL OR holiday_subdivision IS
                NULL),
            CONSTRAINT sequences_max_new_contacts_per_day_check CHECK (max_new_contacts_per_day >= 1)
        )
    """)
    op.execute("""
        CREATE TABLE steps (
            id UUID NOT NULL,
            workspace_id UUID NOT NULL,
            sequence_id UUID NOT NULL,
            position INTEGER,
            wait_days INTEGER,
            wait_working_days INTEGER,
            wait_minutes INTEGER,
            starts_thread BOOLEAN DEFAULT false NOT NULL,
            text_version INTEGER DEFAULT '1' NOT NULL,
            version INTEGER DEFAULT '1' NOT NULL,
            removed_at TIMESTAMP WITH TIME ZONE,
            created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            CONSTRAINT steps_pkey PRIMARY KEY (id),
            CONSTRAINT steps_workspace_id_fkey FOREIGN KEY(workspace_id) REFERENCES workspaces (id) ON
                DELETE CASCADE,
            CONSTRAINT steps_workspace_id_id_key UNIQUE (workspace_id, id),
            CONSTRAINT steps_workspace_id_sequence_id_fkey FOREIGN KEY(workspace_id, sequence_id) REFERENCES
                sequences (workspace_id, id) ON DELETE CASCADE,
            CONSTRAINT steps_position_check CHECK (position >= 1),
            CONSTRAINT steps_waits_check CHECK (wait_days >= 0 AND wait_working_days >= 1 AND wait_minutes
                >= 1),
            CONSTRAINT steps_one_wait_check CHECK (num_nonnulls(wait_days, wait_working_days, wait_minutes)
                = 1),
            CONSTRAINT steps_removed_check CHECK ((position IS NULL) = (removed_at IS NOT NULL)),
            CONSTRAINT steps_sequence_id_position_excl EXCLUDE USING btree (sequence_id WITH =, position
                WITH =) DEFERRABLE INITIALLY DEFERRED
        )
    """)
    op.execute("""
        CREATE TABLE step_versions (
            id UUID NOT NULL,
            workspace_id UUID NOT NULL,
            step_id UUID NOT NULL,
            version INTEGER NOT NULL,
            subject TEXT NOT NULL,
            body_text TEXT NOT NULL,
            body_html TEXT,
            created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            CONSTRAINT step_versions_pkey PRIMARY KEY (id),
            CONSTRAINT step_versions_workspace_id_fkey FOREIGN KEY(workspace_id) REFERENCES workspaces (id)
                ON DELETE CASCADE,
            CONSTRAINT step_versions_workspace_id_id_key UNIQUE (workspace_id, id),
            CONSTRAINT step_versions_workspace_id_step_id_fkey FOREIGN KEY(workspace_id, step_id) REFERENCES
                steps (workspace_id, id) ON DELETE CASCADE,
            CONSTRAINT step_versions_step_id_version_key UNIQUE (step_id, version)
        )
    """)
    op.execute("""
        CREATE TABLE mailboxes (
            id UUID NOT NULL,
            workspace_id UUID NOT NULL,
            name TEXT NOT NULL,
            from_name TEXT DEFAULT '' NOT NULL,
            email TEXT NOT NULL,
            normalised_email TEXT NOT NULL,
            owner TEXT,
            provider TEXT,
            status TEXT DEFAULT 'ACTIVE' NOT NULL,
            status_reason TEXT,
            blocked_until TIMESTAMP WITH TIME ZONE,
            zone TEXT NOT NULL,
            host TEXT NOT NULL,
            port INTEGER DEFAULT '587' NOT NULL,
            security TEXT DEFAULT 'STARTTLS' NOT NULL,
            username TEXT,
            password_encrypted BYTEA,
            oauth_provider TEXT,
            refresh_token_encrypted BYTEA,
            imap_host TEXT,
            imap_port INTEGER,
            imap_username TEXT,
            imap_password_encrypted BYTEA,
            daily_capacity INTEGER DEFAULT '30' NOT NULL,
            ramp_start INTEGER,
            ramp_step INTEGER,
            ramp_started_on DATE,
            minimum_gap_s INTEGER DEFAULT '1' NOT NULL,
            hourly_limit INTEGER,
            sliding_window_limit INTEGER,
            sliding_window_s INTEGER,
            working_hours JSONB,
            rolling_24h_limit INTEGER,
            recipient_domain_daily_cap INTEGER,
            jitter_percent INTEGER DEFAULT '0' NOT NULL,
            day_variation_percent INTEGER DEFAULT '0' NOT NULL,
            in_doubt_policy TEXT DEFAULT 'ASSUME_SENT' NOT NULL,
            next_allowed_at TIMESTAMP WITH TIME ZONE,
            last_attempt_at TIMESTAMP WITH TIME ZONE,
            under_way UUID[] DEFAULT '{}' NOT NULL,
            host_troubles INTEGER DEFAULT '0' NOT NULL,
            host_rests_until TIMESTAMP WITH TIME ZONE,
            host_error TEXT,
            version INTEGER DEFAULT '1' NOT NULL,
            removed_at TIMESTAMP WITH TIME ZONE,
            created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            CONSTRAINT mailboxes_pkey PRIMARY KEY (id),
            CONSTRAINT mailboxes_status_check CHECK (status IN ('ACTIVE', 'PAUSED', 'NEEDS_AUTH', 'BLOCKED',
                'REMOVED')),
            CONSTRAINT mailboxes_workspace_id_fkey FOREIGN KEY(workspace_id) REFERENCES workspaces (id) ON
                DELETE CASCADE,
            CONSTRAINT mailboxes_workspace_id_id_key UNIQUE (workspace_id, id),
            CONSTRAINT mailboxes_security_check CHECK (security IN ('STARTTLS', 'TLS', 'NONE')),
            CONSTRAINT mailboxes_oauth_provider_check CHECK (oauth_provider IN ('GOOGLE', 'MICROSOFT')),
            CONSTRAINT mailboxes_oauth_is_whole_check CHECK ((oauth_provider IS NULL) =
                (refresh_token_encrypted IS NULL)),
            CONSTRAINT mailboxes_one_secret_check CHECK (password_encrypted IS NULL OR
                refresh_token_encrypted IS NULL),
            CONSTRAINT mailboxes_in_doubt_policy_check CHECK (in_doubt_policy IN ('ASSUME_SENT', 'HOLD',
                'RESEND')),
            CONSTRAINT mailboxes_daily_capacity_check CHECK (daily_capacity >= 0),
            CONSTRAINT mailboxes_minimum_gap_s_check CHECK (minimum_gap_s >= 0),
            CONSTRAINT mailboxes_hourly_limit_check CHECK (hourly_limit >= 1),
            CONSTRAINT mailboxes_sliding_window_check CHECK (sliding_window_limit >= 1 AND sliding_window_s
                >= 1),
            CONSTRAINT mailboxes_sliding_window_is_whole_check CHECK ((sliding_window_limit IS NULL) =
                (sliding_window_s IS NULL)),
            CONSTRAINT mailboxes_rolling_24h_limit_check CHECK (rolling_24h_limit >= 1),
            CONSTRAINT mailboxes_recipient_domain_daily_cap_check CHECK (recipient_domain_daily_cap >= 1),
            CONSTRAINT mailboxes_jitter_percent_check CHECK (jitter_percent BETWEEN 0 AND 50),
            CONSTRAINT mailboxes_day_variation_percent_check CHECK (day_variation_percent BETWEEN 0 AND 50),
            CONSTRAINT mailboxes_ramp_check CHECK (ramp_start >= 1 AND ramp_step >= 0),
            CONSTRAINT mailboxes_port_check CHECK (port BETWEEN 1 AND 65535),
            CONSTRAINT mailboxes_host_troubles_check CHECK (host_troubles >= 0)
        )
         WITH (fillfactor = 50)
    """)
    op.execute("""
        CREATE UNIQUE INDEX mailboxes_live_normalised_email_key ON mailboxes (normalised_email) WHERE status
            <> 'REMOVED'
    """)
    op.execute("""
        CREATE TABLE sequence_mailboxes (
            workspace_id UUID NOT NULL,
            sequence_id UUID NOT NULL,
            mailbox_id UUID NOT NULL,
            created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            CONSTRAINT sequence_mailboxes_pkey PRIMARY KEY (sequence_id, mailbox_id),
            CONSTRAINT sequence_mailboxes_workspace_id_sequence_id_fkey FOREIGN KEY(workspace_id,
                sequence_id) REFERENCES sequences (workspace_id, id) ON DELETE CASCADE,
            CONSTRAINT sequence_mailboxes_workspace_id_mailbox_id_fkey FOREIGN KEY(workspace_id, mailbox_id)
                REFERENCES mailboxes (workspace_id, id) ON DELETE RESTRICT
        )
    """)
    op.execute("""
        CREATE INDEX sequence_mailboxes_mailbox_id_idx ON sequence_mailboxes (mailbox_id)
    """)
    op.execute("""
        CREATE TABLE mailbox_days (
            workspace_id UUID NOT NULL,
            mailbox_id UUID NOT NULL,
            day DATE NOT NULL,
            capacity INTEGER NOT NULL,
            used INTEGER DEFAULT '0' NOT NULL,
            sent INTEGER DEFAULT '0' NOT NULL,
            failed INTEGER DEFAULT '0' NOT NULL,
            retried INTEGER DEFAULT '0' NOT NULL,
            bounced INTEGER DEFAULT '0' NOT NULL,
            refused INTEGER DEFAULT '0' NOT NULL,
            created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            CONSTRAINT mailbox_days_pkey PRIMARY KEY (mailbox_id, day),
            CONSTRAINT mailbox_days_workspace_id_mailbox_id_fkey FOREIGN KEY(workspace_id, mailbox_id)
                REFERENCES mailboxes (workspace_id, id) ON DELETE CASCADE,
            CONSTRAINT mailbox_days_counts_check CHECK (least(used, sent, failed, retried, bounced, refused)
                >= 0),
            CONSTRAINT mailbox_days_within_capacity_check CHECK (capacity = 0 OR used <= capacity)
        )
         WITH (fillfactor = 50)
    """)
