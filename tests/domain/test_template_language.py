"""What a template may cost: no text of an author or a contact stops a worker."""

import sys

import pytest

from domain.renderings import FILTER_LIMIT, LOOP_LIMIT, TEXT_LIMIT
from domain.templates import Template, TemplateLimit, TemplateSyntaxError

SPLIT = "{% assign l = company | split: ',' %}"
TURN = "{% for c in l %}x{% endfor %}"


def test_loops_end_at_their_limit() -> None:
    """As many turns as the limit are fine, one more is not."""
    template = Template.parse(SPLIT + TURN)

    assert template.render({"company": "a," * (LOOP_LIMIT - 1) + "a"}) == "x" * LOOP_LIMIT
    with pytest.raises(TemplateLimit, match="turns of loops"):
        template.render({"company": "a," * LOOP_LIMIT + "a"})


@pytest.mark.parametrize(
    "text", [SPLIT + TURN * 11, SPLIT + "{% for a in l %}{% for b in l %}{% endfor %}{% endfor %}"]
)
def test_loops_in_a_row_or_within_each_other_count_together(text: str) -> None:
    """A hundred items, eleven times or a hundred times."""
    with pytest.raises(TemplateLimit, match="turns of loops"):
        Template.parse(text).render({"company": "a," * 100})


def test_filters_end_at_their_limit() -> None:
    """So that a page of filters over long values ends."""
    template = Template.parse("{{ company" + " | upcase" * (FILTER_LIMIT + 1) + " }}")

    with pytest.raises(TemplateLimit, match="filters applied"):
        template.render({"company": "Bolt"})


@pytest.mark.parametrize(
    "text",
    [
        "{{ company" + " | replace: 'a', 'aaaaaaaaaa'" * 9 + " | truncate: 1 }}",
        "{{ company | replace: '', company | truncate: 1 }}",
        "{{ company" + " | append: company" * 300 + " | truncate: 1 }}",
        "{{ company | split: '' | join: company | truncate: 1 }}",
        "{% assign x = company %}" + "{% assign x = x | append: x %}" * 20,
        "{% capture x %}{{ company }}{% endcapture %}" + "{% capture x %}{{ x }}{{ x }}{% endcapture %}" * 20,
        "{{ company }}" * 300,
    ],
)
def test_no_value_and_no_text_grows_beyond_its_limit(text: str) -> None:
    """Not even on the way to a short result."""
    with pytest.raises(TemplateLimit):
        Template.parse(text).render({"company": "a" * 1_000})


def test_a_text_just_within_the_limit_is_rendered() -> None:
    """The limit is the one that is stated."""
    assert len(Template.parse("{{ company }}").render({"company": "a" * TEXT_LIMIT})) == TEXT_LIMIT


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x" * (TEXT_LIMIT + 1), f"longer than {TEXT_LIMIT} characters"),
        ("{% if a %}" * 21 + "{% endif %}" * 21, "block nesting limit reached"),
        ("{{ " + "a[" * 5_000 + "'b'" + "]" * 5_000 + " }}", "nested too deeply"),
        ("{% if a" + " or a" * 5_000 + " %}{% endif %}", "nested too deeply"),
    ],
)
def test_a_template_too_long_or_too_deep_is_refused_at_once(text: str, message: str) -> None:
    """When it is saved, not when it is sent."""
    with pytest.raises(TemplateSyntaxError) as error:
        Template.parse(text)

    assert error.value.message == message


def test_a_condition_too_deep_for_the_caller_of_the_rendering_is_a_limit() -> None:
    """Parsed near the top of the stack, rendered far down: the letter is refused, the worker lives."""
    template = Template.parse("{% if a" + " or a" * 300 + " %}x{% endif %}")

    def render_below(frames: int) -> str:
        return render_below(frames - 1) if frames else template.render({"a": False})

    with pytest.raises(TemplateLimit, match="nested too deeply"):
        render_below(sys.getrecursionlimit() - 300)
    assert template.render({"a": True}) == "x"
