"""Where a uniprocessor Trusted OS may be (DEN0022 5.8, 5.9; facts, section 6)."""

from __future__ import annotations

from typing import Any

from psci.model.language.sorts import CORE
from psci.model.language.terms import TRUE, every, implies
from psci.properties.language import Step, always_true, invariant
from psci.properties.machine.states import somebody_asked_for_the_way_down, states_fit_together
from psci.properties.words import hosts, uniprocessor


@invariant
def targets_stay_up_while_it_migrates(m: Any, s: Any, h: Any, step: Step) -> Any:
    """From the invocation of MIGRATE to its decision its target is ON and not frozen (MIGRATE-8, MIGRATE-10)."""
    if step.name != "MIGRATE":
        return TRUE
    target = m.core_of(step.call.target_cpu)
    return implies(m.is_core(step.call.target_cpu), (s.power[target] == "ON") & (s.activity[target] != "FROZEN"))


@invariant
def the_trusted_os_starts_on_the_boot_core(m: Any, s: Any, h: Any, step: Step) -> Any:
    """A uniprocessor Trusted OS is resident on the cold-boot primary after a boot (MIG_CPU-6)."""
    return m.starts_trusted_os(m.boot_core)


@always_true(
    "PROP-9", "trusted-os-core-is-on", cites=("PROP-9", "TOS-1", "TOS-6", "CPU_OFF-3", "FREEZE-7", "MIGRATE-12"),
    lemmas=(states_fit_together, somebody_asked_for_the_way_down),
    given=(targets_stay_up_while_it_migrates, the_trusted_os_starts_on_the_boot_core),
)  # fmt: skip
def trusted_os_core_is_on(m: Any, s: Any, h: Any) -> Any:
    """Since 0.2 the core of a uniprocessor Trusted OS is ON and not frozen, until the system goes down."""
    since_0_2 = m.psci_version != 0

    def awake(core: Any) -> Any:
        return implies(hosts(m, s, core), (s.power[core] == "ON") & (s.activity[core] != "FROZEN"))

    return implies(since_0_2 & uniprocessor(m) & s.system.is_in("RUNNING", "SUSPENDED"), every(CORE, awake))
