"""Known deviations of the PSCI that QEMU implements itself (`target/arm/psci.c`, `arm-powerctl.c`).

Each was seen on the running QEMU, shrunk, and kept as a file under tests/regression/qemu.
"""

from psci.model.calls.affinity_info import AFFINITY_INFO
from psci.model.calls.cpu_on import CPU_ON
from psci.model.language.rules import Completion, when
from psci.model.language.terms import U64, Const
from psci.model.tables.codes import INVALID_PARAMETERS, SUCCESS
from psci.oracle.peers.quirks import Quirks

QUIRKS = Quirks("qemu")

ON = Const(0, U64)
OFF = Const(1, U64)
SEEN = r"QEMU emulator version (7\.2|10\.0|11\.1)\."


@QUIRKS.amends(
    AFFINITY_INFO, Completion.RETURNS, breaks=("AFF-6", "AFF-15", "AFF-3", "SMC-19"), seen_in=SEEN,
    because="""QEMU answers ON for every lowest_affinity_level but 0, without a look at the instance, and reads all 64
    bits of the register, so that in an SMC64 call a level of 0 with bits in the upper half is not 0 either: these are
    neither ignored nor refused. In an SMC32 call from AArch64 the caller breaks a duty, and nothing is promised.""",
)  # fmt: skip
def everything_above_a_core_is_on(m, s, call):
    """Any affinity level other than 0 is answered with ON: one that does not exist, and one without any core."""
    level_as_read = (call.lowest_affinity_level != 0) | (call.upper_half(2) != 0)
    return when(level_as_read).returning(ON)


@QUIRKS.amends(
    AFFINITY_INFO, Completion.RETURNS, breaks=("AFF-4", "AFF-13", "SM-4"), seen_in=SEEN, always=False,
    because="""QEMU has the state ON_PENDING but never enters it: a core is OFF until its own thread has reset it.""",
)  # fmt: skip
def pending_core_is_off(m, s, call):
    """A core for which a CPU_ON was accepted still reads as OFF until it starts."""
    target = m.core_of(call.target_affinity)
    return when(
        (call.lowest_affinity_level == 0) & m.is_core(call.target_affinity) & (s.power[target] == "ON_PENDING")
    ).returning(OFF)


@QUIRKS.amends(
    CPU_ON, Completion.RETURNS, SUCCESS, breaks=("CPU_ON-7", "CPU_ON-16", "CPU_ON-17", "SM-7"), seen_in=SEEN,
    always=False,
    because="""QEMU never marks a core as ON_PENDING, so that until the core's own thread has reset it every further
    CPU_ON is accepted as well, and the last one decides where the core starts.""",
)  # fmt: skip
def second_start_accepted(m, s, call):
    """A CPU_ON for a core that is ON_PENDING succeeds too, and its entry point and context id replace the first."""
    target = m.core_of(call.target_cpu)
    return when(m.is_core(call.target_cpu) & (s.power[target] == "ON_PENDING")).then(
        s.but(
            entry={target: call.entry_point_address},
            context={target: call.context_id},
            entry_wide={target: call.wide},
            entry_isa={target: call.isa},
        )
    )


@QUIRKS.amends(
    CPU_ON, Completion.RETURNS, INVALID_PARAMETERS, breaks=("CPU_ON-5", "CPU_ON-6", "CPU_ON-7"), seen_in=SEEN,
    because="""QEMU checks the alignment of the entry point before anything else, and has one code for everything that
    is wrong with the arguments; since PSCI 1.0, which it claims, an unusable entry point is INVALID_ADDRESS.""",
)  # fmt: skip
def misaligned_entry(m, s, call):
    """An entry point that is not a multiple of 4 is refused with INVALID_PARAMETERS, whatever the target."""
    return (call.entry_point_address & 3) != 0


@QUIRKS.amends(
    CPU_ON, Completion.RETURNS, SUCCESS, breaks=("CPU_ON-6", "SM-6", "SYS-4"), seen_in=SEEN, always=False,
    because="""QEMU turns the caller of SYSTEM_OFF or SYSTEM_RESET off, as by CPU_OFF, until its main loop gets round to
    the request; another core can turn it on again in that time.""",
)  # fmt: skip
def caller_of_a_system_call_started(m, s, call):
    """While the system goes down, a CPU_ON for the core that asked for it succeeds and starts that core again."""
    target = m.core_of(call.target_cpu)
    stopped = (s.system == "GOING") & (s.power[target] == "ON") & (s.activity[target] == "STOPPED")
    return when(m.is_core(call.target_cpu) & stopped).then(
        s.but(
            power={target: "ON_PENDING"},
            entry={target: call.entry_point_address},
            context={target: call.context_id},
            entry_wide={target: call.wide},
            entry_isa={target: call.isa},
        )
    )
