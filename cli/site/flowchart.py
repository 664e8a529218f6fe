"""The flowcharts of a page as pictures: the theme would fetch Mermaid from the network to draw them."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from pathlib import Path

from psci.graphs.diagram import Diagram, DiagramEdge, DiagramNode, EdgeKind
from psci.graphs.render import render

_BLOCK = re.compile(r"```mermaid\n(flowchart TD\n.*?)```\n", re.DOTALL)
_BOX = re.compile(r'\s+(\w+)\["<b>(.*?)</b>(?:<br>(.*?))?"\]')
_ARROW = re.compile(r"\s+(\w+) --> (\w+)")
_ACROSS = 3
"""How many words of a box stand in one line."""


def drawn(folder: Path) -> None:
    """Put pictures in the place of the flowcharts of every page in a folder.

    Raises:
        InputError: there is no `dot`.
    """
    for page in sorted(folder.rglob("*.md")):
        text = page.read_text(encoding="utf-8")
        for number, block in enumerate(_BLOCK.findall(text)):
            name = f"{page.stem}-{number}.svg"
            (page.parent / name).write_bytes(render(_diagram(block), "svg"))
            text = text.replace(f"```mermaid\n{block}```\n", f"![what imports what]({name})\n", 1)
        page.write_text(text, encoding="utf-8")


def _diagram(block: str) -> Diagram:
    nodes = tuple(
        DiagramNode(name, "\n".join((html.unescape(title), *_lines(rest or ""))))
        for name, title, rest in _BOX.findall(block)
    )
    arrows = _ARROW.findall(block)
    # whoever imports stands above what it imports
    nodes = tuple(sorted(nodes, key=lambda node: _depth(node.name, arrows)))
    edges = tuple(DiagramEdge(source, target, EdgeKind.IMPORT, ()) for source, target in arrows)
    return Diagram("What imports what", "an arrow that follows from two others is left out", nodes, edges)


def _depth(name: str, arrows: list[tuple[str, str]]) -> int:
    return max((1 + _depth(source, arrows) for source, target in arrows if target == name), default=0)


def _lines(text: str) -> Iterator[str]:
    words = [word for word in text.split(", ") if word]
    for start in range(0, len(words), _ACROSS):
        yield ", ".join(words[start : start + _ACROSS])
