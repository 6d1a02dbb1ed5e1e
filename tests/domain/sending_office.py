"""A plain office that sends: lists of steps, of letters that left, and of times that were promised."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from domain.enrollments import Enrollment
from domain.ids import EmailId, EnrollmentId, MailboxId, StepId
from domain.itineraries import Itinerary, Leg, PlannedEmail, Slot, UnplacedReason
from domain.keeping import LATE_AFTER
from domain.mailboxes import Mailbox
from domain.plan import Plan, Taken
from domain.planning import plan
from domain.sequences import Sequence
from domain.waits import Wait
from tests.domain.planning_changes import needless
from tests.domain.planning_rules import breaches, capacity_on, window_day
from tests.domain.planning_world import World

# What the dispatcher may take up while a plan is made does not shift any more.
SETTLED = timedelta(minutes=5)


@dataclass(frozen=True)
class Step:
    id: StepId
    wait_days: int


@dataclass
class Course:
    """A sequence, its steps in today's order."""

    sequence: Sequence
    steps: list[Step]
    is_paused: bool = False


@dataclass(frozen=True)
class Letter:
    """An email that was taken up: with *left_at* of the past it has left, else it is tried again then."""

    step_id: StepId
    slot: Slot
    left_at: datetime


@dataclass(eq=False)
class Person:
    """A contact on a course, what was sent, and the slots or reasons of what remains."""

    id: EnrollmentId
    course: Course
    enrolled_at: datetime
    mailbox_id: MailboxId | None = None
    pending: dict[StepId, Slot | UnplacedReason] = field(default_factory=dict)
    sent: list[Letter] = field(default_factory=list)
    on_its_way: Letter | None = None
    is_paused: bool = False

    @property
    def letters(self) -> list[Letter]:
        return self.sent + ([self.on_its_way] if self.on_its_way else [])

    @property
    def remaining(self) -> list[Step]:
        """What follows the step that left last and is still there, without what was sent before."""
        had = [letter.step_id for letter in self.letters]
        steps = self.course.steps
        passed = [number for number, step in enumerate(steps) if step.id in had]
        last = max(passed, key=lambda number: had.index(steps[number].id), default=-1)
        return [step for step in steps[last + 1 :] if step.id not in had]

    def slot(self, step: Step) -> Slot | None:
        promised = self.pending.get(step.id)
        return promised if isinstance(promised, Slot) else None

    def email_id(self, step_id: StepId) -> EmailId:
        return EmailId(UUID(int=(self.id.int << 32) + step_id.int))

    def enrollment(self) -> Enrollment:
        legs = tuple(
            Leg(
                step.id,
                number,
                Wait(step.wait_days),
                email_id=self.email_id(step.id) if step.id in self.pending else None,
                held=self.slot(step),
            )
            for number, step in enumerate(self.remaining, 1)
        )
        last = max((letter.slot.window_day for letter in self.letters), default=None)
        return Enrollment(
            self.id, self.course.sequence, self.enrolled_at, legs, self.mailbox_id, last_window_day=last
        )


