"""What PSCI_STAT_* and NODE_HW_STATE can say: bounds from the calls that a trace holds (DEN0022 5.19, 5.22).

A node uses a low-power state at most as often as calls asked for that state or a deeper one, of its own cores, and its
statistics never fall between boots. How often it really did is the implementation's choice. The bounds are kept beside
the explanations, since no rule depends on them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from psci.model.calls.cpu_default_suspend import CPU_DEFAULT_SUSPEND
from psci.model.calls.cpu_freeze import CPU_FREEZE
from psci.model.calls.cpu_off import CPU_OFF
from psci.model.calls.cpu_on import CPU_ON
from psci.model.calls.cpu_suspend import CPU_SUSPEND
from psci.model.calls.node_hw_state import HW_OFF, HW_STANDBY, NODE_HW_STATE
from psci.model.calls.psci_stat import PSCI_STAT_COUNT, PSCI_STAT_RESIDENCY
from psci.model.calls.system_reset2 import SYSTEM_RESET2
from psci.model.calls.system_suspend import SYSTEM_SUSPEND
from psci.model.language.rules import Rule
from psci.model.machine import Machine
from psci.model.power.states import levels_of
from psci.model.step import Invocation, Stepper
from psci.model.symbols.machine import LOCAL_STATE
from psci.oracle.checker.entry import RegisterFault
from psci.oracle.checker.worlds import STATISTICS

RUN, STANDBY, RETENTION, POWERDOWN = range(len(LOCAL_STATE.values))
"""The depth of each local state."""

DEEPEST = (CPU_OFF.name, CPU_FREEZE.name, CPU_DEFAULT_SUSPEND.name, SYSTEM_SUSPEND.name)
"""Calls after which a core is in a state that the implementation chooses, or in the deepest."""

STAYS = (*DEEPEST, CPU_SUSPEND.name)
CLOCKS_DIFFER = 2
"""How much faster than the trace's clock that of the implementation may be before its residency is blamed."""

_UNITS = {"ns": 1_000, "us": 1}
"""How many units of a clock are a microsecond."""


class _Stay(NamedTuple):
    """A call that takes a core into a low-power state, if it is accepted."""

    core: int
    power_state: int | None
    """What a CPU_SUSPEND asks for; None for a call that leaves the choice."""
    t: int | None = None
    """When it was made."""


class _Reading(NamedTuple):
    value: int
    t: int | None


