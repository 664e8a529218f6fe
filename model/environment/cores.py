"""What happens to cores without a call: they start, wake up, and begin to run (DEN0022 4.1, 6.4, 6.6)."""

from psci.model.declare import Move
from psci.model.language.effects import each
from psci.model.language.rules import when
from psci.model.language.sorts import BOOL, CORE, U64
from psci.model.language.terms import Const, Function, Var, choose, disjunction
from psci.model.power.domains import node_after_off, node_after_wakeup
from psci.model.tables.versions import V0_1, V0_2

CORE_AT_HAND = Var("core", CORE)
ALL_64 = Const(0xFFFF_FFFF_FFFF_FFFF, U64)
ALL_32 = Const(0xFFFF_FFFF, U64)

START = Move("START", "6.6", silent=True, core=CORE_AT_HAND)


@START.happens(cites=("CPU_ON-11", "SM-6", "SM-8", "SYS-4", "PC-6", "STAT-7", "STAT-9"))
def initialised(m, s, move):
    """An ON_PENDING core runs its PSCI initialisation and is ON before its first instruction of the caller."""
    # a core that made a system call does not run again in this life of the system
    made_a_system_call = s.asked[move.core] != "NONE"
    at_once = (s.system == "GOING") & (m.system_stop == "AT_ONCE")
    stopping = (s.system == "DOWN") | at_once | made_a_system_call
    return when((s.power[move.core] == "ON_PENDING") & ~stopping).then(
        s.but(
            power={move.core: "ON"},
            activity={move.core: "ENTERING"},
            slept={move.core: s.slept[move.core] | (m.stay_since_boot == "EITHER")},
        )
    )


@START.happens(cites=("SM-14", "SM-15"))
def gave_up(m, s, move):
    """Where a failure after the acceptance can still happen: the core cannot be powered up and is OFF again."""
    falls_back = m.power_on_failure == "FALLS_BACK"
    after = node_after_off(m, s, move.core)
    return when((s.power[move.core] == "ON_PENDING") & falls_back).then(
        s.but(power={move.core: "OFF"}, node=each(after))
    )


WAKEUP = Move("WAKEUP", "4.1", silent=True, core=CORE_AT_HAND)


@WAKEUP.happens(cites=("SM-27", "CPU_SUSPEND-4", "CPU_SUSPEND-23", "PC-10", "OSI-8"))
def standby_ends(m, s, move):
    """A wakeup event ends a standby or retention state; the call that began it returns SUCCESS."""
    return when(s.activity[move.core].is_in("STANDBY", "RETENTION")).then(
        s.but(
            activity={move.core: "RUNNING"},
            slept={move.core: True},
            wake={move.core: False},
            node=each(node_after_wakeup(m, s, move.core)),
        )
    )


@WAKEUP.happens(cites=("SM-27", "CPU_SUSPEND-5", "SYSSUSP-7", "SYSSUSP-12", "PC-10", "OSI-8"))
def powerdown_ends(m, s, move):
    """A wakeup event ends a powerdown state, of a core or of the system; the core will be entered."""
    return when(s.activity[move.core] == "POWERDOWN").then(
        s.but(
            activity={move.core: "ENTERING"},
            slept={move.core: True},
            wake={move.core: False},
            node=each(node_after_wakeup(m, s, move.core)),
            system=choose(s.system == "SUSPENDED", "RUNNING", s.system),
        )
    )


PC = Function("pc", (), U64, "call", "The address of the first instruction that ran.")
X0 = Function("x0", (), U64, "call", "x0 at the first instruction, all 64 bits.")
ENTER = Move("ENTER", "6.4", silent=False, core=CORE_AT_HAND, parameters=(PC, X0))


def enters(m, s, core, context_fits):
    """The core is about to be entered, at its entry point, with x0 as the condition says."""
    entry = s.entry[core]
    own_state = (m.mixed_entry == "CALLER") | (m.elns_isa == "AARCH32")
    t32 = (s.entry_isa[core] == "AARCH32") & entry.bit(0) & own_state
    at_entry = PC() == choose(t32, entry - 1, entry)
    return when((s.activity[core] == "ENTERING") & at_entry & context_fits).then(s.but(activity={core: "RUNNING"}))


@ENTER.happens(
    cites=(
        "SM-8",
        "CPU_ON-12",
        "CPU_ON-15",
        "CPU_ON-17",
        "CPU_ON-22",
        "CPU_SUSPEND-29",
        "ENTRY-5",
        "ENTRY-11",
        "ENTRY-13",
        "ENTRY-18",
        "SMC-17",
        "SYSSUSP-10",
    ),
    since=V0_2,
)
def entered(m, s, move):
    """The core begins to run caller code at its entry point, with its context id in x0 (w0 after an SMC32 call)."""
    core = move.core
    whole = s.entry_wide[core] | ((m.context_width == "CALLER") & (s.entry_isa[core] == "AARCH64"))
    return enters(m, s, core, (X0() & choose(whole, ALL_64, ALL_32)) == s.context[core])


@ENTER.happens(cites=("REV-1",), until=V0_1)
def entered_in_0_1(m, s, move):
    """The core begins to run caller code at its entry point; version 0.1 has no context id."""
    return enters(m, s, move.core, disjunction(True))


EVENT = Function("pending", (), BOOL, "call", "The tester made the wakeup pending, rather than withdrew it.")
SIGNAL = Move("SIGNAL", "4.1", silent=False, core=CORE_AT_HAND, parameters=(EVENT,))


@SIGNAL.happens(cites=("CPU_SUSPEND-18", "CPU_OFF-15"))
def wake_pending(m, s, move):
    """The tester makes a wakeup event pending for a core, or withdraws it."""
    return when(True).then(s.but(wake={move.core: EVENT()}))
