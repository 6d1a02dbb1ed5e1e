"""What a work has to have done, so that its figure counts."""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import psycopg

from persistence.database import libpq_url


class WrongResult(Exception):
    """The work did not do what is measured; its figure would be worth nothing."""


class Place(NamedTuple):
    mailbox_id: UUID | None
    send_at: datetime | None


def places(url: str) -> Mapping[UUID, Place]:
    """The mailbox and time of every email."""
    with psycopg.connect(libpq_url(url)) as conn:
        rows = conn.execute("SELECT id, mailbox_id, send_at FROM scheduled_emails").fetchall()
    return {row[0]: Place(row[1], row[2]) for row in rows}


def check_placed(now: Mapping[UUID, Place], *, emails: int) -> None:
    """
    Every email that there should be has a time.

    Raises:
        WrongResult: There are others, or some have none.
    """
    placed = sum(place.send_at is not None for place in now.values())
    if not placed == len(now) == emails:
        raise WrongResult(f"{placed} of {len(now)} emails have a time, and it should be {emails}")


def check_nothing_moved(before: Mapping[UUID, Place], now: Mapping[UUID, Place]) -> None:
    """
    Every email is where it was.

    Raises:
        WrongResult: One of them moved, came or went.
    """
    if now != before:
        raise WrongResult("emails moved, came or went")


def check_only_these_moved(
    before: Mapping[UUID, Place], now: Mapping[UUID, Place], *, mailbox_id: UUID
) -> None:
    """
    All emails of the mailbox moved away from it, and no other moved at all.

    Raises:
        WrongResult: Some of them stayed, or others moved.
    """
    moved = {email_id for email_id, place in now.items() if place != before[email_id]}
    its_own = {email_id for email_id, place in before.items() if place.mailbox_id == mailbox_id}
    if moved != its_own:
        raise WrongResult(
            f"{len(moved - its_own)} others moved, and {len(its_own - moved)} of its own did not"
        )


def check_all_moved(before: Mapping[UUID, Place], now: Mapping[UUID, Place]) -> None:
    """
    Every email has another mailbox and another time.

    A few of very many times may be the same by chance: one in a hundred is let pass.

    Raises:
        WrongResult: An email kept its mailbox, or too many kept their time.
    """
    kept_mailbox = sum(place.mailbox_id == before[email_id].mailbox_id for email_id, place in now.items())
    kept_time = sum(place.send_at == before[email_id].send_at for email_id, place in now.items())
    if kept_mailbox or kept_time * 100 > len(now):
        raise WrongResult(f"{kept_mailbox} emails kept their mailbox, {kept_time} their time")
