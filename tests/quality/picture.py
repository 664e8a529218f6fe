"""The picture of docs/architecture.md, made from the imports: `python tests/quality/picture.py` writes it anew."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from house import MAPPED, ROOT, modules
from imports import all_imports, part

PAGE = ROOT / "docs" / "architecture.md"
BEGIN, END = "<!-- made from the imports by tests/quality/picture.py -->\n", "<!-- end of the picture -->"


def arrows() -> Mapping[str, set[str]]:
    """For each room the rooms that it imports, less those that it reaches through another one."""
    direct: dict[str, set[str]] = {place: set() for place in MAPPED}
    for item in all_imports():
        here, there = f"psci.{part(item.importer)}", f"psci.{part(item.imported)}"
        if item.imported.startswith("psci.") and here in direct and there in direct and here != there:
            direct[here].add(there)
    return {
        room: {near for near in found if not any(near in _reached(direct, other) for other in found - {near})}
        for room, found in direct.items()
    }


def _reached(direct: Mapping[str, set[str]], start: str) -> set[str]:
    found: set[str] = set()
    ahead = [start]
    while ahead:
        for room in direct[ahead.pop()] - found:
            found.add(room)
            ahead.append(room)
    return found


def inner_rooms(room: str) -> list[str]:
    """The rooms inside a room, in the order of the alphabet."""
    names = {name.split(".")[2] for name, path in modules() if name.startswith(f"{room}.") and path.stem == "__init__"}
    return sorted(names)


def picture() -> str:
    """The picture as Mermaid text: a box for each room, with the rooms inside it, and an arrow for what it imports."""
    lines = ["```mermaid", "flowchart TD"]
    for room in sorted(MAPPED):
        name = room.removeprefix("psci.")
        if room == "psci":
            continue
        inside = ", ".join(inner_rooms(room))
        lines.append(f'    {name}["<b>{name}</b>' + (f"<br>{inside}" if inside else "") + '"]')
    for room, found in sorted(arrows().items()):
        if room != "psci":
            lines += [f"    {room.removeprefix('psci.')} --> {there.removeprefix('psci.')}" for there in sorted(found)]
    return "\n".join([*lines, "```", ""])


def page(text: str) -> str:
    """The page with the picture of today."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + BEGIN + picture() + END + after


if __name__ == "__main__":
    Path(PAGE).write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
