"""Settings: what an installation may choose, read from `DRUMBEAT_*` in the environment or a file `.env`."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict
from typing_extensions import override

from app.alert_settings import AlertSettings
from app.durations import durations
from app.misconfiguration import Misconfigured
from app.server_settings import SECRET, ServerSettings
from app.setting_sources import ENV_FILE, SecretFiles, problems_of, variable
from app.setting_values import (
    Networks,
    PrivateUrl,
    comma_separated,
)

QUEUES = ("planner", "dispatcher", "sender", "recalculator")


class Settings(AlertSettings, ServerSettings):
    """Every setting with its default; an empty text means: not set. Made by `load_settings`."""

    model_config = SettingsConfigDict(
        env_prefix="DRUMBEAT_", env_file=ENV_FILE, env_ignore_empty=True, extra="ignore", frozen=True
    )

    worker_queues: Annotated[tuple[str, ...], NoDecode, BeforeValidator(comma_separated)] = Field(
        default=QUEUES, min_length=1, description="Queues that a worker serves, separated by commas."
    )
    worker_processes: int = Field(default=1, ge=1, description="Processes of one worker.")
    worker_threads: int = Field(
        default=4,
        ge=1,
        description="Messages that one worker process has in hand at once; one holds up to 100 emails.",
    )
    smtp_connections: int = Field(
        default=32,
        ge=1,
        description="Emails that one worker process has on their way to SMTP servers at once.",
    )
    google_client_id: str = Field(
        default="",
        description="Client id at Google, for mailboxes that log in by OAuth; without it there are none.",
    )
    google_client_secret: str = Field(
        default="", repr=False, description="Its client secret.", json_schema_extra=SECRET
    )
    google_token_url: PrivateUrl = Field(
        default="https://oauth2.googleapis.com/token", description="Where Google renews access."
    )
    microsoft_client_id: str = Field(
        default="", description="Client id at Microsoft, for mailboxes that log in by OAuth."
    )
    microsoft_client_secret: str = Field(
        default="",
        repr=False,
        description="Its client secret; a public client has none.",
        json_schema_extra=SECRET,
    )
    microsoft_token_url: PrivateUrl = Field(
        default="https://login.microsoftonline.com/common/oauth2/v2.0/token",
        description="Where Microsoft renews access; an app for one organisation names its tenant in it.",
    )
    smtp_allow_networks: Networks = Field(
        default=(),
        description="Networks that are not public and yet may hold SMTP servers of mailboxes, and token "
        "servers, separated by commas: a relay in the LAN, 127.0.0.0/8 for a test.",
        examples=["10.20.0.0/16,127.0.0.0/8"],
    )
    most_queued: int = Field(
        default=1000,
        ge=1,
        description="Emails that may wait in the sender's queue; the others wait in the database.",
    )
    retry_schedule: Annotated[tuple[timedelta, ...], NoDecode, BeforeValidator(durations)] = Field(
        default=(timedelta(minutes=5), timedelta(minutes=15), timedelta(minutes=30)),
        min_length=1,
        max_length=3,
        description="How long an email waits after each passing failure before it is tried again.",
    )
    lease_s: float = Field(
        default=120.0,
        gt=0,
        description="Seconds that a worker may hold an email; after them it counts as lost.",
    )
    loop_blocked_s: float = Field(
        default=5.0,
        gt=0,
        description="Seconds that a worker's event loop may be blocked before its log tells where; when its "
        "leases are no longer safe, the process ends and is started again.",
    )
    stop_within_s: float = Field(
        default=45.0,
        gt=0,
        description="Seconds in which a worker ends when it is told to. Two thirds of them it waits for "
        "replies to letters that it handed over; what is not answered by then is listed as in doubt.",
    )
    database_pool_size: int = Field(
        default=5, ge=1, description="Connections to PostgreSQL that one process keeps at most."
    )
    log_format: Literal["auto", "console", "json"] = Field(
        default="auto",
        description="How events are written: auto is console on a terminal and json otherwise.",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="The least level that is written."
    )
    data_dir: Path = Field(
        default=Path(".drumbeat"), description="Where `drumbeat up` keeps its database and its secret key."
    )
    business_clock: Literal["real", "stepping"] = Field(
        default="real",
        description="stepping reads the present from the database, so that a demo can jump ahead.",
    )

    @field_validator("worker_queues")
    @classmethod
    def _are_queues(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if name not in QUEUES:
                raise ValueError(f"no queue is called {name!r}: choose from {', '.join(QUEUES)}")
        return names

    @override
    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What a command was given comes first, then the environment, then `.env`."""
        return init_settings, env_settings, SecretFiles(settings_cls), dotenv_settings

    @property
    def last_replies_s(self) -> float:
        """How long a worker that was told to end waits for what it cannot break off: 30 seconds of 45."""
        return self.stop_within_s * 2 / 3

    def require(self, *fields: str) -> None:
        """
        Make sure that these fields, which have no default, are set.

        Raises:
            Misconfigured: One line for each that is not, with its variable.
        """
        unset = [field for field in fields if not getattr(self, field)]
        if unset:
            raise Misconfigured([_how_to_set(field) for field in unset])


def _how_to_set(field: str) -> str:
    examples = Settings.model_fields[field].examples
    hint = f"set it like {examples[0]}" if examples else "make one with `openssl rand -hex 32`"
    return f"{variable(field)} is not set: {hint}, or name a file that holds it in {variable(field)}_FILE"


def load_settings(**chosen: Any) -> Settings:
    """
    Read the settings; *chosen* (by an option of a command) goes before all, None means not chosen.

    Raises:
        Misconfigured: One line for each variable that cannot be used.
    """
    given = {field: choice for field, choice in chosen.items() if choice is not None}
    try:
        return Settings(**given)
    except ValidationError as error:
        raise Misconfigured(problems_of(error)) from None
