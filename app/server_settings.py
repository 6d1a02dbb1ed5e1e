"""Settings of servers: those that Drumbeat uses, and the API, which is one: who reaches it, and how often."""

from typing import Any

from pydantic import Field
from pydantic_settings import BaseSettings

from app.setting_values import (
    AmqpUrl,
    DatabaseUrl,
    IssuerUrl,
    Networks,
    Origins,
    PublicUrl,
    SecretKey,
)

SECRET: dict[str, Any] = {"secret": True}


class ServerSettings(BaseSettings):
    """The first half of the settings; `Settings` has the whole."""

    database_url: DatabaseUrl = Field(
        default="",
        repr=False,
        description="PostgreSQL 14 or newer; `drumbeat migrate` grants its login the roles of Drumbeat.",
        examples=["postgresql://drumbeat:password@localhost:5432/drumbeat"],
        json_schema_extra=SECRET,
    )
    amqp_url: AmqpUrl = Field(
        default="",
        repr=False,
        description="RabbitMQ 3.10 or newer, with a virtual host for Drumbeat alone.",
        examples=["amqp://drumbeat:password@localhost:5672/drumbeat"],
        json_schema_extra=SECRET,
    )
    secret_key: SecretKey = Field(
        default="",
        repr=False,
        description="At least 32 random characters. Encrypts the mailboxes' passwords, signs unsubscribe "
        "links, and knows the addresses of deleted contacts again: when it changes, all of that is lost. "
        "Make one with: openssl rand -hex 32",
        json_schema_extra=SECRET,
    )
    public_url: PublicUrl = Field(
        default="http://localhost:8000",
        description="Where recipients reach the API from outside; unsubscribe links begin with it.",
    )
    api_host: str = Field(default="127.0.0.1", description="Address that the API listens on.")
    api_port: int = Field(
        default=8000, ge=0, le=65535, description="Port that the API listens on; 0 takes a free one."
    )
    google_login_client_id: str = Field(
        default="",
        description="Client id at Google, for people who log in; without it there are API keys only. Register"
        " <public url>/auth/google/callback as its redirect URI.",
    )
    google_login_client_secret: str = Field(
        default="", repr=False, description="Its client secret.", json_schema_extra=SECRET
    )
    google_login_issuer: IssuerUrl = Field(
        default="https://accounts.google.com",
        description="Who vouches for them; any provider of OpenID Connect that signs with RS256 will do.",
    )
    login_founds_workspaces: bool = Field(
        default=True,
        description="Whether somebody whom nobody invited gets a workspace of their own by logging in;"
        " false lets in invited people alone.",
    )
    after_login_url: str = Field(
        default="/", description="Where a browser goes when its person has logged in."
    )
    cors_origins: Origins = Field(
        default=(),
        description="Origins besides that of the public url whose pages may use the API, also with the cookie"
        " of a session, separated by commas.",
        examples=["https://app.example.com"],
    )
    trusted_proxies: Networks = Field(
        default=(),
        description="Networks of proxies whose X-Forwarded-For and X-Forwarded-Proto are believed, separated "
        "by commas; without them these headers are nothing.",
        examples=["10.20.0.0/16"],
    )
    hsts_s: int = Field(
        default=0,
        ge=0,
        description="Seconds for which browsers that came by TLS come by nothing else (HSTS); 0 tells them "
        "nothing. A year is 31536000.",
    )
    requests_per_minute: int = Field(
        default=3000,
        ge=0,
        description="Requests that one API key or one person may make in a minute, at all processes together;"
        " 0 counts none.",
    )
    failed_attempts_per_minute: int = Field(
        default=60,
        ge=0,
        description="Requests with a key or a session that is not valid, and steps of logins, that one"
        " address may make in a minute; 0 counts none. Behind a proxy, set DRUMBEAT_TRUSTED_PROXIES.",
    )
    api_executions: int = Field(
        default=16, ge=1, description="GraphQL operations that one API process executes at once."
    )
    api_waiting: int = Field(
        default=2000,
        ge=0,
        description="Requests that may wait for one of these places; the next one is told to try again.",
    )
    metrics_token: str = Field(
        default="",
        repr=False,
        description="Whoever reads /metrics brings this (Authorization: Bearer …); without it there is none. "
        "Metrics are of all workspaces. Make one with: openssl rand -hex 32",
        json_schema_extra=SECRET,
    )
    metrics_host: str = Field(
        default="127.0.0.1", description="Address at which a worker, and a clock, tells its own metrics."
    )
    metrics_port: int = Field(
        default=0,
        ge=0,
        le=65535,
        description="Port at which a worker tells its own metrics to whoever brings the token; 0 for none.",
    )
    clock_metrics_port: int = Field(
        default=0,
        ge=0,
        le=65535,
        description="Port at which a clock tells its own metrics to whoever brings the token; 0 for none.",
    )
