"""Simulation: what the planner makes of a scenario, day by day, if every email leaves on time."""

from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256
from uuid import UUID

from domain.enrollments import Enrollment
from domain.ids import EmailId, EnrollmentId, StepId
from domain.itineraries import Itinerary, Leg, MoveCause, UnplacedReason
from domain.layouts import Layouts
from domain.people import People
from domain.plan import Taken
from domain.planning import plan
from domain.recalculations import REBINDING, RecalculationCause
from domain.scenarios import Change, Joining, MailboxChange, Night, Scenario
from domain.starts import StartDay
from domain.tally import Effect, Simulation, Tally
from domain.yielding import with_yielding

# Longer than any mailbox's day and gap together: what left before bears on nothing that is planned.
_REMEMBERED = timedelta(days=3)


def simulate(scenario: Scenario) -> Simulation:
    """
    Plan *scenario* anew on every day that brings news, and let what is due leave on each of its days.

    Replies come in by the end of the day and end the enrollment; the room that this frees is offered in the
    nights that follow. Same scenario, same simulation.
    """
    run = _Run(scenario)
    news = scenario.news()
    day = 0
    while news or run.due or run.has_freed_room:
        day = day + 1 if run.has_freed_room else min((*news, *run.due))
        if run.has_freed_room:
            run.replan((Night(day),), now=scenario.beginning_of(day))
        for changes in news.pop(day, ()):
            run.replan(changes, now=scenario.beginning_of(day))
        run.send(day)
    return run.result()


