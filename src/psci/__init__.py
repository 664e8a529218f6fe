"""An executable formal specification of the Power State Coordination Interface (Arm DEN0022).

>>> import psci
>>> machine = psci.machine(cpus=2, version="1.3")
>>> answers = machine.call("CPU_ON", target_cpu=1, entry_point_address=0x4000_0000, context_id=42)
>>> answers
core 0: CPU_ON(target_cpu=0x1, entry_point_address=0x40000000, context_id=0x2a):
  SUCCESS (0) by CPU_ON.accepted
  DENIED (-3) by CPU_ON.denied_for_now (permitted)
  INTERNAL_FAILURE (-6) by CPU_ON.cannot_be_powered (permitted)
>>> started = machine.take(answers["CPU_ON.accepted"])
>>> started
PSCI 1.3, 2 cores: core 0 ON, core 1 ON_PENDING
>>> started.call("AFFINITY_INFO", target_affinity=1)[0].facts[:2]
('AFF-4 [DEN0022 5.7.1]', 'AFF-11 [DEN0022 5.19.1]')
>>> psci.check(started.events).verdict
<Verdict.CONFORMS: 'conforms'>

`psci.explore`, `psci.prove`, `psci.graph`, `psci.timeline`, `psci.rules`, `psci.properties` and `psci.readings` are the
rest. What is needed for one of them is imported when it is asked for.
"""

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from psci.front.exploring import explore as explore
    from psci.front.judging import check as check
    from psci.front.pictures import graph as graph
    from psci.front.pictures import timeline as timeline
    from psci.front.position import machine as machine
    from psci.front.proving import prove as prove
    from psci.front.specification import properties as properties
    from psci.front.specification import readings as readings
    from psci.front.specification import rules as rules

_HOMES = {
    "check": "judging",
    "explore": "exploring",
    "graph": "pictures",
    "machine": "position",
    "properties": "specification",
    "prove": "proving",
    "readings": "specification",
    "rules": "specification",
    "timeline": "pictures",
}

__all__ = ["check", "explore", "graph", "machine", "properties", "prove", "readings", "rules", "timeline"]


class _FrontDoor(ModuleType):
    """This module; `psci.properties` stays what a user looks at, also when the package of that name is imported."""

    @property
    def properties(self) -> Any:
        """Every property by its name."""
        return importlib.import_module("psci.front.specification").properties

    @properties.setter
    def properties(self, package: ModuleType) -> None:
        """Importing a package sets it as an attribute of the package around it."""


if not TYPE_CHECKING:
    sys.modules[__name__].__class__ = _FrontDoor


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'psci' has no attribute {name!r}")
    return getattr(importlib.import_module(f"psci.front.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
