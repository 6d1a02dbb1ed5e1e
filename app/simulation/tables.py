"""What a simulation shows: tables for a terminal, and whether everyone is through."""

from collections.abc import Mapping
from datetime import timedelta

from rich.markup import escape
from rich.table import Table

from app.simulation.days import SentByDay, words_of
from app.simulation.reading import NamedScenario
from domain.itineraries import MoveCause, UnplacedReason
from domain.tally import Simulation


def days_table(sent: SentByDay) -> Table:
    """One row per day on which something left, by the local date of each mailbox."""
    table = Table(title="Sent, by day and mailbox", show_footer=True)
    table.add_column("day", footer="total")
    totals = sent.totals
    for name, total in zip(sent.names, totals, strict=True):
        table.add_column(escape(name), footer=str(total), justify="right")
    table.add_column("all", footer=str(sum(totals)), justify="right")
    for day in sent.days:
        if day.total:
            numbers = (str(number or "-") for number in day.sent)
            table.add_row(f"{day.date:%a %d %b %Y}", *numbers, str(day.total))
    return table


def sequences_table(named: NamedScenario, simulation: Simulation) -> Table:
    """How far the contacts of each sequence came."""
    table = Table(title="Contacts, by sequence")
    table.add_column("sequence")
    for heading in ("contacts", "emails", "finished", "replied", "open", "last email"):
        table.add_column(heading, justify="right")
    for sequence_id, progress in simulation.progress.items():
        last = progress.last_sent_at
        table.add_row(
            escape(named.sequences[sequence_id]),
            str(progress.contacts),
            str(progress.sent),
            str(progress.finished),
            str(progress.replied),
            str(progress.unfinished),
            "-" if last is None else f"{last.astimezone(named.scenario.zone):%a %d %b %H:%M}",
        )
    return table


def changes_table(named: NamedScenario, simulation: Simulation) -> Table:
    """What each change did to emails that had a time already."""
    table = Table(title="Changes, and the emails that they moved")
    for heading in ("day", "change"):
        table.add_column(heading)
    table.add_column("moved", justify="right")
    table.add_column("because")
    for heading in ("longest\ndelay", "without\na time"):
        table.add_column(heading, justify="right")
    for effect in simulation.effects:
        day = named.scenario.date_of(effect.changes[0].on_day)
        table.add_row(
            f"{day:%a %d %b}",
            escape(", ".join(words_of(change, named) for change in effect.changes)),
            str(sum(effect.moved.values())),
            _listed(effect.moved) or "-",
            _length(effect.longest_delay),
            str(effect.lost),
        )
    return table


def ending(named: NamedScenario, simulation: Simulation) -> str:
    """One line: when the last email leaves, or why some never do."""
    sent = sum(simulation.sent.values())
    if unsent := sum(simulation.unsent.values()):
        return f"not completed: {sent} emails sent, {unsent} never: {_listed(simulation.unsent)}"
    last = max(each.last_sent_at for each in simulation.progress.values() if each.last_sent_at is not None)
    local, day = last.astimezone(named.scenario.zone), named.scenario.day_of(last)
    return f"completed on {local:%a %d %b %Y}, day {day}: {sent} emails sent"


def _listed(numbers: Mapping[MoveCause, int] | Mapping[UnplacedReason, int]) -> str:
    ordered = sorted(numbers.items(), key=lambda each: (-each[1], each[0]))
    return ", ".join(f"{number} {cause.replace('_', ' ').lower()}" for cause, number in ordered)


def _length(delay: timedelta) -> str:
    if not delay:
        return "-"
    days, minutes = delay.days, delay.seconds // 60
    return f"{days} d {minutes // 60} h" if days else f"{minutes // 60} h {minutes % 60} min"
