"""What the accepted system calls that end this life of the machine have in common (DEN0022 4.4; facts, section 5)."""

from psci.model.language.effects import Effect, each
from psci.model.language.rules import CallTerms
from psci.model.language.terms import choose
from psci.model.symbols.machine import MachineTerms
from psci.model.symbols.state import StateTerms


def goes_down(m: MachineTerms, s: StateTerms, call: CallTerms, kind: str) -> Effect:
    """The system is on its way down; the caller has stopped, and the others stop by themselves or at once (SYS-4)."""
    return s.but(
        system="GOING",
        asked={call.caller: kind},
        activity=each(
            lambda core: choose((core == call.caller) | (m.system_stop == "AT_ONCE"), "STOPPED", s.activity[core])
        ),
    )
