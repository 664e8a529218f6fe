"""What the calls that start a core, or put one to sleep, leave behind (DEN0022 5.4.3, 5.4.4, 5.4.6, 5.22.2)."""

from collections.abc import Callable

from psci.model.language.effects import Effect, each
from psci.model.language.rules import CallTerms
from psci.model.language.terms import Term, choose
from psci.model.symbols.machine import MachineTerms
from psci.model.symbols.state import StateTerms


def will_be_entered(s: StateTerms, core: Term, call: CallTerms) -> Effect:
    """The core is entered next at the call's entry point with its context id, both kept unread (CPU_ON-21)."""
    return s.but(
        entry={core: call.entry_point_address},
        context={core: call.context_id},
        entry_wide={core: call.wide},
        entry_isa={core: call.isa},
    )


def has_slept(m: MachineTerms, s: StateTerms, core: Term) -> Term:
    """Statistics may count a stay in a low-power state from its beginning, or only at its end (STAT-10)."""
    return s.slept[core] | (m.stat_update != "AT_EXIT")


def falls_asleep(
    m: MachineTerms,
    s: StateTerms,
    call: CallTerms,
    activity: Term | str,
    *,
    vote: Callable[[Term], Term],
    by_default: bool = False,
    undescribed: Term | bool = False,
) -> Effect:
    """The caller is in a low-power state; its vote for each node above it holds until it wakes up (CPU_SUSPEND-25)."""
    return s.but(
        activity={call.caller: activity},
        default_suspended={call.caller: by_default},
        undescribed={call.caller: undescribed},
        rested={call.caller: True},
        slept={call.caller: has_slept(m, s, call.caller)},
        vote=each(lambda core, node: choose(core == call.caller, vote(node), s.vote[core, node])),
    )
