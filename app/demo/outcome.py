"""The outcome: what the receiving server saw, day by day, held against what the campaign promised."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any

from app.captured_mail import Received, Refused
from app.demo.scenario import CLOSES, DAILY_CAPACITY, GREYLISTED, MAILBOXES, OPENS, UNKNOWN, ZONE, Scenario
from domain.delivery import RETRY_SCHEDULE

SPACING = timedelta(minutes=16)
CONTACTS = DAILY_CAPACITY * len(MAILBOXES)


@dataclass(frozen=True, slots=True)
class MailboxDay:
    """One row of the table: a mailbox on one local date. Gaps are between emails that were accepted."""

    mailbox: str
    day: date
    planned: int
    received: int
    first: datetime | None
    last: datetime | None
    smallest_gap: timedelta | None
    largest_gap: timedelta | None


def mailbox_days(received: Iterable[Received], emails: Iterable[dict[str, Any]]) -> list[MailboxDay]:
    """What was planned, by the API, and received, by the server's own record, per mailbox and day."""
    arrivals: dict[tuple[str, date], list[datetime]] = {}
    for each in received:
        local = each.at.astimezone(ZONE)
        arrivals.setdefault((each.sender, local.date()), []).append(local)
    planned = Counter(
        (email["mailbox"]["email"], _local(email["sendAt"]).date())
        for email in emails
        if email["sendAt"] and email["status"] != "CANCELLED"
    )
    rows = []
    for mailbox, day in sorted({*arrivals, *planned}, key=lambda key: (key[1], key[0])):
        times = sorted(arrivals.get((mailbox, day), ()))
        gaps = [later - earlier for earlier, later in pairwise(times)]
        rows.append(
            MailboxDay(
                mailbox,
                day,
                planned[mailbox, day],
                len(times),
                times[0] if times else None,
                times[-1] if times else None,
                min(gaps, default=None),
                max(gaps, default=None),
            )
        )
    return rows


def faults(
    scenario: Scenario,
    *,
    received: Sequence[Received],
    refused: Sequence[Refused],
    emails: Sequence[dict[str, Any]],
    schedule: Sequence[timedelta] = RETRY_SCHEDULE,
) -> list[str]:
    """What is not as promised, in words; empty when everything is. Retries wait by *schedule*."""
    return [
        *_wrong_totals(scenario, received),
        *_wrong_instants(scenario, received, refused, schedule),
        *_wrong_recipients(received, refused),
        *_wrong_ends(emails),
    ]


def _wrong_totals(scenario: Scenario, received: Sequence[Received]) -> Iterable[str]:
    per_day = Counter(each.at.astimezone(ZONE).date() for each in received)
    if set(per_day) != set(scenario.days):
        yield f"emails left on {_listed(per_day)}, not on {_listed(scenario.days)}"
    for day in scenario.days:
        if per_day[day] != CONTACTS - 1:
            yield f"{per_day[day]} emails were received on {day}, not {CONTACTS - 1}"
    doubled = [message_id for message_id, n in Counter(each.message_id for each in received).items() if n > 1]
    if doubled:
        yield f"{len(doubled)} emails were received more than once"


def _wrong_instants(
    scenario: Scenario,
    received: Sequence[Received],
    refused: Sequence[Refused],
    schedule: Sequence[timedelta],
) -> Iterable[str]:
    """Every email leaves at a slot, one every 16 minutes; a retried one as long after as it had to wait."""
    first_tries: dict[tuple[str, date], set[datetime]] = {}
    last_refusal: dict[str, datetime] = {}
    attempts: list[Received | Refused] = [*received, *refused]
    for attempt in sorted(attempts, key=lambda each: each.at):
        local = attempt.at.astimezone(ZONE)
        sender, recipient = attempt.sender or "", attempt.recipient or ""
        before = last_refusal.get(recipient)
        if before is not None and before.date() == local.date():
            wait = schedule[0 if before in first_tries[sender, local.date()] else 1]
            if local - before != wait:
                yield f"a retry came {local - before} after the refusal, not {wait}"
        else:
            first_tries.setdefault((sender, local.date()), set()).add(local)
        if isinstance(attempt, Refused):
            last_refusal[recipient] = local
    for (mailbox, day), times in first_tries.items():
        slots = {
            datetime.combine(day, OPENS, tzinfo=ZONE) + number * SPACING for number in range(DAILY_CAPACITY)
        }
        if not times <= slots:
            yield f"{mailbox} sent outside of its slots on {day}: {min(times - slots):%H:%M:%S}"
        is_first = day == scenario.days[0]
        expected = DAILY_CAPACITY if is_first else DAILY_CAPACITY - 1
        if len(times) not in {DAILY_CAPACITY, expected}:
            yield f"{mailbox} sent at {len(times)} slots on {day}"
        if max(times).time() >= CLOSES:
            yield f"{mailbox} sent after the window closed on {day}"


def _wrong_recipients(received: Sequence[Received], refused: Sequence[Refused]) -> Iterable[str]:
    per_recipient = Counter(each.recipient for each in received)
    if UNKNOWN in per_recipient:
        yield f"{UNKNOWN} does not exist and yet received something"
    if len(per_recipient) != CONTACTS - 1 or set(per_recipient.values()) != {3}:
        yield "not every other contact received exactly three emails"
    refusals = Counter(each.recipient for each in refused)
    if refusals != Counter({**GREYLISTED, UNKNOWN: 1}):
        yield f"the refusals were {dict(refusals)}"


def _wrong_ends(emails: Sequence[dict[str, Any]]) -> Iterable[str]:
    states = Counter(email["status"] for email in emails)
    expected = {"SENT": 3 * (CONTACTS - 1), "FAILED": 1, "CANCELLED": 2}
    if states != expected:
        yield f"the emails ended as {dict(states)}, not as {expected}"
    ends = Counter({email["recipientEmail"]: email["enrollment"]["status"] for email in emails}.values())
    if ends != {"COMPLETED": CONTACTS - 1, "BOUNCED": 1}:
        yield f"the enrollments ended as {dict(ends)}"
    moved = [
        email
        for email in emails
        if email["status"] == "SENT"
        and not email["retryCount"]
        and abs(_local(email["sentAt"]) - _local(email["sendAt"])) > timedelta(seconds=1)
    ]
    if moved:
        yield f"{len(moved)} emails left at another time than planned"


def _listed(days: Iterable[date]) -> str:
    return ", ".join(map(str, sorted(days)))


def _local(instant: str) -> datetime:
    return datetime.fromisoformat(instant).astimezone(ZONE)
