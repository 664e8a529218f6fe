"""The page that documents the trace format, made from what reads and writes it.

`python -m psci.oracle.traces.page` prints it; a test compares it with docs/trace-format.md.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from psci.model import events
from psci.model.events import KINDS
from psci.oracle.traces.file import MAX_EVENTS, MAX_LINE
from psci.oracle.traces.format import FORMAT, MAX_ARGUMENTS, fields_of
from psci.oracle.traces.order import LIMIT_OF_ORDERS

TEMPLATE = Path(__file__).with_suffix(".md")
"""The page without the tables and the limits, whose names stand for them."""


def page() -> str:
    """The page as Markdown."""
    meanings = _meanings()
    values = {
        "KINDS": "\n".join(_kind(kind, meanings) for kind in KINDS),
        "MAX_LINE": f"{MAX_LINE:,}",
        "MAX_EVENTS": f"{MAX_EVENTS:,}",
        "MAX_ARGUMENTS": str(MAX_ARGUMENTS),
        "LIMIT_OF_ORDERS": f"{LIMIT_OF_ORDERS:,}",
    }
    text = TEMPLATE.read_text(encoding="utf-8")
    return re.sub(r"\b(?:" + "|".join(values) + r")\b", lambda found: values[found[0]], text)


def _kind(kind: str, meanings: dict[tuple[str, str], str]) -> str:
    name = KINDS[kind].__name__
    rows = ["| field | form | |", "|---|---|---|"]
    if kind == "machine":
        rows.append(f"| `format` | {FORMAT} | The version of the format. |")
    for field in fields_of(kind).values():
        if field.name in ("t", "t0", "t1"):
            continue
        shown = f"`{field.name}`" if field.required else f"[`{field.name}`]"
        rows.append(f"| {shown} | {field.form.words} | {meanings.get((name, field.attribute), '')} |")
    return f"### `{kind}`\n\n{inspect.getdoc(KINDS[kind])}\n\n" + "\n".join(rows) + "\n"


def _meanings() -> dict[tuple[str, str], str]:
    """What is written below each field in `psci.model.events`, by class and field."""
    return {
        (node.name, name): text
        for node in ast.parse(inspect.getsource(events)).body
        if isinstance(node, ast.ClassDef)
        for name, text in _documented(node)
    }


def _documented(node: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for statement, after in zip(node.body, node.body[1:], strict=False):
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            match after:
                case ast.Expr(value=ast.Constant(value=str(text))):
                    yield statement.target.id, " ".join(text.split())


if __name__ == "__main__":
    sys.stdout.write(page())
