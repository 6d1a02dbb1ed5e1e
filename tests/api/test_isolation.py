"""Isolation: every query and every mutation of the schema, asked with ids of another workspace."""

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any

import graphql
import pytest
from graphql import GraphQLField, GraphQLInputType, GraphQLObjectType, GraphQLScalarType, get_named_type
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import create_async_engine
from strawberry.types.execution import ExecutionResult

from api.context import Caller, Services, context_for
from api.ids import global_id, uuid_of
from api.streaming.results import results
from domain.access import Scope
from domain.ids import WorkspaceId
from persistence.database import Database, Role, sqlalchemy_url
from tests.api.client import Answer, ApiClient
from tests.api.examples import Path, example, ids_in
from tests.api.mutations.asking import everything
from tests.api.one_of_each import message_id, one_of_each
from tests.api.published import SCHEMA
from tests.api.selections import everything_of

# Ids whose fields are not named for the kind of thing that they are of.
KINDS = {
    "email": "ScheduledEmail",
    "object": "Sequence",
    "enrolledIn": "Sequence",
    "notEnrolledIn": "Sequence",
    "recalculationProgress": "Recalculation",
    "node": "Sequence",
    "nodes": "Sequence",
}
NODES = {kind.name for kind in SCHEMA.get_possible_types(SCHEMA.type_map["Node"])}  # type: ignore[arg-type]
# Enough to reach what each entry of a list leads to.
DEPTH = 3


@dataclass(frozen=True)
class Neighbour:
    """A workspace with one thing of each kind, and what it has that no other one may see."""

    api: ApiClient
    ids: dict[str, str]
    addresses: dict[str, str]

    def id_at(self, field: str, path: Path) -> str:
        """The id that *field* asks for at *path* of its arguments or input."""
        name = [part for part in path if not part.isdigit()][-1]
        noun = field if name in ("id", "ids") else name.removesuffix("s").removesuffix("Id")
        return self.ids[KINDS.get(noun, noun[0].upper() + noun[1:])]

    def is_seen_in(self, answer: Answer) -> bool:
        written = json.dumps(answer)
        return any(secret in written for secret in (*self.ids.values(), *self.addresses.values()))


@pytest.fixture(params=[True, False], ids=["as it is", "without row-level security"])
async def services(
    request: pytest.FixtureRequest, services: Services, database_url: str
) -> AsyncIterator[Services]:
    """Also with a login that row-level security does not bind: what statements say has to do alone."""
    if request.param:
        yield services
        return
    engine = create_async_engine(sqlalchemy_url(database_url))
    yield replace(services, database=Database(engine, Role.API))
    await engine.dispose()


async def neighbour(api: ApiClient, worker_db: Database, api_db: Database) -> Neighbour:
    keys = await one_of_each(api, worker_db, api_db)
    ids: dict[str, str] = {kind: global_id(kind, key) for kind, key in keys.items()}
    document = "query ($m: ID!, $c: ID!) { mailbox(id: $m) { email } contact(id: $c) { email } }"
    found = await api.data(document, m=ids["Mailbox"], c=ids["Contact"])
    return Neighbour(api, ids, {kind: found[kind]["email"] for kind in ("mailbox", "contact")})


def fields_of(root: GraphQLObjectType | None) -> dict[str, GraphQLField]:
    assert root is not None
    fields: dict[str, GraphQLField] = root.fields
    return fields


def paths_of(field: GraphQLField) -> list[Path]:
    """Where in its arguments ids stand."""
    return [path for name, argument in field.args.items() for path in ids_in(argument.type, (name,))]


async def ask(api: ApiClient, operation: str, name: str, field: GraphQLField, given: Answer) -> Answer:
    """Ask for *field* with the arguments that are given, and for everything that it answers."""
    declared = ", ".join(f"${each}: {field.args[each].type}" for each in given)
    passed = ", ".join(f"{each}: ${each}" for each in given)
    selection = everything_of(get_named_type(field.type), depth=DEPTH)
    head, call = (f"{operation} ({declared})", f"{name}({passed})") if given else (operation, name)
    return await api.answer(f"{head} {{ {call} {selection} }}", **given)


def arguments(name: str, field: GraphQLField, mine: Neighbour, theirs: Neighbour, foreign: Path) -> Answer:
    """Ordinary arguments with ids of *mine*, but one of *theirs* at the path *foreign*."""

    def choose(path: Path, kind: GraphQLInputType) -> str | None:
        if isinstance(kind, GraphQLScalarType) and kind.name == "ID":
            return (theirs if path == foreign else mine).id_at(name, path)
        return None

    return {
        each: example(argument.type, choose=choose, at=(each,))
        for each, argument in field.args.items()
        if graphql.is_required_argument(argument) or each == foreign[0]
    }


