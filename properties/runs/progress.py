"""What must happen in the end (DEN0022 6.6): starts and offs end, and so does a caller that repeats CPU_ON.

Fair hardware finishes a start; a fair implementation answers every call that was made; a caller that repeats a
call makes it again. Nothing else has to be fair: all other calls and moves may come in any order, or never.
"""

from __future__ import annotations

from typing import Any

from psci.model.calls.cpu_off import CPU_OFF
from psci.model.calls.cpu_on import CPU_ON
from psci.model.calls.migrate import MIGRATE
from psci.model.environment import ENTER, GO_DOWN, START, STOP, WAKEUP
from psci.model.language.effects import NOTHING, Effect
from psci.model.language.sorts import BOOL, CORE
from psci.model.language.terms import FALSE, TRUE, choose
from psci.model.symbols.machine import MachineTerms
from psci.model.tables.codes import ALREADY_ON, DENIED
from psci.properties.language import History, StateView, Step, invariant, remembered
from psci.properties.machine.cores import contexts_fit_their_calls
from psci.properties.machine.states import somebody_asked_for_the_way_down, states_fit_together
from psci.properties.runs.responses import Helpful, Stage, leads_to
from psci.properties.words import hosts, uniprocessor


def goes_down(s: Any) -> Any:
    """A system call was accepted, or power was lost."""
    return s.system.is_in("GOING", "DOWN")


def since_0_2(m: Any) -> Any:
    """Version 0.1 may refuse without saying when (REV-1)."""
    return m.psci_version != 0


def hosts_a_trusted_os(m: Any, s: Any, core: Any) -> Any:
    """A uniprocessor Trusted OS is resident on the core, so that its CPU_OFF is refused (CPU_OFF-3)."""
    return uniprocessor(m) & hosts(m, s, core)


# ---- starts

STARTING = remembered("PROP-15", "watched", of=CORE, doc="The core whose start is watched.")
START_WATCHED = History((STARTING,), lambda _h: NOTHING, lambda _m, _h, _step: NOTHING)


def _is_starting(m: Any, s: Any, h: Any) -> Any:
    return (s.power[h.watched] == "ON_PENDING") & (s.system == "RUNNING")


@leads_to(
    "PROP-15", "starts-end", cites=("PROP-15", "SM-6", "SM-8", "SM-14", "CPU_ON-11"),
    history=START_WATCHED, lemmas=(states_fit_together,),
    premise=_is_starting,
    stages=(Stage("starting", _is_starting, Helpful(START.name, by="watched")),),
)  # fmt: skip
def starts_end(m: Any, s: Any, h: Any) -> Any:
    """A core that is ON_PENDING becomes ON in the end, unless the system goes down first."""
    return (s.power[h.watched] == "ON") | goes_down(s)


# ---- entries

ENTERED = remembered("ENTERS-END", "watched", of=CORE, doc="The core that is about to be entered.")
ENTRY_WATCHED = History((ENTERED,), lambda _h: NOTHING, lambda _m, _h, _step: NOTHING)


def _is_entering(m: Any, s: Any, h: Any) -> Any:
    return (s.activity[h.watched] == "ENTERING") & (s.system == "RUNNING")


def _as_it_was_told(m: Any, s: Any, h: Any, step: Step) -> Any:
    """At the entry point, bit 0 of which means T32 to an AArch32 caller, and with exactly the context id (6.4)."""
    entry = s.entry[h.watched]
    thumb = (s.entry_isa[h.watched] == "AARCH32") & entry.bit(0)
    return (step.seen("pc") == choose(thumb, entry - 1, entry)) & (step.seen("x0") == s.context[h.watched])


@leads_to(
    "ENTERS-END", "entries-end", cites=("SM-8", "CPU_ON-12", "CPU_SUSPEND-5", "ENTRY-5", "ENTRY-11"),
    history=ENTRY_WATCHED, lemmas=(states_fit_together, contexts_fit_their_calls),
    premise=_is_entering,
    stages=(Stage("entering", _is_entering, Helpful(ENTER.name, by="watched", such_that=_as_it_was_told)),),
)  # fmt: skip
def enters_end(m: Any, s: Any, h: Any) -> Any:
    """A core that is about to be entered runs in the end, where and as it was told, unless the system goes down."""
    return (s.activity[h.watched] == "RUNNING") | goes_down(s)


# ---- low-power states

SLEEPER = remembered("SLEEPS-END", "watched", of=CORE, doc="The core that sleeps.")
SLEEP_WATCHED = History((SLEEPER,), lambda _h: NOTHING, lambda _m, _h, _step: NOTHING)


def _is_asleep(m: Any, s: Any, h: Any) -> Any:
    asleep = s.activity[h.watched].is_in("STANDBY", "RETENTION", "POWERDOWN")
    return asleep & s.system.is_in("RUNNING", "SUSPENDED")


