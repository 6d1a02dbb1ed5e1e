"""The documents: what they name is there, and what they show is in force."""

import ast
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import graphql
import pytest
import typer.core
from typer.main import get_command

from actors.queues import every_queue
from app.cli import cli
from app.lifecycle_page import lifecycle_page
from app.setting_sources import is_secret, variable
from app.settings import Settings
from domain.delivery import RETRY_SCHEDULE
from domain.lifecycle import LIFECYCLES

ROOT = Path(__file__).parents[2]
DOCUMENTS = {
    str(path.relative_to(ROOT)): path.read_text()
    for path in sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
    if "node_modules" not in path.parts
}
README = DOCUMENTS["README.md"]

documents = pytest.mark.parametrize("name", DOCUMENTS)


def test_the_page_of_lifecycles_is_current() -> None:
    """When states or moves change on purpose: `make docs`."""
    assert DOCUMENTS["docs/lifecycle.md"] == lifecycle_page()


def test_the_glossary_has_every_state() -> None:
    """By thing, in the order of the domain."""
    rows = re.findall(
        r"^\| ([a-z ]+) \| (`[A-Z_]+`(?:, `[A-Z_]+`)*) \|$", DOCUMENTS["docs/glossary.md"], re.MULTILINE
    )
    listed = {thing: re.findall(r"`(\w+)`", states) for thing, states in rows}

    assert {each.noun: [str(state) for state in each.states] for each in LIFECYCLES}.items() <= listed.items()


@documents
def test_links_lead_somewhere(name: str) -> None:
    """To files and headings of this repository."""
    targets = re.findall(r"(?<!!)\[[^]]*\]\(([^)\s]+)\)", _prose(DOCUMENTS[name]))

    broken = [
        target
        for target in targets
        if not target.startswith("https://") and not _is_there(target, from_document=name)
    ]

    assert broken == []


@documents
def test_files_and_functions_are_there(name: str) -> None:
    """`file.py:Class.function` names something in that file, and `file.py` a file."""
    references = re.findall(r"`((?:\w+/)+\w+\.py)(?::([\w.]+))?`", DOCUMENTS[name])

    missing = [
        f"{path}:{member}"
        for path, member in references
        if not (ROOT / path).exists() or not _has(path, member)
    ]

    assert missing == []


def test_every_change_of_the_plan_is_held_by_a_test() -> None:
    """One at least, so that the check above has something to hold."""
    rows = re.findall(r"^\| (?!change |---)(.+?) \|", DOCUMENTS["docs/changes.md"], re.MULTILINE)
    held = re.findall(
        r"^\| (.+?) \| .+ \| .*`tests/[\w/]+\.py:test_", DOCUMENTS["docs/changes.md"], re.MULTILINE
    )

    assert rows == held
    assert len(rows) == 19


def test_the_path_of_one_email_is_told_by_functions() -> None:
    """Each step of it names at least one, so that the check above has something to hold."""
    path = DOCUMENTS["ARCHITECTURE.md"].partition("## The path of one email\n")[2].partition("\n## ")[0]
    steps = re.split(r"^### ", path, flags=re.MULTILINE)[1:]

    assert len(steps) == 10
    assert [step.splitlines()[0] for step in steps if not re.search(r"\.py:\w", step)] == []


@documents
def test_make_targets_are_there(name: str) -> None:
    """In prose between backticks, and in examples on lines of their own."""
    targets = re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE)

    named = {
        target
        for command in _commands(DOCUMENTS[name], "make")
        for target in command.split()
        if re.fullmatch(r"[a-z-]+", target)
    }

    assert named - set(targets) == set()


@documents
def test_commands_of_drumbeat_are_there(name: str) -> None:
    """With their options."""
    unknown = [
        command for command in _commands(DOCUMENTS[name], "drumbeat") if not _is_understood(command.split())
    ]

    assert unknown == []


def test_the_readme_names_every_command() -> None:
    """A newcomer finds all that there is."""
    named = {command.split()[0] for command in _commands(README, "drumbeat")}
    named |= {target for command in _commands(README, "make") for target in command.split()}

    assert set(_group(get_command(cli)).commands) - named == {"schema"}


def test_the_operations_in_the_readme_are_valid() -> None:
    """Eight of them, against the schema that is in the repository."""
    schema = graphql.build_schema((ROOT / "schema.graphql").read_text())

    operations = re.findall(r"^ask <<EOF\n(.*?)^EOF$", README, re.MULTILINE | re.DOTALL)

    assert len(operations) == 8
    assert [graphql.validate(schema, graphql.parse(each)) for each in operations] == [[]] * 8


