"""What a request may cost: with its pages full, and whatever its variables say."""

from typing import Any

import pytest
from graphql import build_schema, parse

from api.cost import cost_of
from api.limits import QueryTooExpensive
from tests.api.client import ApiClient

SHOP = build_schema("""
  interface Node { id: ID! }
  type Query {
    shelf: Shelf
    node(id: ID!): Node
    nodes(ids: [ID!]!): [Node]!
    shelves(first: Int, last: Int): ShelfConnection!
  }
  type ShelfConnection { edges: [ShelfEdge!]! nodes: [Shelf!]! pageInfo: PageInfo! totalCount: Int! }
  type ShelfEdge { node: Shelf! cursor: String! }
  type PageInfo { hasNextPage: Boolean! }
  type Shelf implements Node {
    id: ID!
    owner: Person
    days(days: Int!): [Day!]!
    books: [Book!]!
    shelves(first: Int): ShelfConnection!
  }
  type Day { count: Int! }
  type Person { name: String! }
  type Book implements Node { id: ID! author: Person! }
""")
# As Strawberry says it; build_schema keeps what is written.
_shelf: Any = SHOP.type_map["Shelf"]
_shelf.fields["days"].args["days"].default_value = 7


@pytest.mark.parametrize(
    ("document", "variables", "cost"),
    [
        ("{ shelf { id } }", {}, 1),
        ("{ shelf { owner { name } } }", {}, 2),
        ("{ shelf { books { id author { name } } } }", {}, 1 + 3 * 2),
        ("{ shelf { days { count } } }", {}, 1 + 7),
        ("query ($d: Int!) { shelf { days(days: $d) { count } } }", {"d": 30}, 1 + 30),
        ("{ shelves { totalCount } }", {}, 1),
        ("{ shelves { nodes { id } } }", {}, 1 + 20),
        ("{ shelves { edges { cursor node { id } } } }", {}, 1 + 20),
        ("{ shelves(first: 0) { nodes { id } } }", {}, 1 + 1),
        ("{ shelves(last: 50) { nodes { id owner { name } } pageInfo { hasNextPage } } }", {}, 2 + 50 * 2),
        ("query ($n: Int) { shelves(first: $n) { nodes { id } } }", {"n": 7}, 1 + 7),
        ("query ($n: Int) { shelves(first: $n) { nodes { id } } }", {"n": None}, 1 + 20),
        ("query ($n: Int) { shelves(first: $n) { nodes { id } } }", {}, 1 + 20),
        ("query ($n: Int = 9) { shelves(first: $n) { nodes { id } } }", {}, 1 + 9),
        ("query ($n: Int) { shelves(first: $n) { nodes { id } } }", {"n": 10**9}, 1 + 100),
        ("query ($n: Int) { shelves(first: $n) { nodes { id } } }", {"n": "many"}, 1 + 100),
        ("query ($n: Int) { shelves(first: $n) { nodes { id } } }", {"n": -5}, 1 + 1),
        ("query ($i: [ID!]!) { nodes(ids: $i) { id } }", {"i": ["a"] * 500}, 500),
        ("{ a: shelf { id } b: shelf { id } shelf { id } shelf { id } }", {}, 3),
        ("{ shelf { ...A ...A owner { name } } } fragment A on Shelf { owner { name } }", {}, 2),
        ("{ node(id: 1) { ... on Shelf { owner { name } } ... on Book { author { name } } } }", {}, 3),
        ("{ shelves { nodes { shelves { nodes { id } } } } }", {}, 1 + 20 * (1 + 1 + 20)),
        ("{ __schema { types { fields { type { name } } } } __typename }", {}, 0),
        ("query A { shelf { id } } query B { shelves { nodes { id } } }", {}, 0),
    ],
)
def test_an_object_counts_as_often_as_it_may_be_answered(
    document: str, variables: dict[str, Any], cost: int
) -> None:
    """A page as it is asked for, at most a whole one; nobody is charged for what is answered only once."""
    assert cost_of(SHOP, parse(document), None, variables).objects == cost


