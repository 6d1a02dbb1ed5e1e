"""What a plan changes: how full each mailbox's days become, and a digest that only equal changes share."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from typing import TypeAlias

from domain.ids import EmailId, MailboxId
from domain.itineraries import Itinerary, PlannedEmail
from domain.plan import Plan

MailboxDay: TypeAlias = tuple[MailboxId, date]


def changes_digest(plan: Plan, *, cancelled: Iterable[EmailId]) -> bytes:
    """
    32 bytes that stand for every email that *plan* places or moves, and for those taken out of it.

    An email that is not written yet counts by its days: what is spread over the rest of a day has other
    instants a minute later, and jitter draws others for other ids.
    """
    lines = [_line(itinerary, email) for itinerary, email in _changed(plan)]
    lines += [f"{shift.email_id} {shift.mailbox_id} {shift.send_at.isoformat()}" for shift in plan.shifts]
    lines += [f"{email_id} cancelled" for email_id in cancelled]
    return hashlib.sha256("\n".join(sorted(lines)).encode()).digest()


def load_changes(plan: Plan, *, cancelled: Iterable[MailboxDay]) -> dict[MailboxDay, int]:
    """
    How many emails more, or fewer, each mailbox has on a day; days that have as many as before left out.

    The days are the mailbox's local ones; *cancelled* has one for each email that is taken out.
    """
    changes: Counter[MailboxDay] = Counter()
    changes.subtract(cancelled)
    for _, email in _changed(plan):
        if (held := email.leg.held) is not None:
            changes[held.mailbox_id, held.send_day] -= 1
        if (slot := email.slot) is not None:
            changes[slot.mailbox_id, slot.send_day] += 1
    return {day: change for day, change in changes.items() if change}


def first_new_instant(plan: Plan) -> datetime | None:
    """The soonest instant that *plan* gives to any email that did not have it; None when it gives none."""
    placed = [email.slot.send_at for _, email in _changed(plan) if email.slot is not None]
    return min([*placed, *(shift.send_at for shift in plan.shifts)], default=None)


def first_part(plan: Plan, *, most: int) -> Plan:
    """
    *plan* for as many enrollments, in its order, as change at most *most* emails, but at least one.

    Written alone it leaves a state from which another plan goes on.
    """
    if sum(len(itinerary.emails) for itinerary in plan.itineraries) <= most:
        return plan
    changed = 0
    for number, itinerary in enumerate(plan.itineraries):
        changed += sum(not email.is_unchanged for email in itinerary.emails)
        if changed > most and number:
            return Plan(plan.itineraries[:number], plan.shifts)
    return plan


def _changed(plan: Plan) -> Iterator[tuple[Itinerary, PlannedEmail]]:
    for itinerary in plan.itineraries:
        for email in itinerary.emails:
            if not email.is_unchanged:
                yield itinerary, email


def _line(itinerary: Itinerary, email: PlannedEmail) -> str:
    leg, slot = email.leg, email.slot
    place = str(email.unplaced_reason)
    if slot is not None:
        place = f"{slot.mailbox_id} {slot.window_day} {slot.send_day}"
    if leg.email_id is not None:
        return f"{leg.email_id} {place} {slot and slot.send_at.isoformat()} {email.moved_because}"
    # An enrollment that is only rehearsed, like a step, would get another id.
    is_known = any(each.leg.email_id is not None for each in itinerary.emails)
    return f"{itinerary.enrollment_id if is_known else None} {leg.position} {place}"
