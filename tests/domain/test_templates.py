"""Templates: fields, defaults, no holes, and errors with a line."""

import pytest

from domain.templates import (
    KNOWN_FIELDS,
    MissingValue,
    Template,
    TemplateFailed,
    TemplateSyntaxError,
    check_variables,
)


@pytest.mark.parametrize(
    ("text", "rendered"),
    [
        ("Hi {{ first_name }}!", "Hi Ada!"),
        ("Hi {{ last_name | default: 'you' }}!", "Hi you!"),
        ("Hi {{ last_name | capitalize | default: 'you' }}!", "Hi you!"),
        ("Hi {{ last_name | default: first_name | upcase }}!", "Hi ADA!"),
        ("Hi {{ last_name | default: '' }}!", "Hi !"),
        ("{{ custom.plan }}, {{ custom['Job title'] }}, {{ custom.seats }}", "pro, Engineer, 3"),
        ("{% if last_name %}yes{% else %}no{% endif %}", "no"),
        ("{% unless phone %}none{% endunless %}", "none"),
        ("{% if custom.seats > 2 %}many{% endif %}", "many"),
        ("{% case custom.plan %}{% when 'pro' %}P{% else %}-{% endcase %}", "P"),
        ("{% assign who = last_name | default: 'you' %}Hi {{ who }}", "Hi you"),
        ("{% capture who %}{% endcapture %}[{{ who }}]", "[]"),
        ("{% assign l = company | split: ',' %}{% for c in l %}({{ c }}){% endfor %}", "(Bolt)(Nut)"),
        ("{{ company | split: ',' | join: ' and ' }}", "Bolt and Nut"),
        ("{% comment %}{{ nothing }}{% endcomment %}{% raw %}{{ x }}{% endraw %}", "{{ x }}"),
        ("{{ company | replace: ',', ' & ' }} <b>", "Bolt & Nut <b>"),
        ("{{ first_name | size }}{{ first_name.size }}", "33"),
        ("", ""),
    ],
)
def test_fields_conditions_loops_and_defaults_are_rendered(text: str, rendered: str) -> None:
    """None, an empty text and white space alone are all no value."""
    fields = {
        "first_name": "Ada",
        "last_name": "  ",
        "phone": None,
        "company": "Bolt,Nut",
        "custom": {"plan": "pro", "Job title": "Engineer", "seats": 3},
    }

    assert Template.parse(text).render(fields) == rendered


@pytest.mark.parametrize(
    ("text", "variable"),
    [
        ("Hi {{ last_name }}", "last_name"),
        ("Hi {{ phone }}", "phone"),
        ("Hi {{ company | upcase }}", "company"),
        ("Hi {{ custom.plan }}", "custom.plan"),
        ("Hi {{ custom.plan.name }}", "custom.plan"),
        ("Hi {{ custom.tags }}", "custom.tags"),
        ("Hi {{ last_name | default: company }}", "company"),
        ("{{ 'at ' | append: company }}", "company"),
        ("{{ 'at ' | prepend: company }}", "company"),
        ("{% assign who = last_name %}Hi {{ who }}", "last_name"),
        ("Hi {{ first_name | remove: 'Ada' }}", "first_name"),
        ("{% for c in first_name limit: custom.seats %}{% endfor %}", "custom.seats"),
        ("{% if first_name %}{{ last_name }}{% endif %}", "last_name"),
        ("Hi {{ unsubscribe_url }}", "unsubscribe_url"),
        ("{{ now }}", "now"),
        ("{{ today }}", "today"),
    ],
)
def test_a_missing_value_is_an_error_and_never_a_hole(text: str, variable: str) -> None:
    """It names the field, so that the contact can be completed; the clock is no field."""
    fields: dict[str, object] = {
        "first_name": "Ada",
        "last_name": "\n ",
        "phone": "",
        "company": None,
        "custom": {"tags": []},
    }

    with pytest.raises(MissingValue) as missing:
        Template.parse(text).render(fields)

    assert missing.value.variable == variable


