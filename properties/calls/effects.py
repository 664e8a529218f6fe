"""What is done when a call is accepted or a core moves: a step does what it is for (5.4 to 5.20, 6.4, 6.6)."""

from __future__ import annotations

from typing import Any

from psci.model.language.rules import RESULT, Completion
from psci.model.language.sorts import CORE, NODE
from psci.model.language.terms import TRUE, Term, choose, every, implies, lift
from psci.model.symbols.machine import LOCAL_STATE
from psci.model.symbols.state import ACTIVITY
from psci.properties.language import Step, safety
from psci.properties.machine.states import states_fit_together
from psci.properties.words import powerdown, refused

ASLEEP = ("STANDBY", "RETENTION", "POWERDOWN")


def suspends(m: Any, t: Any, step: Step) -> Any:
    """After an accepted CPU_SUSPEND its caller is in the state that it asked for, or in standby, with its votes."""
    state, core = step.call.power_state, step.core
    standby = choose(m.retention(state), lift("RETENTION", ACTIVITY), "STANDBY")
    as_asked = t.activity[core] == choose(powerdown(m, state), lift("POWERDOWN", ACTIVITY), standby)

    def votes(node: Term) -> Any:
        return implies(m.below(core, node), t.vote[core, node] == m.requested(state, m.level(node)))

    def run(node: Term) -> Any:
        return implies(m.below(core, node), t.vote[core, node] == "RUN")

    downgraded = powerdown(m, state) & (t.activity[core] == "STANDBY") & every(NODE, run)
    return (as_asked & every(NODE, votes)) | downgraded


def after_a_call(m: Any, s: Any, t: Any, step: Step) -> Any:
    """What holds after an accepted call."""
    core, waits, never = step.core, step.ends(Completion.WAITS), step.ends(Completion.NEVER)
    match step.name:
        case "CPU_SUSPEND":
            return implies(waits, suspends(m, t, step))
        case "CPU_DEFAULT_SUSPEND":
            return implies(waits, t.activity[core].is_in("STANDBY", "POWERDOWN") & t.default_suspended[core])
        case "SYSTEM_SUSPEND":
            nodes = every(NODE, lambda node: t.node[node] == lift("POWERDOWN", LOCAL_STATE))
            return implies(waits, (t.system == "SUSPENDED") & (t.activity[core] == "POWERDOWN") & nodes)
        case "CPU_OFF":
            return implies(never, (t.power[core] == "OFF") & (t.activity[core] == "STOPPED"))
        case "CPU_FREEZE":
            return implies(never, (t.power[core] == "ON") & (t.activity[core] == "FROZEN"))
        case "MEM_PROTECT":
            switched = step.ends(Completion.RETURNS) & ~refused(RESULT)
            told = (RESULT == 1) == s.memory_protected
            return implies(switched, (t.memory_protected == (step.call.enable != 0)) & told)
        case "MIGRATE":

            def named(core: Term) -> Any:
                return m.mpidr(core) == step.call.target_cpu

            here = every(CORE, lambda core: implies(named(core), t.resident == core))
            return implies(step.returns(0), here & t.migrated)
    return TRUE


@safety(
    "DONE", "a-step-does-what-it-is-for", lemmas=(states_fit_together,),
    about=("CPU_SUSPEND", "CPU_DEFAULT_SUSPEND", "SYSTEM_SUSPEND", "CPU_OFF", "CPU_FREEZE", "MEM_PROTECT", "MIGRATE",
           "START", "WAKEUP", "ENTER", "SIGNAL"),
    cites=("CPU_SUSPEND-1", "CPU_SUSPEND-6", "CPU_SUSPEND-25", "DSUSP-1", "SYSSUSP-1", "CPU_OFF-1", "FREEZE-2",
           "MEMP-1", "MEMP-2", "MIGRATE-1", "SM-6", "SM-8", "SM-27", "CPU_SUSPEND-4", "CPU_SUSPEND-5"),
)  # fmt: skip
def a_step_does_what_it_is_for(m: Any, s: Any, t: Any, h: Any, g: Any, step: Step) -> Any:
    """An accepted call leaves its caller, the mode, the memory or the Trusted OS as it says; so does a core's move."""
    if step.is_call:
        return after_a_call(m, s, t, step)
    core = step.core
    match step.name:
        case "START":
            started = (t.power[core] == "ON") & (t.activity[core] == "ENTERING")
            gave_up = (t.power[core] == "OFF") & (m.power_on_failure == "FALLS_BACK")
            return (s.power[core] == "ON_PENDING") & (started | gave_up)
        case "WAKEUP":
            woken = choose(s.activity[core] == "POWERDOWN", lift("ENTERING", ACTIVITY), "RUNNING")
            above = every(NODE, lambda node: implies(m.below(core, node), t.node[node] == "RUN"))
            up = t.system == choose(s.system == "SUSPENDED", lift("RUNNING", s.system.sort), s.system)
            return s.activity[core].is_in(*ASLEEP) & (t.activity[core] == woken) & ~t.wake[core] & above & up
        case "ENTER":
            return (s.activity[core] == "ENTERING") & (t.activity[core] == "RUNNING")
    return t.wake[core] == step.seen("pending")
