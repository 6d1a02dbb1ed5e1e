"""Steps as they are given: their place, their wait, and their templates, which are parsed here."""

import strawberry

from api.errors import UserErrorCode
from api.inputs import values, waits
from api.inputs.problems import Problem, Problems
from api.inputs.rehearsals import Rehearsable
from api.inputs.waits import GivenWait
from domain.templates import Template, TemplateSyntaxError, check_variables
from domain.waits import Wait
from persistence.steps import NewStep, StepText
from persistence.stored_waits import stored_wait

LONGEST_SUBJECT = 500
MOST_STEPS = 50
# Which custom fields contacts have is known only when an email is rendered; a missing one holds it back.
_CUSTOM = "custom."


@strawberry.input(description="A step of a new sequence.")
class StepInput:
    subject: str = strawberry.field(description="Liquid template of the subject.")
    body_text: str = strawberry.field(description="Liquid template of the plain text.")
    body_html: str | None = strawberry.field(
        default=None, description="Liquid template of the HTML; without it the email is plain text."
    )
    wait_days: int | None = strawberry.field(
        default=None, description=f"{waits.DAYS}; 0 for the first and 1 for others by default."
    )
    wait_working_days: int | None = strawberry.field(default=None, description=waits.WORKING_DAYS)
    wait_hours: int | None = strawberry.field(default=None, description=waits.HOURS)
    wait_minutes: int | None = strawberry.field(default=None, description=waits.MINUTES)
    starts_thread: bool = strawberry.field(
        default=False, description="Begin a new conversation instead of replying to the step before it."
    )
    position: int | None = strawberry.field(
        default=None, description="Its place from 1; by default the place in the list."
    )

    def read(self, problems: Problems, *path: str, position: int) -> NewStep:
        """The step as it is kept at *position*; only to be used if no problem was found."""
        given = GivenWait(self.wait_days, self.wait_working_days, self.wait_hours, self.wait_minutes)
        wait = given.read(problems, *path) or default_wait(position)
        text = StepText(self.subject.strip(" "), self.body_text, self.body_html or None)
        check_text(text, problems, *path)
        return NewStep(text, wait, self.starts_thread)


def read_steps(steps: list[StepInput], problems: Problems, *path: str) -> list[NewStep]:
    """The steps of a sequence in their order, each in a place of its own."""
    if len(steps) > MOST_STEPS:
        problems.add(UserErrorCode.TOO_MANY, f"There are more than {MOST_STEPS}.", *path)
        return []
    taken: set[int] = set()
    placed: list[tuple[int, NewStep]] = []
    for index, step in enumerate(steps):
        position = step.position if step.position is not None else index + 1
        with problems.at(*path, str(index), "position"):
            values.number(position, least=1, most=len(steps))
            if position in taken:
                raise Problem(UserErrorCode.DUPLICATE, f"Another step is at position {position}.")
        taken.add(position)
        placed.append((position, step.read(problems, *path, str(index), position=position)))
    return [step for _, step in sorted(placed, key=lambda place: place[0])]


def default_wait(position: int) -> Wait:
    return Wait(0 if position == 1 else 1)


def check_text(text: StepText, problems: Problems, *path: str) -> None:
    """Find what is wrong with the templates of a step."""
    with problems.at(*path, "subject"):
        values.header_text(text.subject, longest=LONGEST_SUBJECT)
        _check_template(text.subject)
    with problems.at(*path, "bodyText"):
        _check_template(text.body_text)
    if text.body_html is not None:
        with problems.at(*path, "bodyHtml"):
            _check_template(text.body_html, html=True)


def _check_template(template: str, *, html: bool = False) -> None:
    if not template.strip():
        raise Problem(UserErrorCode.BLANK, "Write something.")
    try:
        parsed = Template.parse(template, html=html)
    except TemplateSyntaxError as error:
        raise Problem(UserErrorCode.INVALID_TEMPLATE, f"Line {error.line}: {error.message}.") from error
    unknown = sorted(field for field in check_variables(parsed) if not field.startswith(_CUSTOM))
    if unknown:
        raise Problem(
            UserErrorCode.UNKNOWN_VARIABLE,
            f"No contact has {', '.join(unknown)}; further fields are written custom.NAME.",
        )


@strawberry.input(description="Which sequence gets which step, and where.")
class AddStepInput(Rehearsable):
    sequence_id: strawberry.ID = strawberry.field(description="The sequence.")
    step: StepInput = strawberry.field(
        description="The step. The steps from its position on make room; by default it becomes the last."
    )
    expected_version: int | None = strawberry.field(
        default=None, description="Refuse if the sequence is not at this version."
    )


@strawberry.input(description="What to change about a step; what is left out stays.")
class UpdateStepInput(Rehearsable):
    step_id: strawberry.ID = strawberry.field(description="The step.")
    subject: strawberry.Maybe[str] = strawberry.field(
        default=None, description="Liquid template of the subject. Emails take it from their next claim on."
    )
    body_text: strawberry.Maybe[str] = strawberry.field(
        default=None, description="Liquid template of the plain text."
    )
    body_html: strawberry.Maybe[str | None] = strawberry.field(
        default=None, description="Liquid template of the HTML; null for none."
    )
    wait_days: strawberry.Maybe[int] = strawberry.field(
        default=None, description=f"{waits.DAYS}; what is planned moves accordingly."
    )
    wait_working_days: strawberry.Maybe[int] = strawberry.field(default=None, description=waits.WORKING_DAYS)
    wait_hours: strawberry.Maybe[int] = strawberry.field(default=None, description=waits.HOURS)
    wait_minutes: strawberry.Maybe[int] = strawberry.field(default=None, description=waits.MINUTES)
    starts_thread: strawberry.Maybe[bool] = strawberry.field(
        default=None, description="Begin a new conversation instead of replying to the step before it."
    )
    expected_version: int | None = strawberry.field(
        default=None, description="Refuse if the step is not at this version."
    )

    def settings(self, problems: Problems) -> dict[str, object]:
        """What changes besides the text, by column."""
        changes: dict[str, object] = {}
        amounts = (self.wait_days, self.wait_working_days, self.wait_hours, self.wait_minutes)
        given = GivenWait(*(amount.value if amount else None for amount in amounts))
        if (wait := given.read(problems)) is not None:
            changes |= stored_wait(wait)
        if self.starts_thread:
            changes["starts_thread"] = self.starts_thread.value
        return changes

    def text(self, current: StepText) -> StepText:
        """The text in force with what changes about it."""
        return StepText(
            self.subject.value.strip(" ") if self.subject else current.subject,
            self.body_text.value if self.body_text else current.body_text,
            (self.body_html.value or None) if self.body_html else current.body_html,
        )


@strawberry.input(description="Where a step goes.")
class MoveStepInput(Rehearsable):
    step_id: strawberry.ID = strawberry.field(description="The step.")
    position: int = strawberry.field(description="Its new place, from 1.")
    expected_version: int | None = strawberry.field(
        default=None, description="Refuse if the step is not at this version."
    )


@strawberry.input(description="Which step to remove.")
class RemoveStepInput(Rehearsable):
    step_id: strawberry.ID = strawberry.field(description="The step.")
    expected_version: int | None = strawberry.field(
        default=None, description="Refuse if the step is not at this version."
    )
