"""Settings: where they come from, and what is said of those that cannot be used."""

from collections.abc import Callable
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest

from app.env_example import env_example
from app.misconfiguration import Misconfigured
from app.setting_sources import is_secret
from app.settings import Settings, load_settings

KEY = "0123456789abcdef0123456789abcdef"
SetVariables = Callable[..., None]


@pytest.fixture
def variables(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, bare_environment: None) -> SetVariables:
    """Set DRUMBEAT_* variables, in a folder without `.env` and with no others set."""

    def set_variables(**given: str) -> None:
        for name, text in given.items():
            monkeypatch.setenv(f"DRUMBEAT_{name}", text)

    return set_variables


@pytest.mark.usefixtures("bare_environment")
def test_without_variables_the_stated_defaults_hold() -> None:
    """They are those of a single machine."""
    settings = load_settings()

    assert (settings.api_host, settings.api_port) == ("127.0.0.1", 8000)
    assert settings.worker_queues == ("planner", "dispatcher", "sender", "recalculator")
    assert (settings.worker_processes, settings.worker_threads, settings.smtp_connections) == (1, 4, 32)
    assert settings.retry_schedule == tuple(timedelta(minutes=wait) for wait in (5, 15, 30))
    assert (settings.database_url, settings.amqp_url, settings.secret_key) == ("", "", "")


def test_variables_are_read(variables: SetVariables) -> None:
    """Lists are separated by commas, durations have units."""
    variables(
        DATABASE_URL="postgres://db.example.com/mail",
        PUBLIC_URL="https://mail.example.com/",
        WORKER_QUEUES="sender, planner",
        RETRY_SCHEDULE="1s,2m",
        SMTP_ALLOW_NETWORKS="10.0.0.0/8,::1/128",
    )

    settings = load_settings()

    assert settings.database_url == "postgres://db.example.com/mail"
    assert settings.public_url == "https://mail.example.com"
    assert settings.worker_queues == ("sender", "planner")
    assert settings.retry_schedule == (timedelta(seconds=1), timedelta(minutes=2))
    assert settings.smtp_allow_networks == (ip_network("10.0.0.0/8"), ip_network("::1/128"))


def test_an_option_goes_before_the_environment_and_that_before_the_file(variables: SetVariables) -> None:
    """None means that an option was not given."""
    Path(".env").write_text("DRUMBEAT_API_PORT=1\nDRUMBEAT_API_HOST=file\nDRUMBEAT_WORKER_THREADS=7\n")
    variables(API_PORT="2", API_HOST="environment")

    settings = load_settings(api_port=3, api_host=None)

    assert (settings.api_port, settings.api_host, settings.worker_threads) == (3, "environment", 7)


@pytest.mark.usefixtures("bare_environment")
def test_an_empty_variable_is_not_set() -> None:
    """As docker compose passes on what its caller has not set."""
    Path(".env").write_text("DRUMBEAT_API_PORT=\n")

    assert load_settings().api_port == 8000


@pytest.mark.parametrize("name", [name for name, field in Settings.model_fields.items() if is_secret(field)])
def test_every_secret_may_lie_in_a_file(variables: SetVariables, tmp_path: Path, name: str) -> None:
    """The line end of the file is no part of the secret."""
    secret = {"database_url": "postgresql://db/mail", "amqp_url": "amqp://mq/mail"}.get(name, KEY)
    (tmp_path / "secret").write_text(f"{secret}\n")

    variables(**{f"{name.upper()}_FILE": str(tmp_path / "secret")})

    assert getattr(load_settings(), name) == secret


def test_a_secret_file_may_be_named_in_the_env_file(variables: SetVariables, tmp_path: Path) -> None:
    """The two ways of setting go together."""
    (tmp_path / "secret").write_text(KEY)
    Path(".env").write_text(f"DRUMBEAT_SECRET_KEY_FILE={tmp_path / 'secret'}\n")

    assert load_settings().secret_key == KEY


def test_a_secret_given_twice_is_refused(variables: SetVariables, tmp_path: Path) -> None:
    """Nobody could tell which of the two is meant."""
    variables(SECRET_KEY=KEY, SECRET_KEY_FILE=str(tmp_path / "secret"))

    with pytest.raises(Misconfigured) as refused:
        load_settings()

    assert refused.value.problems == [
        "DRUMBEAT_SECRET_KEY and DRUMBEAT_SECRET_KEY_FILE are both set: unset one of them"
    ]


