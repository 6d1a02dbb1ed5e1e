"""Layouts of mailboxes, made once for all that are alike, and kept from one plan to the next."""

from collections.abc import Iterable
from datetime import timedelta
from typing import TypeAlias
from zoneinfo import ZoneInfo

from domain.layout import Layout
from domain.mailboxes import Mailbox
from domain.rates import Rate
from domain.send_window import Calendar, SendWindow

# What a layout depends on of its mailbox, and the calendars.
_Kind: TypeAlias = tuple[ZoneInfo, timedelta, SendWindow | None, tuple[Rate, ...], int, frozenset[Calendar]]


class Layouts:
    """
    The layouts of one plan, or of several over the same calendars.

    Nothing in a layout depends on who holds a place, nor on the present: whoever plans again and again, as a
    simulation does, shares them and lays the same days out once.
    """

    def __init__(self) -> None:
        self._known: dict[_Kind, Layout] = {}

    def of(self, mailbox: Mailbox, calendars: Iterable[Calendar]) -> Layout:
        """The layout of *mailbox* over the union of *calendars*."""
        theirs = tuple(calendars)
        kind = (
            mailbox.zone,
            mailbox.minimum_gap,
            mailbox.working_hours,
            mailbox.rates,
            mailbox.jitter_percent,
            frozenset(theirs),
        )
        layout = self._known.get(kind)
        if layout is None:
            layout = self._known[kind] = Layout(mailbox, theirs)
        return layout