def test_the_operation_that_is_named_counts() -> None:
    """The others are not executed."""
    document = parse("query A { shelf { id } } query B { shelves { nodes { id } } }")

    assert [cost_of(SHOP, document, name).objects for name in ("A", "B", "C")] == [1, 21, 0]


def test_counting_itself_is_bounded() -> None:
    """Fragments that spread each other in every possible way."""
    levels = 20
    chain = "".join(
        f"fragment F{n} on Shelf {{ shelves {{ nodes {{ ...F{n + 1} ...G{n + 1} }} }} }}"
        f"fragment G{n} on Shelf {{ shelves {{ nodes {{ ...F{n + 1} }} }} }}"
        for n in range(levels)
    )
    last = f"fragment F{levels} on Shelf {{ id }} fragment G{levels} on Shelf {{ id }}"

    assert cost_of(SHOP, parse(f"{{ shelf {{ ...F0 }} }} {chain} {last}")).objects > 20**levels


def test_what_is_asked_for_again_is_counted_once() -> None:
    """A field twenty times, in each of which it stands twenty times, twelve deep: still one object each."""
    again = 20
    chain = "".join(
        f"fragment F{n} on Shelf {{ " + f"shelves(first: 1) {{ nodes {{ ...F{n + 1} }} }} " * again + "}"
        for n in range(12)
    )

    cost = cost_of(SHOP, parse(f"{{ shelf {{ ...F0 }} }} {chain} fragment F12 on Shelf {{ id }}")).objects

    assert cost == 1 + 12 * 2


def test_a_document_with_too_many_fields_is_not_counted_to_its_end() -> None:
    """However little they cost."""
    many = " ".join(f"a{n}: shelf {{ id }}" for n in range(6_000))

    with pytest.raises(QueryTooExpensive):
        cost_of(SHOP, parse(f"{{ {many} }}"))


async def test_what_costs_too_much_is_refused_each_time(api: ApiClient) -> None:
    """Also when a cheap page of the same document was answered before, and its validation is remembered."""
    document = """
        query ($first: Int) { scheduledEmails(first: $first) { nodes {
            contact { id } enrollment { itinerary { step { id } mailbox { id } contact { id }
                events { mailbox { id } email { id } } } }
            events { mailbox { id } email { id } }
        } } }
    """
    cheap = await api.data(document, first=10)
    dear = [await api.refusal(document, first=100) for _ in range(2)]

    assert cheap == {"scheduledEmails": {"nodes": []}}
    assert dear == [("QUERY_TOO_EXPENSIVE", dear[0][1])] * 2
    assert "at most 5000 are, most of them by scheduledEmails.nodes.enrollment.itinerary" in dear[0][1]


@pytest.mark.parametrize(
    ("document", "dearest"),
    [
        ("{ shelf { owner { name } } }", ()),
        ("{ shelf { books { id } days(days: 9) { count } } }", ("shelf", "days")),
        ("{ shelves { nodes { books { id } days(days: 31) { count } } } }", ("shelves", "nodes", "days")),
        (
            "{ shelves { edges { node { shelves { nodes { id } } } } } }",
            ("shelves", "edges", "node", "shelves", "nodes"),
        ),
    ],
)
def test_the_list_that_costs_most_is_named(document: str, dearest: tuple[str, ...]) -> None:
    """By the way to it, so that one knows which page to make smaller."""
    found = cost_of(SHOP, parse(document)).dearest

    assert found == dearest


@pytest.mark.parametrize(
    "screen",
    [
        "mailboxes(first: 100) { nodes { capacity(days: 31) { day } health { level alerts { id } } } }",
        "enrollments(first: 100) { nodes { itinerary { explanation { pushes { until } } moves { at } } } }",
    ],
)
async def test_whole_pages_of_the_documented_screens_are_answered(api: ApiClient, screen: str) -> None:
    """The limit is for what nobody shows."""
    assert [*(await api.data(f"{{ {screen} }}")).values()] == [{"nodes": []}]