@dataclass
class Office:
    """Everyone who is on the way, all mailboxes and courses, and what has left, whoever it was for."""

    now: datetime
    boxes: dict[MailboxId, Mailbox]
    courses: list[Course]
    people: list[Person] = field(default_factory=list)
    ended: list[Person] = field(default_factory=list)

    def replan(self, people: Iterable[Person]) -> None:
        """Plan *people* anew, around what everyone else was promised, and check all that can be."""
        planned = [person for person in people if not person.is_paused]
        world = self._world(planned)
        serving: dict[MailboxId, list[Sequence]] = {}
        for course in self.courses:
            for mailbox_id in course.sequence.mailbox_ids:
                serving.setdefault(mailbox_id, []).append(course.sequence)
        made = plan(
            world.enrollments,
            world.mailboxes,
            now=self.now,
            taken=world.taken,
            calendars={box: [each.calendar for each in theirs] for box, theirs in serving.items()},
        )
        assert breaches(world, made) == []
        assert list(needless(world, made)) == []
        self._keep(planned, made)

    def check(self) -> None:
        """What was promised to everyone holds together, whenever and for whomever it was planned."""
        active = [person for person in self.people if not person.is_paused]
        standing = Plan(tuple(_standing(person) for person in active))
        assert breaches(self._world(active, is_expected=False), standing) == []
        for person in [*self.people, *self.ended]:
            had = [letter.step_id for letter in person.letters]
            assert len(had) == len(set(had)), "a step was sent twice"
            assert len({letter.slot.mailbox_id for letter in person.letters}) <= 1, "the mailbox changed"

    def due(self) -> list[tuple[Slot, Person, Step]]:
        """What may leave next, for each person the first of the remaining steps, soonest first."""
        found = []
        for person in self.people:
            steps = person.remaining
            if person.is_paused or person.course.is_paused or person.on_its_way or not steps:
                continue
            slot = person.slot(steps[0])
            if slot and self.boxes[slot.mailbox_id].is_available and slot.send_at > self.now - LATE_AFTER:
                found.append((slot, person, steps[0]))
        return sorted(found, key=lambda each: (each[0].send_at, each[1].id))

    def left(self, mailbox_id: MailboxId) -> list[datetime]:
        """When emails of *mailbox_id* left, or are tried again."""
        letters = [letter for person in [*self.people, *self.ended] for letter in person.letters]
        return sorted(letter.left_at for letter in letters if letter.slot.mailbox_id == mailbox_id)

    def take_up(self, slot: Slot, person: Person, step: Step) -> None:
        """Send the email of *slot* now, unless one that left late is too close; every other rule is kept."""
        box = self.boxes[slot.mailbox_id]
        before = [letter.slot.window_day for letter in person.letters]
        today = self.now.astimezone(box.zone).date()
        gone = self.left(box.id)
        capacity = capacity_on(box, today)
        used = sum(instant.astimezone(box.zone).date() == today for instant in gone)
        assert not before or slot.window_day >= max(before) + timedelta(days=step.wait_days)
        assert window_day(person.course.sequence.calendar, slot.send_at) == slot.window_day
        if today == slot.send_day:
            assert capacity is None or used < capacity
        if not any(abs(self.now - instant) < box.minimum_gap for instant in gone) and today == slot.send_day:
            person.sent.append(Letter(step.id, slot, self.now))
            del person.pending[step.id]

    def catch_up(self) -> None:
        """Plan whoever was promised a time that has gone by, or one before the wait after what left."""
        self.replan(person for person in self.people if self._is_behind(person))

    def end(self, person: Person) -> None:
        self.people.remove(person)
        self.ended.append(person)
        person.pending.clear()

    def on_course(self, course: Course) -> list[Person]:
        return [person for person in self.people if person.course is course]

    def bound_to(self, box: Mailbox) -> list[Person]:
        return [person for person in self.people if person.mailbox_id in (None, box.id)]

    def _is_behind(self, person: Person) -> bool:
        if person.course.is_paused:
            return False
        last = max((letter.slot.window_day for letter in person.letters), default=None)
        for number, step in enumerate(person.remaining):
            slot = person.slot(step)
            if slot is None or not self.boxes[slot.mailbox_id].is_available:
                continue
            if slot.send_at <= self.now - LATE_AFTER:
                return True
            if number == 0 and last and slot.window_day < last + timedelta(days=step.wait_days):
                return True
        return False

    def _world(self, planned: list[Person], *, is_expected: bool = True) -> World:
        """What is told to planning; what is tried again counts at that time, or where it was planned."""
        others = [person for person in self.people if person not in planned]
        taken = [
            *(each for person in [*self.people, *self.ended] for each in _letters(person, is_expected)),
            *(each for person in others for each in self._promises(person)),
        ]
        enrollments = tuple(person.enrollment() for person in planned)
        return World(self.now, tuple(self.boxes.values()), enrollments, tuple(taken))

    def _promises(self, person: Person) -> Iterator[Taken]:
        slots = {step_id: slot for step_id, slot in person.pending.items() if isinstance(slot, Slot)}
        days = [slot.window_day for slot in slots.values()]
        for step_id, slot in slots.items():
            may_shift = slot.send_at > self.now + SETTLED and days.count(slot.window_day) == 1
            calendar = person.course.sequence.calendar if may_shift else None
            yield Taken(person.email_id(step_id), slot.mailbox_id, slot.send_at, calendar)

    def _keep(self, planned: list[Person], made: Plan) -> None:
        itineraries = {each.enrollment_id: each for each in made.itineraries}
        shifted = {shift.email_id: shift.send_at for shift in made.shifts}
        for person in planned:
            itinerary = itineraries[person.id]
            person.mailbox_id = itinerary.mailbox_id
            person.pending = {
                email.leg.step_id: promised
                for email in itinerary.emails
                if (promised := email.slot or email.unplaced_reason)
            }
        for person in self.people:
            for step_id, slot in person.pending.items():
                send_at = shifted.get(person.email_id(step_id))
                if send_at is not None and isinstance(slot, Slot):
                    person.pending[step_id] = Slot(slot.mailbox_id, send_at, slot.window_day, slot.send_day)


def _letters(person: Person, is_expected: bool) -> Iterator[Taken]:
    for letter in person.letters:
        # Nobody looks at the plan when a retry gets its time: the gate keeps the distance.
        instant = letter.left_at if is_expected or letter in person.sent else letter.slot.send_at
        yield Taken(person.email_id(letter.step_id), letter.slot.mailbox_id, instant)


def _standing(person: Person) -> Itinerary:
    legs = person.enrollment().legs
    promises = [(leg, leg.held, person.pending.get(leg.step_id)) for leg in legs]
    emails = (
        PlannedEmail(leg, slot, promised if isinstance(promised, UnplacedReason) else None)
        for leg, slot, promised in promises
    )
    return Itinerary(person.id, person.mailbox_id, tuple(emails))
