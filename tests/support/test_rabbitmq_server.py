"""How the tests come by a RabbitMQ on a machine without one."""

import subprocess
from pathlib import Path

import pytest

from tests.support import apt, rabbitmq_server
from tests.support.apt import ProgramMissing

# Knows of packages only after an update, and never of "unknown"; notes how it was called.
APT_GET = """#!/bin/sh
cd "$(dirname "$0")"
echo "$@" >> calls
case "$*" in
    update) touch lists ;;
    *unknown) echo "E: Unable to locate package unknown"; exit 100 ;;
    *) test -e lists ;;
esac
"""


@pytest.fixture
def apt_get(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stand-in for apt-get, as tests may install nothing; the folder that it is in."""
    program = tmp_path / "bin" / "apt-get"
    program.parent.mkdir()
    program.write_text(APT_GET)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    monkeypatch.setattr(apt, "_POLICY", tmp_path / "policy-rc.d")
    return program.parent


def test_without_any_way_to_get_one_the_error_says_how(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing installed and no apt-get: one line with the ways out."""
    monkeypatch.setattr(rabbitmq_server, "_DEBIAN", tmp_path / "rabbitmq-server")
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(ProgramMissing) as missing:
        rabbitmq_server.rabbitmq_server()

    assert str(missing.value) == (
        "the tests need RabbitMQ: set DRUMBEAT_AMQP_URL, or install it "
        "(Debian, Ubuntu: apt-get install rabbitmq-server; macOS: brew install rabbitmq)"
    )


def test_packages_are_looked_up_anew_when_they_are_not_found(apt_get: Path) -> None:
    """A fresh container has no package lists: after a failure they are fetched, once."""
    apt.install("rabbitmq-server", otherwise="go without")

    assert (apt_get / "calls").read_text().splitlines() == [
        "install --yes --no-install-recommends rabbitmq-server",
        "update",
        "install --yes --no-install-recommends rabbitmq-server",
    ]
    assert not (apt_get.parent / "policy-rc.d").exists()


def test_a_failed_installation_says_why(apt_get: Path) -> None:
    """The last line of apt-get is the reason given."""
    with pytest.raises(ProgramMissing, match="failed, go without: E: Unable to locate package unknown"):
        apt.install("unknown", otherwise="go without")


def test_no_server_starts_while_packages_are_installed(tmp_path: Path) -> None:
    """The policy answers 101, "action forbidden", and leaves with the installation."""
    policy = tmp_path / "policy-rc.d"

    with apt._nothing_starts(policy):
        assert subprocess.run([str(policy), "rabbitmq-server", "start"], check=False).returncode == 101

    assert not policy.exists()


def test_a_policy_of_the_machine_is_left_alone(tmp_path: Path) -> None:
    """Where a policy is in force already, it stays as it was."""
    policy = tmp_path / "policy-rc.d"
    policy.write_text("#!/bin/sh\nexit 0\n")

    with apt._nothing_starts(policy):
        assert policy.read_text() == "#!/bin/sh\nexit 0\n"

    assert policy.read_text() == "#!/bin/sh\nexit 0\n"
