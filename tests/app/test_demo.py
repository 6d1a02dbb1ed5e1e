"""The demo: what it promises is checked by what the server received, and a broken promise is told."""

import logging
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
import structlog
from rich.console import Console

from app.captured_mail import Received, Refused
from app.demo import run_demo
from app.demo.outcome import SPACING, faults
from app.demo.scenario import GREYLISTED, MAILBOXES, OPENS, UNKNOWN, ZONE, Scenario, next_monday

SCENARIO = Scenario(date(2026, 3, 2))
MINUTE = timedelta(minutes=1)
TRY_LATER, NO_SUCH_USER = "451 4.7.1 Greylisted, try again", "550 5.1.1 No such user here"
ROW = re.compile(
    r"│ (\w{3} \d\d \w{3}) +│ (\w+) +│ +(\d+) │ +(\d+) │ (\d\d:\d\d) │ (\d\d:\d\d) │ +(.+ min) │"
)


@dataclass
class Happened:
    """What the server and the API have to tell after a run."""

    received: list[Received] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    emails: list[dict[str, Any]] = field(default_factory=list)

    def faults(self) -> list[str]:
        return faults(SCENARIO, received=self.received, refused=self.refused, emails=self.emails)


def as_promised() -> Happened:
    """Ninety contacts, each in its slot of one of three mailboxes, on all three days."""
    happened = Happened()
    for number in range(90):
        contact, sender = f"contact{number + 1:02}@example.com", f"{MAILBOXES[number % 3]}@sender.example"
        for step, day in enumerate(SCENARIO.days):
            slot = datetime.combine(day, OPENS, tzinfo=ZONE) + number // 3 * SPACING
            _happen(happened, contact, sender, step, slot)
    return happened


def _happen(happened: Happened, contact: str, sender: str, step: int, slot: datetime) -> None:
    refusals = GREYLISTED.get(contact, 0) if step == 0 else 0
    at = slot + sum([5 * MINUTE, 15 * MINUTE][:refusals], timedelta())
    status = "SENT"
    if contact == UNKNOWN:
        status = "CANCELLED" if step else "FAILED"
        happened.refused.extend([] if step else [Refused(slot, sender, contact, NO_SUCH_USER)])
    else:
        happened.refused.extend(
            Refused(slot + wait, sender, contact, TRY_LATER) for wait in [timedelta(), 5 * MINUTE][:refusals]
        )
        message_id = f"<{contact}.{step}>"
        happened.received.append(Received(at, sender, contact, message_id, "Welcome", b"", None))
    happened.emails.append(
        {
            "recipientEmail": contact,
            "status": status,
            "retryCount": refusals,
            "sendAt": slot.isoformat(),
            "sentAt": at.isoformat(),
            "mailbox": {"email": sender},
            "enrollment": {"status": "BOUNCED" if contact == UNKNOWN else "COMPLETED"},
        }
    )


def test_a_kept_promise_has_no_faults() -> None:
    """267 emails and five refusals, all where they belong."""
    happened = as_promised()

    assert (len(happened.received), len(happened.refused), len(happened.emails)) == (267, 5, 270)
    assert happened.faults() == []


def _lose_one(happened: Happened) -> None:
    del happened.received[0]


def _double_one(happened: Happened) -> None:
    happened.received.append(happened.received[0])


def _move_by_a_day(happened: Happened) -> None:
    happened.received[0] = replace(happened.received[0], at=happened.received[0].at + timedelta(days=1))


def _delay_by_a_minute(happened: Happened) -> None:
    happened.received[0] = replace(happened.received[0], at=happened.received[0].at + MINUTE)


def _send_in_the_evening(happened: Happened) -> None:
    happened.received[0] = replace(happened.received[0], at=happened.received[0].at + 9 * 60 * MINUTE)


def _retry_early(happened: Happened) -> None:
    at = next(n for n, each in enumerate(happened.received) if each.recipient == "contact04@example.com")
    happened.received[at] = replace(happened.received[at], at=happened.received[at].at - MINUTE)


def _retry_a_second_time_early(happened: Happened) -> None:
    at = next(n for n, each in enumerate(happened.received) if each.recipient == "contact20@example.com")
    happened.received[at] = replace(happened.received[at], at=happened.received[at].at - 10 * MINUTE)


def _write_to_nobody(happened: Happened) -> None:
    happened.received[0] = replace(happened.received[0], recipient=UNKNOWN)


