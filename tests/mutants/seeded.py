"""Defects that an author may write without noticing, each with the property that notices it.

They were seeded by hand, as reviewers of the rules found or feared them; the generator of mutants makes most of them
only by chance. Each is a change of the rules, the call or move that has it, and who catches it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from psci.model.language.effects import NOTHING, Effect, assign, each
from psci.model.language.rules import CALLER, Rule
from psci.model.language.terms import TRUE, U64, App, Const, Op, Quantified, Term, choose, conjunction, lift
from psci.model.specification import SPECIFICATION, Specification
from psci.model.symbols.machine import LOCAL_STATE, MACHINE
from psci.model.symbols.state import FIELD_BY_NAME, KIND, STATE

Change = Callable[[Rule], Rule | None]


@dataclass(frozen=True)
class Defect:
    """Some rules changed in one way."""

    says: str
    """What is wrong, in one line."""
    caught_by: str
    """The property whose proof fails."""
    rules: tuple[str, ...]
    change: Change

    @property
    def owner(self) -> str:
        """The call or move in which the proof is to fail."""
        return self.rules[0].partition(".")[0]

    def specification(self) -> Specification:
        """The rules with the defect."""
        changed = SPECIFICATION
        for name in self.rules:
            rule = SPECIFICATION.rule(name)
            new = self.change(rule)
            changed = changed.replacing(rule, *(() if new is None else (new,)))
        return changed


# ---- ways to change a rule


def dropped(_rule: Rule) -> None:
    """The rule is not there."""
    return None


def inert(rule: Rule) -> Rule:
    """The rule changes nothing."""
    return replace(rule, effect=NOTHING)


def writes(**changes: object) -> Change:
    """The rule writes other values to some fields; None leaves a field as it was."""

    def change(rule: Rule) -> Rule:
        kept = [update for update in rule.effect.updates if update.field.name not in changes]
        new = [assign(FIELD_BY_NAME[name], value) for name, value in changes.items() if value is not None]  # type: ignore[arg-type]  # terms by construction
        return replace(rule, effect=Effect((*kept, *new)))

    return change


def answers(value: Term | int) -> Change:
    """The rule returns something else."""
    word = value if isinstance(value, Term) else Const(value & 0xFFFF_FFFF_FFFF_FFFF, U64)
    return lambda rule: replace(rule, value=word, constraint=None, code=None)


def without(place: int) -> Change:
    """One condition of the guard is left out."""

    def change(rule: Rule) -> Rule:
        assert isinstance(rule.guard, Op) and rule.guard.name == "and", rule.name
        return replace(rule, guard=conjunction(*rule.guard.arguments[:place], *rule.guard.arguments[place + 1 :]))

    return change


def whenever(guard: Term) -> Change:
    """The rule has another guard."""
    return lambda rule: replace(rule, guard=guard)


def everywhere(changed: Callable[[Term], Term]) -> Change:
    """Every term of the rule is changed, at every depth."""

    def change(rule: Rule) -> Rule:
        def update(old: object) -> Effect:
            return Effect(
                tuple(
                    replace(
                        one,
                        points=tuple((tuple(map(deep, i)), deep(value)) for i, value in one.points),
                        everywhere=None if one.everywhere is None else deep(one.everywhere),
                    )
                    for one in rule.effect.updates
                )
            )

        value = None if rule.value is None else deep(rule.value)
        return replace(rule, guard=deep(rule.guard), value=value, effect=update(rule.effect))

    def deep(term: Term) -> Term:
        match term:
            case App(function=function, arguments=arguments, sort=sort):
                term = App(function, tuple(map(deep, arguments)), sort)
            case Op(name=name, arguments=arguments, sort=sort):
                term = Op(name, tuple(map(deep, arguments)), sort)
            case Quantified(kind=kind, variable=variable, body=body):
                term = Quantified(kind, variable, deep(body))
        return changed(term)

    return change


def swapped(one: str, other: str) -> Change:
    """Two fields get each other's new values."""

    def change(rule: Rule) -> Rule:
        named = {update.field.name: update for update in rule.effect.updates}
        new = {
            one: replace(named[other], field=FIELD_BY_NAME[one]), other: replace(named[one], field=FIELD_BY_NAME[other])
        }  # fmt: skip
        return replace(rule, effect=Effect(tuple(new.get(u.field.name, u) for u in rule.effect.updates)))

    return change


# ---- changes of terms


def votes_compared_for_equality(term: Term) -> Term:
    """A state that is shallower than a vote counts as forbidden."""
    votes = isinstance(term, Op) and term.name == "ule" and term.arguments[0].sort == LOCAL_STATE
    return Op("eq", term.arguments, term.sort) if votes and isinstance(term, Op) else term


def caller_for_target(term: Term) -> Term:
    """The caller stands for the core that an argument names."""
    return CALLER() if isinstance(term, App) and term.function is MACHINE.core_of else term


