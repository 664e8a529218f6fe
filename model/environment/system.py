"""What happens to the system without a call: its cores stop, it goes down, it boots (DEN0022 4.4, 5.10 to 5.13)."""

from psci.model.call import Move
from psci.model.environment.cores import CORE_AT_HAND
from psci.model.language.effects import each
from psci.model.language.rules import when
from psci.model.language.sorts import CORE
from psci.model.language.terms import Function, choose, lift, some
from psci.model.state import ACTIVITY, KIND, POWER

ON, OFF = lift("ON", POWER), lift("OFF", POWER)
RUNNING, STOPPED = lift("RUNNING", ACTIVITY), lift("STOPPED", ACTIVITY)

STOP = Move("STOP", "4.4", silent=True, core=CORE_AT_HAND)


@STOP.happens(cites=("SYS-4",))
def stopped(m, s, move):
    """The system is on its way down, and one more core stops."""
    return when((s.system == "GOING") & (s.activity[move.core] != "STOPPED")).then(
        s.but(activity={move.core: "STOPPED"})
    )


KIND_SEEN = Function("kind_seen", (), KIND, "call", "The kind of system call that the outside saw take effect.")
GO_DOWN = Move("GO_DOWN", "4.4", silent=False, parameters=(KIND_SEEN,))


@GO_DOWN.happens(cites=("OFF-3", "RESET-2", "OFF2-13", "SYS-4", "SYS-5"))
def system_call_completes(m, s, move):
    """A system call that some core made takes effect: the system is down and every core has stopped."""
    made = some(CORE, lambda core: s.asked[core] == KIND_SEEN())
    return when((s.system == "GOING") & made).then(
        s.but(system="DOWN", kind=KIND_SEEN(), activity=each(lambda core: "STOPPED"))
    )


LOSE_POWER = Move("LOSE_POWER", "5.14", silent=False)


@LOSE_POWER.happens(cites=("MEMP-6", "SYS-2"))
def power_lost(m, s, move):
    """Power is lost, whatever the system was doing."""
    return when(True).then(s.but(system="DOWN", kind="POWER_LOSS", activity=each(lambda core: "STOPPED")))


BOOT = Move("BOOT", "6.6", silent=False, core=CORE_AT_HAND)


@BOOT.happens(cites=("SYS-3", "SM-5", "RESET-4"))
def booted(m, s, move):
    """The machine starts: the boot core is ON and runs, all others are OFF, and nothing of the last life is left."""
    return when(s.system == "DOWN").then(
        s.but(
            system="RUNNING",
            kind="NONE",
            power=each(lambda core: choose(core == move.core, ON, OFF)),
            activity=each(lambda core: choose(core == move.core, RUNNING, STOPPED)),
            entry=each(lambda core: 0),
            context=each(lambda core: 0),
            entry_wide=each(lambda core: False),
            entry_isa=each(lambda core: "AARCH64"),
            asked=each(lambda core: "NONE"),
            wake=each(lambda core: False),
            resident=m.boot_core,
        )
    )
