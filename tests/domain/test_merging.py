"""Templates of plain fields are merged without the engine, and read as if it had rendered them."""

import pytest

from domain.templates import MissingValue, Template, TemplateFailed, TemplateLimit

FIELDS = {"first_name": "Zoë & 'Co'", "company": '<b>"', "custom": {"plan": "pro", "seats": 3, "note": " "}}


@pytest.mark.parametrize(
    ("text", "is_merged"),
    [
        ("", True),
        ("no field", True),
        ("{{ first_name }} of {{company}}: {{ custom.plan }}", True),
        ("a {{- first_name -}} b", True),
        ("{{ custom.seats }} seats", False),
        ("{{ first_name | upcase }}", False),
        ("{{ phone | default: 'none' }}", False),
        ("{{ 'text' }}", False),
        ("{% if custom.plan %}yes{% endif %}", False),
        ("{% assign company = 'x' %}{{ company }}", False),
        ("{{ custom.plan.size }}", False),
        ("{{ custom[0] | default: 'none' }}", False),
    ],
)
@pytest.mark.parametrize("html", [False, True])
def test_a_merge_is_what_the_engine_renders(text: str, is_merged: bool, html: bool) -> None:
    """Only text with something in it, at names that are written out, needs no engine."""
    template = Template.parse(text, html=html)
    merged = None if template._merge is None else template._merge.fill(FIELDS)

    assert (merged is not None) is is_merged
    assert template.render(FIELDS) == template._parsed.render(FIELDS)


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        ("{{ phone }}", MissingValue),
        ("{{ custom.note }}", MissingValue),
        ("{{ custom.plan.no }}", MissingValue),
        ("{{ half }}", TemplateFailed),
        ("{{ long }}", TemplateLimit),
    ],
)
def test_what_cannot_be_merged_is_for_the_engine_to_refuse(text: str, refusal: type[Exception]) -> None:
    """A hole, half a character, and a text beyond all limits."""
    fields = FIELDS | {"half": "\ud800", "long": "x" * 2_000_000}

    with pytest.raises(refusal):
        Template.parse(text).render(fields)