def fields_exchanged(one: str, other: str) -> Callable[[Term], Term]:
    """A field is read in the place of another one."""

    def change(term: Term) -> Term:
        if isinstance(term, App) and term.function.name in (one, other) and term.function.kind == "state":
            name = other if term.function.name == one else one
            return App(FIELD_BY_NAME[name], term.arguments, term.sort)
        return term

    return change


def claims_ignored(term: Term) -> Term:
    """That a caller says it is the last one means nothing."""
    return lift(False, term.sort) if isinstance(term, App) and term.function is MACHINE.claims else term


def level_ignored(term: Term) -> Term:
    """Affinity fields below the level count as well."""
    is_level = isinstance(term, App) and term.function.name == "lowest_affinity_level"
    return lift(0, term.sort) if is_level else term


def feature_bits_exchanged(term: Term) -> Term:
    """The two flags of CPU_SUSPEND change places."""
    exchanged = {0b10: 0b01, 0b01: 0b10}
    if isinstance(term, Const) and term.value in exchanged and str(term.sort) == "u32":
        return Const(exchanged[int(term.value)], term.sort)
    return term


ENTRY, CONTEXT = "entry", "context"
ON, OFF, PENDING = 0, 1, 2
TARGET = MACHINE.core_of(SPECIFICATION.call_of[0x8400_0005][0].terms.target_cpu)
STRAY = SPECIFICATION.rule("GO_DOWN.reset_by_a_stray_wakeup")
SIGNALLED = next(SPECIFICATION.moves[i] for i, move in enumerate(SPECIFICATION.moves) if move.name == "SIGNAL")
WOKEN = next(move for move in SPECIFICATION.moves if move.name == "WAKEUP").core


def _without_the_signal(rule: Rule) -> Rule:
    """A core that is OFF is enough."""

    def change(term: Term) -> Term:
        return TRUE if isinstance(term, App) and term.function.name == "wake" else term

    return everywhere(change)(rule) or rule


def _all_slept(rule: Rule) -> Rule | None:
    return writes(slept=each(lambda core: True))(rule)


def _signal_all(rule: Rule) -> Rule | None:
    pending = SIGNALLED.parameters[0]()
    return writes(wake=each(lambda core: pending))(rule)


def _dozed_everywhere(rule: Rule) -> Rule | None:
    node = next(update for update in rule.effect.updates if update.field.name == "node")
    return writes(dozed=each(lambda n: STATE.dozed[n] | (node.value_at((n,)) != "RUN")))(rule)


def _asked(kind: str) -> Change:
    return writes(asked={CALLER(): lift(kind, KIND)})


