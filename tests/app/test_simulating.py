"""`drumbeat simulate`: from a scenario file to tables, a chart, or a line for each problem."""

import re
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner, Result

from app.cli import cli
from app.misconfiguration import Misconfigured
from app.simulation.chart import HEIGHT, NAMESPACE, WIDTH, chart
from app.simulation.days import sent_by_day
from app.simulation.reading import read_scenario
from domain.simulation import simulate
from tests.support.scenario import SMALL

Written = Callable[[str], Path]

ROOT = Path(__file__).parents[2]
WELCOME = ROOT / "docs" / "scenarios" / "welcome.toml"


def run(*arguments: object) -> Result:
    return CliRunner(env={"COLUMNS": "80"}).invoke(cli, ["simulate", *map(str, arguments)])


def rows(shown: str) -> list[list[str]]:
    """The cells of all tables' rows."""
    lines = [line for line in shown.splitlines() if line.startswith("│")]
    return [[cell.strip() for cell in line.strip("│").split("│")] for line in lines]


def parsed(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg)  # noqa: S314 - written by ourselves


def test_a_scenario_is_shown_by_day_and_mailbox(written: Written) -> None:
    """90 contacts and three mailboxes of 30: 90 emails on Monday, Wednesday and Thursday."""
    shown = run(written(SMALL))

    assert shown.exit_code == 0
    assert rows(shown.stdout) == [
        ["Mon 23 Nov 2026", "30", "30", "30", "90"],
        ["Wed 25 Nov 2026", "30", "30", "30", "90"],
        ["Thu 26 Nov 2026", "30", "30", "30", "90"],
        ["total", "90", "90", "90", "270"],
        ["Welcome", "90", "270", "90", "0", "0", "Thu 26 Nov 16:44"],
        ["Mon 23 Nov", "90 join Welcome", "0", "-", "-", "0"],
    ]
    assert shown.stdout.endswith("completed on Thu 26 Nov 2026, day 4: 270 emails sent\n")


def test_what_a_removed_mailbox_costs_is_shown(written: Written) -> None:
    """Sixty emails are handed over, and the last of them leaves two working days later."""
    removal = '[[changes]]\non_day = 2\nmailbox = "south"\nchange = "removed"\n'

    shown = run(written(SMALL + removal)).stdout

    assert ["Tue 24 Nov", "south removed", "60", "60 mailbox handed", "4 d 0 h", "0"] in rows(shown)
    assert shown.endswith("completed on Mon 30 Nov 2026, day 8: 270 emails sent\n")


def test_what_is_never_sent_is_told_with_its_reason(written: Written) -> None:
    """A mailbox that stays paused keeps its emails."""
    pause = '[[changes]]\non_day = 2\nmailbox = "south"\nchange = "paused"\n'

    shown = run(written(SMALL + pause)).stdout

    assert ["Welcome", "90", "210", "60", "0", "30", "Thu 26 Nov 16:44"] in rows(shown)
    assert shown.endswith("not completed: 210 emails sent, 60 never: 60 mailbox unavailable\n")


def test_names_are_shown_as_they_are(written: Written, tmp_path: Path) -> None:
    """Neither the terminal nor the chart takes them for markup."""
    drawn = tmp_path / "chart.svg"

    shown = run(written(SMALL.replace('"east"', '"[red]<&"')), "--chart", drawn)

    assert "┃ [red]<& ┃" in shown.stdout
    assert "Mon 23 Nov 2026, [red]<&: 30" in [each.text for each in parsed(drawn.read_text()).iter()]


def test_many_mailboxes_are_shown_in_eight_columns(written: Written) -> None:
    """The last of them as one, so that every email is counted."""
    boxes = "".join(f'[[mailboxes]]\nname = "box {number}"\n' for number in range(7))

    named = read_scenario(written(SMALL + boxes))
    sent = sent_by_day(named, simulate(named.scenario))

    assert sent.names == ("north", "east", "south", "box 0", "box 1", "box 2", "box 3", "3 others")
    assert sent.totals == (27, 27, 27, 27, 27, 27, 27, 81)


