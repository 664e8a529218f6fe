"""The page as one file: style, rules and program put into its frame."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from importlib import resources
from typing import Any

from psci.graphs.page.machines import SETUPS, machines
from psci.graphs.page.rules import document
from psci.graphs.page.scenes import as_json
from psci.model.events import Event, MachineEvent
from psci.model.specification import SPECIFICATION, Specification
from psci.oracle import profiles
from psci.oracle.profiles.declaration import machine_from
from psci.oracle.traces.file import as_line

MODULES = ("terms.js", "step.js", "words.js", "picture.js", "share.js", "session.js", "walk.js", "app.js")
"""The program, in an order in which each module stands after those that it imports."""
BEGIN = {"setup": "kvm-guest", "cores": 2}
EXAMPLE = """\
{"k":"machine","format":1,"psci":"1.3","cpus":["0x0","0x1"],"conduit":"hvc"}
{"k":"call","cpu":"0x0","fn":"0xc4000003","args":["0x1","0x40000000","0x2a"]}
{"k":"return","cpu":"0x0","x0":"0x0"}
{"k":"call","cpu":"0x0","fn":"0xc4000003","args":["0x1","0x50000000","0x0"]}
{"k":"return","cpu":"0x0","x0":"0x0"}
"""
"""What stands in the import dialog at first: both calls are accepted, and the second must not be."""

_IMPORT = re.compile(r'^import (?P<names>\{[^}]*\}) from "\./(?P<module>[a-z]+\.js)";$', re.MULTILINE)
_EXPORT = re.compile(r"^export (?:async function|function|class|const) (\w+)", re.MULTILINE)


def page(trace: Sequence[Event] | None = None, specification: Specification = SPECIFICATION) -> str:
    """The explorer page.

    Args:
        trace: events that the page opens with; its machine is one of the page's machines then.
        specification: the rules.

    Raises:
        ProfileError: the machine event of the trace contradicts itself.
    """
    return assembled(data(trace, specification))


def data(trace: Sequence[Event] | None = None, specification: Specification = SPECIFICATION) -> dict[str, Any]:
    """What the page knows: the rules, the machines and the scenes."""
    found = machines()
    more: dict[str, Any] = {}
    if trace:
        lines = [as_line(event) for event in trace]
        first = trace[0]
        assert isinstance(first, MachineEvent)
        found.add("trace", machine_from(first))
        more["trace"] = "\n".join(lines)
    return {
        **document(found, specification), "setups": {**SETUPS, **profiles.shipped()}, "scenes": as_json(),
        "begin": BEGIN, "example": EXAMPLE, **more,
    }  # fmt: skip


def assembled(known: Mapping[str, Any]) -> str:
    """The page that knows this."""
    # a script element ends at the first "</", wherever that stands
    spec = json.dumps(known, separators=(",", ":"), ensure_ascii=False).replace("<", "\\u003c")
    text = _text("page.html")
    for mark, part in (("/*STYLE*/", _text("style.css")), ("/*SCRIPT*/", "\n".join(_program())), ("/*SPEC*/", spec)):
        text = text.replace(mark, part)
    return text


def _program() -> Iterator[str]:
    """The modules in one script: each is a function that returns what it exports, so that names do not meet."""
    for name in MODULES:
        text = _text(name)
        exports = ", ".join(_EXPORT.findall(text))
        body = _IMPORT.sub(lambda found: f"const {found['names']} = {_scope(found['module'])};", text)
        yield f"const {_scope(name)} = (() => {{\n{_EXPORT.sub(lambda found: found[0].removeprefix('export '), body)}"
        yield f"return {{ {exports} }};\n}})();"


def _scope(module: str) -> str:
    return f"module_{module.removesuffix('.js')}"


def _text(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