DEFECTS: tuple[Defect, ...] = (
    Defect(
        "CPU_OFF sets the suspend mode back", "LOCAL-MACHINE", ("CPU_OFF.turned_off",),
        writes(mode="PLATFORM_COORDINATED"),
    ),
    Defect(
        "AFFINITY_INFO marks its caller as slept", "LOCAL-ASKING", ("AFFINITY_INFO.on",),
        writes(slept={CALLER(): True}),
    ),
    Defect(
        "entry point and context id swapped when CPU_ON accepts", "ENTRIES", ("CPU_ON.accepted",),
        swapped(ENTRY, CONTEXT),
    ),
    Defect(
        "entry point and context id swapped when a powerdown is accepted", "ENTRIES", ("CPU_SUSPEND.powerdown",),
        swapped(ENTRY, CONTEXT),
    ),
    Defect(
        "entry point and context id swapped in two places, so that they fit each other again", "ENTRIES",
        ("CPU_ON.accepted", "CPU_ON.frozen_core_resumes"), swapped(ENTRY, CONTEXT),
    ),
    Defect(
        "entry point and context id swapped where a core is entered", "PROP-4", ("ENTER.entered",),
        everywhere(fields_exchanged(ENTRY, CONTEXT)),
    ),
    Defect(
        "votes compared for equality when a core sleeps", "DEEPEST",
        ("CPU_SUSPEND.standby", "CPU_SUSPEND.powerdown"), everywhere(votes_compared_for_equality),
    ),
    Defect(
        "votes compared for equality when a core turns off", "DEEPEST", ("CPU_OFF.turned_off",),
        everywhere(votes_compared_for_equality),
    ),
    Defect("MIGRATE does not move the Trusted OS", "RESIDENT", ("MIGRATE.moved",), inert),
    Defect(
        "MIGRATE moves the Trusted OS to its caller", "RESIDENT", ("MIGRATE.moved",), writes(resident=CALLER()),
    ),
    Defect(
        "MIGRATE by a core that does not host it", "RESIDENT", ("MIGRATE.not_resident", "MIGRATE.moved"),
        lambda rule: None if rule.name.endswith("not_resident") else without(1)(rule),
    ),
    Defect(
        "MIGRATE_INFO_UP_CPU answers its caller's MPIDR", "RESIDENT", ("MIGRATE_INFO_UP_CPU.resident_core",),
        answers(MACHINE.mpidr(CALLER())),
    ),
    Defect("AFFINITY_INFO answers OFF for a core that is ON", "AFFINITY", ("AFFINITY_INFO.on",), answers(OFF)),
    Defect("AFFINITY_INFO answers ON for a core that is OFF", "AFFINITY", ("AFFINITY_INFO.off",), answers(ON)),
    Defect(
        "AFFINITY_INFO's answers shifted by one", "AFFINITY", ("AFFINITY_INFO.on_pending",), answers(PENDING + 1),
    ),
    Defect(
        "AFFINITY_INFO prefers ON_PENDING to ON", "AFFINITY", ("AFFINITY_INFO.on_pending",), without(1),
    ),
    Defect(
        "AFFINITY_INFO looks at affinity fields below the level", "AFFINITY",
        ("AFFINITY_INFO.off",), everywhere(level_ignored),
    ),
    Defect(
        "PSCI_STAT_COUNT answers for its caller instead of the target", "STAT-ZERO",
        ("PSCI_STAT_COUNT.count_before_use", "PSCI_STAT_COUNT.count"), everywhere(caller_for_target),
    ),
    Defect(
        "PSCI_STAT_RESIDENCY answers for its caller instead of the target", "STAT-ZERO",
        ("PSCI_STAT_RESIDENCY.residency_before_use", "PSCI_STAT_RESIDENCY.residency"), everywhere(caller_for_target),
    ),
    Defect("a reset without a pending wakeup", "CAUSE", (STRAY.name,), _without_the_signal),
    Defect("SIGNAL reaches all cores", "LOCAL-CORES", ("SIGNAL.wake_pending",), _signal_all),
    Defect("CPU_OFF marks all cores as slept", "LOCAL-CORES", ("CPU_OFF.turned_off",), _all_slept),
    Defect(
        "CPU_OFF marks the nodes of other cores as used", "LOCAL-NODES", ("CPU_OFF.turned_off",), _dozed_everywhere,
    ),
    Defect(
        "a vendor-specific reset recorded as a warm one", "CAUSE", ("SYSTEM_RESET2.vendor_reset",),
        _asked("WARM_RESET"),
    ),
    Defect("SYSTEM_RESET recorded as SYSTEM_OFF", "STOPS-CALLER", ("SYSTEM_RESET.reset",), _asked("OFF")),
    Defect(
        "the feature bits of CPU_SUSPEND swapped", "PROP-18", ("PSCI_FEATURES.CPU_SUSPEND_implemented",),
        everywhere(feature_bits_exchanged),
    ),
    Defect("CPU_OFF stops its caller and leaves it ON", "DONE", ("CPU_OFF.turned_off",), writes(power=None)),
    Defect(
        "CPU_ON of a core that is ON is accepted", "REFUSED", ("CPU_ON.already_on", "CPU_ON.accepted"),
        lambda rule: None if rule.name.endswith("already_on") else without(1)(rule),
    ),
    Defect("CPU_ON calls a pending core ALREADY_ON", "ON-CODES", ("CPU_ON.on_pending",), answers(-4)),
    Defect(
        "MEM_PROTECT answers what it switched to", "DONE", ("MEM_PROTECT.switched",),
        answers(
            choose(
                SPECIFICATION.call_of[0x8400_0013][0].terms.enable != 0, Const(1, U64), Const(0, U64)
            )
        ),
    ),
    Defect(
        "MEM_PROTECT_CHECK_RANGE succeeds for memory that is not protected", "REFUSED",
        ("MEM_PROTECT_CHECK_RANGE.not_protected", "MEM_PROTECT_CHECK_RANGE.protected"),
        lambda rule: None if rule.name.endswith("not_protected") else replace(rule, guard=TRUE),
    ),
    Defect("reserved bits of power_state accepted", "REFUSED", ("CPU_SUSPEND.reserved_bits_set",), dropped),
    Defect(
        "a claim to be the last core is not looked at", "OSI-LAST", ("CPU_SUSPEND.others_running",),
        everywhere(claims_ignored),
    ),
    Defect("SYSTEM_SUSPEND while other cores are ON", "PROP-10", ("SYSTEM_SUSPEND.other_core_not_off",), dropped),
    Defect(
        "a wakeup ends the pending event of every core", "LOCAL-CORES", ("WAKEUP.standby_ends",),
        writes(wake=each(lambda core: False)),
    ),
    Defect("a wakeup leaves the nodes above as they were", "PROP-8", ("WAKEUP.powerdown_ends",), writes(node=None)),
    Defect(
        "PSCI_SET_SUSPEND_MODE does not set the mode", "MODE-SWITCH", ("PSCI_SET_SUSPEND_MODE.mode_changed",), inert,
    ),
    Defect(
        "power loss forgets that the system hibernates", "CAUSE", ("LOSE_POWER.power_lost",),
        writes(kind="POWER_LOSS"),
    ),
    Defect(
        "a retention state entered as standby", "DONE", ("CPU_SUSPEND.standby",),
        writes(activity={CALLER(): "STANDBY"}),
    ),
    Defect(
        "a boot leaves a wakeup event pending", "SURVIVORS", ("BOOT.cold_boot",), writes(wake=None),
    ),
)  # fmt: skip
