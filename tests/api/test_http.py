"""GraphQL over HTTP: media types, status codes, and requests that are none."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from api.context import Services
from api.limits import BODY_BYTES
from persistence.database import Database
from tests.api.client import ApiClient, SteppingClock
from tests.api.mutations.asking import everything

VIEWER = "{ viewer { workspace { name } } }"
GRAPHQL_JSON = {"Accept": "application/graphql-response+json"}


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("application/graphql-response+json", "application/graphql-response+json; charset=utf-8"),
        (
            "application/graphql-response+json; charset=utf-8, application/json;q=0.9",
            "application/graphql-response+json; charset=utf-8",
        ),
        ("application/json", "application/json; charset=utf-8"),
        ("*/*", "application/json; charset=utf-8"),
        ("text/html, application/*", "application/json; charset=utf-8"),
    ],
)
async def test_the_answer_has_the_media_type_that_is_accepted(
    api: ApiClient, accept: str, content_type: str
) -> None:
    """Both media types are spoken; without a preference it is plain JSON."""
    response = await api.http.post("/graphql", json={"query": VIEWER}, headers={"Accept": accept})

    assert (response.status_code, response.headers["content-type"]) == (200, content_type)
    assert response.json() == {"data": {"viewer": {"workspace": {"name": "Welcome Ltd"}}}}


async def test_a_client_that_accepts_neither_media_type_is_told_so(api: ApiClient) -> None:
    """406, and nothing is executed."""
    response = await api.http.post("/graphql", json={"query": VIEWER}, headers={"Accept": "text/html"})

    assert response.status_code == 406
    assert "data" not in response.json()


async def test_a_query_may_stand_in_the_address(api: ApiClient) -> None:
    """With its variables as JSON; what a form leaves empty is not given."""
    document = "query Q($id: ID!) { node(id: $id) { __typename } } query R { viewer { __typename } }"
    mine = await api.data("{ viewer { workspace { id } } }")
    variables = json.dumps({"id": mine["viewer"]["workspace"]["id"]})
    address = {"query": document, "operationName": "Q", "variables": variables, "extensions": ""}

    response = await api.http.get("/graphql", params=address, headers=GRAPHQL_JSON)

    assert (response.status_code, response.json()) == (200, {"data": {"node": {"__typename": "Workspace"}}})


@pytest.mark.parametrize(
    "address",
    [
        {},
        {"query": ""},
        {"query": VIEWER, "variables": "{"},
        {"query": VIEWER, "variables": "[]"},
        {"query": VIEWER, "extensions": "1"},
    ],
    ids=str,
)
async def test_an_address_that_is_no_graphql_request_is_400(api: ApiClient, address: dict[str, str]) -> None:
    """As for a body."""
    response = await api.http.get("/graphql", params=address)

    assert response.status_code == 400
    assert response.json()["errors"][0]["extensions"] == {"code": "BAD_USER_INPUT"}


async def test_a_get_changes_nothing(api: ApiClient, worker_db: Database) -> None:
    """A mutation in an address is 405 with what would do, and not done; other methods are not known."""
    before = await everything(worker_db)
    suppress = 'mutation { suppress(input: {emails: ["a@example.com"]}) { suppressed } }'

    asked = await api.http.get("/graphql", params={"query": suppress})
    put = await api.http.put("/graphql", json={"query": VIEWER})

    assert (asked.status_code, asked.headers["allow"]) == (405, "POST")
    assert asked.json()["errors"][0]["extensions"] == {"code": "BAD_USER_INPUT"}
    assert await everything(worker_db) == before
    assert (put.status_code, set(put.headers["allow"].split(", "))) == (405, {"GET", "HEAD", "POST"})


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/json; charset=latin-1"])
async def test_a_body_that_is_not_declared_as_json_is_refused(api: ApiClient, content_type: str) -> None:
    """415: the types that a web page may send without asking do nothing either."""
    response = await api.http.post(
        "/graphql", content=json.dumps({"query": VIEWER}), headers={"Content-Type": content_type}
    )

    assert response.status_code == 415


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[" * 100_000,
        b"[]",
        b'"query"',
        b"{}",
        b'{"query": 1}',
        b'{"query": " "}',
        b'{"query": "{ viewer { workspace { id } } }", "variables": []}',
        b'{"query": "{ viewer { workspace { id } } }", "variables": "{}"}',
        b'{"query": "{ viewer { workspace { id } } }", "operationName": 1}',
        b'{"query": "{ viewer { workspace { id } } }", "extensions": "x"}',
    ],
)
@pytest.mark.parametrize("accept", ["application/graphql-response+json", "application/json"])
async def test_a_body_that_is_no_graphql_request_is_400(api: ApiClient, body: bytes, accept: str) -> None:
    """Under either media type, with a code and without data."""
    response = await api.http.post(
        "/graphql", content=body, headers={"Content-Type": "application/json", "Accept": accept}
    )

    assert response.status_code == 400
    [error] = response.json()["errors"]
    assert error["extensions"] == {"code": "BAD_USER_INPUT"}
    assert "data" not in response.json()


async def test_a_body_may_have_256_kilobytes(api: ApiClient) -> None:
    """One byte more is 413."""
    request = json.dumps({"query": VIEWER, "variables": {"padding": ""}})
    padding = "x" * (BODY_BYTES - len(request))
    largest = json.dumps({"query": VIEWER, "variables": {"padding": padding}})
    headers = {"Content-Type": "application/json"}

    taken = await api.http.post("/graphql", content=largest, headers=headers)
    refused = await api.http.post("/graphql", content=largest + " ", headers=headers)

    assert taken.status_code == 200
    assert refused.status_code == 413
    assert refused.json()["errors"][0]["extensions"] == {"code": "QUERY_TOO_EXPENSIVE"}


async def test_a_body_that_does_not_come_is_not_waited_for(
    api: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """408: a connection that says nothing more is given up."""
    monkeypatch.setattr("api.graphql_request.BODY_S", 0.01)

    async def body() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()

    response = await api.http.post("/graphql", content=body(), headers={"Content-Type": "application/json"})

    assert response.status_code == 408
    assert response.json()["errors"][0]["extensions"] == {"code": "BAD_USER_INPUT"}


@pytest.mark.parametrize(
    ("document", "variables"),
    [
        ("{ viewer {", {}),
        ("{ nobody }", {}),
        ("query ($id: ID!) { node(id: $id) { id } }", {}),
        (
            "query ($since: DateTime) { sequences(filter: {updatedSince: $since}) { totalCount } }",
            {"since": 1},
        ),
        ("query A { viewer { workspace { id } } } query B { viewer { workspace { id } } }", {}),
        ("fragment F on Viewer { workspace { id } }", {}),
    ],
    ids=["syntax", "validation", "missing variable", "wrong variable", "which operation", "no operation"],
)
async def test_a_request_that_cannot_be_executed_has_no_data(
    api: ApiClient, document: str, variables: dict[str, Any]
) -> None:
    """400 under the newer media type, 200 under the older one, whose clients take no other."""
    request = {"query": document, "variables": variables}

    newer = await api.http.post("/graphql", json=request, headers=GRAPHQL_JSON)
    older = await api.http.post("/graphql", json=request)

    assert (newer.status_code, older.status_code) == (400, 200)
    assert newer.json() == older.json()
    assert newer.json().keys() == {"errors"}
    assert newer.json()["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_the_operation_that_is_named_is_executed(api: ApiClient) -> None:
    """A document may have several."""
    document = "query A { viewer { workspace { name } } } query B { queueStats { due } }"

    response = await api.http.post("/graphql", json={"query": document, "operationName": "B"})

    assert response.json() == {"data": {"queueStats": {"due": 0}}}


async def test_an_error_in_one_field_leaves_the_others(api: ApiClient) -> None:
    """200 with data and errors, the error with the place where it happened."""
    document = '{ viewer { workspace { name } } broken: sequences(after: "x") { totalCount } }'

    response = await api.http.post("/graphql", json={"query": document}, headers=GRAPHQL_JSON)

    assert response.status_code == 200
    assert response.json()["data"] is None
    assert response.json()["errors"][0]["path"] == ["broken"]
    assert response.json()["errors"][0]["extensions"] == {"code": "BAD_USER_INPUT"}


async def test_an_unexpected_error_is_told_as_an_id_that_is_in_the_log(
    api: ApiClient, clock: SteppingClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The caller learns nothing of what broke; the log has all of it under the same id."""

    async def broken() -> None:
        raise RuntimeError("the secret reason")

    monkeypatch.setattr(clock, "now", broken)

    with capture_logs() as logged:
        response = await api.http.post("/graphql", json={"query": "{ queueStats { due } }"})

    [error] = response.json()["errors"]
    assert error["message"] == "Something went wrong on our side."
    assert error["extensions"].keys() == {"code", "errorId"}
    assert error["extensions"]["code"] == "INTERNAL"
    assert "secret reason" not in response.text
    [entry] = logged
    assert (entry["event"], entry["error_id"]) == ("api.unexpected_error", error["extensions"]["errorId"])
    assert str(entry["exc_info"]) == "the secret reason"


