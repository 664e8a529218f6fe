"""What happens to the system without a call: its cores stop, it goes down, it boots (DEN0022 4.4, 5.10 to 5.13)."""

from psci.model.declare import Move
from psci.model.environment.cores import CORE_AT_HAND
from psci.model.language.effects import each
from psci.model.language.rules import when
from psci.model.language.sorts import CORE
from psci.model.language.terms import Function, choose, lift, some
from psci.model.power.domains import POWERDOWN, RUN
from psci.model.symbols.state import KIND, MEMORY, PC, PLATFORM, POWER, RUNNING, STOPPED

ON, OFF = lift("ON", POWER), lift("OFF", POWER)
OVERWRITTEN, NOT_PROMISED = lift("OVERWRITTEN", MEMORY), lift("NOT_PROMISED", MEMORY)
KEPT, NOT_KEPT = lift("KEPT", PLATFORM), lift("NOT_PROMISED", PLATFORM)

STOP = Move("STOP", "4.4", silent=True, core=CORE_AT_HAND)


@STOP.happens(cites=("SYS-4",))
def stopped(m, s, move):
    """The system is on its way down, and one more core stops."""
    return when((s.system == "GOING") & (s.activity[move.core] != "STOPPED")).then(
        s.but(activity={move.core: "STOPPED"})
    )


KIND_SEEN = Function("kind_seen", (), KIND, "call", "The kind of system call that the outside saw take effect.")
GO_DOWN = Move("GO_DOWN", "4.4", silent=False, parameters=(KIND_SEEN,))


@GO_DOWN.happens(cites=("OFF-3", "OFF-4", "RESET-2", "OFF2-13", "SYS-4", "SYS-5"))
def system_call_completes(m, s, move):
    """A system call that some core made takes effect: the system is down and every core has stopped."""
    made = some(CORE, lambda core: s.asked[core] == KIND_SEEN())
    return when((s.system == "GOING") & (KIND_SEEN() != "NONE") & made).then(
        s.but(system="DOWN", kind=KIND_SEEN(), activity=each(lambda core: "STOPPED"))
    )


@GO_DOWN.happens(cites=("CPU_OFF-7",))
def reset_by_a_stray_wakeup(m, s, move):
    """A wakeup event arrived for an OFF core, and the implementation defines, or may, that this resets the system."""
    stray = some(CORE, lambda core: (s.power[core] == "OFF") & s.wake[core])
    resets = (m.stray_wakeup != "IGNORED") & (KIND_SEEN() == "RESET") & (s.system == "RUNNING")
    return when(resets & stray).then(s.but(system="DOWN", kind="RESET", activity=each(lambda core: "STOPPED")))


LOSE_POWER = Move("LOSE_POWER", "5.14", silent=False)


@LOSE_POWER.happens(cites=("MEMP-6", "OFF2-14", "SYS-2"))
def power_lost(m, s, move):
    """Power is lost, whatever the system was doing; one that is off already, or hibernates, loses nothing more."""
    off = (s.system == "DOWN") & s.kind.is_in("OFF", "HIBERNATE")
    return when(True).then(
        s.but(system="DOWN", kind=choose(off, s.kind, "POWER_LOSS"), activity=each(lambda core: "STOPPED"))
    )


BOOT = Move("BOOT", "6.6", silent=False, core=CORE_AT_HAND)