class Statistics:
    """The bounds of one machine's statistics."""

    def __init__(self, stepper: Stepper, clock: str | None, known_from_boot: bool) -> None:
        """Begin a trace.

        Args:
            stepper: the rules and the machine.
            clock: the clock of the trace, if its unit is known.
            known_from_boot: the trace begins with a boot, so that nothing was counted before it.
        """
        self._stepper = stepper
        self._machine: Machine = stepper.machine
        self._unit = _UNITS.get(clock or "")
        self._bounded = known_from_boot
        self._stays: list[_Stay] = []
        self._begun: dict[int, _Stay] = {}
        self._reset_openly = False
        """A call asked for a reset after which statistics may go on: one that is warm, or the vendor's."""
        self._started: set[int] = set()
        """The cores for which there was a CPU_ON since the boot: the stay that began with the boot may have ended."""
        self._names: dict[int, str] = {}
        self._read: dict[tuple[str, int, int], _Reading] = {}

    def booted(self) -> None:
        """The machine starts again, and its statistics from zero, unless a reading lets them go on."""
        self._read.clear()
        self._begun.clear()
        self._started.clear()
        if self._reset_openly and self._machine.value("reset_statistics", ()) != "ZERO":
            self._bounded = False
        else:
            self._stays.clear()
        self._reset_openly = False

    def interfered(self) -> None:
        """The host did something after which nothing is known of the statistics."""
        self._read.clear()
        self._bounded = False

    def called(self, call: Invocation, t: int | None) -> None:
        """A core made a call, at this time of the trace's clock."""
        name = self._name(call)
        # a core that makes a call runs again, though no line may tell of it
        self._begun.pop(call.caller, None)
        if name == CPU_ON.name:
            wide = self._stepper.function(call.fn)[1]
            self._started.add(self._machine.core_of.get(call.x1 if wide else call.x1 & 0xFFFF_FFFF, -1))
        self._reset_openly |= name == SYSTEM_RESET2.name
        if name in STAYS:
            stay = _Stay(call.caller, call.x1 & 0xFFFF_FFFF if name == CPU_SUSPEND.name else None, t)
            self._begun[call.caller] = stay
            self._stays.append(stay)

    def returned(self, core: int, x0: int) -> None:
        """A call returned; one that was refused took its core nowhere."""
        stay = self._begun.pop(core, None)
        if stay is not None and x0 & 0xFFFF_FFFF:
            self._stays.remove(stay)

    def entered(self, core: int) -> None:
        """A core begins to run: its stay is over."""
        self._begun.pop(core, None)

    def faults(
        self, call: Invocation, wide: bool, x0: int, rules: Iterable[Rule], t: int | None
    ) -> list[RegisterFault]:
        """What is wrong with an answer of a statistics function that the rules leave open."""
        name = self._name(call)
        if name == NODE_HW_STATE.name:
            return self._too_deep(call, wide, x0)
        if name not in STATISTICS or any(rule.constraint is None for rule in rules):
            return []
        value = x0 if wide else x0 & 0xFFFF_FFFF
        target = self._machine.core_of.get(call.x1 if wide else call.x1 & 0xFFFF_FFFF)
        if target is None:
            return []
        power_state = call.x2 & 0xFFFF_FFFF
        fault = self._too_much(name, target, power_state, value, t) or self._fell(
            name, target, power_state, value, wide, t
        )
        if fault is not None:
            return [fault]
        self._read[name, target, power_state] = _Reading(value, t)
        return []

    def _too_deep(self, call: Invocation, wide: bool, x0: int) -> list[RegisterFault]:
        """NODE_HW_STATE shows no state that is deeper than every call since boot asked for.

        That is known of nodes with the core that booted; the others were down before their first CPU_ON.
        """
        target = self._machine.core_of.get(call.x1 if wide else call.x1 & 0xFFFF_FFFF)
        named = call.x2 & 0xFFFF_FFFF
        level = self._value("named_level", named) if named else 0
        seen = {HW_OFF: POWERDOWN, HW_STANDBY: STANDBY}.get(x0 if wide else x0 & 0xFFFF_FFFF)
        if not self._bounded or target is None or seen is None or (named and not level):
            return []
        scope = self._scope(target, level)
        deepest = max((self._asked(stay, level) for stay in self._stays if stay.core in scope), default=RUN)
        if self._machine.boot not in scope or deepest >= seen:
            return []
        where = f"core {self._machine.cores[target]:#x}" if not level else f"the level {level} node of that core"
        asked = LOCAL_STATE.values[deepest].lower()
        return [
            RegisterFault(
                "HW_OFF" if seen == POWERDOWN else "HW_STANDBY",
                f"HW_ON{' or HW_STANDBY' if deepest else ''}: since boot no call asked {where} for more than {asked}",
                ("HWSTATE-2", "HWSTATE-5", "PC-2"),
            )
        ]

    def _too_long(self, fitting: list[_Stay], most: int, value: int, t: int | None) -> RegisterFault | None:
        """A node is in a state no longer than since the first call that asked for it; twice that, as clocks differ."""
        begun = [stay.t for stay in fitting]
        known = [moment for moment in begun if moment is not None]
        if self._unit is None or t is None or len(known) < most:
            return None
        passed = (t - min(known)) // self._unit
        if value <= CLOCKS_DIFFER * (passed + 1):
            return None
        return RegisterFault(
            f"a residency of {value} microseconds",
            f"at most {passed} microseconds: so long ago a call first asked for this state or a deeper one",
            ("STAT-6", "STAT-7"),
        )

    def _too_much(self, name: str, target: int, power_state: int, value: int, t: int | None) -> RegisterFault | None:
        if not self._bounded:
            return None
        level = self._value("counted_level", power_state) if self._value("described", power_state) else None
        scope = self._scope(target, level)
        wanted = self._depth(power_state, level)
        fitting = [stay for stay in self._stays if stay.core in scope and self._asked(stay, level) >= wanted]
        if self._machine.value("stat_update", ()) == "AT_EXIT":
            lasting = [id(stay) for stay in self._begun.values()]
            fitting = [stay for stay in fitting if id(stay) not in lasting]
        most = len(fitting) + self._since_boot(scope)
        if name == PSCI_STAT_RESIDENCY.name and most:
            return self._too_long(fitting, most, value, t)
        if value <= most:
            return None
        others = [stay for stay in self._stays if stay.core in scope and stay not in fitting]
        what = f"a count of {value}" if name == PSCI_STAT_COUNT.name else f"a residency of {value} microseconds"
        if value in (0xFFFF_FFFF, 0xFFFF_FFFF_FFFF_FFFF):
            what += ", which is NOT_SUPPORTED (-1)"
        where = f"core {self._machine.cores[target]:#x}" if not level else f"the level {level} node of that core"
        asked = "no call" if not most else "one call" if most == 1 else f"{most} calls"
        allowed = f"{'at most ' if most else ''}{most}: since boot {asked} asked {where} for this state or a deeper one"
        cites: tuple[str, ...] = ("STAT-6", "STAT-7", "STAT-9")
        if others:
            cites = ("STAT-6", "STAT-8", "PC-2", "CPU_SUSPEND-4")
            allowed += f" ({len(others)} asked for a shallower one)"
        return RegisterFault(what, allowed, cites)

    def _since_boot(self, scope: frozenset[int]) -> int:
        """How many stays began with the boot and have ended: each core was powered down until its first CPU_ON.

        STAT-7 lets them count, and STAT-9 lets nothing count before that; a reading may exclude them.
        """
        if self._machine.value("stay_since_boot", ()) == "NOT_COUNTED":
            return 0
        return sum(core != self._machine.boot and core in self._started for core in scope)

    def _fell(
        self, name: str, target: int, power_state: int, value: int, wide: bool, t: int | None
    ) -> RegisterFault | None:
        last = self._read.get((name, target, power_state))
        if last is None or value >= last.value:
            return None
        if name == PSCI_STAT_RESIDENCY.name and not wide:
            # 32 bits of microseconds wrap after 71 minutes (STAT-11): a fall is wrong if less time went by.
            if self._unit is None or t is None or last.t is None:
                return None
            if (value - last.value) % (1 << 32) <= (t - last.t) // self._unit:
                return None
        return RegisterFault(f"{value} after {last.value}", "a value that does not fall", ("STAT-13", "STAT-11"))

    def _scope(self, target: int, level: int | None) -> frozenset[int]:
        """The cores whose stays count for the node that is meant; all of them where nothing tells the node."""
        tree = self._machine.tree
        if level == 0:
            return frozenset({target})
        if level is None or level not in levels_of(tree, target):
            return frozenset(range(len(self._machine.cores)))
        node = next(n for n in range(len(tree.names)) if tree.levels[n] == level and tree.below(target, n))
        return frozenset(core for core in range(len(self._machine.cores)) if tree.below(core, node))

    def _asked(self, stay: _Stay, level: int | None) -> int:
        """The deepest state that a stay can have taken the node to."""
        if stay.power_state is None or level is None:
            return POWERDOWN
        return self._depth(stay.power_state, level, unknown=POWERDOWN)

    def _depth(self, power_state: int, level: int | None, unknown: int = RUN) -> int:
        """The depth of the state that a power_state names at a level."""
        if level:
            state = self._value("requested", power_state, level)
            declared = state is not None and self._value("state_valid", power_state) is True
            return LOCAL_STATE.values.index(str(state)) if declared else unknown
        extended = self._value("extended_state_id")
        if level is None or extended is None:
            return unknown
        if power_state >> (30 if extended else 16) & 1:
            return POWERDOWN
        retention = self._value("retention", power_state)
        if retention is None:
            return RETENTION if unknown == POWERDOWN else STANDBY
        return RETENTION if retention else STANDBY

    def _value(self, name: str, *arguments: int) -> int | None:
        value = self._machine.value(name, arguments)
        return self._stepper.learned.get((name, *arguments)) if value is None else value  # type: ignore[return-value]  # of these symbols

    def _name(self, call: Invocation) -> str:
        name = self._names.get(call.fn)
        if name is None:
            function, _ = self._stepper.function(call.fn)
            name = self._names[call.fn] = function.name if function else ""
        return name


__all__ = ["Statistics"]
