"""Where a uniprocessor Trusted OS may be (DEN0022 5.8, 5.9; facts, section 6)."""

from __future__ import annotations

from typing import Any

from psci.model.language.terms import TRUE, implies
from psci.properties.language import Step, always_true, invariant
from psci.properties.states import states_fit_together
from psci.properties.words import uniprocessor


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
    return m.trusted_os_home == m.boot_core


@always_true(
    "PROP-9", "trusted-os-core-is-on", cites=("PROP-9", "TOS-1", "TOS-6", "CPU_OFF-3", "FREEZE-7", "MIGRATE-12"),
    lemmas=(states_fit_together,),
    given=(targets_stay_up_while_it_migrates, the_trusted_os_starts_on_the_boot_core),
)  # fmt: skip
def trusted_os_core_is_on(m: Any, s: Any, h: Any) -> Any:
    """Since 0.2 the core of a uniprocessor Trusted OS is ON and not frozen, in every life of the system."""
    since_0_2 = m.psci_version != 0
    at_home = (s.power[s.resident] == "ON") & (s.activity[s.resident] != "FROZEN")
    return implies(since_0_2 & uniprocessor(m) & (s.system != "DOWN"), at_home)
