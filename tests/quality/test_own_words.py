"""Properties speak in their own words: of the model they take names and symbols, and nothing that rules are made of."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import FunctionType

import pytest
from house import modules

from psci.model.declare import Call, Move
from psci.model.symbols.machine import MachineTerms

PROPERTIES = [(name, path) for name, path in modules() if name.split(".")[1:2] == ["properties"]]
LANGUAGE = "psci.model.language."
"""What terms are written in: its functions say nothing about PSCI."""
RULES = {"rules", "answers", "declared_answers"}
"""What a call or move is made of."""
WRITTEN_FOR_RULES = {
    name for kind in (MachineTerms, Call, Move) for name, value in vars(kind).items()
    if isinstance(value, FunctionType) and not name.startswith("_")
} - {"ids", "exists_in"}  # fmt: skip
"""Methods that compute terms; the ids of a call, and the versions that have it, are names."""


def borrowed(name: str, path: Path) -> Iterator[str]:
    """What a file takes from the model that rules use, beside names and symbols."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("psci.model"):
            source = import_module(str(node.module))
            for alias in node.names:
                value = getattr(source, alias.name, None)
                home = getattr(value, "__module__", "")
                if inspect.ismodule(value) or (isinstance(value, FunctionType) and not home.startswith(LANGUAGE)):
                    yield f"{name} imports {alias.name} of {node.module}"
        elif isinstance(node, ast.Import):
            yield from (f"{name} imports {a.name}" for a in node.names if a.name.startswith("psci.model"))
        elif isinstance(node, ast.Attribute) and node.attr in WRITTEN_FOR_RULES | RULES:
            yield f"{name} uses .{node.attr} (line {node.lineno})"


@pytest.mark.parametrize(("name", "path"), PROPERTIES, ids=[name for name, _ in PROPERTIES])
def test_a_property_takes_nothing_that_rules_are_made_of(name: str, path: Path) -> None:
    assert list(borrowed(name, path)) == []


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("from psci.model.power.domains import permitted", "p imports permitted of psci.model.power.domains"),
        ("from psci.model.power import domains", "p imports domains of psci.model.power"),
        ("import psci.model.power.domains", "p imports psci.model.power.domains"),
        ("here = m.is_powerdown(state)", "p uses .is_powerdown (line 1)"),
        ("here = CPU_ON.is_present(m)", "p uses .is_present (line 1)"),
        ("guard = CPU_ON.rules[0].guard", "p uses .rules (line 1)"),
    ],
)
def test_what_rules_are_made_of_is_recognised(line: str, found: str, tmp_path: Path) -> None:
    file = tmp_path / "p.py"
    file.write_text(line)
    assert list(borrowed("p", file)) == [found]


def test_only_claims_that_nobody_says_are_kept_are_not_listed() -> None:
    assert [name for name, path in PROPERTIES if "listed=False" in path.read_text()] == ["psci.properties.claims"]
