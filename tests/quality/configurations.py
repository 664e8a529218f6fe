"""Machines, abstractions and cones on which the engines, and other tools, are compared with each other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from psci.explorer.abstraction.cone import ABOUT, cone
from psci.explorer.abstraction.machines import SHALLOW_STATES, SYSTEM_STATES, small
from psci.explorer.abstraction.registers import Abstraction
from psci.explorer.engines.question import ReachabilityQuestion
from psci.explorer.system import QUIET_MOVES, Product
from psci.model.power.topology import Topology
from psci.model.specification import SPECIFICATION
from psci.model.tables.versions import VERSIONS, version


@dataclass(frozen=True)
class Configuration:
    """One way to explore."""

    cpus: int = 1
    version: str = "1.3"
    about: str = "cores"
    clusters: tuple[int, ...] = ()
    declared: tuple[tuple[str, Any], ...] = ()
    wide_only: bool = False
    tokens: int = 1
    environment: bool = False
    overlapping: bool = False

    def __str__(self) -> str:
        words = [f"{sum(self.clusters) or self.cpus} cores", self.version, self.about]
        words += ["clusters " + "+".join(map(str, self.clusters))] * bool(self.clusters)
        words += [f"{name}={value}" for name, value in self.declared]
        words += ["SMC64"] * self.wide_only + [f"{self.tokens} tokens"] * (self.tokens > 1)
        words += ["environment"] * self.environment + ["overlap"] * self.overlapping
        return ", ".join(words)

    def question(self) -> ReachabilityQuestion:
        """All states of it."""
        shape = Topology.clusters(self.clusters) if self.clusters else None
        states = (*SHALLOW_STATES, *SYSTEM_STATES) if self.clusters else ()
        cpus = sum(self.clusters) or self.cpus
        machine = small(cpus, version(self.version), topology=shape, declared=dict(self.declared), states=states)
        without = frozenset() if self.environment else QUIET_MOVES
        rules = SPECIFICATION
        if self.about != "all":
            rules = cone(rules, machine, ABOUT[self.about], without).specification
        widths = (True,) if self.wide_only else (True, False)
        product = Product(machine, rules, Abstraction(self.tokens, self.tokens, widths=widths), without)
        return ReachabilityQuestion(product, overlapping=self.overlapping)


def _configurations() -> Iterator[Configuration]:
    for each in VERSIONS:
        yield Configuration(1, each.name, "all")
        yield Configuration(2, each.name, wide_only=True)
    for about in ("nodes", "memory"):
        yield Configuration(2, about=about, wide_only=True)
    yield Configuration(1, about="nodes", declared=(("osi_supported", True),))
    yield Configuration(clusters=(1,), about="nodes", declared=(("osi_supported", True),))
    yield Configuration(clusters=(2,), about="nodes", wide_only=True)
    yield Configuration(clusters=(1, 1), wide_only=True)
    yield Configuration(2, environment=True, wide_only=True)
    yield Configuration(1, about="all", environment=True, version="1.1", wide_only=True)
    yield Configuration(2, tokens=2, version="1.0", wide_only=True)
    yield Configuration(1, overlapping=True)
    yield Configuration(1, "1.0", overlapping=True)
    yield Configuration(2, "0.1", overlapping=True)
    yield Configuration(2, "0.2", overlapping=True, wide_only=True)
    yield Configuration(2, "1.1", overlapping=True, wide_only=True)
    yield Configuration(3, "0.2", wide_only=True)
    yield Configuration(3, "0.1")
    for declared in (
        {"trusted_os": "UP_MIGRATABLE"},
        {"trusted_os": "UP_FIXED", "trusted_os_home": 1},
        {"system_stop": "AT_ONCE"},
        {"reset_cores": "KEPT"},
        {"vote_counting": "LATER"},
        {"power_on_failure": "FALLS_BACK"},
        {"frozen_core": "ALREADY_ON"},
        {"failed_call": "MAY_TAKE_EFFECT"},
        {"denied_by_policy": True},
        {"disabled": True},
        {"stray_wakeup": "RESET"},
    ):
        yield Configuration(2, declared=tuple(declared.items()), wide_only=True)


CONFIGURATIONS = tuple(_configurations())
