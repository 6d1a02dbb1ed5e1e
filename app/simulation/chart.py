"""A chart of a simulation as SVG: a bar per day, stacked by mailbox, and the changes above them."""

from collections.abc import Iterator
from datetime import date
from itertools import accumulate, groupby
from xml.sax.saxutils import escape

from app.simulation.days import Day, SentByDay, words_of
from app.simulation.reading import NamedScenario
from domain.scenarios import MailboxChange

NAMESPACE = "http://www.w3.org/2000/svg"
WIDTH, HEIGHT = 800, 360
_LEFT, _RIGHT, _TOP, _BOTTOM = 60, 20, 64, 56
_PLOT_WIDTH, _PLOT_HEIGHT = WIDTH - _LEFT - _RIGHT, HEIGHT - _TOP - _BOTTOM
_MOST_DATES = 12
# Told apart by the colour-blind too: Okabe and Ito, https://jfly.uni-koeln.de/color/
COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442", "#999999")


def chart(sent: SentByDay, named: NamedScenario) -> str:
    """
    An SVG document with one `rect` of class `bar` for each mailbox and day on which it sent.

    Each bar tells its day, mailbox and number in its `title`. It brings its own white ground, so that it can
    be read on dark pages too.
    """
    size = f'viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}"'
    return "\n".join(
        (
            f'<svg xmlns="{NAMESPACE}" {size} role="img" font-family="sans-serif" font-size="12">',
            "<title>Emails sent per day, by mailbox</title>",
            f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
            *_legend(sent.names),
            *(_plot(sent, named) if sent.days else ()),
            "</svg>\n",
        )
    )


def _plot(sent: SentByDay, named: NamedScenario) -> Iterator[str]:
    step = _step(max(day.total for day in sent.days))
    top = step * -(-max(day.total for day in sent.days) // step)
    slot = _PLOT_WIDTH / len(sent.days)
    yield from _numbers(top, step)
    for number, day in enumerate(sent.days):
        yield from _stack(day, sent.names, left=_LEFT + number * slot, slot=slot, top=top)
    yield from _dates(sent.days, slot)
    yield from _changes(sent.days[0].date, len(sent.days), slot, named)


def _legend(names: tuple[str, ...]) -> Iterator[str]:
    width = _PLOT_WIDTH / max(len(names), 4)
    for number, name in enumerate(names):
        left = _LEFT + number * width
        # As many letters as fit beside the next name.
        short = name if len(name) * 7 < width - 20 else f"{name[: int(width - 30) // 7]}…"
        yield f'<rect x="{left:.1f}" y="12" width="12" height="12" fill="{_colour(number)}"/>'
        yield f'<text x="{left + 17:.1f}" y="22">{escape(short)}</text>'


def _numbers(top: int, step: int) -> Iterator[str]:
    """The axis of emails, with a line across for each number."""
    for number in range(0, top + 1, step):
        y = _height_of(number, top)
        yield f'<path d="M{_LEFT} {y:.1f}H{WIDTH - _RIGHT}" stroke="#dddddd"/>'
        yield f'<text class="emails" x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{number}</text>'
    middle = _TOP + _PLOT_HEIGHT / 2
    yield (
        f'<text x="16" y="{middle:.1f}" text-anchor="middle" '
        f'transform="rotate(-90 16 {middle:.1f})">emails sent</text>'
    )


def _stack(day: Day, names: tuple[str, ...], *, left: float, slot: float, top: int) -> Iterator[str]:
    for number, (sent, height) in enumerate(zip(day.sent, accumulate(day.sent), strict=True)):
        if sent:
            y, below = _height_of(height, top), _height_of(height - sent, top)
            yield (
                f'<rect class="bar" x="{left + slot * 0.1:.2f}" y="{y:.2f}" width="{slot * 0.8:.2f}" '
                f'height="{below - y:.2f}" fill="{_colour(number)}">'
                f"<title>{day.date:%a %d %b %Y}, {escape(names[number])}: {sent}</title></rect>"
            )


def _dates(days: tuple[Day, ...], slot: float) -> Iterator[str]:
    """The axis of days: not more dates than can be read."""
    for number in range(0, len(days), -(-len(days) // _MOST_DATES)):
        middle = _LEFT + (number + 0.5) * slot
        for line, written in enumerate((f"{days[number].date:%a}", f"{days[number].date:%d %b}")):
            y = HEIGHT - _BOTTOM + 17 + 15 * line
            yield f'<text class="date" x="{middle:.1f}" y="{y}" text-anchor="middle">{written}</text>'
    yield f'<text x="{_LEFT + _PLOT_WIDTH / 2:.1f}" y="{HEIGHT - 8}" text-anchor="middle">day</text>'


def _changes(first: date, days: int, slot: float, named: NamedScenario) -> Iterator[str]:
    """A broken line where each day with a change of mailboxes begins."""
    changes = sorted(named.scenario.changes, key=_day_of)
    for line, (on_day, together) in enumerate(groupby(changes, key=_day_of)):
        number = (named.scenario.date_of(on_day) - first).days
        if 0 <= number < days:
            x = _LEFT + number * slot
            # Names run to the side where there is room for them, two lines by turns.
            anchor, y = ("start" if number * 2 < days else "end"), 42 + 14 * (line % 2)
            words = escape(", ".join(words_of(change, named) for change in together))
            yield f'<path d="M{x:.1f} {y + 4}V{HEIGHT - _BOTTOM}" stroke="#555555" stroke-dasharray="4 3"/>'
            yield f'<text class="change" x="{x:.1f}" y="{y}" text-anchor="{anchor}">{words}</text>'


def _day_of(change: MailboxChange) -> int:
    return change.on_day


def _step(most: int) -> int:
    """The distance of the numbers at the axis: 1, 2 or 5 times a power of ten, at most six of them."""
    power = 1
    while True:
        for step in (power, 2 * power, 5 * power):
            if most <= 5 * step:
                return step
        power *= 10


def _height_of(emails: int, top: int) -> float:
    return HEIGHT - _BOTTOM - _PLOT_HEIGHT * emails / top


def _colour(number: int) -> str:
    return COLOURS[number % len(COLOURS)]
