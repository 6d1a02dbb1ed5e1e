"""The deployment files: what has to hold for `docker compose up`, with any number of workers."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.setting_sources import variable
from app.settings import Settings

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = ["api", "clock", "migrate", "worker"]
LASTING = ["postgres", "rabbitmq", "mailpit", "api", "worker", "clock"]
DOCKERFILE = (ROOT / "Dockerfile").read_text()

services = pytest.mark.parametrize("name", sorted(SERVICES))


def test_everything_that_runs_is_there() -> None:
    """The parts of an installation, what prepares them, and a server that receives what is sent."""
    assert set(SERVICES) == {*LASTING, "migrate", "mailpit-certificate"}


@services
def test_no_service_stands_in_the_way_of_its_copies(name: str) -> None:
    """`--scale` needs names and ports that are not taken by the first of them."""
    service = SERVICES[name]

    assert "container_name" not in service
    if name in {"worker", "clock"}:
        assert "ports" not in service
    if name == "api":
        assert service["ports"] == ["127.0.0.1:8000-8009:8000"]


@services
def test_ports_are_open_to_this_machine_only(name: str) -> None:
    """The passwords in the file are no secret."""
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[name].get("ports", []))


@services
def test_images_are_pinned(name: str) -> None:
    """To a version down to the last part; ours is built here."""
    service = SERVICES[name]

    assert re.search(r":v?\d+\.\d+(\.\d+)?(-management)?$", service["image"])
    assert ("build" in service) == service["image"].startswith("drumbeat:")


@services
def test_nothing_runs_as_root(name: str) -> None:
    """Either by its user here or by that of our image."""
    service = SERVICES[name]

    assert "build" in service or service["user"] in {"postgres", "rabbitmq", "10001:10001"}


@pytest.mark.parametrize("name", ["postgres", "rabbitmq", "mailpit", "api"])
def test_what_others_talk_to_has_a_health_check(name: str) -> None:
    """With a limit of its own and enough patience for a slow start."""
    check = SERVICES[name]["healthcheck"]

    assert check["test"][0] == "CMD"
    assert {"interval", "timeout", "retries"} <= set(check)


@pytest.mark.parametrize("name", ["api", "worker", "clock"])
def test_a_process_waits_for_what_it_needs(name: str) -> None:
    """Until that is healthy, and the migrations are through."""
    assert SERVICES[name]["depends_on"] == {
        "postgres": {"condition": "service_healthy"},
        "rabbitmq": {"condition": "service_healthy"},
        "mailpit": {"condition": "service_healthy"},
        "migrate": {"condition": "service_completed_successfully"},
    }


@pytest.mark.parametrize("name", LASTING)
def test_what_lasts_is_started_again(name: str) -> None:
    """After a crash and after a reboot."""
    assert SERVICES[name]["restart"] == "unless-stopped"


def test_nothing_is_lost_on_restart() -> None:
    """The data is in named volumes, and RabbitMQ finds its own by a host name that stays."""
    kept = {name: SERVICES[name]["volumes"] for name in ("postgres", "rabbitmq")}

    # Since version 18 the image keeps its data in a folder of the version below this one.
    assert kept == {"postgres": ["postgres:/var/lib/postgresql"], "rabbitmq": ["rabbitmq:/var/lib/rabbitmq"]}
    assert {"postgres", "rabbitmq"} <= set(COMPOSE["volumes"])
    assert SERVICES["rabbitmq"]["hostname"] == "rabbitmq"


@pytest.mark.parametrize("name", OURS)
def test_every_variable_is_a_setting(name: str) -> None:
    """A misspelt one would be ignored in silence."""
    given = {key for key in SERVICES[name]["environment"] if key.startswith("DRUMBEAT_")}

    assert given <= {variable(field) for field in Settings.model_fields}
    assert {"DRUMBEAT_DATABASE_URL", "DRUMBEAT_AMQP_URL", "DRUMBEAT_SECRET_KEY"} <= given


@pytest.mark.parametrize("name", OURS)
def test_our_processes_may_do_little(name: str) -> None:
    """No writing to the image, no rights of root, none to gain."""
    service = SERVICES[name]

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["command"] == [name]


def test_the_secret_key_has_no_default() -> None:
    """One that everybody knows would protect nothing."""
    assert SERVICES["api"]["environment"]["DRUMBEAT_SECRET_KEY"].startswith("${DRUMBEAT_SECRET_KEY:?")


def test_a_worker_has_time_to_end_what_it_began() -> None:
    """More than the 45 seconds that it takes at most."""
    assert SERVICES["worker"]["stop_grace_period"] == "1m"


def test_the_image_is_built_from_pinned_parts() -> None:
    """The same base in both stages, every package by its hash."""
    bases = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)

    assert len(bases) == 2
    assert len(set(bases)) == 1
    assert re.fullmatch(r"python:3\.\d+\.\d+-slim", bases[0])
    assert "pip install --require-hashes --requirement requirements/app.txt" in DOCKERFILE


def test_the_image_does_not_run_as_root() -> None:
    """Its last user is the one that owns nothing but its folder."""
    assert re.findall(r"^USER (\S+)", DOCKERFILE, re.MULTILINE) == ["10001:10001"]


def test_the_image_is_built_from_what_is_installed() -> None:
    """Every package reaches the build, and neither secrets nor the repository's history do."""
    let_in = (ROOT / ".dockerignore").read_text().splitlines()

    assert let_in[1] == "*"
    assert {"!actors", "!api", "!app", "!domain", "!persistence"} <= set(let_in)
    assert {"!LICENSE", "!README.md", "!pyproject.toml", "!requirements/app.txt"} <= set(let_in)
    assert not {"!.env", "!.git", "!tests"} & set(let_in)