def test_values_are_escaped_in_html_and_markup_is_not() -> None:
    """A contact's name is text, wherever a filter or an assignment carries it."""
    fields = {"first_name": "<b>&'\"", "unsubscribe_url": "https://u.example/u?a=1&b=2"}
    text = (
        "<p>{{ first_name }}</p>{{ '<i>' | append: first_name }}{{ first_name | prepend: '<i>' }}"
        "{{ 'x' | replace: 'x', first_name }}{% assign n = first_name %}{{ n }}"
        '{% capture c %}<u>{{ first_name }}</u>{% endcapture %}{{ c }}<a href="{{ unsubscribe_url }}">'
    )

    rendered = Template.parse(text, html=True).render(fields)

    escaped = "&lt;b&gt;&amp;&#39;&#34;"
    assert rendered == (
        f"<p>{escaped}</p><i>{escaped}<i>{escaped}{escaped}{escaped}<u>{escaped}</u>"
        '<a href="https://u.example/u?a=1&amp;b=2">'
    )


def test_values_in_text_are_left_alone() -> None:
    """Subject and text are no HTML."""
    assert Template.parse("{{ first_name }}").render({"first_name": "<b>&'"}) == "<b>&'"


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("a\nb {{ first_name ", 2, "expected '}}', found end of file"),
        ("a\nb {% unknown %}", 2, "unexpected tag 'unknown'"),
        ("a\n\n{% include 'x' %}", 3, "unexpected tag 'include'"),
        ("{% render 'x' %}", 1, "unexpected tag 'render'"),
        ("a\n{{ first_name | shout }}", 2, "unknown filter 'shout'"),
        ("{{ 'now' | date: '%d' }}", 1, "unknown filter 'date'"),
        ("{{ first_name | safe }}", 1, "unknown filter 'safe'"),
        ("{% if %}a{% endif %}", 1, "missing expression"),
        ("{% if phone %}\na\nb", 3, "expected tag endif, found end of expression"),
        ("a\n{% for i in (1..3) %}{% endfor %}", 2, "ranges such as (1..3) are not supported"),
        ("a\n{{ custom[company] }}", 2, "the name of a field must be written out, not computed"),
        (
            "a\n{% if phone != blank %}{% endif %}",
            2,
            "comparing with blank or empty is not supported: write {% if name %} or {% unless name %}",
        ),
        ("a\n\ud800", 2, "half a character (a lone surrogate)"),
    ],
)
def test_a_template_that_cannot_be_parsed_says_where_and_why(text: str, line: int, message: str) -> None:
    """Lines count from 1."""
    with pytest.raises(TemplateSyntaxError) as error:
        Template.parse(text)

    assert (error.value.line, error.value.message) == (line, message)
    assert str(error.value) == f"line {line}: {message}"


@pytest.mark.parametrize(
    ("text", "value"),
    [("{% if company > 3 %}x{% endif %}", "Bolt"), ("{% break %}", "x"), ("{{ company }}", "\ud800")],
)
def test_values_that_do_not_go_together_fail_the_rendering(text: str, value: str) -> None:
    """A type error in a template is not a bug of ours."""
    with pytest.raises(TemplateFailed):
        Template.parse(text).render({"company": value})


def test_the_variables_are_known_by_field_and_by_whether_they_may_be_missing() -> None:
    """Names made up by the author are no fields, and neither are parts of one."""
    template = Template.parse(
        "{{ first_name | default: 'you' }} {{ company.size }} {{ custom.plan | append: phone | default: '' }}"
        "{% if last_name %}x{% endif %}{% assign l = custom.tags | split: ',' %}{% for t in l %}{{ t }}"
        "{{ forloop.index }}{% endfor %}{{ sender.name }}{{ unsubscribe_url }}"
    )

    assert template.variables == {
        "first_name",
        "company",
        "custom.plan",
        "phone",
        "last_name",
        "custom.tags",
        "sender.name",
        "unsubscribe_url",
    }
    assert template.required == {"company", "phone", "custom.tags", "sender.name", "unsubscribe_url"}


def test_unknown_variables_are_found() -> None:
    """A typo in a template is found when the step is saved, not when it is sent."""
    template = Template.parse(
        "{{ first_nmae | default: 'you' }} {{ first_name }} {{ custom.plan }} {{ custom.other }} {{ now }}"
        "{{ sender.phone }} {{ custom }}"
    )

    assert check_variables(template, KNOWN_FIELDS | {"custom.plan"}) == {
        "first_nmae",
        "custom.other",
        "now",
        "sender.phone",
        "custom",
    }
    assert check_variables(Template.parse("".join(f"{{{{ {name} }}}}" for name in KNOWN_FIELDS))) == set()