def test_the_chart_has_a_bar_for_each_mailbox_and_day(written: Written, tmp_path: Path) -> None:
    """Nine bars, as high as what they count, stacked on each other inside the axes."""
    drawn = tmp_path / "chart.svg"

    shown = run(written(SMALL), "--chart", drawn)

    svg = parsed(drawn.read_text())
    bars = svg.findall(f"{{{NAMESPACE}}}rect[@class='bar']")
    titles = [bar.findtext(f"{{{NAMESPACE}}}title") for bar in bars]
    assert shown.stdout.replace("\n", "").endswith(f"drawn into {drawn}")
    assert titles == [
        f"{day} Nov 2026, {name}: 30"
        for day in ("Mon 23", "Wed 25", "Thu 26")
        for name in ("north", "east", "south")
    ]
    # 90 of the 100 at the top of an axis that is 240 high.
    assert {bar.get("height") for bar in bars} == {"72.00"}
    assert [bar.get("y") for bar in bars[:3]] == ["232.00", "160.00", "88.00"]
    # Four days share 720: 18 from the edge of its day, 144 wide.
    assert [bar.get("x") for bar in bars[::3]] == ["78.00", "438.00", "618.00"]
    assert {bar.get("width") for bar in bars} == {"144.00"}


def test_the_axes_of_the_chart_are_labelled(written: Written) -> None:
    """Round numbers of emails, every date while there is room, and the changes of mailboxes."""
    change = '[[changes]]\non_day = 3\nmailbox = "south"\nchange = "capacity"\ndaily_capacity = 0\n'
    named = read_scenario(written(SMALL + change))

    svg = parsed(chart(sent_by_day(named, simulate(named.scenario)), named))

    texts = [(each.get("class"), each.text) for each in svg.iter(f"{{{NAMESPACE}}}text")]
    assert [text for name, text in texts if name == "emails"] == ["0", "20", "40", "60", "80", "100"]
    assert [text for name, text in texts if name == "date"] == [
        *("Mon", "23 Nov", "Tue", "24 Nov", "Wed", "25 Nov", "Thu", "26 Nov")
    ]
    assert [text for name, text in texts if name == "change"] == ["south unlimited a day"]
    assert [text for name, text in texts if name is None] == ["north", "east", "south", "emails sent", "day"]


def test_a_long_chart_stays_inside_its_edges(written: Written) -> None:
    """Two years of one email a day: a bar each, and no more than a dozen dates."""
    many = SMALL.replace("number = 90", "number = 700").replace('"north"', '"north"\ndaily_capacity = 1')
    lonely = re.sub(r'\[\[mailboxes\]\]\nname = "(?:east|south)"\n', "", many)
    named = read_scenario(
        written(lonely.replace("steps = [{}, { wait_days = 2 }, { wait_days = 1 }]", "steps = [{}]"))
    )

    svg = parsed(chart(sent_by_day(named, simulate(named.scenario)), named))

    rects = svg.findall(f"{{{NAMESPACE}}}rect[@class='bar']")
    assert len(rects) == 700
    assert len(svg.findall(f"{{{NAMESPACE}}}text[@class='date']")) == 24
    for rect in rects:
        x, y, width, height = (float(rect.get(each, "")) for each in ("x", "y", "width", "height"))
        assert 60 <= x < x + width <= WIDTH - 20
        assert 64 <= y < y + height <= HEIGHT - 56


def test_a_chart_is_only_written_as_svg_and_where_it_can_be(written: Written, tmp_path: Path) -> None:
    """Another ending is a wrong use; a folder that is not there is told after the tables."""
    path = written(SMALL)

    picture = run(path, "--chart", tmp_path / "chart.png")
    nowhere = run(path, "--chart", tmp_path / "none" / "chart.svg")

    assert picture.exit_code == 2
    assert "does not end in .svg" in picture.stderr
    assert isinstance(nowhere.exception, Misconfigured)
    assert nowhere.exception.problems == [
        f"{tmp_path / 'none' / 'chart.svg'}: cannot be written: No such file or directory"
    ]


def test_the_readme_shows_what_the_example_gives(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Its output to the letter, and its chart; when they change on purpose, run the command there again."""
    section = (ROOT / "README.md").read_text().partition("## Simulate\n")[2].partition("\n## ")[0]
    shown = re.search(r"^```console\n\$ drumbeat simulate (.*)\n((?s:.*?))^```$", section, re.MULTILINE)
    assert shown is not None
    (tmp_path / "docs" / "scenarios").mkdir(parents=True)
    (tmp_path / "docs" / "scenarios" / "welcome.toml").write_text(WELCOME.read_text())
    monkeypatch.chdir(tmp_path)

    printed = run(*shown[1].split()).stdout

    assert "".join(f"{line.rstrip()}\n" for line in printed.splitlines()) == shown[2]
    drawn = (tmp_path / "docs" / "scenarios" / "welcome.svg").read_text()
    assert drawn == WELCOME.with_suffix(".svg").read_text()
