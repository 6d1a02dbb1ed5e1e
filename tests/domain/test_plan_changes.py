"""What a plan changes: the loads of days, the digest, and the first new time."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from domain.ids import EmailId, EnrollmentId, MailboxId, StepId
from domain.itineraries import Itinerary, Leg, MoveCause, PlannedEmail, Slot, UnplacedReason
from domain.plan import Plan, Shift
from domain.plan_changes import changes_digest, first_new_instant, first_part, load_changes
from domain.waits import Wait

BOX, OTHER = MailboxId(UUID(int=1)), MailboxId(UUID(int=2))
NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)
MON, TUE = date(2026, 3, 2), date(2026, 3, 3)
DAY = timedelta(days=1)


def slot(mailbox_id: MailboxId, days: int = 0) -> Slot:
    return Slot(mailbox_id, NINE + days * DAY, MON + days * DAY, MON + days * DAY)


def email(number: int, held: Slot | None, now: Slot | None) -> PlannedEmail:
    """An email that is written already when it holds a slot."""
    leg = Leg(
        StepId(UUID(int=number)), 1, Wait(0), email_id=EmailId(UUID(int=number)) if held else None, held=held
    )
    moved = MoveCause.EARLIER if held is not None and held != now else None
    return PlannedEmail(leg, now, None if now else UnplacedReason.NO_CAPACITY, moved)


def plan_of(*emails: PlannedEmail, shifts: tuple[Shift, ...] = ()) -> Plan:
    return Plan((Itinerary(EnrollmentId(UUID(int=7)), BOX, emails),), shifts)


def test_days_become_fuller_and_emptier() -> None:
    """By moves, new emails, lost slots and cancellations; a day that has as many as before is left out."""
    plan = plan_of(
        email(1, slot(BOX, 1), slot(OTHER)),
        email(2, None, slot(OTHER)),
        email(3, slot(BOX, 1), None),
        email(4, slot(BOX), slot(BOX)),
        email(5, slot(OTHER, 1), slot(BOX, 2)),
        email(6, slot(BOX, 2), slot(OTHER, 1)),
    )

    assert load_changes(plan, cancelled=[(BOX, MON)]) == {(BOX, TUE): -2, (OTHER, MON): 2, (BOX, MON): -1}


def test_the_digest_is_of_the_changes_alone() -> None:
    """What stays is not in it, nor is the order; every place, shift and cancellation is."""
    moved, fresh = email(1, slot(BOX, 1), slot(OTHER)), email(2, None, slot(OTHER))
    shift = Shift(EmailId(UUID(int=8)), BOX, NINE)
    plan = plan_of(moved, fresh, shifts=(shift,))
    left = [EmailId(UUID(int=9))]
    digest = changes_digest(plan, cancelled=left)

    same = plan_of(fresh, email(4, slot(BOX), slot(BOX)), moved, shifts=(shift,))
    others = [
        changes_digest(plan, cancelled=[]),
        changes_digest(plan_of(moved, fresh), cancelled=left),
        changes_digest(plan_of(moved, shifts=(shift,)), cancelled=left),
        changes_digest(plan_of(moved._replace(slot=slot(BOX)), fresh, shifts=(shift,)), cancelled=left),
        changes_digest(
            plan_of(
                moved._replace(slot=None, unplaced_reason=UnplacedReason.NO_CAPACITY), fresh, shifts=(shift,)
            ),
            cancelled=left,
        ),
    ]

    assert len(digest) == 32
    assert changes_digest(same, cancelled=left) == digest
    assert len({digest, *others}) == 6


def test_what_is_not_written_yet_counts_by_its_days() -> None:
    """Another instant of a day is the same, or the id of an enrollment that is all new; no other day is."""
    there, fresh = email(1, slot(BOX), slot(BOX)), email(2, None, slot(OTHER))
    later = fresh._replace(slot=Slot(OTHER, NINE + timedelta(minutes=7), MON, MON))
    tomorrow = fresh._replace(slot=slot(OTHER, 1))

    def digest(*emails: PlannedEmail, of: int = 7) -> bytes:
        return changes_digest(Plan((Itinerary(EnrollmentId(UUID(int=of)), BOX, emails),)), cancelled=[])

    assert digest(fresh) == digest(later) == digest(fresh, of=8)
    assert digest(fresh) != digest(tomorrow)
    assert digest(there, fresh) == digest(there, later)
    assert digest(there, fresh) != digest(there, fresh, of=8)


def test_the_first_new_time_is_of_what_changes() -> None:
    """Kept times do not count; without a change there is none."""
    kept = email(4, slot(BOX), slot(BOX))

    assert first_new_instant(plan_of(kept)) is None
    assert first_new_instant(plan_of(kept, email(1, slot(BOX), slot(OTHER, 2)))) == NINE + 2 * DAY
    assert (
        first_new_instant(
            plan_of(
                email(1, slot(BOX), slot(OTHER, 2)), shifts=(Shift(EmailId(UUID(int=8)), BOX, NINE + DAY),)
            )
        )
        == NINE + DAY
    )


def test_a_part_changes_so_many_emails_and_never_parts_an_enrollment() -> None:
    """In the order of the plan, with all shifts; at least one enrollment, however many emails it changes."""
    shift = Shift(EmailId(UUID(int=8)), BOX, NINE)
    stays, moves = email(1, slot(BOX), slot(BOX)), email(2, slot(BOX, 1), slot(OTHER))
    itineraries = tuple(
        Itinerary(EnrollmentId(UUID(int=number)), BOX, emails)
        for number, emails in enumerate([(moves, moves), (stays, moves), (stays,), (moves,)])
    )
    plan = Plan(itineraries, (shift,))

    parts = {most: first_part(plan, most=most) for most in (1, 3, 4)}

    assert parts == {1: Plan(itineraries[:1], (shift,)), 3: Plan(itineraries[:3], (shift,)), 4: plan}
    assert parts[4] is plan
