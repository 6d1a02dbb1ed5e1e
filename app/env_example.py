"""`.env.example`, made from the settings: ``python -m app.env_example > .env.example``."""

import sys
import textwrap
from datetime import timedelta

from pydantic.fields import FieldInfo

from app.alert_settings import AlertSettings
from app.durations import written
from app.setting_sources import is_secret, variable
from app.settings import Settings

_HEAD = """\
# Settings of Drumbeat. Copy this file to .env, where `drumbeat` and `docker compose` look for it, or set the
# variables in the environment, which goes first. A line that begins with # shows a default or an example.
# A secret may lie in a file instead, which the variable ending in _FILE names.
"""


def env_example() -> str:
    """Every setting with what it is about and its default, in the order of the model; its parts come last."""
    fields = sorted(Settings.model_fields.items(), key=lambda field: field[0] in AlertSettings.model_fields)
    return "\n".join([_HEAD, *(_entry(name, field) for name, field in fields)])


def _entry(name: str, field: FieldInfo) -> str:
    about = textwrap.wrap(field.description or "", width=106, break_on_hyphens=False)
    lines = [f"# {line}" for line in about] + [f"#{variable(name)}={_shown(field)}"]
    if is_secret(field):
        lines.append(f"#{variable(name)}_FILE=/run/secrets/drumbeat_{name}")
    return "\n".join([*lines, ""])


def _shown(field: FieldInfo) -> str:
    """The default as one would write it, else the example."""
    default = field.default
    if default in ("", ()):
        return str(field.examples[0]) if field.examples else ""
    if isinstance(default, tuple):
        return ",".join(written(part) if isinstance(part, timedelta) else str(part) for part in default)
    return f"{default:g}" if isinstance(default, float) else str(default)


if __name__ == "__main__":
    sys.stdout.write(env_example())
