"""A deviation that several implementations share: they look only at the affinity fields of a core's name.

DEN0022 wants the other bits to be zero; a name with one of them set names no core. These implementations
take such bits away before they look for the core.
"""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from psci.model.calls.affinity_info import AFFINITY_INFO, all_off, instance
from psci.model.calls.affinity_info import OFF as READS_OFF
from psci.model.calls.affinity_info import ON as READS_ON
from psci.model.calls.affinity_info import ON_PENDING as READS_PENDING
from psci.model.calls.cpu_on import CPU_ON
from psci.model.calls.sleeping import will_be_entered
from psci.model.language.rules import Completion, when
from psci.model.language.terms import CORE, every, implies, some
from psci.model.tables.codes import ALREADY_ON, ON_PENDING, SUCCESS
from psci.oracle.peers.quirks import Quirks

AFFINITY_FIELDS = 0xFF_00FF_FFFF
BROKEN_ON = ("CPU_ON-4", "CPU_ON-5", "CPU_ON-20")
BROKEN_INFO = ("AFF-6", "AFF-10")


def lists_stray_bits(
    quirks: Quirks, *, seen_in: str, because: str, starts: int = AFFINITY_FIELDS, reads: int = AFFINITY_FIELDS
) -> None:
    """List the deviation for one family of implementations.

    Args:
        quirks: where it is listed.
        seen_in: a regular expression for the versions of the implementation that do it.
        because: why it does it.
        starts: the bits of target_cpu that CPU_ON looks at.
        reads: the bits of target_affinity that AFFINITY_INFO looks at.
    """
    listed: dict[str, Any] = {"because": because, "seen_in": seen_in, "always": False}

    def named(m: Any, argument: Any) -> tuple[Any, Any]:
        """The core that is meant, and whether there is one only because bits were ignored."""
        kept = argument & starts
        return m.core_of(kept), (kept != argument) & m.is_core(kept)

    def instance_named(m: Any, call: Any) -> tuple[Callable[[Any], Any], Any]:
        """The cores of the instance that is meant, and whether there is one only because bits were ignored."""
        kept = SimpleNamespace(
            target_affinity=call.target_affinity & reads, lowest_affinity_level=call.lowest_affinity_level
        )
        strays = (kept.target_affinity != call.target_affinity) & (call.lowest_affinity_level <= 3)
        return instance(m, kept), strays

    @quirks.amends(CPU_ON, Completion.RETURNS, SUCCESS, breaks=BROKEN_ON, **listed)
    def stray_bits_start(m, s, call):
        """A target with bits set outside of the fields that are looked at starts the core that the fields name."""
        target, strays = named(m, call.target_cpu)
        return when(strays & (s.power[target] == "OFF")).then(
            s.but(power={target: "ON_PENDING"}).also(will_be_entered(s, target, call))
        )

    @quirks.amends(CPU_ON, Completion.RETURNS, ALREADY_ON, breaks=BROKEN_ON, **listed)
    def stray_bits_already_on(m, s, call):
        """Such a target is ALREADY_ON where the core that the fields name is."""
        target, strays = named(m, call.target_cpu)
        return strays & (s.power[target] == "ON")

    @quirks.amends(CPU_ON, Completion.RETURNS, ON_PENDING, breaks=BROKEN_ON, **listed)
    def stray_bits_on_pending(m, s, call):
        """Such a target is ON_PENDING where the core that the fields name is."""
        target, strays = named(m, call.target_cpu)
        return strays & (s.power[target] == "ON_PENDING")

    @quirks.amends(AFFINITY_INFO, Completion.RETURNS, breaks=BROKEN_INFO, **listed)
    def stray_bits_read_on(m, s, call):
        """An instance with such bits reads ON where one of the cores that the fields name is."""
        belongs, strays = instance_named(m, call)
        return when(strays & some(CORE, lambda core: belongs(core) & (s.power[core] == "ON"))).returning(READS_ON)

    @quirks.amends(AFFINITY_INFO, Completion.RETURNS, breaks=BROKEN_INFO, **listed)
    def stray_bits_read_on_pending(m, s, call):
        """It reads ON_PENDING where one of those cores is, and none is ON."""
        belongs, strays = instance_named(m, call)
        pending = some(CORE, lambda core: belongs(core) & (s.power[core] == "ON_PENDING"))
        none_on = every(CORE, lambda core: implies(belongs(core), s.power[core] != "ON"))
        return when(strays & pending & none_on).returning(READS_PENDING)

    @quirks.amends(AFFINITY_INFO, Completion.RETURNS, breaks=BROKEN_INFO, **listed)
    def stray_bits_read_off(m, s, call):
        """It reads OFF where all of those cores are."""
        belongs, strays = instance_named(m, call)
        return when(strays & all_off(s, belongs)).returning(READS_OFF)


__all__ = ["AFFINITY_FIELDS", "lists_stray_bits"]
