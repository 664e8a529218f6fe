"""What every file of the repository must keep to."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from house import ROOT, files, modules

# Written so that this file does not hold what it looks for.
FORBIDDEN = {
    "a path of one machine": re.compile(r"(?<![\w.$}])/(?:work|root|home|Users)/[\w.]"),
    "the host of a package registry": re.compile(
        r"(?:pypi|pythonhosted|npmjs|crates|anaconda|ubuntu|(?:deb|ftp|snapshot|security|packages)\.debian)\.(?:org|com|io)\b"
    ),
    "a note to oneself": re.compile(r"\b(?:TO" + "DO|FIX" + r"ME|XX" + r"X)\b"),
}
BINARY = {".png", ".pdf", ".gz", ".xz", ".dtb", ".bin"}


def read(path: Path) -> str:
    return "" if path.suffix in BINARY else path.read_text(encoding="utf-8")


def test_no_file_holds_what_belongs_to_one_machine_or_to_one_day() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {what}"
        for path in files()
        for number, line in enumerate(read(path).splitlines(), start=1)
        for what, pattern in FORBIDDEN.items()
        if pattern.search(line)
    ]
    assert found == []


def test_every_module_has_a_docstring() -> None:
    without = [name for name, path in modules() if not ast.get_docstring(ast.parse(read(path)))]
    assert without == []


def test_the_front_door_holds_nothing_but_names() -> None:
    assert sorted(path.name for path in files() if path.parent == ROOT / "src" / "psci") == [
        "__init__.py",
        "__main__.py",
        "py.typed",
    ]


def test_every_source_that_a_page_names_is_there() -> None:
    here = [path.relative_to(ROOT).as_posix() for path in files()]
    named = re.compile(r"`([\w/-]+\.(?:py|c|S|js))`")
    lost = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in files()
        if path.suffix == ".md" and "decisions" not in path.parts
        for name in named.findall(read(path))
        if not any(f"/{one}".endswith(f"/{name}") for one in here)
    ]
    assert lost == []