@leads_to(
    "SLEEPS-END", "sleeps-end", cites=("SM-27", "CPU_SUSPEND-1", "CPU_SUSPEND-23", "SYSSUSP-7"),
    history=SLEEP_WATCHED, lemmas=(states_fit_together,),
    premise=_is_asleep,
    stages=(Stage("asleep", _is_asleep, Helpful(WAKEUP.name, by="watched")),),
)  # fmt: skip
def sleeps_end(m: Any, s: Any, h: Any) -> Any:
    """A suspended core that wakeup events reach runs again or is about to, unless the system goes down first."""
    return s.activity[h.watched].is_in("RUNNING", "ENTERING") | goes_down(s)


# ---- the way down

STOPPING = remembered("STOPS-END", "watched", of=CORE, doc="A core of a system that goes down.")
STOP_WATCHED = History((STOPPING,), lambda _h: NOTHING, lambda _m, _h, _step: NOTHING)


def _is_to_stop(m: Any, s: Any, h: Any) -> Any:
    return (s.activity[h.watched] != "STOPPED") & (s.system == "GOING")


@leads_to(
    "STOPS-END", "stops-end", cites=("SYS-4",), history=STOP_WATCHED,
    lemmas=(states_fit_together, somebody_asked_for_the_way_down),
    premise=_is_to_stop,
    stages=(Stage("on the way down", _is_to_stop, Helpful(STOP.name, by="watched")),),
)  # fmt: skip
def stops_end(m: Any, s: Any, h: Any) -> Any:
    """Every core of a system that goes down stops in the end."""
    return (s.activity[h.watched] == "STOPPED") | (s.system == "DOWN")


DOWNER = remembered("DOWN-ENDS", "watched", of=CORE, doc="A core whose system call was accepted.")
DOWN_WATCHED = History((DOWNER,), lambda _h: NOTHING, lambda _m, _h, _step: NOTHING)


def _is_going(m: Any, s: Any, h: Any) -> Any:
    return (s.system == "GOING") & (s.asked[h.watched] != "NONE")


def _what_was_asked(m: Any, s: Any, h: Any, step: Step) -> Any:
    return step.seen("kind_seen") == s.asked[h.watched]


@leads_to(
    "DOWN-ENDS", "systems-go-down", cites=("OFF-3", "OFF-4", "RESET-2", "OFF2-13", "SYS-4", "SYS-5"),
    history=DOWN_WATCHED, lemmas=(states_fit_together,),
    premise=_is_going,
    stages=(Stage("going", _is_going, Helpful(GO_DOWN.name, by=None, such_that=_what_was_asked)),),
)  # fmt: skip
def systems_go_down(m: Any, s: Any, h: Any) -> Any:
    """A system call that was accepted takes the system down in the end."""
    return s.system == "DOWN"


# ---- offs

OFFING = remembered("OFFS-END", "watched", of=CORE, doc="The core whose CPU_OFF is watched.")
OFF_LEAVING = remembered("OFFS-END", "leaving", of=BOOL, doc="Its CPU_OFF was made and is not processed yet.")
OFF_DENIED = remembered("OFFS-END", "denied", of=BOOL, doc="Its CPU_OFF was DENIED.")


def _off_is_processed(m: MachineTerms, h: StateView, step: Step) -> Effect:
    """Calls are fused: the step in which the watched core's CPU_OFF is decided is the end of that call."""
    if step.name != CPU_OFF.name:
        return NOTHING
    mine = (step.core == h.watched) & h.leaving
    denied = choose(mine, step.returns(DENIED.number), h.denied)
    return h.but(leaving=h.leaving & ~mine, denied=denied)


OFF_WATCHED = History((OFFING, OFF_LEAVING, OFF_DENIED), lambda h: h.but(leaving=True, denied=False), _off_is_processed)


@invariant
def a_core_inside_cpu_off_makes_no_other_call(m: Any, s: Any, h: Any, step: Step) -> Any:
    """The watched core makes no other call before its CPU_OFF is decided."""
    if not step.is_call or step.name == CPU_OFF.name:
        return TRUE
    return ~h.leaving | (step.core != h.watched)


def _makes_cpu_off(m: Any, s: Any, h: Any) -> Any:
    return since_0_2(m) & (s.activity[h.watched] == "RUNNING") & (s.system == "RUNNING")


def _is_leaving(m: Any, s: Any, h: Any) -> Any:
    return h.leaving & _makes_cpu_off(m, s, h)


