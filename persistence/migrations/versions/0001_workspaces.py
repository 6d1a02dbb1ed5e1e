"""Workspaces, who may enter them, and what they did."""

from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE workspaces (
            id UUID NOT NULL,
            name TEXT NOT NULL,
            zone TEXT DEFAULT 'UTC' NOT NULL,
            send_window JSONB,
            sending_paused_at TIMESTAMP WITH TIME ZONE,
            contact_min_gap_days INTEGER,
            planning_seed BIGINT DEFAULT 0 NOT NULL,
            version INTEGER DEFAULT '1' NOT NULL,
            created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            CONSTRAINT workspaces_pkey PRIMARY KEY (id),
            CONSTRAINT workspaces_contact_min_gap_days_check CHECK (contact_min_gap_days BETWEEN 1 AND 90)
        )
    """)
    op.execute("""
        CREATE TABLE users (
            id UUID NOT NULL,
            issuer TEXT NOT NULL,
            sub TEXT NOT NULL,
            name TEXT NOT NULL,
            email TEXT NOT NULL,
            avatar_url TEXT,
            created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            CONSTRAINT users_pkey PRIMARY KEY (id),
            CONSTRAINT users_issuer_sub_key UNIQUE (issuer, sub)
        )
    """)
    op.execute("""
        CREATE TABLE members (
            id UUID NOT NULL,
            workspace_id UUID NOT NULL,
            user_id UUID NOT NULL,
            role TEXT NOT NULL,
            created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            CONSTRAINT members_pkey PRIMARY KEY (id),
            CONSTRAINT members_workspace_id_fkey FOREIGN KEY(workspace_id) REFERENCES workspaces (id) ON
                DELETE CASCADE,
            CONSTRAINT members_workspace_id_id_key UNIQUE (workspace_id, id),
            CONSTRAINT members_role_check CHECK (role IN ('OWNER', 'MEMBER', 'VIEWER')),
            CONSTRAINT members_workspace_id_user_id_key UNIQUE (workspace_id, user_id),
            CONSTRAINT members_user_id_fkey FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
        )
    """)
    op.execute("""
        CREATE INDEX members_user_id_idx ON members (user_id)
    """)
    op.execute("""
        CREATE TABLE invitations (
            id UUID NOT NULL,
            workspace_id UUID NOT NULL,
            email TEXT NOT NULL,
            normalised_email TEXT NOT NULL,
            role TEXT NOT NULL,
            invited_by TEXT NOT NULL,
            expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
            created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            CONSTRAINT invitations_pkey PRIMARY KEY (id),
            CONSTRAINT invitations_workspace_id_fkey FOREIGN KEY(workspace_id) REFERENCES workspaces (id) ON
                DELETE CASCADE,
            CONSTRAINT invitations_workspace_id_id_key UNIQUE (workspace_id, id),
            CONSTRAINT invitations_role_check CHECK (role IN ('OWNER', 'MEMBER', 'VIEWER')),
            CONSTRAINT invitations_workspace_id_normalised_email_key UNIQUE (workspace_id, normalised_email)
        )
    """)
    op.execute("""
        CREATE INDEX invitations_normalised_email_idx ON invitations (normalised_email)
    """)
    op.execute("""
        CREATE TABLE logins (
            token_hash BYTEA NOT NULL,
            expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
            created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            CONSTRAINT logins_pkey PRIMARY KEY (token_hash)
        )
    """)
    op.execute("""
        CREATE TABLE sessions (
            id UUID NOT NULL,
            workspace_id UUID NOT NULL,
            user_id UUID NOT NULL,
            token_hash BYTEA NOT NULL,
            last_used_at TIMESTAMP WITH TIME ZONE NOT NULL,
            expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
            created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            CONSTRAINT sessions_pkey PRIMARY KEY (id),
            CONSTRAINT sessions_workspace_id_fkey FOREIGN KEY(workspace_id) REFERENCES workspaces (id) ON
                DELETE CASCADE,
            CONSTRAINT sessions_workspace_id_id_key UNIQUE (workspace_id, id),
            CONSTRAINT sessions_workspace_id_user_id_fkey FOREIGN KEY(workspace_id, user_id) REFERENCES
                members (workspace_id, user_id) ON DELETE CASCADE,
            CONSTRAINT sessions_token_hash_key UNIQUE (token_hash)
        )
    """)
    op.execute("""
        CREATE INDEX sessions_workspace_id_user_id_idx ON sessions (workspace_id, user_id)
    """)
    op.execute("""
        CREATE TABLE api_keys (
            id UUID NOT NULL,
            workspace_id UUID NOT NULL,
            name TEXT NOT NULL,
            key_hash BYTEA NOT NULL,
            scopes TEXT[] NOT NULL,
            expires_at TIMESTAMP WITH TIME ZONE,
            revoked_at TIMESTAMP WITH TIME ZONE,
            last_used_at TIMESTAMP WITH TIME ZONE,
            created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            CONSTRAINT api_keys_pkey PRIMARY KEY (id),
            CONSTRAINT api_keys_workspace_id_fkey FOREIGN KEY(workspace_id) REFERENCES workspaces (id) ON
                DELETE CASCADE,
            CONSTRAINT api_keys_workspace_id_id_key UNIQUE (workspace_id, id),
            CONSTRAINT api_keys_scopes_check CHECK (scopes <@ ARRAY['READ', 'WRITE', 'ADMIN'] AND
                cardinality(scopes) > 0),
            CONSTRAINT api_keys_key_hash_key UNIQUE (key_hash)
        )
    """)
    op.execute("""
        CREATE TABLE audit_log (
            id BIGINT GENERATED BY DEFAULT AS IDENTITY,
            workspace_id UUID NOT NULL,
            actor TEXT NOT NULL,
            actor_name TEXT NOT NULL,
            action TEXT NOT NULL,
            asked JSONB,
            object_kind TEXT,
            object_id UUID,
            before JSONB,
            after JSONB,
            at TIMESTAMP WITH TIME ZONE NOT NULL,
            created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            CONSTRAINT audit_log_pkey PRIMARY KEY (id),
            CONSTRAINT audit_log_workspace_id_fkey FOREIGN KEY(workspace_id) REFERENCES workspaces (id) ON
                DELETE CASCADE,
            CONSTRAINT audit_log_workspace_id_id_key UNIQUE (workspace_id, id),
            CONSTRAINT audit_log_object_is_whole_check CHECK ((object_kind IS NULL) = (object_id IS NULL))
        )
    """)
    op.execute("""
        CREATE INDEX audit_log_workspace_id_object_id_idx ON audit_log (workspace_id, object_id, id)
    """)
    op.execute("""
        CREATE TABLE idempotency_keys (
            id UUID NOT NULL,
            workspace_id UUID NOT NULL,
            key TEXT NOT NULL,
            request_hash BYTEA NOT NULL,
            claim UUID NOT NULL,
            claimed_until TIMESTAMP WITH TIME ZONE NOT NULL,
            done JSONB DEFAULT '{}' NOT NULL,
            answer TEXT,
            expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
            created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            CONSTRAINT idempotency_keys_pkey PRIMARY KEY (id),
            CONSTRAINT idempotency_keys_workspace_id_fkey FOREIGN KEY(workspace_id) REFERENCES workspaces
                (id) ON DELETE CASCADE,
            CONSTRAINT idempotency_keys_workspace_id_id_key UNIQUE (workspace_id, id),
            CONSTRAINT idempotency_keys_workspace_id_key_key UNIQUE (workspace_id, key)
        )
    """)
    op.execute("""
        CREATE INDEX idempotency_keys_expires_at_idx ON idempotency_keys (expires_at)
    """)
    op.execute("""
        CREATE UNLOGGED TABLE rate_limits (
            subject TEXT NOT NULL,
            window_start TIMESTAMP WITH TIME ZONE NOT NULL,
            used INTEGER NOT NULL,
            granted INTEGER NOT NULL,
            created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            CONSTRAINT rate_limits_pkey PRIMARY KEY (subject)
        )
    """)
    op.execute("""
        CREATE TABLE suppressions (
            id UUID NOT NULL,
            workspace_id UUID NOT NULL,
            address TEXT NOT NULL,
            reason TEXT NOT NULL,
            email_id UUID,
            created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            CONSTRAINT suppressions_pkey PRIMARY KEY (id),
            CONSTRAINT suppressions_workspace_id_fkey FOREIGN KEY(workspace_id) REFERENCES workspaces (id)
                ON DELETE CASCADE,
            CONSTRAINT suppressions_workspace_id_id_key UNIQUE (workspace_id, id),
            CONSTRAINT suppressions_reason_check CHECK (reason IN ('HARD_BOUNCE', 'UNSUBSCRIBED',
                'COMPLAINT', 'MANUAL', 'DELETED')),
            CONSTRAINT suppressions_workspace_id_address_key UNIQUE (workspace_id, address)
        )
    """)
    op.execute("""
        CREATE INDEX suppressions_complaints_idx ON suppressions (workspace_id) WHERE reason = 'COMPLAINT'
    """)
    op.execute("""
        CREATE TABLE schedule_runs (
            workspace_id UUID NOT NULL,
            job TEXT NOT NULL,
            day DATE NOT NULL,
            created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            CONSTRAINT schedule_runs_pkey PRIMARY KEY (workspace_id, job, day),
            CONSTRAINT schedule_runs_workspace_id_fkey FOREIGN KEY(workspace_id) REFERENCES workspaces (id)
                ON DELETE CASCADE
        )
    """)
