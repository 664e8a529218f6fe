"""What the facts claim of PSCI without obliging anybody: derived facts, explanations, and rules that meet others.

Each claim is a fact of DEN0022, or one derived from it, in the vocabulary of the properties. Nobody says here whether
the rules keep it; `psci check` looks, and reports a claim that some run refutes as a conflict of facts. What the rules
are proved to keep is a property, and stands in the other files.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from psci.model.language.effects import NOTHING, Effect, each
from psci.model.language.rules import Completion
from psci.model.language.sorts import BOOL, CORE, NODE, U32
from psci.model.language.terms import TRUE, Const, choose, conjunction, every, implies, lift, some
from psci.model.symbols.machine import LOCAL_STATE, MachineTerms
from psci.model.tables.codes import (
    ALREADY_ON,
    DENIED,
    DISABLED,
    INVALID_PARAMETERS,
    NOT_SUPPORTED,
)
from psci.properties.language import NO_HISTORY, History, Property, StateView, Step, always_true, remembered, safety
from psci.properties.machine.domains import awake, depth
from psci.properties.words import V1_3, in_instance, powerdown, reserved_bits_are_zero, uniprocessor

RUN, STANDBY, RETENTION, POWERDOWN = (lift(name, LOCAL_STATE) for name in LOCAL_STATE.values)
INFO_TYPE, RESET2 = 0x8400_0006, 0x8400_0012
"""The functions MIGRATE_INFO_TYPE and SYSTEM_RESET2, by their SMC32 ids."""
CPU_SUSPEND_IDS, CPU_ON_IDS, SYSTEM_OFF2_IDS = (
    (0x8400_0000 + number, 0xC400_0000 + number) for number in (0x1, 0x3, 0x15)
)
"""Both ids of CPU_SUSPEND, CPU_ON and SYSTEM_OFF2."""
ON_NOW, OFF_NOW, PENDING_NOW = 0, 1, 2
"""What AFFINITY_INFO answers."""


VARIES: dict[str, tuple[str, ...]] = {}
"""For each claim the symbols of the machine that it is looked at with other values of."""


def claim(
    fact: str, title: str, *, about: tuple[str, ...], with_facts: tuple[str, ...] = (),
    history: History = NO_HISTORY, varies: tuple[str, ...] = (),
) -> Callable[[Callable[..., Any]], Property]:  # fmt: skip
    """What a fact says of every step of some calls; the function's docstring is its sentence.

    Args:
        fact: the fact.
        title: a name for it.
        about: the calls and moves that it speaks about.
        with_facts: other facts that it meets.
        history: what it has to remember.
        varies: what machines declare in different ways that matters to it.
    """
    VARIES[f"CLAIM-{fact}"] = varies
    return safety(f"CLAIM-{fact}", title, cites=(fact, *with_facts), about=about, history=history, listed=False)


# ---- what was asked and answered so far

OFF_SEEN = remembered("SEEN", "off", CORE, of=BOOL, doc="AFFINITY_INFO said OFF, and no CPU_ON was accepted since.")
DISABLED_SEEN = remembered("SEEN", "disabled", CORE, of=BOOL, doc="AFFINITY_INFO said DISABLED.")
CALLED_OFF = remembered("SEEN", "called_off", CORE, of=BOOL, doc="The core called CPU_OFF since it was last on.")
STARTED = remembered("SEEN", "started", CORE, of=BOOL, doc="A CPU_ON for the core was accepted since boot.")
MAY_MIGRATE = remembered("SEEN", "may_migrate", of=BOOL, doc="MIGRATE_INFO_TYPE said that MIGRATE can be used.")
THERE = remembered("SEEN", "there", of=U32, doc="The id of which PSCI_FEATURES last said that it is implemented.")


def _nothing_seen(h: StateView) -> Effect:
    no = each(lambda core: False)
    return h.but(off=no, disabled=no, called_off=no, started=no, may_migrate=False, there=0)


def _seen(m: MachineTerms, h: StateView, step: Step) -> Effect:
    if step.name == "BOOT":
        return _nothing_seen(h)
    if step.name == "AFFINITY_INFO" and step.completion is Completion.RETURNS:
        one = step.call.lowest_affinity_level == 0

        def named(core: Any) -> Any:
            return one & (m.mpidr(core) == step.call.target_affinity)

        return h.but(
            off=each(lambda core: choose(named(core), step.result == OFF_NOW, h.off[core])),
            disabled=each(lambda core: h.disabled[core] | (named(core) & step.returns(DISABLED.number))),
        )
    if step.name == "CPU_ON" and step.completion is Completion.RETURNS:

        def accepted(core: Any) -> Any:
            return step.returns(0) & (m.mpidr(core) == step.call.target_cpu)

        return h.but(
            off=each(lambda core: h.off[core] & ~accepted(core)),
            started=each(lambda core: h.started[core] | accepted(core)),
            called_off=each(lambda core: h.called_off[core] & ~accepted(core)),
        )
    if step.name == "CPU_OFF" and step.completion is Completion.NEVER:
        return h.but(called_off={step.core: True})
    if step.name == "MIGRATE_INFO_TYPE" and step.completion is Completion.RETURNS:
        return h.but(may_migrate=step.result == 0)
    if step.name == "PSCI_FEATURES" and step.completion is Completion.RETURNS:
        return h.but(there=choose(step.result.bit(31), Const(0, U32), step.call.psci_func_id))
    return NOTHING


SEEN = History((OFF_SEEN, DISABLED_SEEN, CALLED_OFF, STARTED, MAY_MIGRATE, THERE), _nothing_seen, _seen)


def _target(m: Any, step: Step, remembered_of: Any) -> Any:
    """What is remembered of the core that target_cpu names."""
    return some(CORE, lambda core: (m.mpidr(core) == step.call.target_cpu) & remembered_of[core])


@claim("AFF-13", "one-state-for-both", about=("CPU_ON",), with_facts=("CPU_ON-6", "AFF-3"), history=SEEN)
def one_state_for_both(m: Any, s: Any, t: Any, h: Any, g: Any, step: Step) -> Any:
    """After AFFINITY_INFO said OFF, CPU_ON does not answer ALREADY_ON unless another CPU_ON came first."""
    return implies(step.returns(ALREADY_ON.number), ~_target(m, step, h.off))


@claim("AFF-12", "off-stays-off", about=("AFFINITY_INFO",), with_facts=("AFF-3", "SM-6"), history=SEEN)
def off_stays_off(m: Any, s: Any, t: Any, h: Any, g: Any, step: Step) -> Any:
    """After AFFINITY_INFO said OFF of a core, and with no CPU_ON since, it does not say ON or ON_PENDING of it."""
    one = step.call.lowest_affinity_level == 0
    was_off = some(CORE, lambda core: one & (m.mpidr(core) == step.call.target_affinity) & h.off[core])
    return implies(was_off, (step.result != ON_NOW) & (step.result != PENDING_NOW))


@claim("AFF-3", "off-is-who-called-cpu-off", about=("AFFINITY_INFO",), with_facts=("SM-3", "AFF-2"), history=SEEN)
def off_is_who_called_cpu_off(m: Any, s: Any, t: Any, h: Any, g: Any, step: Step) -> Any:
    """AFFINITY_INFO says OFF of a core only after the core called CPU_OFF (5.7.1)."""
    one = step.call.lowest_affinity_level == 0
    never_called = some(CORE, lambda core: one & (m.mpidr(core) == step.call.target_affinity) & ~h.called_off[core])
    return implies(never_called, step.result != OFF_NOW)


@claim("AFF-6", "invalid-is-absent", about=("AFFINITY_INFO",), with_facts=("AFF-7", "REV-5"),
       varies=("affinity_level_supported",))  # fmt: skip
def invalid_is_absent(m: Any, s: Any, t: Any, h: Any, g: Any, step: Step) -> Any:
    """AFFINITY_INFO is INVALID_PARAMETERS only where no core belongs to the instance that its arguments name."""
    known = step.call.lowest_affinity_level <= 3
    present = some(CORE, in_instance(m, step.call))
    return implies(known & step.returns(INVALID_PARAMETERS.number), ~present)


@claim("AFF-15", "higher-levels-ignore-more", about=("AFFINITY_INFO",), with_facts=("AFF-6",))
def higher_levels_ignore_more(m: Any, s: Any, t: Any, h: Any, g: Any, step: Step) -> Any:
    """AFFINITY_INFO ignores fields below lowest_affinity_level: of a level above 3 no argument can be invalid."""
    return implies(step.call.lowest_affinity_level > 3, ~step.returns(INVALID_PARAMETERS.number))


@claim("CPU_OFF-14", "a-core-that-called-is-off", about=("AFFINITY_INFO",), with_facts=("AFF-3", "SM-3"), history=SEEN)
def a_core_that_called_is_off(m: Any, s: Any, t: Any, h: Any, g: Any, step: Step) -> Any:
    """After its CPU_OFF, and with no CPU_ON since, AFFINITY_INFO does not say ON of a core."""
    one = step.call.lowest_affinity_level == 0
    called = some(CORE, lambda core: one & (m.mpidr(core) == step.call.target_affinity) & h.called_off[core])
    return implies(called, step.result != ON_NOW)


@claim(
    "CPU_ON-1", "powers-up-what-is-off", about=("CPU_ON",), with_facts=("AFF-8",), history=SEEN, varies=("disabled",)
)
def a_disabled_core_is_not_started(m: Any, s: Any, t: Any, h: Any, g: Any, step: Step) -> Any:
    """Of a core that AFFINITY_INFO called physically disabled CPU_ON does not say that it will start."""
    return implies(step.returns(0), ~_target(m, step, h.disabled))


@claim("CPU_ON-19", "cpu-on-is-supported", about=("CPU_ON",), with_facts=("RET-3", "RET-14"))
def cpu_on_is_supported(m: Any, s: Any, t: Any, h: Any, g: Any, step: Step) -> Any:
    """CPU_ON does not answer NOT_SUPPORTED: the function is mandatory, and the code is not listed."""
    return ~step.returns(NOT_SUPPORTED.number)


@claim("CPU_ON-6", "a-core-that-is-on-is-not-started", about=("CPU_ON",), with_facts=("CPU_ON-18", "FREEZE-4", "SM-2"))
def a_core_that_is_on_is_not_started(m: Any, s: Any, t: Any, h: Any, g: Any, step: Step) -> Any:
    """CPU_ON for a core that is ON, whatever the core does, is answered with ALREADY_ON or another refusal."""
    on = some(CORE, lambda core: (m.mpidr(core) == step.call.target_cpu) & (s.power[core] == "ON"))
    return implies(on, ~step.returns(0))


@claim("CPU_ON-18", "cpu-on-resumes-a-frozen-core", about=("CPU_ON",), with_facts=("FREEZE-4", "CPU_ON-6"))
def cpu_on_resumes_a_frozen_core(m: Any, s: Any, t: Any, h: Any, g: Any, step: Step) -> Any:
    """CPU_ON for a frozen core, the only way to resume it, is not refused with ALREADY_ON."""
    frozen = some(CORE, lambda core: (m.mpidr(core) == step.call.target_cpu) & (s.activity[core] == "FROZEN"))
    return implies(frozen, ~step.returns(ALREADY_ON.number))


@claim(
    "SM-6",
    "three-transitions",
    about=("START", "CPU_ON", "CPU_OFF", "CPU_FREEZE"),
    with_facts=("SM-5", "FREEZE-4", "SM-15"),
)
def three_transitions(m: Any, s: Any, t: Any, h: Any, g: Any, step: Step) -> Any:
    """But for a boot, no core leaves ON_PENDING other than for ON, and none leaves ON other than by its CPU_OFF."""
    if step.name == "BOOT":
        return TRUE

    def edge(core: Any) -> Any:
        pending = implies(s.power[core] == "ON_PENDING", t.power[core].is_in("ON_PENDING", "ON"))
        off = (core == step.core) if step.name == "CPU_OFF" else lift(False, BOOL)
        return pending & implies(s.power[core] == "ON", (t.power[core] == "ON") | off)

    return every(CORE, edge)


@claim(
    "MIGRATE-10",
    "type-0-can-be-migrated",
    about=("MIGRATE",),
    with_facts=("MIG_TYPE-1", "RET-10"),
    history=SEEN,
    varies=("trusted_os", "has"),
)
def type_0_can_be_migrated(m: Any, s: Any, t: Any, h: Any, g: Any, step: Step) -> Any:
    """After MIGRATE_INFO_TYPE said 0, MIGRATE is not answered with NOT_SUPPORTED."""
    suits = ~step.call.wide | (step.call.isa == "AARCH64")
    return implies(h.may_migrate & suits, ~step.returns(NOT_SUPPORTED.number))


@claim("MIGRATE-7", "a-valid-migration-succeeds", about=("MIGRATE",), with_facts=("MIGRATE-6", "TOS-1"),
       varies=("trusted_os",))  # fmt: skip
def a_valid_migration_succeeds(m: Any, s: Any, t: Any, h: Any, g: Any, step: Step) -> Any:
    """MIGRATE of a type 0 Trusted OS, on its core and to another core that runs, returns SUCCESS (Table 9)."""

    def other(core: Any) -> Any:
        return (m.mpidr(core) == step.call.target_cpu) & (core != step.core) & (s.activity[core] == "RUNNING")

    meant = (m.trusted_os == "UP_MIGRATABLE") & (s.resident == step.core) & some(CORE, other)
    return implies(meant, step.returns(0))


@claim(
    "MIGRATE-8",
    "never-to-a-core-that-is-off",
    about=("MIGRATE",),
    with_facts=("MIGRATE-10", "TOS-6"),
    varies=("trusted_os",),
)
def never_to_a_core_that_is_off(m: Any, s: Any, t: Any, h: Any, g: Any, step: Step) -> Any:
    """A MIGRATE that succeeds leaves the Trusted OS on a core that is powered up."""
    return implies(step.returns(0), t.power[t.resident] == "ON")


@claim(
    "MIGRATE-12",
    "residency-moves-the-refusal",
    about=("CPU_OFF",),
    with_facts=("CPU_OFF-3", "TOS-1"),
    varies=("trusted_os",),
)
def residency_moves_the_refusal(m: Any, s: Any, t: Any, h: Any, g: Any, step: Step) -> Any:
    """CPU_OFF is denied on the core where a uniprocessor Trusted OS is resident, and nowhere else."""
    here = uniprocessor(m) & (s.resident == step.core)
    return implies(step.returns(DENIED.number), here) & implies(step.ends(Completion.NEVER), ~here)


MOVED = remembered("TOS", "moved", of=BOOL, doc="A MIGRATE succeeded since boot.")
PLACE = remembered("TOS", "place", of=CORE, doc="The core that the last MIGRATE that succeeded named.")


def _not_moved(h: StateView) -> Effect:
    return h.but(moved=False)


def _moves(m: MachineTerms, h: StateView, step: Step) -> Effect:
    if step.name == "BOOT":
        return _not_moved(h)
    if step.name == "MIGRATE" and step.completion is Completion.RETURNS:
        done = step.returns(0)
        place = choose(done, m.core_of(step.call.target_cpu), h.place)
        return h.but(moved=h.moved | done, place=place)
    return NOTHING


TRUSTED_OS = History((MOVED, PLACE), _not_moved, _moves)


@claim("MIGRATE-12", "denied-where-it-moved-to", about=("CPU_OFF",), with_facts=("MIGRATE-7", "TOS-2"),
       history=TRUSTED_OS, varies=("trusted_os",))  # fmt: skip
def denied_where_it_moved_to(m: Any, s: Any, t: Any, h: Any, g: Any, step: Step) -> Any:
    """After a MIGRATE that succeeded, CPU_OFF is denied on the target, and on no other core."""
    here = h.place == step.core
    return implies(h.moved, (here | ~step.returns(DENIED.number)) & implies(here, ~step.ends(Completion.NEVER)))


@claim(
    "RET-10",
    "migrate-needs-its-type",
    about=("MIGRATE", "MIGRATE_INFO_TYPE"),
    with_facts=("MIG_TYPE-5", "RET-9"),
    varies=("trusted_os", "has"),
)
def migrate_needs_its_type(m: Any, s: Any, t: Any, h: Any, g: Any, step: Step) -> Any:
    """Where MIGRATE can succeed, MIGRATE_INFO_TYPE is there to tell so."""
    return implies(lift(step.name == "MIGRATE", BOOL) & step.returns(0), m.has(INFO_TYPE))


@claim("FEAT-10", "what-is-supported", about=("PSCI_SET_SUSPEND_MODE", "SYSTEM_RESET2", "MIGRATE", "CPU_FREEZE"),
       with_facts=("FEAT-2", "FEAT-11", "MIGRATE-3"), history=SEEN, varies=())  # fmt: skip
def what_is_there_is_supported(m: Any, s: Any, t: Any, h: Any, g: Any, step: Step) -> Any:
    """After PSCI_FEATURES said that a function is there, a call that its caller may make is not NOT_SUPPORTED."""
    call = step.owner
    suits = ~step.call.wide | (step.call.isa == "AARCH64")
    said = h.there.is_in(*call.ids())  # type: ignore[union-attr]  # the claim is about calls
    return implies(said & suits, ~step.returns(NOT_SUPPORTED.number))


@claim("FEAT-2", "what-is-reported-can-be-called", about=("CPU_ON",), with_facts=("FEAT-7", "RET-3"), history=SEEN)
def what_is_reported_can_be_called(m: Any, s: Any, t: Any, h: Any, g: Any, step: Step) -> Any:
    """After PSCI_FEATURES said that CPU_ON is there, a call of its SMC64 id is not NOT_SUPPORTED."""
    return implies(step.call.wide & h.there.is_in(*CPU_ON_IDS), ~step.returns(NOT_SUPPORTED.number))


@claim("RESET2-14", "vendor-errors", about=("SYSTEM_RESET2",), with_facts=("RET-3", "RESET2-4"))
def vendor_errors(m: Any, s: Any, t: Any, h: Any, g: Any, step: Step) -> Any:
    """A SYSTEM_RESET2 that is there is not NOT_SUPPORTED, whatever it asks for; 5.13.5 says so of vendor resets."""
    return implies(m.has(RESET2), ~step.returns(NOT_SUPPORTED.number))


@claim("OFF2-10", "hibernate-is-offered", about=("PSCI_FEATURES",), with_facts=("FEAT-4", "OFF2-26"))
def hibernate_is_offered(m: Any, s: Any, t: Any, h: Any, g: Any, step: Step) -> Any:
    """PSCI_FEATURES of SYSTEM_OFF2, where that is there, is a bitmap with bit 0 set and no other."""
    asked = step.call.psci_func_id.is_in(*SYSTEM_OFF2_IDS) & (m.psci_version >= V1_3)
    return implies(asked & ~step.result.bit(31), step.result == 1)


@claim("FEAT-3", "os-initiated-is-told", about=("PSCI_FEATURES", "PSCI_SET_SUSPEND_MODE"),
       with_facts=("OSI-1", "FEAT-11"))  # fmt: skip
def os_initiated_is_told(m: Any, s: Any, t: Any, h: Any, g: Any, step: Step) -> Any:
    """PSCI_FEATURES of CPU_SUSPEND has bit 0 set where the system is in OS-initiated mode, and bits [31:2] zero."""
    if step.name != "PSCI_FEATURES":
        return TRUE
    asked = step.call.psci_func_id.is_in(*CPU_SUSPEND_IDS) & ~step.result.bit(31)
    return implies(asked, (step.result <= 3) & implies(s.mode == "OS_INITIATED", step.result.bit(0)))


@claim("OFF2-26", "types-are-bits-of-the-map", about=("SYSTEM_OFF2",), with_facts=("OFF2-2", "OFF2-4", "OFF2-10"))
def types_are_bits_of_the_map(m: Any, s: Any, t: Any, h: Any, g: Any, step: Step) -> Any:
    """A type that is accepted is one of the bitmap that PSCI_FEATURES returns, and selects exactly one."""
    return implies(step.ends(Completion.NEVER), step.call.type == 1)


@claim("OFF2-19", "never-denied", about=("SYSTEM_OFF2",), with_facts=("OFF2-7", "OFF2-11", "TOS-8"))
def never_denied(m: Any, s: Any, t: Any, h: Any, g: Any, step: Step) -> Any:
    """SYSTEM_OFF2 refuses only what is absent or ill-formed, whatever other cores and the Trusted OS do."""
    return ~step.ends(Completion.RETURNS) | step.result.is_in(NOT_SUPPORTED.number, INVALID_PARAMETERS.number)


@claim("MEMC-2", "only-what-is-protected", about=("MEM_PROTECT_CHECK_RANGE",), with_facts=("MEMP-1", "MEMP-3"))
def only_what_is_protected(m: Any, s: Any, t: Any, h: Any, g: Any, step: Step) -> Any:
    """MEM_PROTECT_CHECK_RANGE says SUCCESS only of memory that MEM_PROTECT protects, so only while protection is on."""
    return implies(step.returns(0), s.memory_protected)


@claim("MEMC-3", "an-empty-range-has-no-bad-byte", about=("MEM_PROTECT_CHECK_RANGE",), with_facts=("MEMC-6", "MEMC-2"),
       varies=("protected_range",))  # fmt: skip
def an_empty_range_has_no_bad_byte(m: Any, s: Any, t: Any, h: Any, g: Any, step: Step) -> Any:
    """MEM_PROTECT_CHECK_RANGE is DENIED only where some byte of the range is not protected; length 0 has no byte."""
    return implies(step.call.length == 0, ~step.returns(DENIED.number))


@claim("DSUSP-2", "a-core-powerdown-state", about=("CPU_DEFAULT_SUSPEND",), with_facts=("DSUSP-3", "DSUSP-4"))
def a_core_powerdown_state(m: Any, s: Any, t: Any, h: Any, g: Any, step: Step) -> Any:
    """CPU_DEFAULT_SUSPEND, being equivalent to CPU_SUSPEND with a core powerdown state, powers the caller down."""
    return implies(step.ends(Completion.WAITS), t.activity[step.core] == "POWERDOWN")


@claim("CPU_SUSPEND-31", "a-code-of-32-bits", about=("CPU_SUSPEND",), with_facts=("RET-2",))
def a_code_of_32_bits(m: Any, s: Any, t: Any, h: Any, g: Any, step: Step) -> Any:
    """A CPU_SUSPEND that fails returns its code in R0 or W0 (5.4.9), whichever of its ids was used."""
    return implies(step.call.wide & step.ends(Completion.RETURNS), ~step.result.bit(63))


# ---- the system


@claim("SYSSUSP-1", "success-does-not-return", about=("SYSTEM_SUSPEND",), with_facts=("SYSSUSP-9", "SYSSUSP-2"))
def success_does_not_return(m: Any, s: Any, t: Any, h: Any, g: Any, step: Step) -> Any:
    """SYSTEM_SUSPEND does not return where it succeeds (5.1.19)."""
    return ~step.returns(0)


@claim(
    "SYSSUSP-11",
    "only-from-the-resident-core",
    about=("SYSTEM_SUSPEND",),
    with_facts=("CPU_OFF-3", "TOS-7"),
    varies=("trusted_os",),
)
def only_from_the_resident_core(m: Any, s: Any, t: Any, h: Any, g: Any, step: Step) -> Any:
    """With a uniprocessor Trusted OS only its core can suspend the system."""
    done = step.ends(Completion.WAITS) | step.returns(0)
    return implies(done & uniprocessor(m), s.resident == step.core)


@claim(
    "MODE-11",
    "back-only-from-the-resident-core",
    about=("PSCI_SET_SUSPEND_MODE",),
    with_facts=("MODE-5", "TOS-7"),
    varies=("trusted_os",),
)
def back_only_from_the_resident_core(m: Any, s: Any, t: Any, h: Any, g: Any, step: Step) -> Any:
    """With a uniprocessor Trusted OS only its core can change back to platform-coordinated mode."""
    back = (s.mode == "OS_INITIATED") & (t.mode == "PLATFORM_COORDINATED")
    return implies(back & uniprocessor(m), s.resident == step.core)


@claim("MODE-10", "pending-and-frozen-are-in-the-way", about=("PSCI_SET_SUSPEND_MODE",), with_facts=("MODE-3",))
def pending_and_frozen_are_in_the_way(m: Any, s: Any, t: Any, h: Any, g: Any, step: Step) -> Any:
    """OS-initiated mode is not entered while a core is ON_PENDING or frozen."""
    entered = (s.mode == "PLATFORM_COORDINATED") & (t.mode == "OS_INITIATED")
    in_the_way = some(CORE, lambda core: (s.power[core] == "ON_PENDING") | (s.activity[core] == "FROZEN"))
    return implies(entered, ~in_the_way)


SUSPENDED = remembered("SLEPT", "system", of=BOOL, doc="A core used SYSTEM_SUSPEND since boot.")
DEFAULT = remembered("SLEPT", "default", of=BOOL, doc="A core used CPU_DEFAULT_SUSPEND since boot.")


def _nobody_slept(h: StateView) -> Effect:
    return h.but(system=False, default=False)


def _sleeps(m: MachineTerms, h: StateView, step: Step) -> Effect:
    if step.name == "BOOT":
        return _nobody_slept(h)
    if step.completion is Completion.WAITS and step.name == "SYSTEM_SUSPEND":
        return h.but(system=True)
    if step.completion is Completion.WAITS and step.name == "CPU_DEFAULT_SUSPEND":
        return h.but(default=True)
    return NOTHING


SLEPT = History((SUSPENDED, DEFAULT), _nobody_slept, _sleeps)


@claim("SYSSUSP-2", "as-a-use-of-cpu-suspend", about=("PSCI_SET_SUSPEND_MODE",), history=SLEPT,
       with_facts=("MODE-4", "MODE-12", "MODE-13"))  # fmt: skip
def as_a_use_of_cpu_suspend(m: Any, s: Any, t: Any, h: Any, g: Any, step: Step) -> Any:
    """After SYSTEM_SUSPEND, which is equivalent to a CPU_SUSPEND, OS-initiated mode is not entered before a boot."""
    entered = (s.mode == "PLATFORM_COORDINATED") & (t.mode == "OS_INITIATED")
    return implies(entered, ~h.system)


@claim("DSUSP-2", "counts-as-cpu-suspend", about=("PSCI_SET_SUSPEND_MODE",), history=SLEPT,
       with_facts=("MODE-4", "DSUSP-8", "MODE-13"))  # fmt: skip
def counts_as_cpu_suspend(m: Any, s: Any, t: Any, h: Any, g: Any, step: Step) -> Any:
    """After CPU_DEFAULT_SUSPEND, which has the semantics of CPU_SUSPEND, OS-initiated mode is not entered."""
    entered = (s.mode == "PLATFORM_COORDINATED") & (t.mode == "OS_INITIATED")
    return implies(entered, ~h.default)


@claim("CPU_OFF-15", "a-stray-wakeup-does-nothing", about=("GO_DOWN", "SIGNAL"), with_facts=("CPU_OFF-7", "SYS-2"),
       varies=("stray_wakeup",))  # fmt: skip
def a_stray_wakeup_does_nothing(m: Any, s: Any, t: Any, h: Any, g: Any, step: Step) -> Any:
    """A wakeup event for a core that is OFF, where none is expected, does not take the system down."""
    return implies(t.system == "DOWN", s.system.is_in("GOING", "DOWN"))


@claim("RESET2-7", "a-warm-reset-keeps-memory", about=("BOOT",), with_facts=("RESET2-10", "MEMP-8"))
def a_warm_reset_keeps_memory(m: Any, s: Any, t: Any, h: Any, g: Any, step: Step) -> Any:
    """The boot after a warm reset finds main memory as it was."""
    warm = (s.system == "DOWN") & (s.kind == "WARM_RESET")
    return implies(warm, t.memory == "PRESERVED")


@claim("MEMP-6", "loss-of-power-overwrites", about=("BOOT",), with_facts=("MEMP-7", "OFF-3", "MEMP-12"))
def loss_of_power_overwrites(m: Any, s: Any, t: Any, h: Any, g: Any, step: Step) -> Any:
    """Protected memory is overwritten at the boot after a loss of power; SYSTEM_OFF removes it completely (5.10.1)."""
    without_power = (s.system == "DOWN") & s.kind.is_in("OFF", "HIBERNATE", "POWER_LOSS")
    return implies(without_power & s.memory_protected, t.memory == "OVERWRITTEN")


@claim("SYS-4", "system-calls-are-terminal", about=("ENTER", "CPU_ON"), with_facts=("OFF-1", "RESET-1"))
def system_calls_are_terminal(m: Any, s: Any, t: Any, h: Any, g: Any, step: Step) -> Any:
    """After a system call was accepted no core begins to run caller code, and none is started."""
    begins = step.returns(0) if step.is_call else TRUE
    return implies(begins, s.system == "RUNNING")


@claim("CPU_OFF-2", "back-only-by-cpu-on", about=("START",), with_facts=("SM-6",), history=SEEN)
def back_only_by_cpu_on(m: Any, s: Any, t: Any, h: Any, g: Any, step: Step) -> Any:
    """A core that called CPU_OFF is not started without a CPU_ON that succeeded."""
    return implies(t.power[step.core] == "ON", ~h.called_off[step.core])


# ---- power domains


@always_true(
    "CLAIM-PC-5", "not-started-counts-as-deepest", cites=("PC-5", "CPU_SUSPEND-26", "PC-6"), history=SEEN, listed=False
)
def not_started_counts_as_deepest(m: Any, s: Any, h: Any) -> Any:
    """Platform-coordinated: a node whose cores CPU_ON never started, or that called CPU_OFF, is as deep as can be."""

    def deepest(node: Any) -> Any:
        counts = every(CORE, lambda core: implies(m.below(core, node), ~h.started[core] | h.called_off[core]))
        return implies(counts, s.node[node] == POWERDOWN)

    here = (s.system == "RUNNING") & (s.mode == "PLATFORM_COORDINATED")
    return implies(here, every(NODE, deepest))


ASKED = remembered("OS", "asked", CORE, NODE, of=LOCAL_STATE, doc="What the core asked for a node when it last slept.")
OWN = remembered("OS", "own", CORE, of=LOCAL_STATE, doc="The state that the OS takes the core to be in.")
LEVEL = remembered("OS", "node", NODE, of=LOCAL_STATE, doc="The state that the OS takes the node to be in.")


def _os_boots(h: StateView) -> Effect:
    return h.but(
        asked=each(lambda core, node: RUN), own=each(lambda core: POWERDOWN), node=each(lambda node: POWERDOWN)
    )


def _os_follows(m: MachineTerms, h: StateView, step: Step) -> Effect:
    """An OS takes its cores to be where it sent them, until they are back."""

    def back(core: Any) -> Effect:
        return h.but(own={core: RUN}, node=each(lambda node: choose(m.below(core, node), RUN, h.node[node])))

    if step.name == "BOOT":
        down = _os_boots(h)
        return Effect(tuple(u for u in down.updates if u.field.name.endswith("asked"))).also(
            h.but(
                own=each(lambda core: choose(core == step.core, RUN, POWERDOWN)),
                node=each(lambda node: choose(m.below(step.core, node), RUN, POWERDOWN)),
            )
        )
    if step.name in ("START", "WAKEUP", "ENTER"):
        return back(step.core)
    if step.name == "CPU_ON" and step.completion is Completion.RETURNS:
        started = step.returns(0)

        def named(core: Any) -> Any:
            return started & (m.mpidr(core) == step.call.target_cpu)

        return h.but(
            own=each(lambda core: choose(named(core), RUN, h.own[core])),
            node=each(lambda n: choose(some(CORE, lambda core: named(core) & m.below(core, n)), RUN, h.node[n])),
        )
    if step.name == "CPU_OFF" and step.completion is Completion.NEVER:

        def all_off(node: Any) -> Any:
            off = every(CORE, lambda c: implies(m.below(c, node) & (c != step.core), h.own[c] == POWERDOWN))
            return m.below(step.core, node) & off

        return h.but(
            own={step.core: POWERDOWN},
            node=each(lambda node: choose(all_off(node), POWERDOWN, h.node[node])),
        )
    if step.completion is Completion.WAITS and step.name == "CPU_SUSPEND":
        state = step.call.power_state
        own = choose(powerdown(m, state), POWERDOWN, choose(m.retention(state), RETENTION, STANDBY))
        return h.but(
            own={step.core: own},
            asked=each(lambda c, n: choose(c == step.core, m.requested(state, m.level(n)), h.asked[c, n])),
            node=each(lambda n: choose(m.below(step.core, n), m.requested(state, m.level(n)), h.node[n])),
        )
    if step.completion is Completion.WAITS:
        return h.but(own={step.core: RUN})
    return NOTHING


OS_VIEW = History((ASKED, OWN, LEVEL), _os_boots, _os_follows)


def _os_made_no_error(m: Any, h: Any, step: Step) -> Any:
    """By what the OS knows, every core and node inside the requested ones is deep enough, and the request is valid."""
    state = step.call.power_state

    def fits(node: Any) -> Any:
        asked = m.requested(state, m.level(node))
        cores = every(
            CORE, lambda c: implies(m.below(c, node) & (c != step.core), (asked <= h.own[c]) & (h.own[c] != RUN))
        )
        nodes = every(NODE, lambda n: implies(m.ancestor(node, n) & ~m.below(step.core, n), asked <= h.node[n]))
        speaks = m.below(step.core, node) & ((asked != RUN) | m.claims(state, m.level(node)))
        return implies(speaks, cores & nodes)

    words = ~step.call.wide | (step.call.upper_half(1) == 0)
    return reserved_bits_are_zero(m, state) & m.state_valid(state) & words & every(NODE, fits)


@claim("CPU_SUSPEND-12", "invalid-parameters-only-by-os-error", about=("CPU_SUSPEND",), history=OS_VIEW,
       with_facts=("CPU_SUSPEND-9", "CPU_SUSPEND-6", "OSI-9"))  # fmt: skip
def invalid_parameters_only_by_os_error(m: Any, s: Any, t: Any, h: Any, g: Any, step: Step) -> Any:
    """OS-initiated: a request that is right by all that the OS asked for and was told is not INVALID_PARAMETERS."""
    wrong = (s.mode == "OS_INITIATED") & step.returns(INVALID_PARAMETERS.number)
    return implies(wrong, ~_os_made_no_error(m, h, step))


@claim("OSI-4", "a-consistent-request-is-obeyed", about=("CPU_SUSPEND",), history=OS_VIEW,
       with_facts=("CPU_SUSPEND-6", "OSI-3", "PROP-7"))  # fmt: skip
def a_consistent_request_is_obeyed(m: Any, s: Any, t: Any, h: Any, g: Any, step: Step) -> Any:
    """OS-initiated: a request that is accepted puts the caller and each node above it where it says."""
    state = step.call.power_state
    accepted = (s.mode == "OS_INITIATED") & step.ends(Completion.WAITS)
    nodes = every(NODE, lambda n: implies(m.below(step.core, n), t.node[n] == m.requested(state, m.level(n))))
    own = choose(powerdown(m, state), POWERDOWN, choose(m.retention(state), RETENTION, STANDBY))
    return implies(accepted, nodes & (depth(t, step.core) == own))


@claim("CPU_OFF-11", "off-cores-allow-the-highest-level", about=("CPU_SUSPEND",), with_facts=("OSI-13", "CPU_OFF-12"),
       history=OS_VIEW)  # fmt: skip
def off_cores_allow_the_highest_level(m: Any, s: Any, t: Any, h: Any, g: Any, step: Step) -> Any:
    """OS-initiated: where all other cores called CPU_OFF, a valid request of the last one is not inconsistent."""
    alone = every(CORE, lambda core: (core == step.core) | (s.power[core] == "OFF"))
    fine = reserved_bits_are_zero(m, step.call.power_state) & m.state_valid(step.call.power_state)
    words = ~step.call.wide | (step.call.upper_half(1) == 0)
    refused = step.returns(DENIED.number) | step.returns(INVALID_PARAMETERS.number)
    return implies((s.mode == "OS_INITIATED") & alone & fine & words, ~refused)


@claim("FREEZE-13", "frozen-is-powered-down", about=("CPU_SUSPEND",), with_facts=("FREEZE-2", "FREEZE-10"))
def frozen_is_powered_down(m: Any, s: Any, t: Any, h: Any, g: Any, step: Step) -> Any:
    """OS-initiated: a frozen core stays in powerdown (Table 12), so that it is in the way of no valid request."""
    down = every(CORE, lambda c: (c == step.core) | (s.power[c] == "OFF") | (s.activity[c] == "FROZEN"))
    fine = reserved_bits_are_zero(m, step.call.power_state) & m.state_valid(step.call.power_state)
    words = ~step.call.wide | (step.call.upper_half(1) == 0)
    refused = step.returns(DENIED.number) | step.returns(INVALID_PARAMETERS.number)
    return implies((s.mode == "OS_INITIATED") & down & fine & words, ~refused)


@claim("OSI-18", "core-level-requests-never-conflict", about=("CPU_SUSPEND",), with_facts=("OSI-19",))
def core_level_requests_never_conflict(m: Any, s: Any, t: Any, h: Any, g: Any, step: Step) -> Any:
    """OS-initiated: a valid request for the core alone, that claims no level, is not refused as inconsistent."""
    state = step.call.power_state
    alone = every(
        NODE,
        lambda n: implies(
            m.below(step.core, n), (m.requested(state, m.level(n)) == RUN) & ~m.claims(state, m.level(n))
        ),
    )
    fine = reserved_bits_are_zero(m, state) & m.state_valid(state) & (~step.call.wide | (step.call.upper_half(1) == 0))
    refused = step.returns(DENIED.number) | step.returns(INVALID_PARAMETERS.number)
    return implies((s.mode == "OS_INITIATED") & fine & alone, ~refused)


@claim(
    "CPU_SUSPEND-27", "two-codes-for-two-kinds", about=("CPU_SUSPEND",), with_facts=("CPU_SUSPEND-9", "CPU_SUSPEND-14")
)
def two_codes_for_two_kinds(m: Any, s: Any, t: Any, h: Any, g: Any, step: Step) -> Any:
    """OS-initiated: INVALID_PARAMETERS for an inconsistent request means that no other core of the system runs."""
    state = step.call.power_state
    fine = reserved_bits_are_zero(m, state) & m.state_valid(state) & (~step.call.wide | (step.call.upper_half(1) == 0))
    claims = some(NODE, lambda n: m.below(step.core, n) & (m.requested(state, m.level(n)) != RUN))

    def in_reach(core: Any) -> Any:
        return some(
            NODE,
            lambda n: m.below(step.core, n) & m.below(core, n) & (m.requested(state, m.level(n)) != RUN),
        )

    nobody = every(CORE, lambda core: implies((core != step.core) & in_reach(core), ~awake(s, core)))
    refused = (s.mode == "OS_INITIATED") & fine & claims & step.returns(INVALID_PARAMETERS.number)
    return implies(refused, nobody)


@claim("CPU_SUSPEND-11", "denied-means-running", about=("CPU_SUSPEND",), with_facts=("OSI-17", "CPU_SUSPEND-27"))
def denied_means_running(m: Any, s: Any, t: Any, h: Any, g: Any, step: Step) -> Any:
    """OS-initiated: DENIED for an inconsistent request means that the cores in the way of it are running."""
    runs = some(CORE, lambda core: (core != step.core) & s.activity[core].is_in("RUNNING", "ENTERING"))
    return implies((s.mode == "OS_INITIATED") & step.returns(DENIED.number), runs)


def _votes_only_for(m: Any, t: Any, node: Any, state: Any) -> Any:
    """No vote for this very node forbids a state of it, in depth or in wakeup latency (PC-2, by its letter)."""

    def vote(core: Any) -> Any:
        return choose(t.power[core] == "OFF", POWERDOWN, choose(awake(t, core), RUN, t.vote[core, node]))

    def permits(core: Any) -> Any:
        asked = vote(core)
        return implies(m.below(core, node), (state <= asked) & (m.latency(state) <= m.latency(asked)))

    return every(CORE, permits)


@claim(
    "PC-3",
    "as-deep-as-the-votes-for-it-allow",
    about=("CPU_SUSPEND",),
    with_facts=("PC-2", "PD-3", "PC-7", "CPU_SUSPEND-6"),
    varies=("latency",),
)
def as_deep_as_the_votes_for_it_allow(m: Any, s: Any, t: Any, h: Any, g: Any, step: Step) -> Any:
    """Platform-coordinated: each node above the caller takes the deepest state that meets the limits of its cores."""

    def deep_enough(node: Any) -> Any:
        low = (STANDBY, RETENTION, POWERDOWN)
        allowed = (implies(_votes_only_for(m, t, node, state), state <= t.node[node]) for state in low)
        return implies(m.below(step.core, node), conjunction(*allowed))

    here = (s.mode == "PLATFORM_COORDINATED") & step.ends(Completion.WAITS) & (s.system == "RUNNING")
    return implies(here, every(NODE, deep_enough))


CLAIMS: tuple[Property, ...] = tuple(value for value in list(globals().values()) if isinstance(value, Property))
"""Every claim, in the order of this file."""
