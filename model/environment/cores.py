"""What happens to cores without a call: they start, wake up, and begin to run (DEN0022 4.1, 6.4, 6.6)."""

from psci.model.call import Move
from psci.model.language.rules import when
from psci.model.language.sorts import BOOL, CORE, U64
from psci.model.language.terms import Const, Function, Var, choose

CORE_AT_HAND = Var("core", CORE)
ALL_64 = Const(0xFFFF_FFFF_FFFF_FFFF, U64)
ALL_32 = Const(0xFFFF_FFFF, U64)

START = Move("START", "6.6", silent=True, core=CORE_AT_HAND)


@START.happens(cites=("CPU_ON-11", "SM-6", "SM-8", "SYS-4"))
def initialised(m, s, move):
    """An ON_PENDING core runs its PSCI initialisation and is ON before its first instruction of the caller."""
    stopping = (s.system == "DOWN") | ((s.system == "GOING") & (m.system_stop == "AT_ONCE"))
    return when((s.power[move.core] == "ON_PENDING") & ~stopping).then(
        s.but(power={move.core: "ON"}, activity={move.core: "ENTERING"})
    )


WAKEUP = Move("WAKEUP", "4.1", silent=True, core=CORE_AT_HAND)


@WAKEUP.happens(cites=("SM-27", "CPU_SUSPEND-4", "CPU_SUSPEND-23"))
def standby_ends(m, s, move):
    """A wakeup event ends a standby state; the call that began it returns SUCCESS."""
    return when(s.activity[move.core] == "STANDBY").then(
        s.but(activity={move.core: "RUNNING"}, wake={move.core: False})
    )


@WAKEUP.happens(cites=("SM-27", "CPU_SUSPEND-5", "SYSSUSP-7"))
def powerdown_ends(m, s, move):
    """A wakeup event ends a powerdown state, of a core or of the system; the core will be entered."""
    return when(s.activity[move.core] == "POWERDOWN").then(
        s.but(
            activity={move.core: "ENTERING"},
            wake={move.core: False},
            system=choose(s.system == "SUSPENDED", "RUNNING", s.system),
        )
    )


PC = Function("pc", (), U64, "call", "The address of the first instruction that ran.")
X0 = Function("x0", (), U64, "call", "x0 at the first instruction, all 64 bits.")
ENTER = Move("ENTER", "6.4", silent=False, core=CORE_AT_HAND, parameters=(PC, X0))


@ENTER.happens(cites=("SM-8", "CPU_ON-12", "CPU_ON-17", "CPU_ON-22", "CPU_SUSPEND-29", "ENTRY-11", "ENTRY-13"))
def entered(m, s, move):
    """The core begins to run caller code at its entry point, with its context id in x0 (w0 after an SMC32 call)."""
    core = move.core
    entry, context = s.entry[core], s.context[core]
    t32 = (s.entry_isa[core] == "AARCH32") & entry.bit(0)
    at_entry = PC() == choose(t32, entry - 1, entry)
    with_context = (X0() & choose(s.entry_wide[core], ALL_64, ALL_32)) == context
    return when((s.activity[core] == "ENTERING") & at_entry & with_context).then(s.but(activity={core: "RUNNING"}))


EVENT = Function("pending", (), BOOL, "call", "The tester made the wakeup pending, rather than withdrew it.")
SIGNAL = Move("SIGNAL", "4.1", silent=False, core=CORE_AT_HAND, parameters=(EVENT,))


@SIGNAL.happens(cites=("CPU_SUSPEND-18", "CPU_OFF-15"))
def wake_pending(m, s, move):
    """The tester makes a wakeup event pending for a core, or withdraws it."""
    return when(True).then(s.but(wake={move.core: EVENT()}))