def only(arguments_: Answer, foreign: Path) -> Answer:
    """A filter has conditions that would exclude each other: keep the one at *foreign*."""
    if foreign[0] == "filter":
        return {"filter": {foreign[1]: arguments_["filter"][foreign[1]]}}
    return arguments_


async def test_no_query_finds_what_another_workspace_has(
    api: ApiClient, stranger: ApiClient, worker_db: Database, api_db: Database
) -> None:
    """Each id that a query takes, one at a time: NOT_FOUND, or an empty list. One's own is found."""
    mine, theirs = await neighbour(api, worker_db, api_db), await neighbour(stranger, worker_db, api_db)
    told = {}

    for name, field in fields_of(SCHEMA.query_type).items():
        for path in paths_of(field):
            given = only(arguments(name, field, mine, theirs, path), path)
            if path[0] != "filter":
                own = await ask(mine.api, "query", name, field, arguments(name, field, mine, mine, path))
                assert _told(own, name) == "FOUND", own
            answer = await ask(mine.api, "query", name, field, given)
            told[(name, *path)] = "SEEN" if theirs.is_seen_in(answer) else _told(answer, name)

    assert {where: said for where, said in told.items() if said not in ("NOT_FOUND", "NOTHING")} == {}
    assert len(told) > 20


def _told(answer: Answer, name: str) -> str:
    if "errors" in answer:
        return ", ".join({error["extensions"]["code"] for error in answer["errors"]})
    found = answer["data"][name]
    if isinstance(found, dict) and "totalCount" in found:
        return "NOTHING" if (found["totalCount"], found["nodes"]) == (0, []) else "FOUND"
    return "NOTHING" if found == [None] else "FOUND"


async def test_no_list_shows_what_another_workspace_has(
    api: ApiClient, stranger: ApiClient, worker_db: Database, api_db: Database
) -> None:
    """Every query that needs no argument shows what the caller has, and nothing else."""
    mine, theirs = await neighbour(api, worker_db, api_db), await neighbour(stranger, worker_db, api_db)
    lists = 0

    for name, field in fields_of(SCHEMA.query_type).items():
        if any(graphql.is_required_argument(each) for each in field.args.values()):
            continue
        answer = await ask(mine.api, "query", name, field, {})
        assert "errors" not in answer, (name, answer["errors"])
        assert not theirs.is_seen_in(answer), name
        if "totalCount" in answer["data"][name]:
            lists += 1
            assert mine.is_seen_in(answer), name

    assert lists > 8


async def test_no_mutation_touches_what_another_workspace_has(
    api: ApiClient, stranger: ApiClient, worker_db: Database, api_db: Database
) -> None:
    """Each id that a mutation takes, one at a time among ids of one's own: refused there, nothing written."""
    mine, theirs = await neighbour(api, worker_db, api_db), await neighbour(stranger, worker_db, api_db)
    before = await everything(worker_db)
    told = {}

    for name, field in fields_of(SCHEMA.mutation_type).items():
        for path in paths_of(field):
            given = arguments(name, field, mine, theirs, path)
            answer = await ask(mine.api, "mutation", name, field, given)
            told[(name, *path)] = _refused(answer, name, path)
            assert not theirs.is_seen_in(answer), name

    assert {where: said for where, said in told.items() if said != "NOT_FOUND"} == {}
    assert await everything(worker_db) == before
    assert len(told) > 30


def _refused(answer: Answer, name: str, path: Path) -> str:
    """The codes of the errors at *path*; all errors when there is none."""
    if "errors" in answer:
        return str(answer["errors"])
    errors = answer["data"][name]["userErrors"]
    codes = {error["code"] for error in errors if error["path"] == list(path[1:])}
    return ", ".join(codes) or str(errors)


async def test_mutations_without_ids_reach_nobody_else(
    api: ApiClient, stranger: ApiClient, worker_db: Database, api_db: Database
) -> None:
    """Not by an address, a Message-ID or a token that is another workspace's."""
    mine, theirs = await neighbour(api, worker_db, api_db), await neighbour(stranger, worker_db, api_db)
    answered = message_id(uuid_of("ScheduledEmail", theirs.ids["ScheduledEmail"]))
    texts = {
        "token": await _rebalance_token(theirs),
        "message": f"In-Reply-To: {answered}\nSubject: Re: Hello\n\nThanks",
    }

    def choose(path: Path, kind: GraphQLInputType) -> str | None:
        if isinstance(kind, GraphQLScalarType) and kind.name == "EmailAddress":
            return theirs.addresses["contact"]
        return texts.get(path[-1])

    before = _rows_of(theirs.api.workspace_id, await everything(worker_db))
    names = [name for name, field in fields_of(SCHEMA.mutation_type).items() if not paths_of(field)]
    for name in names:
        field = fields_of(SCHEMA.mutation_type)[name]
        given = {"input": example(field.args["input"].type, choose=choose, at=("input",))}
        answer = await ask(mine.api, "mutation", name, field, given)
        assert theirs.ids["Contact"] not in json.dumps(answer), name

    assert _rows_of(theirs.api.workspace_id, await everything(worker_db)) == before
    assert {"suppress", "recordInbound", "commitRebalance", "importContacts"} <= set(names)


