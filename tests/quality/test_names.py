"""One idea, one name: no two public classes of the house are called the same."""

from __future__ import annotations

import ast
from collections import defaultdict

from house import modules


def test_each_public_class_has_a_name_of_its_own() -> None:
    homes = defaultdict(list)
    for module, path in modules():
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes[node.name].append(module)
    assert {name: found for name, found in homes.items() if len(found) > 1} == {}
