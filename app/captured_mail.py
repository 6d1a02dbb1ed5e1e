"""What a capture server received and refused, and the log in which it says so."""

import json
import os
from dataclasses import asdict, dataclass
from datetime import datetime
from email.parser import BytesHeaderParser
from email.policy import default as default_policy
from pathlib import Path
from typing import Self


@dataclass(frozen=True, slots=True)
class Received:
    """One email, accepted for one recipient. *content* is as it came over the wire, dot-stuffing undone."""

    at: datetime
    sender: str
    recipient: str
    message_id: str
    subject: str
    content: bytes
    authenticated_as: str | None

    @classmethod
    def parsed(
        cls, content: bytes, *, at: datetime, sender: str, recipient: str, authenticated_as: str | None
    ) -> Self:
        """Take Message-ID and decoded subject out of *content*; an absent one is empty."""
        headers = BytesHeaderParser(policy=default_policy).parsebytes(content)
        message_id, subject = str(headers["Message-ID"] or ""), str(headers["Subject"] or "")
        return cls(at, sender, recipient, message_id, subject, content, authenticated_as)


@dataclass(frozen=True, slots=True)
class Refused:
    """A command answered by 4xx or 5xx: RCPT has a *recipient*, MAIL only a *sender*, AUTH neither."""

    at: datetime
    sender: str | None
    recipient: str | None
    reply: str


def append_to_log(fd: int, entry: Received | Refused) -> None:
    """Write *entry* as one line of JSON in one write, so that it is in the file whole when this returns."""
    fields = asdict(entry) | {"at": entry.at.isoformat()}
    if isinstance(entry, Received):
        fields["content"] = entry.content.decode(errors="surrogateescape")
    os.write(fd, json.dumps(fields).encode() + b"\n")


def read_log(log: Path) -> tuple[list[Received], list[Refused]]:
    """All that servers wrote to *log*, oldest first; nothing as long as there is no file."""
    received: list[Received] = []
    refused: list[Refused] = []
    for line in log.read_bytes().splitlines() if log.exists() else ():
        fields = json.loads(line)
        fields["at"] = datetime.fromisoformat(fields["at"])
        if "reply" in fields:
            refused.append(Refused(**fields))
        else:
            fields["content"] = fields["content"].encode(errors="surrogateescape")
            received.append(Received(**fields))
    return received, refused