def test_a_secret_file_that_is_missing_is_refused(variables: SetVariables) -> None:
    """With the variable, the path and the reason."""
    variables(SECRET_KEY_FILE="/nowhere/key")

    with pytest.raises(Misconfigured) as refused:
        load_settings()

    assert refused.value.problems == [
        "DRUMBEAT_SECRET_KEY_FILE: /nowhere/key cannot be read: No such file or directory"
    ]


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("DATABASE_URL", "mysql://db/mail", "has to begin with postgresql:// or postgres://"),
        ("AMQP_URL", "redis://mq", "has to begin with amqp:// or amqps://"),
        ("PUBLIC_URL", "mail.example.com", "has to begin with http:// or https://"),
        ("SECRET_KEY", "short", "has 5 characters: make one of 32 or more with `openssl rand -hex 32`"),
        ("GOOGLE_TOKEN_URL", "http://token.example.com/", "has to begin with https://"),
        ("MICROSOFT_TOKEN_URL", "http://localhost.example.com/", "has to begin with https://"),
        ("GOOGLE_LOGIN_ISSUER", "http://accounts.example.com", "has to begin with https://"),
        ("CORS_ORIGINS", "*", "'*' is no origin: write it like https://app.example.com"),
        (
            "CORS_ORIGINS",
            "https://app.example.com/",
            "'https://app.example.com/' is no origin: write it like https://app.example.com",
        ),
        ("HSTS_S", "-1", "input should be greater than or equal to 0"),
        (
            "WORKER_QUEUES",
            "sender,mailer",
            "no queue is called 'mailer': choose from planner, dispatcher, sender, recalculator",
        ),
        (
            "RETRY_SCHEDULE",
            "5m,soon",
            "'soon' is no duration: write a number above 0 and ms, s, m, h or d, like 5m,15m,30m",
        ),
        ("API_PORT", "70000", "input should be less than or equal to 65535"),
        ("LOG_FORMAT", "xml", "input should be 'auto', 'console' or 'json'"),
        ("WORKER_THREADS", "many", "input should be a valid integer, unable to parse string as an integer"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(
    variables: SetVariables, name: str, text: str, problem: str
) -> None:
    """With its variable and what helps, without what was given: it may be secret."""
    variables(**{name: text})

    with pytest.raises(Misconfigured) as refused:
        load_settings()

    assert refused.value.problems == [f"DRUMBEAT_{name}: {problem}"]


@pytest.mark.parametrize("text", ["0m", "5", "-5m", "5 m", "1m,1m,1m,1m", ","])
def test_a_retry_schedule_has_one_to_three_durations(variables: SetVariables, text: str) -> None:
    """Each takes time and has a unit."""
    variables(RETRY_SCHEDULE=text)

    with pytest.raises(Misconfigured, match=r"^DRUMBEAT_RETRY_SCHEDULE: "):
        load_settings()


@pytest.mark.usefixtures("bare_environment")
def test_a_required_setting_that_is_not_set_is_named() -> None:
    """One line for each, with an example."""
    with pytest.raises(Misconfigured) as refused:
        load_settings().require("database_url", "secret_key")

    database, secret = refused.value.problems
    assert database == (
        "DRUMBEAT_DATABASE_URL is not set: set it like postgresql://drumbeat:password@localhost:5432/drumbeat,"
        " or name a file that holds it in DRUMBEAT_DATABASE_URL_FILE"
    )
    assert secret == (
        "DRUMBEAT_SECRET_KEY is not set: make one with `openssl rand -hex 32`,"
        " or name a file that holds it in DRUMBEAT_SECRET_KEY_FILE"
    )


def test_secrets_are_not_shown(variables: SetVariables) -> None:
    """Whoever logs the settings, logs no password."""
    variables(DATABASE_URL="postgresql://u:hidden@db/mail", AMQP_URL="amqp://u:hidden@mq", SECRET_KEY=KEY)

    shown = repr(load_settings())

    assert "hidden" not in shown
    assert KEY not in shown


def test_every_setting_is_described() -> None:
    """`.env.example` and the documentation live on it."""
    silent = [name for name, field in Settings.model_fields.items() if not field.description]

    assert silent == []


def test_the_example_is_that_of_the_settings() -> None:
    """After a change of the settings: `make schema`."""
    assert Path(__file__).parents[2].joinpath(".env.example").read_text() == env_example()


@pytest.mark.usefixtures("bare_environment")
def test_the_example_changes_nothing() -> None:
    """Copied to `.env`, it leaves every default in force."""
    defaults = load_settings()

    Path(".env").write_text(env_example())

    assert load_settings() == defaults


@pytest.mark.usefixtures("bare_environment")
def test_every_line_of_the_example_can_be_put_in_force() -> None:
    """The defaults that it shows are the defaults, and its examples are taken."""
    defaults = load_settings()
    lines = [line.removeprefix("#") for line in env_example().splitlines() if line.startswith("#DRUMBEAT_")]

    Path(".env").write_text("\n".join(line for line in lines if "_FILE=" not in line))
    settings = load_settings()

    changed = {name for name, setting in settings if setting != getattr(defaults, name)}
    examples = {"cors_origins", "trusted_proxies", "smtp_allow_networks"}
    assert changed == {"database_url", "amqp_url"} | examples
    assert settings.database_url == "postgresql://drumbeat:password@localhost:5432/drumbeat"
