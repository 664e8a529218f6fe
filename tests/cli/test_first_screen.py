"""What a newcomer meets first: the README, and the command without arguments."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from importlib import resources
from importlib.metadata import version

import click
import pytest
from house import ROOT

from psci.cli import main
from psci.graphs.timeline import timeline, verdict
from psci.graphs.views.draw import draw
from psci.oracle.traces.file import read_trace

README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCS = ROOT / "docs"


def test_the_command_alone_says_what_to_do_first(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run([]) == 0
    said = capsys.readouterr()
    named = re.findall(r"^  psci (\w+)", said.out, re.MULTILINE)
    assert named == ["graph", "trace", "rules", "graph", "peers", "fuzz"]
    assert set(named) <= set(main.COMMANDS)
    assert said.err == ""


def test_the_command_has_a_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["--version"]) == 0
    assert capsys.readouterr().out == f"psci {version('psci-model')}\n"


@pytest.mark.parametrize("shell", main.SHELLS)
def test_each_shell_completes_the_words_of_the_command(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["--completion", shell]) == 0
    assert f"_PSCI_COMPLETE={shell}_complete" in capsys.readouterr().out


def test_completion_knows_the_commands(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for name, value in (("_PSCI_COMPLETE", "bash_complete"), ("COMP_WORDS", "psci pr"), ("COMP_CWORD", "1")):
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit):
        main.run([])
    assert capsys.readouterr().out.split() == ["plain,prove", "plain,profile"]


@pytest.mark.parametrize(("columns", "longest"), [("60", 60), ("100", 100), (None, 80)])
def test_a_list_of_rules_is_as_wide_as_its_terminal(
    columns: str | None, longest: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    if columns:
        monkeypatch.setenv("COLUMNS", columns)
    assert main.run(["rules", "CPU_ON"]) == 0
    said = capsys.readouterr().out
    assert "\x1b" not in said
    assert longest - 10 < max(map(len, said.splitlines())) <= longest


def test_what_the_readme_links_to_is_there() -> None:
    links = [link for link in re.findall(r"\]\(([^)#]+)", README) if "://" not in link]
    assert len(links) > 12
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_the_first_lines_of_the_readme_are_the_first_screen() -> None:
    first = README.partition("## One bug")[0]
    assert (first.count("    make "), first.count("![")) == (2, 1)
    assert [line for line in README.partition("## What the demonstration")[0].splitlines() if len(line) > 120] == [
        line for line in README.splitlines() if line.startswith("| know what")
    ]


def test_the_timeline_of_the_readme_is_that_of_its_trace() -> None:
    events = list(read_trace(DOCS / "examples" / "accepted-twice.ndjson"))
    picture = (DOCS / "pictures" / "accepted-twice.svg").read_text(encoding="utf-8")
    assert picture == timeline(events, notes=verdict(events)), "run: psci trace show"


def test_the_picture_of_the_readme_says_what_the_rules_say() -> None:
    picture = html.unescape((DOCS / "pictures" / "core.svg").read_text(encoding="utf-8"))
    diagram = draw("core")
    labels = {word for edge in diagram.edges for label in edge.labels for word in (label.what, label.rule)}
    states = {node.label.partition("\n")[0] for node in diagram.nodes}
    # the place of things is graphviz's; what stands there is ours
    shown = picture.replace("\xa0", " ")
    assert [word for word in sorted(labels | states) if word not in shown] == []


def _options(command: click.Command, path: str) -> Iterator[tuple[str, click.Parameter]]:
    yield from ((path, option) for option in command.params)
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from _options(inner, f"{path} {name}")


def test_every_schema_that_a_help_names_is_there_and_no_choice_has_a_comma() -> None:
    options = list(_options(main.psci, "psci"))
    named = [(path, name) for path, option in options
             for name in re.findall(r"schema: ([^)]+)\)", getattr(option, "help", None) or "")]  # fmt: skip
    schemas = {entry.name for entry in resources.files("psci.cli.schemas").iterdir()}
    assert len(named) > 15
    assert [place for place in named if place[1] not in schemas] == []
    choices = [(path, str(choice)) for path, option in options if isinstance(option.type, click.Choice)
               for choice in option.type.choices]  # fmt: skip
    assert [place for place in choices if "," in place[1]] == []


@pytest.mark.parametrize("columns", ["60", "80", "120"])
@pytest.mark.parametrize("words", [[], ["--help"], ["graph", "--help"], ["peers"], ["plot", "--help"]])
def test_what_is_read_first_fits_its_terminal(
    words: list[str], columns: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    main.run(words)
    assert max(map(len, capsys.readouterr().out.splitlines())) <= int(columns)
