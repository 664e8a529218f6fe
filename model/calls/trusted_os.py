"""Where a uniprocessor Trusted OS is (DEN0022 5.8, 5.9; facts, section 6)."""

from __future__ import annotations

from psci.model.language.terms import Term, choose
from psci.model.symbols.machine import MachineTerms
from psci.model.symbols.state import StateTerms


def resides_on(m: MachineTerms, s: StateTerms, core: Term) -> Term:
    """The core is the one that a uniprocessor Trusted OS starts on, or was migrated to (TOS-2)."""
    return choose(s.migrated, s.resident == core, m.starts_trusted_os(core))


def is_resident(m: MachineTerms, s: StateTerms, core: Term) -> Term:
    """There is a uniprocessor Trusted OS, and it is resident on the core."""
    return resides_on(m, s, core) & m.up_trusted_os()


__all__ = ["is_resident", "resides_on"]
