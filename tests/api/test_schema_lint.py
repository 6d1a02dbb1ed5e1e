"""The schema by the rules of npm's `graphql-schema-linter`, but for those of alphabetical order."""

import subprocess
from pathlib import Path

from tests.support.node import PROJECT, node

SCHEMA = Path(__file__).parents[2] / "schema.graphql"
LINTER = "node_modules/graphql-schema-linter/lib/cli.js"
# Ours stands in the order in which people ask: the id first, what belongs together together.
IN_ORDER = "sorted-alphabetically"


def lint(path: Path) -> "subprocess.CompletedProcess[str]":
    command = node(LINTER, "--config-directory", str(PROJECT), "--format", "compact", str(path))
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)


def test_the_schema_is_clean() -> None:
    """Connections as Relay has them, names as all of GraphQL writes them, a description everywhere."""
    linted = lint(SCHEMA)

    assert (linted.stdout.strip(), linted.returncode) == ("", 0)


def test_every_rule_but_those_of_order_is_in_force(tmp_path: Path) -> None:
    """So that the test above means something: what breaks each kind of rule is told."""
    careless = tmp_path / "careless.graphql"
    careless.write_text("type Query { b_field(first: Int): Int a: Sequence } type Sequence { id: ID }\n")

    told = lint(careless)

    assert told.returncode == 1
    for rule in ("fields-are-camel-cased", "fields-have-descriptions", "arguments-have-descriptions"):
        assert f"({rule})" in told.stdout
    assert IN_ORDER not in told.stdout
