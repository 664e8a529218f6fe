"""The arrows between the parts of the house run one way, and starting a part does not start what it does not need."""

from __future__ import annotations

import json
import subprocess
import sys

import picture
import pytest
from house import MAPPED, ROOT, files, modules
from imports import Import, all_imports, circles, part, room

MAY_IMPORT = {
    "psci": {"front"},
    "model": set(),
    "host": set(),
    "properties": {"model"},
    "explorer": {"model", "properties", "host"},
    "proofs": {"model", "properties", "explorer", "host"},
    "oracle": {"model", "properties", "explorer", "host"},
    "graphs": {"model", "properties", "explorer", "proofs", "oracle", "host"},
    "front": {"model", "properties", "explorer", "proofs", "oracle", "graphs", "host"},
    "__main__": {"cli"},
    "cli": {"psci", "front", "model", "properties", "explorer", "proofs", "oracle", "graphs", "host"},
}
"""For each part of the house the other parts that it may import."""

SOLVERS = {"z3", "cvc5"}
HEAVY = [*sorted(SOLVERS), "hypothesis", "networkx", "rich", "graphviz", "jsonschema"]


def named(found: list[Import]) -> list[str]:
    return sorted({str(item) for item in found})


def test_arrows_between_the_parts_run_one_way() -> None:
    def allowed(item: Import) -> bool:
        here, there = part(item.importer), part(item.imported)
        return here == there or there in MAY_IMPORT[here]

    inside = [item for item in all_imports() if item.imported.split(".")[0] == "psci"]
    assert named([item for item in inside if not allowed(item)]) == []


def test_there_are_no_circles_not_even_through_imports_inside_functions() -> None:
    assert circles(all_imports()) == []


def test_there_are_no_circles_between_the_rooms_inside_the_rooms() -> None:
    assert circles([item for item in all_imports() if not _is_a_face(item)], room) == []


def _is_a_face(item: Import) -> bool:
    """A package that hands on names of its own modules."""
    return item.imported.startswith(f"{item.importer}.")


def test_no_room_has_more_than_fifteen_boxes() -> None:
    boxes: dict[str, set[str]] = {}
    for name, path in modules():
        if path.name != "__init__.py":
            parts = name.split(".")
            for depth in range(2, len(parts)):
                boxes.setdefault(".".join(parts[:depth]), set()).add(parts[depth])
    # a file for each call, and the driver's own world, are lists and not structures
    lists = {"psci.model.calls"}
    assert {room: len(found) for room, found in boxes.items() if len(found) > 15 and room not in lists} == {}


def test_the_picture_of_the_house_is_that_of_the_imports() -> None:
    text = picture.PAGE.read_text(encoding="utf-8")
    assert text == picture.page(text), "run: python tests/quality/picture.py"


def test_the_model_needs_the_standard_library_only() -> None:
    outside = [item for item in all_imports() if part(item.importer) == "model" and part(item.imported) != "model"]
    assert named([item for item in outside if item.imported.split(".")[0] not in sys.stdlib_module_names]) == []


def test_solvers_are_imported_by_the_proofs_only() -> None:
    solving = [item for item in all_imports() if item.imported.split(".")[0] in SOLVERS]
    assert named([item for item in solving if part(item.importer) != "proofs"]) == []


def test_nothing_is_imported_by_the_name_of_its_folder() -> None:
    tops = {place for place in MAPPED.values() if "/" not in place}
    wrong = named([item for item in all_imports() if item.imported.split(".")[0] in tops])
    lines = [
        (path, line) for path in files() if path.suffix in (".py", ".ipynb") for line in _statements(path.read_text())
    ]
    wrong += [f"{path.relative_to(ROOT)}: {line}" for path, line in lines if line.split()[1].split(".")[0] in tops]
    assert wrong == []


def _statements(text: str) -> list[str]:
    """Lines that look like imports, in a module or in the cells of a notebook."""
    lines = (line.strip().lstrip('"') for line in text.splitlines())
    return [line for line in lines if line.startswith(("import ", "from ")) and len(line.split()) > 1]


def loaded_by(program: str) -> set[str]:
    """The top-level modules that a program has loaded when it ends."""
    ending = "\nimport json, sys; print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))"
    done = subprocess.run([sys.executable, "-c", program + ending], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_the_oracle_never_loads_a_solver() -> None:
    every = [name for name, _ in modules() if part(name) == "oracle"]
    assert loaded_by("\n".join(f"import {name}" for name in every)) & SOLVERS == set()


@pytest.mark.parametrize(
    "program",
    [
        pytest.param("import psci.oracle", id="import psci.oracle"),
        pytest.param("import psci", id="import psci"),
        pytest.param("from psci.cli.main import run; assert run(['--help']) == 0", id="psci --help"),
    ],
)
def test_a_quick_start_loads_nothing_heavy(program: str) -> None:
    assert loaded_by(program) & set(HEAVY) == set()