class _Run:
    """
    A simulation under way; *due* has, by day, the enrollments whose emails leave on it, in order.

    It *has_freed_room* if an email gave up its time since a night found nothing to move.
    """

    def __init__(self, scenario: Scenario) -> None:
        self.due: dict[int, list[EnrollmentId]] = {}
        self.has_freed_room = False
        self._scenario = scenario
        self._waits = {course.sequence.id: course.waits for course in scenario.courses}
        self._sequences = {course.sequence.id: course.sequence for course in scenario.courses}
        self._mailboxes = {box.id: box for box in scenario.mailboxes}
        self._enrollments: dict[EnrollmentId, Enrollment] = {}
        self._people = People(scenario.contact_min_gap_days)
        self._layouts = Layouts()
        self._recent: list[Taken] = []
        self._starts: Counter[StartDay] = Counter()
        self._reasons: dict[EmailId, UnplacedReason] = {}
        self._tally = Tally()

    def replan(self, changes: tuple[Change, ...], *, now: datetime) -> None:
        """Make *changes*, plan everyone who is on the way, and note what moved."""
        gains, is_night = False, any(isinstance(change, Night) for change in changes)
        for change in changes:
            if isinstance(change, Joining):
                self._enroll(change, now)
            elif isinstance(change, MailboxChange):
                self._change_mailbox(change)
                gains = gains or change.cause in REBINDING
        self._recent = [email for email in self._recent if email.send_at > now - _REMEMBERED]
        asking = [self._asking(each, gains=gains) for each in self._enrollments.values()]
        made = plan(
            with_yielding(asking, now=now),
            self._mailboxes.values(),
            now=now,
            taken=self._recent,
            calendars={
                mailbox_id: [
                    each.calendar for each in self._sequences.values() if mailbox_id in each.mailbox_ids
                ]
                for mailbox_id in self._mailboxes
            },
            starts=self._starts,
            pulls_forward=is_night,
            layouts=self._layouts,
            contact_gap=self._people.gap(),
        )
        effect = Effect.of(changes, made.itineraries)
        has_moved = bool(effect.lost or effect.moved)
        self.has_freed_room = has_moved or (self.has_freed_room and not is_night)
        if has_moved or not is_night:
            self._tally.effects.append(effect)
        for itinerary in made.itineraries:
            self._bind(itinerary, now)
        self._note_due(today=self._scenario.day_of(now))

    def send(self, day: int) -> None:
        """Let everything leave that is due on *day*; then the replies come in."""
        replied: dict[EnrollmentId, None] = {}
        leaving = self.due.pop(day, [])
        for enrollment_id in leaving:
            enrollment = self._enrollments.get(enrollment_id)
            if enrollment is not None:
                self._send_next(enrollment)
                if self._is_answered(enrollment):
                    replied[enrollment_id] = None
        for enrollment_id in dict.fromkeys(leaving):
            enrollment = self._enrollments.get(enrollment_id)
            if enrollment is not None and (enrollment_id in replied or not enrollment.legs):
                ends = self._tally.replied if enrollment_id in replied else self._tally.finished
                ends[enrollment.sequence.id] += 1
                self.has_freed_room = self.has_freed_room or bool(enrollment.legs)
                del self._enrollments[enrollment_id]

    def result(self) -> Simulation:
        remaining = (leg for each in self._enrollments.values() for leg in each.legs)
        unsent = Counter(
            # What has a time and was never due belongs to a mailbox that stays paused.
            UnplacedReason.MAILBOX_UNAVAILABLE if leg.held is not None else self._reasons[_known(leg)]
            for leg in remaining
        )
        return self._tally.simulation(self._sequences, unsent)

    def _enroll(self, joining: Joining, now: datetime) -> None:
        sequence = self._sequences[joining.sequence_id]
        for at in range(joining.number):
            number = self._tally.contacts.total() + 1
            legs = tuple(
                Leg(
                    StepId(UUID(int=(sequence.id.int << 32) + position)),
                    position,
                    wait,
                    email_id=EmailId(UUID(int=(number << 32) + position)),
                )
                for position, wait in enumerate(self._waits[sequence.id], 1)
            )
            enrollment_id = EnrollmentId(UUID(int=number))
            self._enrollments[enrollment_id] = Enrollment(enrollment_id, sequence, now, legs)
            known = joining.known[at] if at < len(joining.known) else None
            self._people.join(enrollment_id, known=known)
            self._tally.contacts[sequence.id] += 1

    def _change_mailbox(self, change: MailboxChange) -> None:
        mailbox_id = change.mailbox_id
        if change.cause is RecalculationCause.MAILBOX_REMOVED:
            del self._mailboxes[mailbox_id]
            for sequence in self._sequences.values():
                left = tuple(each for each in sequence.mailbox_ids if each != mailbox_id)
                self._sequences[sequence.id] = replace(sequence, mailbox_ids=left)
            return
        box = self._mailboxes[mailbox_id]
        if change.daily_capacity is not None:
            self._mailboxes[mailbox_id] = replace(box, daily_capacity=change.daily_capacity)
        else:
            is_back = change.cause is RecalculationCause.MAILBOX_RESUMED
            self._mailboxes[mailbox_id] = replace(box, is_available=is_back)

    def _asking(self, enrollment: Enrollment, *, gains: bool) -> Enrollment:
        """*enrollment* as the planner is to see it: its mailbox may be gone."""
        is_leaving = enrollment.mailbox_id is not None and enrollment.mailbox_id not in self._mailboxes
        legs = enrollment.legs
        if is_leaving:
            legs = tuple(
                leg._replace(loses_slot=MoveCause.MAILBOX_HANDED_OVER) if leg.held is not None else leg
                for leg in legs
            )
        return replace(
            enrollment,
            sequence=self._sequences[enrollment.sequence.id],
            legs=legs,
            may_change_mailbox=is_leaving or (gains and enrollment.last_window_day is None),
            may_gain=gains,
        )

    def _bind(self, itinerary: Itinerary, now: datetime) -> None:
        """Write down what was planned, as the database would."""
        for email in itinerary.emails:
            if email.unplaced_reason is not None:
                self._reasons[_known(email.leg)] = email.unplaced_reason
        enrollment = self._enrollments[itinerary.enrollment_id]
        self._enrollments[itinerary.enrollment_id] = replace(
            enrollment,
            legs=tuple([each.leg._replace(held=each.slot, loses_slot=None) for each in itinerary.emails]),
            mailbox_id=itinerary.mailbox_id,
            displaced_at=now if itinerary.is_displaced else enrollment.displaced_at,
        )

    def _note_due(self, *, today: int) -> None:
        due = [
            (leg.held.send_at, enrollment.id.int, enrollment.id)
            for enrollment in self._enrollments.values()
            for leg in enrollment.legs
            if leg.held is not None and self._mailboxes[leg.held.mailbox_id].is_available
        ]
        self.due = {}
        for send_at, _, enrollment_id in sorted(due):
            # What was due a moment before its mailbox came back leaves now.
            self.due.setdefault(max(self._scenario.day_of(send_at), today), []).append(enrollment_id)

    def _send_next(self, enrollment: Enrollment) -> None:
        leg = enrollment.legs[0]
        if leg.held is None:
            raise RuntimeError("An email without a time cannot be due.")
        slot = leg.held
        if enrollment.last_window_day is None:
            self._starts[enrollment.sequence.id, slot.window_day] += 1
        self._tally.note_sent(leg.held, enrollment.sequence.id)
        self._people.note_sent(enrollment.id, slot.window_day)
        self._recent.append(Taken(_known(leg), slot.mailbox_id, slot.send_at))
        self._enrollments[enrollment.id] = replace(
            enrollment, legs=enrollment.legs[1:], last_window_day=slot.window_day, left_at=slot.send_at
        )

    def _is_answered(self, enrollment: Enrollment) -> bool:
        """Whether the email that *enrollment* is about to send is answered."""
        drawn = sha256(f"{self._scenario.seed}/{_known(enrollment.legs[0]).int}".encode()).digest()
        return int.from_bytes(drawn[:8], "big") < self._scenario.reply_rate * 2**64


def _known(leg: Leg) -> EmailId:
    if leg.email_id is None:
        raise RuntimeError("Every email of a simulation has an id.")
    return leg.email_id
