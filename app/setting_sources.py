"""Where settings come from besides the environment, and what is wrong with them."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dotenv import dotenv_values
from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import PydanticBaseSettingsSource
from typing_extensions import override

from app.misconfiguration import Misconfigured

ENV_FILE = ".env"
_PREFIX = "DRUMBEAT_"


def variable(field: str) -> str:
    """The name of *field* in the environment."""
    return _PREFIX + field.upper()


def is_secret(field: FieldInfo) -> bool:
    extra = field.json_schema_extra
    return isinstance(extra, dict) and bool(extra.get("secret"))


def problems_of(error: ValidationError) -> list[str]:
    """A line for each variable that *error* is about; what was given is not repeated, it may be secret."""
    lines = []
    for problem in error.errors(include_input=False, include_url=False):
        message = problem["msg"].removeprefix("Value error, ")
        message = message[:1].lower() + message[1:]
        lines.append(f"{variable(str(problem['loc'][0]))}: {message}")
    return list(dict.fromkeys(lines))


class SecretFiles(PydanticBaseSettingsSource):
    """Secrets from the files that `DRUMBEAT_…_FILE` names, as Docker and Kubernetes mount them."""

    @override
    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """
        The text of the secret's file without the line end; None when no file is named.

        Raises:
            Misconfigured: The file cannot be read, or the secret is given in the environment as well.
        """
        name = f"{variable(field_name)}_FILE"
        given = _given()
        path = given.get(name)
        if not path or not is_secret(field):
            return None, field_name, False
        if given.get(variable(field_name)):
            raise Misconfigured([f"{variable(field_name)} and {name} are both set: unset one of them"])
        try:
            return Path(path).read_text().strip(), field_name, False
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "not a text file"
            raise Misconfigured([f"{name}: {path} cannot be read: {reason}"]) from None

    @override
    def __call__(self) -> dict[str, Any]:
        read = {
            name: self.get_field_value(field, name)[0]
            for name, field in self.settings_cls.model_fields.items()
        }
        return {name: secret for name, secret in read.items() if secret is not None}


def _given() -> Mapping[str, str | None]:
    """The variables of `.env` and of the environment, which goes first."""
    return dotenv_values(ENV_FILE) | os.environ