@leads_to(
    "OFFS-END", "offs-end", cites=("PROP-15", "SM-11", "SM-13", "CPU_OFF-1", "CPU_OFF-3", "CPU_OFF-14"),
    history=OFF_WATCHED, lemmas=(states_fit_together,), given=(a_core_inside_cpu_off_makes_no_other_call,),
    premise=_makes_cpu_off,
    stages=(Stage("leaving", _is_leaving, Helpful(CPU_OFF.name, by="watched")),),
)  # fmt: skip
def offs_end(m: Any, s: Any, h: Any) -> Any:
    """Since 0.2 a core that calls CPU_OFF becomes OFF, or is DENIED with a Trusted OS, or the system goes down."""
    denied = h.denied & hosts_a_trusted_os(m, s, h.watched)
    return (s.power[h.watched] == "OFF") | denied | goes_down(s)


# ---- the retry loop of 6.6

TARGET = remembered("RETRY-ENDS", "watched", of=CORE, doc="The core that calls CPU_OFF.")
TARGET_LEAVING = remembered("RETRY-ENDS", "leaving", of=BOOL, doc="Its CPU_OFF was made and is not processed yet.")
RETRIER = remembered("RETRY-ENDS", "retrying", of=CORE, doc="The core that repeats CPU_ON for it.")
AGAIN = remembered("RETRY-ENDS", "again", of=BOOL, doc="Every CPU_ON of that core so far returned ALREADY_ON.")


def _retries(m: MachineTerms, h: StateView, step: Step) -> Effect:
    if step.name == CPU_OFF.name:
        return h.but(leaving=h.leaving & (step.core != h.watched))
    if step.name == CPU_ON.name:
        return h.but(again=h.again & ((step.core != h.retrying) | step.returns(ALREADY_ON.number)))
    return NOTHING


RETRIES = History((TARGET, TARGET_LEAVING, RETRIER, AGAIN), lambda h: h.but(leaving=True, again=True), _retries)


@invariant
def a_caller_that_retries_makes_no_other_call(m: Any, s: Any, h: Any, step: Step) -> Any:
    """The core that repeats CPU_ON for the watched core makes no other call while it gets ALREADY_ON."""
    if not step.is_call:
        return TRUE
    return ~h.again | (step.core != h.retrying) | _for_the_watched_core(m, s, h, step)


@invariant
def nobody_else_starts_the_core(m: Any, s: Any, h: Any, step: Step) -> Any:
    """No third core calls CPU_ON for the watched core."""
    if step.name != CPU_ON.name:
        return TRUE
    return (step.core == h.retrying) | (step.call.target_cpu != m.mpidr(h.watched))


@invariant
def no_trusted_os_is_migrated_to_the_core(m: Any, s: Any, h: Any, step: Step) -> Any:
    """Nobody migrates a Trusted OS to the watched core, so that its CPU_OFF does not come to be refused."""
    return step.call.target_cpu != m.mpidr(h.watched) if step.name == MIGRATE.name else TRUE


def _for_the_watched_core(m: Any, s: Any, h: Any, step: Step) -> Any:
    return step.call.target_cpu == m.mpidr(h.watched) if step.name == CPU_ON.name else FALSE


def _both_run(m: Any, s: Any, h: Any) -> Any:
    both = (s.activity[h.watched] == "RUNNING") & (s.activity[h.retrying] == "RUNNING") & (h.watched != h.retrying)
    return since_0_2(m) & both & (s.system == "RUNNING") & ~hosts_a_trusted_os(m, s, h.watched)


def _target_leaves(m: Any, s: Any, h: Any) -> Any:
    return h.leaving & h.again & _both_run(m, s, h)


def _target_is_off(m: Any, s: Any, h: Any) -> Any:
    waits = (s.power[h.watched] == "OFF") & (s.activity[h.retrying] == "RUNNING")
    return since_0_2(m) & h.again & waits & (s.system == "RUNNING")


@leads_to(
    "RETRY-ENDS", "retries-end", cites=("PROP-15", "PROP-16", "SM-7", "SM-11", "SM-13", "CPU_ON-6"),
    history=RETRIES, lemmas=(states_fit_together,),
    given=(
        a_core_inside_cpu_off_makes_no_other_call, a_caller_that_retries_makes_no_other_call,
        nobody_else_starts_the_core, no_trusted_os_is_migrated_to_the_core,
    ),
    premise=_both_run,
    stages=(
        Stage("leaving", _target_leaves, Helpful(CPU_OFF.name, by="watched")),
        Stage("off", _target_is_off, Helpful(CPU_ON.name, by="retrying", such_that=_for_the_watched_core)),
    ),
)  # fmt: skip
def retries_end(m: Any, s: Any, h: Any) -> Any:
    """Since 0.2 CPU_ON repeated for a core with an unrefused CPU_OFF gets past ALREADY_ON, or the system goes down."""
    return ~h.again | goes_down(s)
