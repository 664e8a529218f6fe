"""Who imports whom, read from the sources without running them."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from house import modules


class Import(NamedTuple):
    """One import: the module that has it, what it names, and whether reading the module runs it."""

    importer: str
    imported: str
    at_start: bool

    def __str__(self) -> str:
        return f"{self.importer} imports {self.imported}"


NAMES = {name for name, _ in modules()}


@cache
def all_imports() -> list[Import]:
    """Every import of every module of the house; the sources are read once."""
    return [found for name, path in modules() for found in imports_of(name, path)]


def imports_of(name: str, path: Path) -> Iterator[Import]:
    """The imports of one module, also those inside functions."""
    tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    late = set(_late(tree))
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(name, alias.name, node not in late)
        elif isinstance(node, ast.ImportFrom):
            parts = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*parts, *([node.module] if node.module else [])])
            for alias in node.names:
                whole = f"{base}.{alias.name}"
                yield Import(name, whole if whole in NAMES else base, node not in late)


def _late(tree: ast.Module) -> Iterator[ast.AST]:
    """What stands in a function, or is there for type checkers only."""
    for node in ast.walk(tree):
        typing_only = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        if typing_only or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from (inner for inner in ast.walk(node) if inner is not node)


def part(module: str) -> str:
    """The part of the house that a module belongs to: `model` for psci.model.step, `psci` for the front door."""
    names = module.split(".")
    return names[1] if len(names) > 1 else "psci"


def circles(found: list[Import], place: Callable[[str], str] = lambda module: module) -> list[list[str]]:
    """Places that need each other, also through imports inside functions: strongly connected components of the arrows.

    Args:
        found: the imports.
        place: where a module stands: itself, or a room.
    """
    needs: dict[str, set[str]] = {place(name): set() for name in NAMES}
    for item in found:
        if item.imported in NAMES and place(item.imported) != place(item.importer):
            needs[place(item.importer)].add(place(item.imported))
    reach = {name: _reachable(name, needs) for name in needs}
    together = {frozenset(b for b in reach[a] if a in reach[b]) for a in needs}
    return sorted(sorted(group) for group in together if group)


def room(module: str) -> str:
    """The inner room of a module: `psci.oracle.peers` for everything in it; a module beside the rooms is its own."""
    return ".".join(module.split(".")[:3])


def _reachable(start: str, needs: dict[str, set[str]]) -> set[str]:
    seen: set[str] = set()
    ahead = list(needs[start])
    while ahead:
        name = ahead.pop()
        if name not in seen:
            seen.add(name)
            ahead += needs[name]
    return seen