async def _rebalance_token(owner: Neighbour) -> str:
    document = "mutation { previewRebalance(input: {}) { preview { token } userErrors { code } } }"
    data = await owner.api.data(document)
    return str(data["previewRebalance"]["preview"]["token"])


# Any: rows of every table.
def _rows_of(workspace_id: WorkspaceId, tables: dict[str, list[Row[Any]]]) -> dict[str, list[Row[Any]]]:
    return {
        table: [row for row in rows if row._mapping.get("workspace_id") == workspace_id]
        for table, rows in tables.items()
    }


async def test_no_subscription_tells_of_what_another_workspace_has(
    api: ApiClient, stranger: ApiClient, worker_db: Database, api_db: Database, services: Services
) -> None:
    """Each id that one takes: NOT_FOUND before anything is told. One's own is found."""
    mine, theirs = await neighbour(api, worker_db, api_db), await neighbour(stranger, worker_db, api_db)
    caller = Caller(mine.api.workspace_id, actor="someone", scopes=frozenset(Scope), name="Someone")
    told = {}

    async def first(name: str, field: GraphQLField, given: Answer) -> ExecutionResult:
        declared = ", ".join(f"${each}: {field.args[each].type}" for each in given)
        passed = ", ".join(f"{each}: ${each}" for each in given)
        document = f"subscription ({declared}) {{ {name}({passed}) {{ __typename }} }}"
        async with aclosing(results(context_for(services, caller), document, given, None)) as told:
            return await anext(told)

    for name, field in fields_of(SCHEMA.subscription_type).items():
        for path in paths_of(field):
            own = await first(name, field, arguments(name, field, mine, mine, path))
            assert own.errors is None, own.errors
            foreign = await first(name, field, arguments(name, field, mine, theirs, path))
            codes = {error.formatted["extensions"]["code"] for error in foreign.errors or ()}
            told[(name, *path)] = ", ".join(codes)

    assert told == dict.fromkeys(
        [
            ("recalculationProgress", "id"),
            ("emailStatusChanged", "sequenceId"),
            ("emailsUnderWay", "sequenceId"),
        ],
        "NOT_FOUND",
    )


async def test_no_list_of_a_thing_finds_what_another_workspace_has(
    api: ApiClient, stranger: ApiClient, worker_db: Database, api_db: Database
) -> None:
    """Each id that its filter takes, one at a time: nothing. Without a filter one's own is there."""
    mine, theirs = await neighbour(api, worker_db, api_db), await neighbour(stranger, worker_db, api_db)
    told, empty = {}, set()

    for kind, name, field in _fields_of_things():
        if not await _listed(mine, kind, name):
            empty.add((kind, name))
        for path in paths_of(field):
            narrowed = f'(filter: {{ {path[1]}: "{theirs.id_at(name, path)}" }})'
            told[(kind, name, *path)] = await _listed(mine, kind, name, narrowed)

    assert {where: found for where, found in told.items() if found} == {}
    assert len(told) > 20
    # The batch is one that nobody was planned for.
    assert empty == {("Batch", "scheduledEmails")}


async def _listed(owner: Neighbour, kind: str, name: str, arguments: str = "") -> list[Any]:
    field = f"{name}{arguments} {{ totalCount nodes {{ id }} }}"
    document = f"query ($id: ID!) {{ node(id: $id) {{ ... on {kind} {{ {field} }} }} }}"
    page = (await owner.api.data(document, id=owner.ids[kind]))["node"][name]
    assert page["totalCount"] == len(page["nodes"])
    return list(page["nodes"])


def test_ids_are_asked_for_by_lists_alone() -> None:
    """Of all fields but queries, mutations and subscriptions: any other would have to be walked as well."""
    asking = [(name, path) for _, name, field in _fields_of_things() for path in paths_of(field)]

    assert {path[0] for _, path in asking} == {"filter"}
    assert {name for name, _ in asking} == {"enrollments", "scheduledEmails"}


def _fields_of_things() -> Iterator[tuple[str, str, GraphQLField]]:
    """The lists that nodes have, and whatever else asks for an id, by kind and name."""
    roots = {SCHEMA.query_type, SCHEMA.mutation_type, SCHEMA.subscription_type}
    for kind in SCHEMA.type_map.values():
        if isinstance(kind, GraphQLObjectType) and kind not in roots:
            for name, field in kind.fields.items():
                if ("after" in field.args and kind.name in NODES) or paths_of(field):
                    yield kind.name, name, field
