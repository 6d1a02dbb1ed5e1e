"""Requests made to cost us much and their sender little: each is refused before anything is executed."""

import json
from typing import Any

import httpx
import pytest
from graphql import get_introspection_query
from sqlalchemy import event

from api.limits import BODY_BYTES
from persistence.database import Database
from tests.api.client import ApiClient

TOO_EXPENSIVE, BAD_INPUT = "QUERY_TOO_EXPENSIVE", "BAD_USER_INPUT"


def asked(document: str, **variables: Any) -> bytes:
    return json.dumps({"query": document, "variables": variables}).encode()


def _branching(levels: int) -> str:
    """Fragments each of which asks for the next one twice: 2^levels objects from a few lines."""
    chain = " ".join(
        f"fragment F{n} on ScheduledEmail {{ a: enrollment {{ itinerary {{ ...F{n + 1} }} }}"
        f" b: enrollment {{ itinerary {{ ...F{n + 1} }} }} }}"
        for n in range(levels)
    )
    last = f"fragment F{levels} on ScheduledEmail {{ id }}"
    return f"{{ scheduledEmails {{ nodes {{ ...F0 }} }} }} {chain} {last}"


ATTACKS = {
    "deep nesting": (
        asked("{ emailEvents { nodes " + "{ email { events " * 8 + "{ id }" + "} }" * 8 + " } }"),
        TOO_EXPENSIVE,
    ),
    "nesting beyond the parser": (asked("{ a" * 600 + " }" * 600), TOO_EXPENSIVE),
    "fragment bomb": (asked(_branching(4)), TOO_EXPENSIVE),
    "fragment cycle": (
        asked("{ viewer { ...A } } fragment A on Viewer { ...B } fragment B on Viewer { ...A }"),
        BAD_INPUT,
    ),
    "alias flood": (
        asked("{ " + " ".join(f"a{n}: viewer {{ name }}" for n in range(300)) + " }"),
        TOO_EXPENSIVE,
    ),
    "directive flood": (asked("{ viewer { name " + "@include(if: true) " * 300 + "} }"), TOO_EXPENSIVE),
    "unknown directives": (
        asked("{ viewer { name " + " ".join(f"@x{n}" for n in range(900)) + " } }"),
        TOO_EXPENSIVE,
    ),
    "token flood": (asked("{ viewer { " + "name " * 50_000 + "} }"), TOO_EXPENSIVE),
    "one field again and again": (asked("{ viewer { " + "name " * 1_990 + "} }"), TOO_EXPENSIVE),
    "introspection in circles": (
        asked("{ __schema { types { " + "fields { type { " * 5 + "name" + " } }" * 5 + " } } }"),
        BAD_INPUT,
    ),
    "pages by variables": (
        asked(
            "query ($n: Int) { scheduledEmails(first: $n) { nodes { enrollment { itinerary { enrollment {"
            " itinerary { enrollment { itinerary { id } } } } } } } } }",
            n=100,
        ),
        TOO_EXPENSIVE,
    ),
    "huge lists in variables": (
        asked("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=["x"] * 30_000),
        TOO_EXPENSIVE,
    ),
    "batch": (b"[" + b",".join([asked("{ viewer { name } }")] * 100) + b"]", BAD_INPUT),
    "oversized body": (asked("{ viewer { name } }", padding="x" * BODY_BYTES), TOO_EXPENSIVE),
    "variables in variables": (
        b'{"query": "{ viewer { name } }", "variables": ' + b'{"a":' * 20_000 + b"1" + b"}" * 20_001,
        BAD_INPUT,
    ),
    "a number without end": (
        b'{"query": "{ viewer { name } }", "variables": {"n": ' + b"9" * 100_000 + b"}}",
        BAD_INPUT,
    ),
}


@pytest.mark.parametrize(("body", "code"), ATTACKS.values(), ids=ATTACKS)
async def test_an_attack_is_refused_before_anything_is_executed(
    api: ApiClient, api_db: Database, body: bytes, code: str
) -> None:
    """With its code, without data, and with no statement but those that look up the key."""
    statements: list[str] = []

    def note(*arguments: object) -> None:
        statements.append(str(arguments[2]))

    event.listen(api_db.engine.sync_engine, "before_cursor_execute", note)
    answer = await api.http.post("/graphql", content=body, headers={"Content-Type": "application/json"})
    event.remove(api_db.engine.sync_engine, "before_cursor_execute", note)

    assert answer.json().keys() == {"errors"}
    assert {error["extensions"]["code"] for error in answer.json()["errors"]} == {code}
    assert [each for each in statements if "api_keys" not in each and "set_config" not in each] == []
    assert len(answer.content) < 10_000


@pytest.mark.parametrize(
    "document",
    [
        get_introspection_query(),
        "{ seqences { nodes { id } } }",
        "{ viewer {",
        "mutation { pauseEverything }",
    ],
    ids=["introspection", "a field that nearly is there", "syntax", "a mutation"],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_who_has_no_key_learns_nothing_of_the_schema(
    http: httpx.AsyncClient, document: str, method: str
) -> None:
    """The same answer to whatever is asked: no types, and no names that were perhaps meant."""
    if method == "GET":
        answer = await http.get("/graphql", params={"query": document})
    else:
        answer = await http.post("/graphql", json={"query": document})

    assert answer.status_code == 401
    assert answer.json() == {
        "errors": [
            {
                "message": "Send a valid API key: `Authorization: Bearer db_…`.",
                "extensions": {"code": "UNAUTHENTICATED"},
            }
        ]
    }


@pytest.mark.parametrize(
    "header", ["X-User-Id", "X-Workspace-Id", "X-Forwarded-User", "X-Remote-User", "X-Api-Key"]
)
async def test_headers_say_nothing_of_who_asks(
    http: httpx.AsyncClient, api: ApiClient, stranger: ApiClient, header: str
) -> None:
    """Neither without a key nor beside one."""
    document = {"query": "{ viewer { workspace { id } } }"}
    forged = {header: str(stranger.workspace_id)}

    without = await http.post("/graphql", json=document, headers=forged)
    beside = await api.http.post("/graphql", json=document, headers=forged)

    assert without.status_code == 401
    assert beside.json()["data"] == await api.data("{ viewer { workspace { id } } }")
