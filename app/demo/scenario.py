"""The Welcome Campaign: three steps, three mailboxes, ninety contacts, a few of them hard to reach."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from importlib.resources import files
from zoneinfo import ZoneInfo

from app.capture_server import Always

ZONE = ZoneInfo("Europe/Berlin")
DAILY_CAPACITY = 30
MAILBOXES = ("north", "east", "south")
OPENS, CLOSES = time(9), time(17)
# Days after the first on which the steps leave: at once, after two days, after one more.
STEP_DAYS = (0, 2, 3)
UNKNOWN = "contact45@example.com"
# Who is greylisted, and how often: each time costs one of the three retries.
GREYLISTED = {"contact04@example.com": 1, "contact11@example.com": 1, "contact20@example.com": 2}
_TRY_LATER = "451 4.7.1 Greylisted, try again"
_NO_SUCH_USER = "550 5.1.1 No such user here"

STEPS = (
    (
        0,
        "Welcome, {{ company }}",
        "Thank you for joining us on the {{ custom.plan }} plan.",
    ),
    (2, "Your first week", "Here is how other teams begin."),
    (1, "One question", "Is there anything that we can do for you?"),
)
_GREETING = "Hello {{ company }},\n\n"
_FOOTER = "\n\n{{ sender.name }}\n\nNo more of these: {{ unsubscribe_url }}\n"


@dataclass(frozen=True, slots=True)
class Scenario:
    """The campaign as it begins on *monday*, an hour before its window opens."""

    monday: date

    @property
    def begins_at(self) -> datetime:
        return datetime.combine(self.monday, time(8), tzinfo=ZONE).astimezone(UTC)

    @property
    def days(self) -> tuple[date, ...]:
        """The local dates on which emails leave."""
        return tuple(self.monday + timedelta(days=days) for days in STEP_DAYS)

    @property
    def script(self) -> Mapping[str, list[str] | Always]:
        """What the recipients' server says before it accepts."""
        return {
            **{address: [_TRY_LATER] * times for address, times in GREYLISTED.items()},
            UNKNOWN: Always(_NO_SUCH_USER),
        }


def next_monday(today: date) -> date:
    return today + timedelta(days=7 - today.weekday())


def contacts_csv() -> str:
    """The contacts that come with the demo: email, company, zone, and a field of their own."""
    return (files("app.demo") / "contacts.csv").read_text(encoding="utf-8")


def mailbox_input(name: str, *, port: int) -> dict[str, object]:
    return {
        "email": f"{name}@sender.example",
        "name": name,
        "fromName": f"Welcome team ({name})",
        "host": "127.0.0.1",
        "port": port,
        "security": "NONE",
        "zone": ZONE.key,
        "dailyCapacity": DAILY_CAPACITY,
    }


def sequence_input(mailbox_ids: list[str]) -> dict[str, object]:
    return {
        "name": "Welcome Campaign",
        "zone": ZONE.key,
        "sendWindow": {
            "weekdays": [1, 2, 3, 4, 5],
            "intervals": [{"start": f"{OPENS:%H:%M}", "end": f"{CLOSES:%H:%M}"}],
        },
        "mailboxIds": mailbox_ids,
        "steps": [
            {"waitDays": wait_days, "subject": subject, "bodyText": _GREETING + text + _FOOTER}
            for wait_days, subject, text in STEPS
        ],
    }
