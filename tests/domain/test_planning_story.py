"""Any story of contacts, changes, pauses, sends and failures, all rules checked after every sentence."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from typing import TypeVar
from uuid import UUID

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from domain.ids import EnrollmentId, StepId
from domain.mailboxes import Mailbox
from domain.send_window import Calendar, SendWindow
from tests.domain.examples import examples
from tests.domain.planning_world import STARTS, calendars, mailboxes, sequence, windows
from tests.domain.sending_office import Course, Letter, Office, Person, Step

T = TypeVar("T")
SENTENCES = 25
MOST_PEOPLE = 12
MOST_STEPS = 4
waits = st.integers(0, 3)
# Which of those that a sentence may be about.
which = st.integers(0, MOST_PEOPLE)


class Story(RuleBasedStateMachine):
    """Turns of the planner and recalculations as they happen: each about some, around all the others."""

    def __init__(self) -> None:
        super().__init__()
        self.office = Office(STARTS[0], {}, [])
        self.ids = count(1)

    @initialize(
        start=st.sampled_from(STARTS),
        boxes=st.one_of(*(st.tuples(*map(mailboxes, range(1, most + 1))) for most in (1, 2, 3))),
        hours=st.lists(calendars(), min_size=1, max_size=2),
        waits=st.lists(waits, min_size=1, max_size=3),
    )
    def open(
        self, start: datetime, boxes: tuple[Mailbox, ...], hours: list[Calendar], waits: list[int]
    ) -> None:
        """Each sequence may leave from all mailboxes but one that another one has for itself."""
        courses = [
            Course(sequence(number, calendar, boxes[number - 1 :] or boxes), [*map(self.new_step, waits)])
            for number, calendar in enumerate(hours, 1)
        ]
        self.office = Office(start, {box.id: box for box in boxes}, courses)

    @precondition(lambda self: len(self.office.people) < MOST_PEOPLE)
    @rule(which=which, number=st.integers(1, 4))
    def enroll(self, which: int, number: int) -> None:
        course = one(self.office.courses, which)
        new = [Person(EnrollmentId(UUID(int=next(self.ids))), course, self.office.now) for _ in range(number)]
        self.office.people += new
        self.office.replan(new)

    @rule(which=which, at=which, wait=waits)
    def add_step(self, which: int, at: int, wait: int) -> None:
        course = one(self.office.courses, which)
        if len(course.steps) < MOST_STEPS:
            course.steps.insert(at % (len(course.steps) + 1), self.new_step(wait))
            self.steps_changed(course)

    @rule(which=which, at=which)
    def remove_step(self, which: int, at: int) -> None:
        course = one(self.office.courses, which)
        if len(course.steps) > 1:
            course.steps.remove(one(course.steps, at))
            self.steps_changed(course)

    @rule(which=which, at=which, to=which)
    def move_step(self, which: int, at: int, to: int) -> None:
        course = one(self.office.courses, which)
        step = one(course.steps, at)
        course.steps.remove(step)
        course.steps.insert(to % (len(course.steps) + 1), step)
        self.steps_changed(course)

    @rule(which=which, at=which, wait=waits)
    def change_wait(self, which: int, at: int, wait: int) -> None:
        course = one(self.office.courses, which)
        number = at % len(course.steps)
        course.steps[number] = replace(course.steps[number], wait_days=wait)
        self.steps_changed(course)

    @rule(which=which, window=windows)
    def change_window(self, which: int, window: SendWindow | None) -> None:
        course = one(self.office.courses, which)
        zone = course.sequence.calendar.zone
        course.sequence = replace(course.sequence, calendar=Calendar(zone, window))
        self.office.replan(self.office.on_course(course))

    @rule(which=which)
    def pause_or_resume_sequence(self, which: int) -> None:
        """What was promised stays as it is, until it comes back."""
        course = one(self.office.courses, which)
        course.is_paused = not course.is_paused
        if not course.is_paused:
            self.office.replan(self.office.on_course(course))

    @precondition(lambda self: self.office.people)
    @rule(which=which)
    def pause_or_resume_person(self, which: int) -> None:
        person = one(self.office.people, which)
        person.is_paused = not person.is_paused
        self.office.replan([person])

    @rule(which=which)
    def pause_or_resume_mailbox(self, which: int) -> None:
        box = one(list(self.office.boxes.values()), which)
        self.change_mailbox(replace(box, is_available=not box.is_available))

    @rule(which=which, capacity=st.sampled_from((0, 1, 2, 3, 30)))
    def change_capacity(self, which: int, capacity: int) -> None:
        box = one(list(self.office.boxes.values()), which)
        self.change_mailbox(replace(box, daily_capacity=capacity, ramp=None))

    @precondition(lambda self: self.office.due())
    @rule(emails=st.integers(1, 6), late_s=st.sampled_from((0, 2, 90, 540)))
    def send(self, emails: int, late_s: int) -> None:
        """The next ones leave, each on time or some minutes late; others may be missed meanwhile."""
        for _ in range(emails):
            if not (due := self.office.due()):
                break
            self.office.now = max(self.office.now, due[0][0].send_at + timedelta(seconds=late_s))
            self.office.take_up(*due[0])
            self.office.catch_up()

    @precondition(lambda self: self.office.due())
    @rule(minutes=st.sampled_from((5, 15, 30)))
    def try_again(self, minutes: int) -> None:
        """The next one is refused for now."""
        slot, person, step = self.office.due()[0]
        self.office.now = max(self.office.now, slot.send_at)
        del person.pending[step.id]
        person.on_its_way = Letter(step.id, slot, self.office.now + timedelta(minutes=minutes))
        self.office.catch_up()

    @precondition(lambda self: any(person.on_its_way for person in self.office.people))
    @rule(which=which, is_accepted=st.booleans())
    def settle(self, which: int, is_accepted: bool) -> None:
        """What was tried again is accepted, or has failed for good and ends its enrollment."""
        person = one([each for each in self.office.people if each.on_its_way], which)
        letter = person.on_its_way
        assert letter is not None
        self.office.now = max(self.office.now, letter.left_at)
        person.on_its_way = None
        if is_accepted:
            person.sent.append(letter)
        else:
            self.office.end(person)
        self.office.catch_up()

    @precondition(lambda self: self.office.people)
    @rule(which=which)
    def reply(self, which: int) -> None:
        """Whoever replies is not written to again; nobody moves into the hole until the night."""
        self.office.end(one(self.office.people, which))

    @rule(minutes=st.sampled_from((1, 9, 60, 600, 3000, 10_000)))
    def let_time_pass(self, minutes: int) -> None:
        """Nobody sends: what was due meanwhile is late."""
        self.office.now += timedelta(minutes=minutes)
        self.office.catch_up()

    @rule()
    def replan_everyone(self) -> None:
        """Of what was planned piece by piece nothing has to move, but what is late on a paused sequence."""
        self.office.replan(self.office.people)

    @invariant()
    def every_rule_holds(self) -> None:
        self.office.check()

    def new_step(self, wait_days: int) -> Step:
        return Step(StepId(UUID(int=next(self.ids))), wait_days)

    def steps_changed(self, course: Course) -> None:
        """Whoever was sent all that is left is done; the others are planned anew."""
        for person in self.office.on_course(course):
            if not person.remaining and not person.on_its_way:
                self.office.end(person)
        self.office.replan(self.office.on_course(course))

    def change_mailbox(self, box: Mailbox) -> None:
        self.office.boxes[box.id] = box
        self.office.replan(self.office.bound_to(box))


def one(things: Iterable[T], which: int) -> T:
    listed = list(things)
    return listed[which % len(listed)]


# A sentence costs about as much as an example of a plan.
test_every_rule_holds_through_any_story = Story.TestCase
test_every_rule_holds_through_any_story.settings = settings(
    examples(40, each_like=SENTENCES), stateful_step_count=SENTENCES
)