async def test_a_database_that_is_away_makes_the_service_unavailable(
    api: ApiClient, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """503 before a key could even be looked up: not 401, the key may be good."""

    def away(*_: object) -> None:
        raise OperationalError("SELECT 1", {}, Exception("connection refused"))

    monkeypatch.setattr(services.database, "transaction", away)

    response = await api.http.post("/graphql", json={"query": VIEWER})

    assert response.status_code == 503
    assert response.json() == {
        "errors": [
            {
                "message": "The database cannot be reached; try again.",
                "extensions": {"code": "SERVICE_UNAVAILABLE"},
            }
        ]
    }


async def test_a_subscription_is_sent_where_it_is_streamed(api: ApiClient) -> None:
    """By either method, and to who asks for a stream here."""
    document = "subscription { queueStats { due } }"

    posted = await api.http.post("/graphql", json={"query": document})
    gotten = await api.http.get("/graphql", params={"query": document})
    streamed = await api.http.post(
        "/graphql", json={"query": document}, headers={"Accept": "text/event-stream"}
    )

    assert [each.status_code for each in (posted, gotten, streamed)] == [400, 400, 406]
    for each in (posted, gotten, streamed):
        [error] = each.json()["errors"]
        assert error["extensions"]["code"] == "BAD_USER_INPUT"
        assert "/graphql/stream, or over a WebSocket at /graphql" in error["message"]