def _refuse_once_more(happened: Happened) -> None:
    first = happened.received[0]
    happened.refused.append(Refused(first.at, first.sender, "contact90@example.com", TRY_LATER))


def _leave_one_in_doubt(happened: Happened) -> None:
    happened.emails[0]["status"] = "IN_DOUBT"


def _leave_one_active(happened: Happened) -> None:
    for email in happened.emails[:3]:
        email["enrollment"] = {"status": "ACTIVE"}


def _send_later_than_planned(happened: Happened) -> None:
    happened.emails[0]["sentAt"] = (SCENARIO.begins_at + timedelta(hours=2)).isoformat()


@pytest.mark.parametrize(
    ("tamper", "fault"),
    [
        (_lose_one, "88 emails were received on 2026-03-02, not 89"),
        (_lose_one, "not every other contact received exactly three emails"),
        (_lose_one, "north@sender.example sent at 29 slots on 2026-03-02"),
        (_double_one, "90 emails were received on 2026-03-02, not 89"),
        (_double_one, "1 emails were received more than once"),
        (
            _move_by_a_day,
            (
                "emails left on 2026-03-02, 2026-03-03, 2026-03-04, 2026-03-05, "
                "not on 2026-03-02, 2026-03-04, 2026-03-05"
            ),
        ),
        (_delay_by_a_minute, "north@sender.example sent outside of its slots on 2026-03-02: 09:01:00"),
        (_send_in_the_evening, "north@sender.example sent after the window closed on 2026-03-02"),
        (_retry_early, "a retry came 0:04:00 after the refusal, not 0:05:00"),
        (_retry_a_second_time_early, "a retry came 0:05:00 after the refusal, not 0:15:00"),
        (_write_to_nobody, f"{UNKNOWN} does not exist and yet received something"),
        (
            _refuse_once_more,
            (
                "the refusals were {'contact04@example.com': 1, 'contact11@example.com': 1, "
                "'contact20@example.com': 2, 'contact45@example.com': 1, 'contact90@example.com': 1}"
            ),
        ),
        (
            _leave_one_in_doubt,
            (
                "the emails ended as {'IN_DOUBT': 1, 'SENT': 266, 'FAILED': 1, 'CANCELLED': 2}, "
                "not as {'SENT': 267, 'FAILED': 1, 'CANCELLED': 2}"
            ),
        ),
        (_leave_one_active, "the enrollments ended as {'ACTIVE': 1, 'COMPLETED': 88, 'BOUNCED': 1}"),
        (_send_later_than_planned, "1 emails left at another time than planned"),
    ],
)
def test_a_broken_promise_is_told(tamper: Callable[[Happened], None], fault: str) -> None:
    """Each kind by itself, in words."""
    happened = as_promised()

    tamper(happened)

    assert fault in happened.faults()


@pytest.fixture
def _logs_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.mark.processes
@pytest.mark.usefixtures("_logs_as_before")
def test_the_demo_keeps_its_promise() -> None:
    """From the API to the receiving server and back: exit 0, and the tables say what happened."""
    shown = StringIO()
    monday = next_monday(datetime.now(ZONE).date())

    status = run_demo(console=Console(file=shown, width=80))

    lines = shown.getvalue().splitlines()
    rows = [found.groups() for line in lines if (found := ROW.search(line))]
    days = [f"{monday + timedelta(days=days):%a %d %b}" for days in (0, 2, 3)]
    assert status == 0
    assert [(row[0], row[1]) for row in rows] == [(day, name) for day in days for name in sorted(MAILBOXES)]
    assert {row[4:6] for row in rows} == {("09:00", "16:44")}
    counts = [sorted((int(row[2]), int(row[3])) for row in rows if row[0] == day) for day in days]
    assert counts == [[(30, 29), (30, 30), (30, 30)]] + [[(29, 29), (30, 30), (30, 30)]] * 2
    assert [row[6] for row in rows if row[0] != days[0] and row[2] == "30"] == ["16 min"] * 4
    assert sum("451 4.7.1 Greylisted, try again │ accepted" in line for line in lines) == 4
    assert sum("550 5.1.1 No such user here     │ contact stopped" in line for line in lines) == 1
    assert any(re.fullmatch(r"│ enrollments │ COMPLETED │ +89 │", line) for line in lines)
    assert any(re.fullmatch(r"│ emails      │ SENT      │ +267 │", line) for line in lines)
    assert lines[-1].startswith("as promised: 267 emails, each exactly once and on time, in ")
    assert max(map(len, lines)) <= 80