def test_the_answers_in_the_readme_have_what_was_asked_for() -> None:
    """Field by field, in the order of the question."""
    shown = re.findall(r"^ask <<EOF\n(.*?)^EOF\n```\n```json\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)

    assert len(shown) == 8
    for operation, answer in shown:
        (definition,) = graphql.parse(operation).definitions
        assert isinstance(definition, graphql.OperationDefinitionNode)
        assert _answers(definition.selection_set, json.loads(answer)["data"])


def test_the_queues_in_the_readme_are_those_of_the_broker() -> None:
    """All of them, by the names that the management UI shows."""
    table = README.partition("## What operators see in RabbitMQ\n")[2].partition("\n## ")[0]
    first_cells = " ".join(re.findall(r"^\| (`[^|]*) \|", table, re.MULTILINE))

    assert set(re.findall(r"`([\w.]+)`", first_cells)) == set(every_queue(RETRY_SCHEDULE))


@documents
def test_settings_are_there(name: str) -> None:
    """A variable that nobody reads would be set in vain."""
    known = {variable(field) for field in Settings.model_fields}
    known |= {f"{variable(field)}_FILE" for field, about in Settings.model_fields.items() if is_secret(about)}

    assert set(re.findall(r"\bDRUMBEAT_[A-Z_]+[A-Z]", DOCUMENTS[name])) - known == set()


@documents
def test_no_machine_is_named(name: str) -> None:
    """Neither the folders of one nor the addresses where packages come from."""
    named = re.findall(
        r"(?<![\w.:/])/(?:home|root|work|tmp|Users|mnt|srv)/[\w.-]+|pypi\.|pythonhosted|index-url|artifactory",
        DOCUMENTS[name],
    )

    assert named == []


def _prose(document: str) -> str:
    return re.sub(r"^```.*?^```$", "", document, flags=re.MULTILINE | re.DOTALL)


def _is_there(target: str, *, from_document: str) -> bool:
    path, _, heading = target.partition("#")
    file = (ROOT / from_document).parent / path if path else ROOT / from_document
    if not file.exists():
        return False
    return not heading or heading in {
        _anchor(each) for each in re.findall(r"^#+ (.+)$", file.read_text(), re.MULTILINE)
    }


def _anchor(heading: str) -> str:
    """How GitHub makes the name of a heading's anchor."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


@cache
def _members(path: str) -> frozenset[str]:
    """Everything that is defined in a file: functions, classes, and `Class.method`."""
    return frozenset(_defined(ast.parse((ROOT / path).read_text())))


def _defined(scope: ast.Module | ast.ClassDef) -> Iterator[str]:
    for node in scope.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        if isinstance(node, ast.ClassDef):
            yield from (f"{node.name}.{member}" for member in _defined(node))


def _has(path: str, member: str) -> bool:
    return not member or member in _members(path)


def _commands(document: str, program: str) -> list[str]:
    """What is told to *program* in a document, without its name; variables before it are left out."""
    in_prose = re.findall(rf"`{program} ([^`]+)`", _prose(document))
    examples = "\n".join(re.findall(r"^```(?:sh|console)\n(.*?)^```$", document, re.MULTILINE | re.DOTALL))
    lines = re.findall(rf"^(?:\$ )?(?:[A-Z_]+=\S+ )*{program} (.+)$", examples, re.MULTILINE)
    several = [part for line in lines for part in line.split(f" & {program} ")]
    return [each.rstrip(" &") for each in (*in_prose, *several)]


def _is_understood(arguments: list[str]) -> bool:
    command = get_command(cli)
    for position, argument in enumerate(arguments):
        if not isinstance(command, typer.core.TyperGroup):
            options = {option for parameter in command.params for option in parameter.opts}
            given = [each for each in arguments[position:] if each.startswith("-")]
            return set(given) <= options
        if argument not in command.commands:
            return False
        command = command.commands[argument]
    return True


def _group(command: object) -> typer.core.TyperGroup:
    if not isinstance(command, typer.core.TyperGroup):
        raise TypeError("drumbeat is a group of commands")
    return command


def _answers(asked: graphql.SelectionSetNode | None, answer: object) -> bool:
    """Whether *answer* holds the fields that were *asked* for, in their order, and nothing else."""
    if asked is None or answer is None:
        return asked is None
    if isinstance(answer, list):
        return all(_answers(asked, each) for each in answer)
    fields = [field for field in asked.selections if isinstance(field, graphql.FieldNode)]
    return (
        isinstance(answer, dict)
        and list(answer) == [field.name.value for field in fields]
        and all(_answers(field.selection_set, answer[field.name.value]) for field in fields)
    )
