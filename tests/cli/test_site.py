"""The site has a page for everything that the rules name, and its links lead somewhere."""

from __future__ import annotations

import posixpath
import re
import shutil
from functools import cache
from pathlib import Path

import pytest
from house import ROOT

from psci.cli.main import COMMANDS
from psci.cli.site import flowchart, pages, reference
from psci.cli.site.__main__ import LOOK
from psci.model.specification import SPECIFICATION
from psci.model.symbols.readings import READINGS
from psci.model.tables.facts import FACTS
from psci.properties import PROPERTIES


@cache
def generated() -> dict[str, str]:
    return dict((*pages.every_page(), *reference.every_page()))


def test_no_page_is_written_twice() -> None:
    names = [name for name, _ in (*pages.every_page(), *reference.every_page())]
    assert len(names) == len({name.lower() for name in names})


@pytest.mark.parametrize(
    ("folder", "wanted"),
    [
        ("calls", {owner.name for owner in pages.OWNERS}),
        ("rules", {rule.name for rule in SPECIFICATION.every_rule()}),
        ("facts", set(FACTS)),
        ("properties", {prop.name for prop in PROPERTIES}),
        ("readings", set(READINGS)),
    ],
)
def test_everything_that_the_rules_name_has_a_page(folder: str, wanted: set[str]) -> None:
    found = {name for name in generated() if name.startswith(f"{folder}/")}
    assert found == {f"{folder}/{pages.anchor(name)}.md" for name in wanted} | {f"{folder}/index.md"}


def test_every_link_leads_to_a_page() -> None:
    there = set(generated()) | {"explorer.html", "pictures.md"}
    docs = {path.relative_to(ROOT / "docs").as_posix(): path for path in (ROOT / "docs").rglob("*") if path.is_file()}
    texts = {**generated(), **{name: path.read_text("utf-8") for name, path in docs.items() if path.suffix == ".md"}}
    there |= set(docs)
    lost = []
    for name, text in texts.items():
        for link in re.findall(r"\]\(([^)#\s]+)", text):
            place = posixpath.normpath(posixpath.join(posixpath.dirname(name), link))
            if "://" not in link and place not in there:
                lost.append(f"{name}: {link}")
    assert lost == []


def test_the_page_of_a_rule_says_what_it_rests_on_and_who_breaks_it() -> None:
    text = generated()["rules/cpu-on-on-pending.md"]
    for words in (
        "written in `model/calls/cpu_on.py`", "- **binds**: must refuse", "- **outcome**: ON_PENDING",
        "[CPU_ON-7](../facts/cpu-on-7.md)", "| qemu | CPU_ON.second_start_accepted |",
        "[PROP-3](../properties/prop-3.md)",
    ):  # fmt: skip
        assert words in text


def test_each_command_is_in_the_reference_with_its_options() -> None:
    text = generated()["reference/commands.md"]
    assert [name for name in COMMANDS if f"## psci {name}\n" not in text] == []
    assert text.count("```text") >= len(COMMANDS)


def test_the_menu_names_pages_that_are_there() -> None:
    menu = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:\n")[2]
    leaves = re.findall(r"- [^:]+: (\S+\.md)", menu)
    assert len(leaves) > 15
    there = {*generated(), "pictures.md"}
    assert [leaf for leaf in leaves if leaf not in there and not (ROOT / "docs" / leaf).exists()] == []


def test_the_search_of_the_site_comes_from_no_network() -> None:
    menu = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    # the plugin `offline` fetches its own from the network unless a file of this name is given
    (given,) = re.findall(r"polyfills: \[(\S+iframe-worker\S+)\]", menu)
    styled = re.findall(r"extra_css: \[(\S+)\]", menu)
    assert {given, *styled} == {f"look/{name}" for name in LOOK}
    assert all((ROOT / "cli" / "site" / name).is_file() for name in LOOK)
    assert "://" not in (ROOT / "cli" / "site" / "iframe-worker.js").read_text(encoding="utf-8")


def test_a_flowchart_of_a_page_becomes_a_picture(tmp_path: Path) -> None:
    if shutil.which("dot") is None:
        pytest.skip("NO DOT: flowcharts are not drawn; psci peers install fetches it")
    page = tmp_path / "architecture.md"
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    page.write_text(text, encoding="utf-8")
    flowchart.drawn(tmp_path)
    assert "mermaid\nflowchart" not in page.read_text(encoding="utf-8")
    assert "![what imports what](architecture-0.svg)" in page.read_text(encoding="utf-8")
    picture = (tmp_path / "architecture-0.svg").read_text(encoding="utf-8")
    rooms = re.findall(r'^    (\w+)\["<b>', text, re.MULTILINE)
    assert len(rooms) > 7
    assert [room for room in rooms if f">{room}</text>" not in picture] == []
