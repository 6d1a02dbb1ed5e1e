"""How much one request may ask for."""

import time

import pytest
from graphql import get_introspection_query

from api.limits import DIRECTIVES
from tests.api.client import ApiClient


def _nested(levels: int) -> str:
    """A document whose innermost field is *levels* deep; *levels* is odd, and at least 3."""
    inside = "id"
    for _ in range((levels - 3) // 2):
        inside = f"email {{ events {{ {inside} }} }}"
    return f"{{ emailEvents(first: 1) {{ nodes {{ {inside} }} }} }}"


async def test_fields_may_be_nested_twelve_deep(api: ApiClient) -> None:
    """And no deeper, also when the same document is asked for again and its validation is remembered."""
    deepest = _nested(11)
    too_deep = _nested(13)

    assert await api.data(deepest) == {"emailEvents": {"nodes": []}}
    for _ in range(2):
        assert await api.refusal(too_deep) == (
            "QUERY_TOO_EXPENSIVE",
            "A request may nest fields at most 12 deep.",
        )


async def test_depth_is_counted_through_fragments(api: ApiClient) -> None:
    """A fragment is as deep as what it holds."""
    document = """
        query { emailEvents { nodes { ...A } } }
        fragment A on EmailEvent { email { events { ... on Node { ...B } } } }
        fragment B on EmailEvent { email { events { ...C } } }
        fragment C on EmailEvent { email { events { email { events { email { step { id } } } } } } }
    """

    code, _ = await api.refusal(document)

    assert code == "QUERY_TOO_EXPENSIVE"


@pytest.mark.parametrize(
    ("aliases", "answered"), [(30, None), (31, "A request may have at most 30 aliases.")], ids=["30", "31"]
)
async def test_a_request_may_have_thirty_aliases(api: ApiClient, aliases: int, answered: str | None) -> None:
    """Those in a fragment count once for each of its spreads."""
    outside = " ".join(f"a{n}: viewer {{ ...F }}" for n in range(aliases - 20))
    inside = "fragment F on Viewer { workspace { x: id } }"
    spreads = " ".join(f"b{n}: viewer {{ workspace {{ id }} }}" for n in range(20 - (aliases - 20)))
    document = f"{{ {outside} {spreads} }} {inside}"

    answer = await api.answer(document)

    assert [error["message"] for error in answer.get("errors", [])] == ([answered] if answered else [])


@pytest.mark.parametrize("more", [0, 1])
async def test_a_request_may_have_thirty_directives(api: ApiClient, more: int) -> None:
    """Wherever they stand: at fields, fragments, and variables."""
    fields = "workspace @include(if: true) { id @skip(if: false) } " * (DIRECTIVES // 2 - 1)
    rest = "@include(if: true) " * (1 + more)
    document = f"{{ viewer @include(if: true) {{ {fields} ... on Viewer {rest} {{ name }} }} }}"

    messages = [error["message"] for error in (await api.answer(document)).get("errors", [])]

    assert (f"A request may have at most {DIRECTIVES} directives." in messages) is bool(more)


async def test_a_request_may_have_two_thousand_tokens(api: ApiClient) -> None:
    """One more is refused before it is parsed any further."""
    largest = "{ nodes(ids: [" + '"x" ' * 1_988 + "]) { id } }"

    assert await api.refusal(largest) == ("BAD_USER_INPUT", "Ask for at most 100 ids.")
    assert await api.refusal(largest.replace('"x"', '"x" "x"', 1)) == (
        "QUERY_TOO_EXPENSIVE",
        "Syntax Error: Document contains more than 2000 tokens. Parsing aborted.",
    )


async def test_fragments_that_double_each_other_cost_nothing(api: ApiClient) -> None:
    """Sixty that each spread the next one twice: 2^60 steps, if each spread were walked."""
    chain = " ".join(f"fragment F{n} on Viewer {{ ...F{n + 1} ...F{n + 1} }}" for n in range(60))
    document = f"{{ viewer {{ ...F0 }} }} {chain} fragment F60 on Viewer {{ workspace {{ name }} }}"

    before = time.monotonic()
    data = await api.data(document)

    assert data == {"viewer": {"workspace": {"name": "Welcome Ltd"}}}
    assert time.monotonic() - before < 5


async def test_fragments_inside_themselves_are_refused(api: ApiClient) -> None:
    """By the rule of the specification; measuring them ends."""
    answer = await api.answer(
        "{ viewer { ...A } } fragment A on Viewer { ...B } fragment B on Viewer { ...A }"
    )

    assert [error["extensions"]["code"] for error in answer["errors"]] == ["BAD_USER_INPUT"]


async def test_an_unknown_fragment_is_a_mistake_of_the_caller(api: ApiClient) -> None:
    """Not an error of ours."""
    code, message = await api.refusal("{ viewer { ...Nobody } }")

    assert (code, message) == ("BAD_USER_INPUT", "Unknown fragment 'Nobody'.")


async def test_nesting_beyond_what_can_be_parsed_is_too_expensive(api: ApiClient) -> None:
    """The parser gives up at its own depth; that is no error of ours."""
    refusal = await api.refusal("{ a" * 600 + " }" * 600)

    assert refusal == (
        "QUERY_TOO_EXPENSIVE",
        "Syntax Error: Document is nested too deeply. Parsing aborted.",
    )


async def test_a_field_that_is_repeated_too_often_is_too_expensive(api: ApiClient) -> None:
    """Each is compared with each other one, so the comparison is given up."""
    refusal = await api.refusal("{ queueStats { " + "due " * 1_990 + "} }")

    assert refusal == ("QUERY_TOO_EXPENSIVE", "Validation aborted.")


async def test_tools_can_read_the_schema(api: ApiClient) -> None:
    """The standard introspection query is within the limits."""
    data = await api.data(get_introspection_query())

    assert data["__schema"]["queryType"]["name"] == "Query"
