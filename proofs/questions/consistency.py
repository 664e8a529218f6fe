"""The rules against themselves: gaps, ambiguities, rules that can never apply, rules that add nothing.

Everything is asked of three cores on two clusters, in the states that the proved invariants leave, and
of every version at once or of one. Each finding has an example that the stepper agrees with.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import z3

from psci.model.declare import Call, Move
from psci.model.environment import BOOT
from psci.model.language.effects import NOTHING
from psci.model.language.rules import ISA, RESULT, Completion, Modality, Rule
from psci.model.language.sorts import CORE, U64
from psci.model.language.terms import FALSE
from psci.model.return_codes import by_default
from psci.model.specification import SPECIFICATION, Specification
from psci.model.step import Stepper
from psci.model.symbols.machine import MACHINE
from psci.model.symbols.state import FIELDS, STATE
from psci.model.tables.codes import NOT_SUPPORTED
from psci.model.tables.versions import VERSIONS, Version
from psci.proofs.encoding.bounded import Bounded
from psci.proofs.encoding.domain import Expression
from psci.proofs.encoding.queries import RLIMIT
from psci.proofs.encoding.rules import (
    OUTCOMES,
    RuleFormula,
    call_limits,
    duties,
    fields_of,
    owner_named,
    owners,
    scope_of,
    transitions,
)
from psci.proofs.methods.induction import blank_value, standing_assumptions
from psci.proofs.replay.concrete import ModelValues
from psci.proofs.replay.platform import SHAPE
from psci.proofs.replay.text import ProofWords
from psci.properties.helpers import REACHABLE

MPIDRS = (0x0, 0x1, 0x100)

GAP = "gap"
AMBIGUITY = "ambiguity"
DEAD = "dead rule"
REDUNDANT = "redundant rule"
FEATURES = "PSCI_FEATURES against presence"
UNDECIDED = "undecided"


@dataclass(frozen=True)
class ConsistencyFinding:
    """One thing about the rules that an author should look at."""

    kind: str
    subject: str
    """The call or the rules."""
    text: str
    versions: tuple[str, ...] = ()
    example: tuple[str, ...] = ()
    reason: str = ""
    """Why it is not a defect, where that is known."""

    @property
    def counts(self) -> bool:
        """Whether it makes `psci check` fail: a gap, or a dead rule, that nobody has explained."""
        return self.kind in (GAP, DEAD, FEATURES, UNDECIDED) and not self.reason


class Undecided(Exception):
    """The solver gave up on a question."""


class Rules:
    """The rules of one call or move over symbols of their own, ready for questions."""

    def __init__(self, owner: Call | Move, specification: Specification, version: Version | None) -> None:
        self.owner = owner
        self.specification = specification
        self.domain = Bounded(3, SHAPE, version=version, specification=specification)
        self.state = fields_of(self.domain, "s")
        self.scope = scope_of(self.domain, owner, self.state)
        self.steps = transitions(self.domain, owner, self.scope, specification)
        self.duties = duties(self.domain, owner, self.scope, specification)

    def assumed(self) -> list[Expression]:
        """The states that are looked at: the invariants hold, and the caller runs."""
        formulas = [self.scope.term(invariant.term()) for invariant in REACHABLE]
        formulas += [formula for _, formula in standing_assumptions(self.owner, self.scope)]
        formulas += [self.domain.within(self.state[field.name], field) for field in FIELDS]
        formulas.append(call_limits(self.domain, "a", self.owner))
        mpidr = self.domain.symbol(MACHINE.mpidr)
        formulas += [mpidr(self.domain.constant(i, CORE)) == value for i, value in enumerate(MPIDRS)]
        return formulas

    def example(self, *question: Expression, plain: bool = True) -> ModelValues | None:
        """A case in which all of this holds, the plainest that is found easily; None where there is none.

        Raises:
            Undecided: the solver gave up.
        """
        solver = z3.Solver(ctx=self.domain.context)
        solver.set("rlimit", RLIMIT)
        for formula in (*self.assumed(), *question, *(formula for _, formula in self.domain.facts())):
            solver.add(formula)
        found = solver.check()
        if found == z3.unknown:
            raise Undecided(f"{self.owner.name}: {solver.reason_unknown()}")
        if found == z3.unsat:
            return None
        model = solver.model()
        wishes = self._wishes() if plain else []
        for wish in wishes:
            if solver.check(wish) == z3.sat:
                model = solver.model()
                solver.add(wish)
        return ModelValues(self.domain, model)

    def _wishes(self) -> list[Expression]:
        newest = [self.domain.is_version(version) for version in VERSIONS[::-1]]
        call = self.scope.call
        plain = [call[name]() == 0 for name in ("caller_world", "caller_isa", "x3", "x2", "x1") if name in call]
        return [*newest, *plain, *(self.scope.term(blank_value(field)) for field in FIELDS)]

    def lines(self, reading: ModelValues) -> tuple[str, ...]:
        """An example in words, and what the stepper allows there."""
        state, action = reading.state(self.state), reading.action(self.owner, self.scope)
        machine = reading.machine(action)
        words = ProofWords(machine)
        lines = [words.machine_line(), *words.state(state, {}), words.action(action)]
        if action.invocation is not None:
            allowed = Stepper(machine, self.specification).allowed(state, action.invocation, reading.choices())
            names = sorted({outcome.rule.name for outcome in allowed.outcomes})
            lines.append(f"the stepper allows: {', '.join(names) or 'nothing'}")
        return tuple(lines)

    def guard(self, step: RuleFormula) -> Expression:
        """The rule applies, whatever the others say."""
        return step.conditions[0][1]

    def versions_of(self, *question: Expression) -> tuple[str, ...]:
        """The versions in which all of this can hold."""
        candidates = VERSIONS if self.domain.version is None else (self.domain.version,)
        return tuple(
            version.name
            for version in candidates
            if self.example(*question, self.domain.is_version(version), plain=False) is not None
        )


def check(specification: Specification = SPECIFICATION, version: Version | None = None) -> Iterator[ConsistencyFinding]:
    """Everything that is to be said about the rules, call by call."""
    for owner in owners(specification):
        rules = Rules(owner, specification, version)
        for question in (gaps, ambiguities, dead_rules, redundant_rules):
            try:
                yield from question(rules)
            except Undecided as error:
                yield ConsistencyFinding(UNDECIDED, owner.name, str(error))
    yield from features(specification, version)


def gaps(rules: Rules) -> Iterator[ConsistencyFinding]:
    """No rule answers a call whose caller keeps its duties, or no boot is possible of a system that is down."""
    if rules.owner.name == BOOT.name:
        yield from _no_boot(rules)
    if not isinstance(rules.owner, Call):
        return
    answers = [step.allowed() for step in rules.steps if step.rule.modality is not Modality.MAY_REFUSE]
    nothing = [z3.Not(answer) for answer in answers] + [z3.Not(broken) for _, broken in rules.duties]
    reading = rules.example(*nothing)
    if reading is not None:
        yield ConsistencyFinding(
            GAP, rules.owner.name, "No rule answers this call.", rules.versions_of(*nothing), rules.lines(reading)
        )


def _no_boot(rules: Rules) -> Iterator[ConsistencyFinding]:
    down = rules.scope.term(STATE.system == "DOWN")
    reading = rules.example(down, *(z3.Not(step.allowed()) for step in rules.steps))
    if reading is not None:
        text = "No rule lets a system that is down boot."
        yield ConsistencyFinding(GAP, BOOT.name, text, rules.versions_of(down), rules.lines(reading))


def ambiguities(rules: Rules) -> Iterator[ConsistencyFinding]:
    """Two refusals with different codes are both obligatory: either may be returned."""
    if not isinstance(rules.owner, Call):
        return
    obligatory = [s for s in rules.steps if s.rule.modality is Modality.MUST_REFUSE]
    for i, first in enumerate(obligatory):
        for second in obligatory[i + 1 :]:
            if first.rule.code is None or second.rule.code is None or first.rule.code is second.rule.code:
                continue
            both = (first.allowed(), second.allowed())
            reading = rules.example(*both)
            if reading is not None:
                yield ConsistencyFinding(
                    AMBIGUITY,
                    f"{first.rule.name}, {second.rule.name}",
                    f"{first.rule.code} and {second.rule.code} are both obligatory: either may be returned (RET-11).",
                    rules.versions_of(*both),
                    rules.lines(reading),
                )


def dead_rules(rules: Rules) -> Iterator[ConsistencyFinding]:
    """A rule that applies in no state."""
    alive = {id(step.rule): step.allowed() for step in rules.steps}
    alive |= {id(rule): broken for rule, broken in rules.duties}
    for rule in rules.specification.rules[rules.owner.name]:
        if rules.domain.version is not None and not rule.applies_to(rules.domain.version):
            continue
        if rule.guard is FALSE or rules.example(alive[id(rule)], plain=False) is None:
            reason = why_dead(rule, rules.owner, rules.specification) or _alive_elsewhere(rule, rules)
            yield ConsistencyFinding(DEAD, rule.name, "The rule can never apply.", _span(rule), reason=reason)


def _alive_elsewhere(rule: Rule, rules: Rules) -> str:
    if rules.domain.version is None or rule.guard is FALSE:
        return ""
    open_version = Rules(rules.owner, rules.specification, None)
    alive = [step.allowed() for step in open_version.steps if step.rule is rule]
    alive += [broken for duty, broken in open_version.duties if duty is rule]
    return "It applies in other versions." if open_version.example(*alive, plain=False) is not None else ""


def why_dead(rule: Rule, owner: Call | Move, specification: Specification) -> str:
    """Why a rule that can never apply is not a defect; empty where nobody has said."""
    if rule.guard is not FALSE and by_default(rule.guard) is FALSE:
        return "It applies only under another option of a reading than the default, which is assumed here."
    if not isinstance(owner, Call):
        return ""
    function = owner.name
    if owner.name == "PSCI_FEATURES" and rule.name.endswith("_absent"):
        function = rule.name.partition(".")[2].removesuffix("_absent")
    elif not rule.name.endswith(".absent"):
        return ""
    call = next((call for call in specification.calls if call.name == function), None)
    if call is not None and not call.optional:
        return f"{function} is mandatory wherever this can be asked (RET-6); the rule is made for every function."
    return ""


def redundant_rules(rules: Rules) -> Iterator[ConsistencyFinding]:
    """A refusal that says nothing beyond the others of the same code."""
    for step in rules.steps:
        same = [other for other in rules.steps if other is not step and _same_outcome(step.rule, other.rule)]
        if not same or step.rule.effect is not NOTHING:
            continue
        apart = (rules.guard(step), *(z3.Not(rules.guard(other)) for other in same))
        if rules.example(rules.guard(step), plain=False) is None or rules.example(*apart, plain=False) is not None:
            continue
        here = rules.guard(step)
        covering = [o.rule.name for o in same if rules.example(here, rules.guard(o), plain=False) is not None]
        text = f"Wherever it applies, so do others: {', '.join(covering)}."
        yield ConsistencyFinding(REDUNDANT, step.rule.name, text, _span(step.rule))


def _same_outcome(one: Rule, other: Rule) -> bool:
    return (
        one.modality is other.modality
        and one.code is not None
        and one.code is other.code
        and one.completion is other.completion
        and other.effect is NOTHING
    )


def _span(rule: Rule) -> tuple[str, ...]:
    return tuple(version.name for version in VERSIONS if rule.applies_to(version))


def features(specification: Specification, version: Version | None) -> Iterator[ConsistencyFinding]:
    """PSCI_FEATURES says that a function is there exactly where a call to it is not answered as absent (FEAT-10)."""
    for call in specification.calls:
        for fid in call.ids():
            yield from _features_of(call, fid, specification, version)


def _features_of(
    call: Call, fid: int, specification: Specification, version: Version | None
) -> Iterator[ConsistencyFinding]:
    rules = Rules(owner_named(specification, "PSCI_FEATURES"), specification, version)
    domain = rules.domain
    there = rules.scope.term(call.is_present(MACHINE))
    if fid == call.fid64 and call.fid32 is not None:
        there = z3.And(there, rules.scope.term((MACHINE.both_ids != "APART") | MACHINE.has(fid)))
    asked = z3.Extract(31, 0, rules.scope.call["x1"]()) == fid
    claims = domain.disjunction(
        z3.And(step.allowed(), _says_yes(rules, step)) for step in rules.steps if step.rule.modality in OUTCOMES
    )
    denies = domain.disjunction(
        z3.And(step.allowed(), z3.Not(_hidden(rules)))
        for step in rules.steps
        if step.rule.code is NOT_SUPPORTED and step.rule.modality is not Modality.GATE
    )
    for text, question in (
        (f"PSCI_FEATURES reports {call.name} ({fid:#x}), and a call finds it absent.", (claims, z3.Not(there))),
        (f"PSCI_FEATURES denies {call.name} ({fid:#x}), and a call finds it there.", (denies, there)),
    ):
        try:
            reading = rules.example(asked, *question)
        except Undecided as error:
            yield ConsistencyFinding(UNDECIDED, f"PSCI_FEATURES of {call.name}", str(error))
            continue
        if reading is not None:
            yield ConsistencyFinding(
                FEATURES, call.name, text, rules.versions_of(asked, *question), rules.lines(reading)
            )


def _says_yes(rules: Rules, step: RuleFormula) -> Expression:
    zero = z3.BitVecVal(0, 64, rules.domain.context)
    if step.rule.completion is not Completion.RETURNS:
        return z3.BoolVal(False, rules.domain.context)
    if step.value is not None:
        return z3.Not(step.value < zero)
    result = rules.domain.fresh("result", U64)
    assert step.rule.constraint is not None
    return z3.And(step.scope.binding(RESULT, result).term(step.rule.constraint), z3.Not(result < zero))


def _hidden(rules: Rules) -> Expression:
    """An AArch32 caller asks about an id of its own that it cannot call (FEAT-7)."""
    return rules.scope.call["caller_isa"]() == rules.domain.constant("AARCH32", ISA)
