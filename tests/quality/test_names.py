"""One idea, one name: no two public classes or types of the house are called the same."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator

from house import modules


def named_types(module: ast.Module) -> Iterator[str]:
    """The public classes of a module, and the names that it gives to types."""
    for node in module.body:
        match node:
            case ast.ClassDef(name=name):
                yield name
            case ast.AnnAssign(target=ast.Name(id=name), annotation=ast.Name(id="TypeAlias")):
                yield name
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Subscript() | ast.BinOp()) if not name.isupper():
                yield name


def test_each_public_type_has_a_name_of_its_own() -> None:
    homes = defaultdict(list)
    for module, path in modules():
        for name in named_types(ast.parse(path.read_text(encoding="utf-8"))):
            if name[0].isupper():
                homes[name].append(module)
    assert "Rule" in homes and "Action" in homes
    assert {name: found for name, found in homes.items() if len(found) > 1} == {}
