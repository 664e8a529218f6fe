"""Why calls are refused: every error has its reason, and with a reason to refuse there is no success.

The reasons stand here in words of their own, a row each, from the facts; what depends on other cores in OS-initiated
mode is in `domains`, and when the mode may change in `modes`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from psci.model.declare import Call
from psci.model.language.rules import RESULT, Completion
from psci.model.language.sorts import CORE
from psci.model.language.terms import FALSE, TRUE, conjunction, disjunction, equal, every, implies, some
from psci.properties.language import Step, safety
from psci.properties.machine.states import states_fit_together
from psci.properties.words import (
    V0_1,
    V0_2,
    V1_0,
    V1_2,
    V1_3,
    has_smc64,
    hosts,
    in_instance,
    osi_possible,
    powerdown,
    present,
    refused,
    reserved_bits_are_zero,
    uniprocessor,
)

NOT_SUPPORTED, INVALID_PARAMETERS, DENIED, ALREADY_ON, ON_PENDING = -1, -2, -3, -4, -5
INTERNAL_FAILURE, NOT_PRESENT, DISABLED, INVALID_ADDRESS = -6, -7, -8, -9
RefusalCondition: TypeAlias = Callable[[Any, Any, Any], Any]
"""Of the machine, the state before the call, and the call."""


@dataclass(frozen=True, slots=True)
class Reason:
    """A reason to refuse a call with a code."""

    code: int
    holds: RefusalCondition
    since: int = V0_1
    until: int = V1_3
    binding: bool = True
    """The call must be refused; otherwise it may be."""


def _target(test: Callable[[Any, Any, Any], Any]) -> RefusalCondition:
    """Some core has the MPIDR that target_cpu names, and passes the test (m, s, core)."""
    return lambda m, s, c: some(CORE, lambda core: (m.mpidr(core) == c.target_cpu) & test(m, s, core))


def _no_target(m: Any, s: Any, c: Any) -> Any:
    return every(CORE, lambda core: m.mpidr(core) != c.target_cpu)


def _unusable(m: Any, s: Any, c: Any) -> Any:
    return m.address_unusable(c.entry_point_address)


def _unusable_for_powerdown(m: Any, s: Any, c: Any) -> Any:
    return powerdown(m, c.power_state) & _unusable(m, s, c)


def _no_such_state(m: Any, s: Any, c: Any) -> Any:
    return ~reserved_bits_are_zero(m, c.power_state) | ~m.state_valid(c.power_state)


def _hosts(m: Any, s: Any, c: Any) -> Any:
    return uniprocessor(m) & hosts(m, s, c.caller)


def _not_here(m: Any, s: Any, c: Any) -> Any:
    return uniprocessor(m) & ~hosts(m, s, c.caller)


def _other_core_up(m: Any, s: Any, c: Any) -> Any:
    return some(CORE, lambda core: (core != c.caller) & ((s.power[core] != "OFF") | (s.asked[core] != "NONE")))


def _instance(m: Any, c: Any, test: Callable[[Any], Any]) -> Any:
    """Some core of the affinity instance passes the test; fields below the level are ignored (AFF-15)."""
    belongs, exists = in_instance(m, c), c.lowest_affinity_level <= 3
    return exists & some(CORE, lambda core: belongs(core) & test(core))


def _level_unsupported(m: Any, s: Any, c: Any) -> Any:
    return (c.lowest_affinity_level != 0) & ~m.affinity_level_supported(c.lowest_affinity_level)


def _off(s: Any, core: Any) -> Any:
    return s.power[core] == "OFF"


def _disabled(m: Any, s: Any, c: Any) -> Any:
    """No core of the instance is on, and one is physically disabled."""
    return _instance(m, c, m.disabled) & ~_instance(m, c, lambda core: ~_off(s, core))


def _wholly_disabled(m: Any, s: Any, c: Any) -> Any:
    return ~_instance(m, c, lambda core: ~m.disabled(core))


def _reserved_reset(m: Any, s: Any, c: Any) -> Any:
    return ~c.reset_type.bit(31) & (c.reset_type != 0)


def _always(m: Any, s: Any, c: Any) -> Any:
    return TRUE


def _used(m: Any, s: Any, c: Any) -> Any:
    return powerdown(m, c.power_state) | m.addresses_declared


def _may_be_checked(m: Any, s: Any, c: Any) -> Any:
    return (m.unused_entry == "EITHER") & (_unusable(m, s, c) | ~_used(m, s, c))


def _checked(condition: RefusalCondition) -> RefusalCondition:
    """Where an entry point has to be checked although the state that is entered may not use it."""
    return lambda m, s, c: (m.unused_entry == "IGNORED") & condition(m, s, c)


def _to_itself(m: Any, s: Any, c: Any) -> Any:
    return (m.mpidr(c.caller) == c.target_cpu) & (m.migrate_to_self == "EITHER")


def _frozen_target(m: Any, s: Any, c: Any) -> Any:
    frozen = _target(lambda m, s, core: s.activity[core] == "FROZEN")(m, s, c)
    return frozen & (m.migrate_target == "NOT_FROZEN") & (m.trusted_os == "UP_MIGRATABLE")


def _runs_over(m: Any, s: Any, c: Any) -> Any:
    """The last byte of the range is below its first one: addresses end before the range does."""
    return (c.length != 0) & (c.base + (c.length - 1) < c.base)


CANNOT_NOW = Reason(INTERNAL_FAILURE, lambda m, s, c: m.cannot_now == "MAY_BE_TOLD", binding=False)
NO_CORE = Reason(INVALID_PARAMETERS, _no_target)
REASONS: Mapping[str, tuple[Reason, ...]] = {
    "CPU_SUSPEND": (
        Reason(INVALID_PARAMETERS, _no_such_state),
        Reason(INVALID_ADDRESS, _checked(_unusable_for_powerdown), since=V1_0),
        # by a reading the entry point is checked also where it is not used, or only where it is
        Reason(INVALID_ADDRESS, _may_be_checked, since=V1_0, binding=False),
        Reason(NOT_SUPPORTED, _always, until=V0_1, binding=False),
        Reason(INVALID_PARAMETERS, _checked(_unusable_for_powerdown), until=V0_2),
        Reason(INVALID_PARAMETERS, _may_be_checked, until=V0_2, binding=False),
        Reason(DENIED, _always, until=V0_1, binding=False),
        # OS-initiated requests: `domains` says which are refused
        Reason(INVALID_PARAMETERS, lambda m, s, c: s.mode == "OS_INITIATED", since=V1_0, binding=False),
        Reason(DENIED, lambda m, s, c: s.mode == "OS_INITIATED", since=V1_0, binding=False),
    ),
    "CPU_OFF": (
        Reason(DENIED, _hosts, since=V0_2),
        Reason(DENIED, _always, until=V0_1, binding=False),
        Reason(INVALID_PARAMETERS, _always, until=V0_1, binding=False),
        Reason(NOT_SUPPORTED, _always, until=V0_1, binding=False),
    ),
    "CPU_ON": (
        NO_CORE,
        Reason(INVALID_ADDRESS, _unusable, since=V1_0),
        Reason(INVALID_PARAMETERS, _unusable, until=V0_2),
        Reason(
            ALREADY_ON, _target(lambda m, s, core: (s.power[core] == "ON") & (s.activity[core] != "FROZEN")),
            since=V0_2,
        ),
        Reason(
            ALREADY_ON, _target(lambda m, s, core: (s.activity[core] == "FROZEN") & (m.frozen_core == "ALREADY_ON")),
            since=V0_2,
        ),
        Reason(ON_PENDING, _target(lambda m, s, core: s.power[core] == "ON_PENDING"), since=V0_2),
        Reason(DENIED, _target(lambda m, s, core: m.policy(core) == "DENIES"), since=V1_2),
        Reason(
            DENIED, _target(lambda m, s, core: (m.policy(core) == "MAY_CHANGE") & (s.power[core] == "OFF")),
            since=V1_2, binding=False,
        ),
        Reason(
            INTERNAL_FAILURE, since=V0_2,
            holds=_target(lambda m, s, core: (m.disabled_start == "REFUSED") & m.disabled(core) & _off(s, core)),
        ),
        Reason(NOT_SUPPORTED, _always, until=V0_1, binding=False),
        Reason(INTERNAL_FAILURE, _target(lambda m, s, core: s.power[core] == "OFF"), since=V0_2, binding=False),
        Reason(
            INTERNAL_FAILURE, since=V1_0, binding=False,
            holds=_target(lambda m, s, core: (s.activity[core] == "FROZEN") & (m.frozen_core == "RESUMES")),
        ),
        Reason(DENIED, _target(lambda m, s, core: s.power[core] != "OFF"), until=V0_1),
        Reason(INVALID_PARAMETERS, _target(lambda m, s, core: s.power[core] != "OFF"), until=V0_1),
        Reason(DENIED, _always, until=V0_1, binding=False),
    ),
    "AFFINITY_INFO": (
        Reason(INVALID_PARAMETERS, lambda m, s, c: c.lowest_affinity_level > 3),
        Reason(INVALID_PARAMETERS, lambda m, s, c: ~_instance(m, c, lambda core: TRUE)),
        Reason(INVALID_PARAMETERS, _level_unsupported, since=V1_0),
        Reason(NOT_PRESENT, lambda m, s, c: ~_instance(m, c, lambda core: TRUE), until=V0_2, binding=False),
        Reason(DISABLED, _disabled, binding=False),
        Reason(
            DISABLED,
            lambda m, s, c: (m.disabled_core == "IS_REPORTED") & _disabled(m, s, c) & _wholly_disabled(m, s, c),
        ),
    ),
    "MIGRATE": (
        Reason(NOT_SUPPORTED, lambda m, s, c: m.trusted_os == "MP_OR_NONE"),
        NO_CORE,
        Reason(
            INVALID_PARAMETERS,
            lambda m, s, c: (c.wide == (c.isa == "AARCH32")) & (m.migrate_width == "OWN"),
        ),
        Reason(DENIED, lambda m, s, c: m.trusted_os == "UP_FIXED"),
        Reason(NOT_PRESENT, _not_here, since=V0_2),
        Reason(DENIED, _not_here, until=V0_1),
        Reason(INTERNAL_FAILURE, lambda m, s, c: m.trusted_os == "UP_MIGRATABLE", since=V0_2, binding=False),
        *(Reason(code, _frozen_target, since=V1_0) for code in (INTERNAL_FAILURE, DENIED, INVALID_PARAMETERS)),
        *(Reason(code, _to_itself, binding=False) for code in (DENIED, INVALID_PARAMETERS)),
        Reason(DENIED, _always, until=V0_1, binding=False),
    ),
    "CPU_FREEZE": (Reason(DENIED, _hosts),),
    "CPU_DEFAULT_SUSPEND": (
        Reason(INVALID_ADDRESS, _checked(_unusable)),
        Reason(INVALID_ADDRESS, _unusable, binding=False),
    ),
    "NODE_HW_STATE": (
        NO_CORE,
        Reason(NOT_SUPPORTED, lambda m, s, c: m.unreported_node == "EITHER", binding=False),
        Reason(
            INVALID_PARAMETERS, lambda m, s, c: (c.power_level != 0) & ~m.names_node(c.target_cpu, c.power_level)
        ),
    ),
    "SYSTEM_OFF": (CANNOT_NOW,),
    "SYSTEM_RESET": (CANNOT_NOW,),
    "SYSTEM_SUSPEND": (
        CANNOT_NOW,
        Reason(DENIED, _other_core_up),
        Reason(INVALID_ADDRESS, _unusable),
        Reason(
            ALREADY_ON, lambda m, s, c: _other_core_up(m, s, c) & (m.suspend_refusal == "PROTOTYPE"), binding=False
        ),
    ),
    "PSCI_SET_SUSPEND_MODE": (
        Reason(INVALID_PARAMETERS, lambda m, s, c: c.mode > 1),
        *(
            Reason(code, lambda m, s, c: (c.mode == 1) & ~osi_possible(m))
            for code in (NOT_SUPPORTED, INVALID_PARAMETERS, DENIED)
        ),
        Reason(DENIED, lambda m, s, c: m.same_mode == "EITHER", binding=False),
        # `modes` says when
        Reason(DENIED, lambda m, s, c: (c.mode == 1) == (s.mode == "PLATFORM_COORDINATED"), binding=False),
    ),
    "PSCI_FEATURES": (Reason(NOT_SUPPORTED, _always, binding=False),),  # `answers` says for which ids
    "SYSTEM_RESET2": (
        CANNOT_NOW,
        Reason(INVALID_PARAMETERS, lambda m, s, c: (c.reset_type == 0) & ~m.resets_warm),
        Reason(
            INVALID_PARAMETERS, lambda m, s, c: _reserved_reset(m, s, c) & (m.undefined_reset == "MUST_BE_REFUSED")
        ),
        Reason(INVALID_PARAMETERS, _reserved_reset, binding=False),
        Reason(INVALID_PARAMETERS, lambda m, s, c: c.reset_type.bit(31) & (m.vendor_bit == "RESERVED")),
        *(
            Reason(code, lambda m, s, c: c.reset_type.bit(31), binding=False)
            for code in range(INVALID_ADDRESS, NOT_SUPPORTED)
        ),
    ),
    "MEM_PROTECT_CHECK_RANGE": (
        Reason(DENIED, lambda m, s, c: ~m.protected_range(c.base, c.length)),
        Reason(DENIED, _runs_over),
    ),
    # the drafts of 1.3 and its issues share one number: what they have in common
    "SYSTEM_OFF2": (
        CANNOT_NOW,
        Reason(INVALID_PARAMETERS, lambda m, s, c: (c.type > 1) & (c.type != m.beta_hibernate_type)),
        Reason(INVALID_PARAMETERS, lambda m, s, c: c.type != 1, binding=False),
        Reason(INVALID_PARAMETERS, lambda m, s, c: c.type != 0, binding=False),
        Reason(INVALID_PARAMETERS, lambda m, s, c: c.cookie != 0, binding=False),
    ),
    "CLEAN_INV_MEMREGION": tuple(
        Reason(code, _always, binding=False)
        for code in (INVALID_PARAMETERS, DENIED, INVALID_ADDRESS, -10, -11, -12)
    ),
    "CLEAN_INV_MEMREGION_ATTRIBUTES": (Reason(INVALID_PARAMETERS, lambda m, s, c: c.attribute > 4),),
}  # fmt: skip
"""For each call what it may be refused for; a call that is not here answers with values only."""
WITHOUT_ERRORS = ("NOT_PSCI", "PSCI_STAT_RESIDENCY", "PSCI_STAT_COUNT", "MIGRATE_INFO_UP_CPU")
"""Functions whose results are full-width values (5.2.2)."""
CHECKED = ("CPU_SUSPEND", "AFFINITY_INFO", "NODE_HW_STATE", "SYSTEM_OFF2", "SYSTEM_RESET2")
"""SMC64 functions that have INVALID_PARAMETERS and arguments of 32 bits, whose upper halves may be checked (SMC-19)."""


def of_every_call(step: Step) -> tuple[Reason, ...]:
    """What any call is refused for: it is absent, or its function id does not suit the caller or the arguments."""
    owner = step.owner
    assert isinstance(owner, Call)
    if step.name == "UNKNOWN":
        return (Reason(NOT_SUPPORTED, _always),)
    if step.name == "NOT_PSCI":
        return ()
    absent = Reason(NOT_SUPPORTED, lambda m, s, c: ~present(m, owner))
    if not owner.fid64:
        return (absent,)

    def hidden(m: Any, s: Any, c: Any) -> Any:
        own_rule = (m.migrate_width == "OWN") if step.name == "MIGRATE" else FALSE
        before_c = (m.psci_version <= V0_2) & (m.errata == "NOT_APPLIED")
        return c.wide & (c.isa == "AARCH32") & ~own_rule & ~before_c

    def differs(m: Any, s: Any, c: Any) -> Any:
        return (c.wide == (c.isa == "AARCH32")) & (m.errata == "NOT_APPLIED")

    def too_long(m: Any, s: Any, c: Any) -> Any:
        halves = (c.upper_half(i) for i, argument in enumerate(owner.arguments, start=1) if not argument.native)
        return c.wide & m.checks_upper_halves(owner.key) & disjunction(*(half != 0 for half in halves))

    widths = (Reason(NOT_SUPPORTED, hidden), Reason(INVALID_PARAMETERS, differs, until=V0_2))
    checked = (Reason(INVALID_PARAMETERS, too_long),) if step.name in CHECKED else ()
    apart = Reason(NOT_SUPPORTED, lambda m, s, c: c.wide & ~has_smc64(m, owner))
    return (absent, apart, *widths, *checked)


def _applies(reason: Reason, m: Any, s: Any, step: Step) -> Any:
    span = (m.psci_version >= reason.since) & (m.psci_version <= reason.until)
    return span & reason.holds(m, s, step.call)


def succeeds(step: Step) -> Any:
    """The call does not return an error."""
    return ~refused(RESULT) if step.completion is Completion.RETURNS else TRUE


@safety(
    "REASONS", "every-error-has-its-reason", lemmas=(states_fit_together,),
    cites=("RET-3", "RET-4", "RET-11", "CPU_ON-4", "CPU_ON-5", "CPU_ON-9", "CPU_SUSPEND-8", "CPU_SUSPEND-10",
           "AFF-6", "AFF-7", "AFF-8", "MIGRATE-2", "MIGRATE-3", "MIGRATE-4", "MIGRATE-5", "OFF2-5", "OFF2-6",
           "RESET2-5", "MEMC-3", "SYSSUSP-4", "MODE-2", "HWSTATE-3", "SMC-8", "SMC-19", "CPU_OFF-3", "FREEZE-7"),
)  # fmt: skip
def every_error_has_its_reason(m: Any, s: Any, t: Any, h: Any, g: Any, step: Step) -> Any:
    """A call returns an error only where the reason that DEN0022 gives for that code holds."""
    if step.completion is not Completion.RETURNS or step.name in WITHOUT_ERRORS:
        return TRUE
    reasons = (*of_every_call(step), *REASONS.get(step.name, ()))
    vendor = step.call.reset_type.bit(31) & (RESULT < -256) if step.name == "SYSTEM_RESET2" else FALSE
    told = (equal(RESULT, reason.code) & _applies(reason, m, s, step) for reason in reasons)
    return ~refused(RESULT) | vendor | disjunction(*told)


@safety(
    "REFUSED", "no-success-against-a-reason", lemmas=(states_fit_together,),
    cites=("RET-3", "RET-4", "RET-11", "CPU_ON-4", "CPU_ON-5", "CPU_ON-6", "CPU_ON-7", "CPU_ON-9", "CPU_SUSPEND-8",
           "CPU_SUSPEND-10", "AFF-6", "AFF-7", "MIGRATE-2", "MIGRATE-3", "MIGRATE-4", "MIGRATE-5", "OFF2-5",
           "RESET2-5", "MEMC-3", "SYSSUSP-4", "MODE-2", "HWSTATE-3", "DSUSP-5", "CPU_OFF-3", "FREEZE-7", "SMC-19"),
)  # fmt: skip
def no_success_against_a_reason(m: Any, s: Any, t: Any, h: Any, g: Any, step: Step) -> Any:
    """A call does not succeed while there is a reason for which it must be refused."""
    if not step.is_call or step.name in WITHOUT_ERRORS:
        return TRUE
    reasons = (*of_every_call(step), *REASONS.get(step.name, ()))
    none_applies = conjunction(*(~_applies(reason, m, s, step) for reason in reasons if reason.binding))
    if step.name == "CPU_SUSPEND":
        # by a reading a wakeup that is pending ends an OS-initiated request before anything is looked at
        asleep = (s.mode == "OS_INITIATED") & powerdown(m, step.call.power_state) & s.wake[step.core]
        none_applies = none_applies | (step.returns(0) & asleep & (m.check_and_wakeup == "EITHER"))
    return implies(succeeds(step), none_applies)
