"""The recipes of CONTRIBUTING: a property is one file, an event is one class.

Those for a call and for a peer have tests beside what they are about: `test_new_call.py`, `test_registry.py`.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path

from house import ROOT

PROPERTY = '''"""The lamp of a machine: nobody has seen it."""

from typing import Any

from psci.properties.language import always_true


@always_true("LAMP", "off-is-not-suspended", cites=("SM-1",))
def off_is_not_suspended(m: Any, s: Any, h: Any) -> Any:
    """A system that is down is not suspended."""
    return (s.system != "DOWN") | (s.system != "SUSPENDED")
'''
PROVE = """
from psci.proofs.suite import ANY, property_named, translations
from psci.proofs.methods.induction import prove
print(prove(property_named("LAMP"), translations(ANY)).verdict.value)
"""
EVENT = '''

@dataclass(frozen=True, slots=True, kw_only=True)
class Lamp(Event):
    """The lamp of the machine changed its colour."""

    k: ClassVar[str] = "lamp"

    colour: str
'''
JUDGE = """
import sys
from pathlib import Path
from psci.oracle import check
from psci.oracle.traces.file import read_trace
print(check(read_trace(Path(sys.argv[1]))).verdict.value)
"""


def house(folder: Path, rooms: Collection[str]) -> Path:
    """A copy of some rooms, as the package that they are in."""
    package = folder / "psci"
    for room in rooms:
        shutil.copytree(ROOT / room, package / room, ignore=shutil.ignore_patterns("__pycache__"))
    (package / "__init__.py").write_text("", encoding="utf-8")
    return package


def run(folder: Path, program: str, *arguments: str) -> str:
    command = [sys.executable, "-c", program, *arguments]
    environment = {"PYTHONPATH": str(folder), "PATH": ""}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_one_file_makes_a_property_that_is_listed_and_proved(tmp_path: Path) -> None:
    package = house(tmp_path, ("model", "properties", "explorer", "proofs", "host"))
    (package / "properties" / "lamp.py").write_text(PROPERTY, encoding="utf-8")
    assert run(tmp_path, PROVE) == "proved"


def test_one_class_makes_an_event(tmp_path: Path) -> None:
    package = house(tmp_path, ("model", "explorer", "oracle", "host"))
    file = package / "model" / "events.py"
    before, mark, after = file.read_text(encoding="utf-8").partition("\n\nKINDS")
    file.write_text(before + EVENT + mark + after, encoding="utf-8")
    lines = [
        {"k": "machine", "format": 1, "psci": "1.3", "cpus": ["0x0"]},
        {"k": "lamp", "colour": "blue"},
        {"k": "end", "why": "done"},
    ]
    trace = tmp_path / "lamp.ndjson"
    trace.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    assert run(tmp_path, JUDGE, str(trace)) == "conforms"