def starts(m, s, core, memory, platform, protection):
    """The boot core is ON and runs, all others are OFF, and of the last life only what is named here is left.

    DEN0022 does not say it of warm and of vendor-specific resets: there a reading may keep what they leave open.
    """
    open_reset = s.kind.is_in("WARM_RESET", "VENDOR_RESET")
    keeps_cores = open_reset & (m.reset_cores == "KEPT")
    keeps_mode = open_reset & (m.reset_mode == "KEPT")
    keeps_resident = open_reset & (m.reset_residency == "KEPT")
    keeps_statistics = open_reset & (m.reset_statistics == "KEPT")
    return s.but(
        system="RUNNING",
        kind="NONE",
        mode=choose(keeps_mode, s.mode, PC),
        suspend_used=keeps_mode & s.suspend_used,
        suspend_ever=False,
        migrated=keeps_resident & s.migrated,
        resident=choose(keeps_resident, s.resident, core),
        memory=memory,
        memory_protected=protection,
        platform=platform,
        power=each(lambda c: choose(c == core, ON, choose(keeps_cores, s.power[c], OFF))),
        activity=each(lambda c: choose(c == core, RUNNING, STOPPED)),
        default_suspended=each(lambda c: False),
        undescribed=each(lambda c: False),
        rested=each(lambda c: c != core),
        slept=each(lambda c: keeps_statistics & s.slept[c]),
        entry=each(lambda c: 0),
        context=each(lambda c: 0),
        entry_wide=each(lambda c: False),
        entry_isa=each(lambda c: "AARCH64"),
        asked=each(lambda c: "NONE"),
        wake=each(lambda c: False),
        vote=each(lambda c, node: "RUN"),
        node=each(lambda node: choose(m.below(core, node), RUN, POWERDOWN)),
        dozed=each(lambda node: keeps_statistics & s.dozed[node]),
    )


@BOOT.happens(
    cites=("OFF-4", "SYS-3", "SM-5", "RESET-4", "MODE-1", "STAT-9", "MEMP-3", "MEMP-4", "MEMP-5", "MEMP-6",
           "MEMP-13", "PC-1"),
)  # fmt: skip
def cold_boot(m, s, move):
    """A cold boot: memory that was protected has been overwritten, unless the system was turned off."""
    overwritten = s.memory_protected & s.kind.is_in("RESET", "VENDOR_RESET", "POWER_LOSS")
    fate = choose(overwritten, OVERWRITTEN, NOT_PROMISED)
    cold = (s.system == "DOWN") & s.kind.is_in("NONE", "OFF", "RESET", "VENDOR_RESET", "POWER_LOSS")
    return when(cold).then(starts(m, s, move.core, fate, "NOT_PROMISED", False))


@BOOT.happens(cites=("SYS-3", "OFF2-13", "OFF2-14", "OFF2-18", "OFF2-20"))
def boot_after_hibernation(m, s, move):
    """A cold boot that finds the memory map, the devices and the firmware interfaces of the life before."""
    hibernated = (s.system == "DOWN") & (s.kind == "HIBERNATE")
    overwrites = s.memory_protected & (m.hibernate_overwrite == "ALWAYS")
    return when(hibernated & ~overwrites).then(starts(m, s, move.core, "NOT_PROMISED", "KEPT", False))


@BOOT.happens(cites=("MEMP-7", "MEMP-12"))
def orderly_off_overwrites(m, s, move):
    """Protected memory may have been overwritten also after SYSTEM_OFF and SYSTEM_OFF2."""
    hibernated = (s.kind == "HIBERNATE") & (m.hibernate_overwrite != "NEVER")
    off = (s.system == "DOWN") & s.memory_protected & ((s.kind == "OFF") | hibernated)
    platform = choose(s.kind == "HIBERNATE", KEPT, NOT_KEPT)
    return when(off).then(starts(m, s, move.core, "OVERWRITTEN", platform, False))


@BOOT.happens(cites=("RESET2-7", "RESET2-8", "RESET2-9", "RESET2-16", "MEMP-8", "MEMP-3"))
def warm_boot(m, s, move):
    """After a warm reset the memory keeps its content, protected or not; all cores were reset."""
    warm = (s.system == "DOWN") & (s.kind == "WARM_RESET")
    protection = s.memory_protected & (m.warm_protection == "KEPT")
    return when(warm).then(starts(m, s, move.core, "PRESERVED", "NOT_PROMISED", protection))


@BOOT.happens(cites=("RESET2-10",))
def warm_reset_fell_back(m, s, move):
    """A warm reset that could not be made safe became a cold one."""
    warm = (s.system == "DOWN") & (s.kind == "WARM_RESET") & ~m.reset_keeps_warm
    as_cold = s.memory_protected & (m.fallback_memory == "OVERWRITTEN")
    fate = choose(as_cold, OVERWRITTEN, NOT_PROMISED)
    return when(warm).then(starts(m, s, move.core, fate, "NOT_PROMISED", False))
