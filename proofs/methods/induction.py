"""Induction over steps: what holds before the first boot, and is kept by every rule, holds in every reachable state.

One query for each property and rule. What a proof assumes beside the invariants is named here, and
nowhere else: a caller runs (SM-16), and the cold-boot primary is the core that boots (SM-5).
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import z3

from psci.model.declare import Call, Move
from psci.model.environment import BOOT
from psci.model.language.rules import RESULT, Completion, Rule
from psci.model.language.sorts import blank
from psci.model.language.terms import TRUE, Function, Term, every, fields_read, lift
from psci.model.machine import SYMBOLS
from psci.model.symbols.machine import MACHINE
from psci.model.symbols.readings import READINGS
from psci.model.symbols.state import FIELDS, STATE
from psci.proofs.encoding.domain import Domain, Expression, NamedFormula
from psci.proofs.encoding.queries import Query, SolverAnswer, SolverVerdict, solve
from psci.proofs.encoding.rules import OUTCOMES, RuleFormula, owners
from psci.proofs.encoding.steps import Translated, Translations, primes
from psci.proofs.encoding.terms import Scope, read_by
from psci.properties.language import Invariant, Property, Step, step_of


@dataclass(frozen=True)
class Obligation:
    """One step of an induction: the query, and what is needed to explain its counterexample."""

    rule: Rule | None
    """None for the start."""
    step: Step | None
    query: Query
    parts: tuple[NamedFormula, ...]
    """What the goal consists of, by name: the claim, and each invariant after the step."""
    before: Scope
    after: Scope
    domain: Domain
    alone: Query | None = None
    """For a step that changes nothing: the claim without what the rule requires; if that holds, no rule matters."""

    @property
    def name(self) -> str:
        """The rule; `start` for the state before the first boot, `implied` where there is no induction."""
        return self.rule.name if self.rule else self.query.name.rpartition(" ")[2]

    @property
    def speaks_of_tree(self) -> bool:
        """Whether the query knows the tree of power domains; otherwise its counterexample has none."""
        return self.domain.fixed_tree() or any(name.startswith("tree: ") for name, _ in self.query.assumptions)

    @property
    def label(self) -> str:
        """What a report calls it."""
        return self.name


@dataclass(frozen=True)
class Induction:
    """What came of the induction for one property."""

    claim: Property
    cores: str
    answers: tuple[tuple[Obligation, SolverAnswer], ...]
    by_construction: int
    """Rules that change nothing which the property speaks about; they need no query."""
    seconds: float = field(default=0.0)

    @property
    def verdict(self) -> SolverVerdict:
        """Proved if every step was; refuted if some step was; else the solver gave up."""
        verdicts = {answer.verdict for _, answer in self.answers}
        if SolverVerdict.REFUTED in verdicts:
            return SolverVerdict.REFUTED
        return SolverVerdict.UNKNOWN if SolverVerdict.UNKNOWN in verdicts else SolverVerdict.PROVED

    def failures(self) -> list[tuple[Obligation, SolverAnswer]]:
        """The steps that were not proved."""
        return [
            (obligation, answer) for obligation, answer in self.answers if answer.verdict is not SolverVerdict.PROVED
        ]

    def rules_used(self) -> tuple[str, ...]:
        """The rules that the proof rests on: those that change something, and those in its unsatisfiable cores."""
        changing = (o.name for o, _ in self.answers if o.rule is not None and o.rule.effect.updates)
        return tuple(sorted({*changing, *rules_in_cores(answer for _, answer in self.answers)}))

    def assumptions_used(self) -> tuple[str, ...]:
        """The facts and assumptions, beside rules, that the proof rests on."""
        names = {name for _, answer in self.answers for name in answer.core}
        return tuple(sorted(name for name in names if " " in name and not name.startswith("not ")))


def rules_in_cores(answers: Iterable[SolverAnswer]) -> frozenset[str]:
    """The rules among the assumptions that proofs used."""
    names = (name for answer in answers for name in answer.core)
    plain = (name.removeprefix("not ").removesuffix(" lets the result be returned") for name in names)
    return frozenset(name for name in plain if "." in name and " " not in name)


def invariants_of(prop: Property, extra: Sequence[Invariant] = ()) -> tuple[tuple[str, Term], ...]:
    """The invariants that an induction carries: the helpers, and the property itself where it is one of states."""
    own = [] if prop.of_state() is TRUE else [(prop.name, prop.of_state())]
    return (*own, *((helper.name, helper.term(prop.history)) for helper in (*prop.helpers, *extra)))


def obligations(
    prop: Property,
    translations: Translations,
    extra: Sequence[Invariant] = (),
    only_rule: str | None = None,
    only_owner: str | None = None,
) -> Iterator[Obligation | None]:
    """Every query of the induction, or those of one rule, call or move; None for a step that holds by construction."""
    invariants = invariants_of(prop, extra)
    if prop.follows:
        yield implied(prop, invariants, translations.start)
        return
    if only_rule is None and only_owner is None:
        yield start(prop, invariants, translations.start)
    specification = translations.specification
    read = fields_read(*(term for _, term in invariants))
    for owner in owners(specification):
        if only_owner not in (None, owner.name):
            continue
        rules = [rule for rule in specification.rules[owner.name] if only_rule in (None, rule.name)]
        asked = {id(rule) for rule in rules if interesting(prop, owner, rule, read)}
        if not asked:
            yield from (None for rule in rules if rule.modality in OUTCOMES)
            continue
        translated = translations.of(owner)
        assumed = Assumed(prop, invariants, translated.before(prop.history))
        for transition in translated.transitions:
            if only_rule not in (None, transition.rule.name):
                continue
            if id(transition.rule) not in asked:
                yield None
                continue
            yield keep(prop, invariants, assumed, translated, transition)


class Assumed:
    """What an induction assumes before a step of one call or move, translated once."""

    def __init__(self, prop: Property, invariants: Sequence[tuple[str, Term]], base: Scope) -> None:
        self._prop = prop
        self._base = base
        self._invariants = tuple((f"before: {name}", base.term(term)) for name, term in invariants)
        self._lemmas = tuple((f"lemma: {lemma.name}", base.term(lemma.of_state())) for lemma in prop.lemmas)
        self._given: dict[Completion | None, tuple[NamedFormula, ...]] = {}

    def of(self, step: Step) -> tuple[NamedFormula, ...]:
        """The invariants, and what the property is given."""
        if step.completion not in self._given:
            self._given[step.completion] = tuple(
                (f"given: {name}", self._base.term(term)) for name, term in self._prop.assumed(step) if term is not TRUE
            )
        return (*self._invariants, *self._lemmas, *self._given[step.completion])

    def lemmas(self) -> tuple[NamedFormula, ...]:
        """The properties of states that have proofs of their own."""
        return self._lemmas


def interesting(prop: Property, owner: Call | Move, rule: Rule, read: Container[str]) -> bool:
    """Whether a rule changes a field that invariants read, or the claim or the history speaks about its steps.

    Args:
        prop: the property.
        owner: the call or move.
        rule: one of its rules.
        read: the fields that the invariants read.
    """
    step = step_of(owner, rule)
    changed = (*rule.effect.updates, *prop.history.effect(step).updates)
    return any(update.field.name in read for update in changed) or prop.of_step(step) is not TRUE


def start(prop: Property, invariants: Sequence[tuple[str, Term]], translated: Translated) -> Obligation:
    """The invariants hold before the first boot: the system is down, and every field is blank."""
    scope = translated.before(prop.history)
    scope = scope.but(scope.after(prop.history.start()))
    blank = [
        (f"{field.name} is blank", scope.term(term)) for field in FIELDS if (term := blank_value(field)) is not TRUE
    ]
    blank = [(name, formula) for name, formula in blank if not name.startswith("system ")]
    down = ("the system is down", scope.term(STATE.system == "DOWN"))
    return _of_a_state(f"{prop.name} start", prop, invariants, scope, (down, *blank), translated)


def implied(prop: Property, invariants: Sequence[tuple[str, Term]], translated: Translated) -> Obligation:
    """The lemmas imply the property, in any one state."""
    scope = translated.before(prop.history)
    known = (*Assumed(prop, (), scope).lemmas(), *default_readings(scope, prop))
    return _of_a_state(f"{prop.name} implied", prop, invariants, scope, known, translated)


def _of_a_state(
    name: str, prop: Property, invariants: Sequence[tuple[str, Term]], scope: Scope, known: tuple[NamedFormula, ...],
    translated: Translated,
) -> Obligation:  # fmt: skip
    domain = translated.domain
    parts = tuple((name, scope.term(term)) for name, term in invariants)
    goal = domain.conjunction(formula for _, formula in parts)
    query = question(domain, name, (*known, *translated.limits(prop.history)), goal)
    return Obligation(None, None, query, parts, scope, scope, domain)


def blank_value(field: Function) -> Term:
    """A field has its first value everywhere, as before the first boot; true where no core or node is the first."""
    zero = blank(field.range)
    if zero is None:
        return TRUE

    def build(arguments: tuple[Term, ...], rest: tuple[object, ...]) -> Term:
        if not rest:
            return field(*arguments) == lift(zero, field.range)
        return every(field.domain[len(arguments)], lambda place: build((*arguments, place), rest[1:]))

    return build((), field.domain)


@dataclass(frozen=True)
class Taking:
    """One rule taken as a step: the state before it, the state after it, and the condition on a result left open."""

    rule: Rule
    step: Step
    before: Scope
    after: Scope
    changed: frozenset[str]
    """The fields and history variables that the step may change."""
    conditions: tuple[NamedFormula, ...]
    """The rule is allowed."""
    both: Scope
    """The state before and, under primed names, the state after."""

    def of_step(self, prop: Property) -> Expression | None:
        """What a property says of the step; None where it says nothing."""
        claim = prop.of_step(self.step)
        return None if claim is TRUE else self.both.term(claim)


def taking(prop: Property, translated: Translated, transition: RuleFormula) -> Taking:
    """A rule as a step, with what the property remembers of it."""
    step = step_of(translated.owner, transition.rule)
    taken = translated.outcome(transition)
    result = taken.before.variables[RESULT]
    before = translated.before(prop.history).binding(RESULT, result)
    remembered = before.after(prop.history.effect(step))
    changed = frozenset((*transition.after, *remembered))
    if not changed:
        both = translated.unchanged(prop.history).binding(RESULT, result)
        return Taking(transition.rule, step, before, before, changed, taken.conditions, both)
    after = translated.remembering(taken.after, prop.history)
    after = after.but(remembered) if remembered else after
    return Taking(transition.rule, step, before, after, changed, taken.conditions, before.but(primes(after.state)))


def keep(
    prop: Property, invariants: Sequence[tuple[str, Term]], assumed: Assumed, translated: Translated,
    transition: RuleFormula,
) -> Obligation | None:  # fmt: skip
    """A rule keeps the invariants, and its steps satisfy the claim; None where there is nothing to prove."""
    taken, domain = taking(prop, translated, transition), translated.domain
    rule, step, before, after, changed = taken.rule, taken.step, taken.before, taken.after, taken.changed
    parts: list[NamedFormula] = []
    claim = taken.of_step(prop)
    if claim is not None:
        parts.append((prop.name, claim))
    # an invariant that reads nothing of what changes is kept: after the step it is what it was before
    parts += [(name, after.term(term)) for name, term in invariants if not read_by(term).isdisjoint(changed)]
    goal = domain.conjunction(formula for _, formula in parts)
    if z3.is_true(z3.simplify(goal)):
        return None
    standing = premises(prop, assumed, translated, taken)
    query = question(domain, f"{prop.name} {rule.name}", (*taken.conditions, *standing), goal)
    whatever = f"{prop.name} {translated.owner.name}: whatever changes nothing"
    alone = None if changed else question(domain, whatever, standing, goal)
    return Obligation(rule, step, query, tuple(parts), before, after, domain, alone)


def premises(prop: Property, assumed: Assumed, translated: Translated, taken: Taking) -> tuple[NamedFormula, ...]:
    """What is assumed of a step, whatever rule makes it."""
    return (
        *standing_assumptions(translated.owner, taken.before, prop),
        *assumed.of(taken.step),
        *((f"lemma after the step: {lemma.name}", taken.after.term(lemma.of_state())) for lemma in prop.lemmas_after),
        *translated.limits(prop.history),
    )


def question(domain: Domain, name: str, assumptions: tuple[NamedFormula, ...], goal: Expression) -> Query:
    """The query, with what holds of every symbol that occurs in it."""
    formulas = [goal, *(formula for _, formula in assumptions)]
    named = domain.definitions(formulas)
    facts = domain.facts_about([*formulas, *(formula for _, formula in named)])
    return Query(name, (*assumptions, *facts, *named), goal)


def default_readings(scope: Scope, prop: Property | None = None) -> list[NamedFormula]:
    """The default of each reading that would give up this property or one of its lemmas; without one, any property."""
    names = None if prop is None else prop.rests_on()
    return [
        (f"reading {r.name}: {r.default}", scope.term(SYMBOLS[r.symbol]() == r.options[r.default]))
        for r in READINGS.values()
        if r.default is not None and (r.gives_up if names is None else names & set(r.gives_up))
    ]


def standing_assumptions(owner: Call | Move, scope: Scope, prop: Property | None = None) -> list[NamedFormula]:
    """What is assumed of every step: who moves, and the default of each reading that would give up the property."""
    return [*default_readings(scope, prop), *who_moves(owner, scope)]


def who_moves(owner: Call | Move, scope: Scope) -> Iterator[NamedFormula]:
    """Which core can make a call, and which one boots."""
    if isinstance(owner, Call):
        running = STATE.activity[owner.terms.caller] == "RUNNING"
        yield "the caller runs (SM-16)", scope.term(running)
    elif owner.name == BOOT.name and owner.core is not None:
        yield "the cold-boot primary boots (SM-5)", scope.term(owner.core == MACHINE.boot_core)


def prove(
    prop: Property,
    translations: Translations,
    extra: Sequence[Invariant] = (),
    only_rule: str | None = None,
    ask: Callable[[Query], SolverAnswer] = solve,
) -> Induction:
    """Run the induction for a property."""
    answers: list[tuple[Obligation, SolverAnswer]] = []
    trivial = 0
    settled: set[tuple[int, ...]] = set()  # questions whose answer is known: they hold whatever rule answers
    for obligation in obligations(prop, translations, extra, only_rule):
        alone = None if obligation is None else obligation.alone
        if obligation is None or (alone and alone.formulas() in settled):
            trivial += 1
        elif alone and solve(alone, minimise=False).verdict is SolverVerdict.PROVED:
            settled.add(alone.formulas())
            answers.append((obligation, ask(alone)))
        else:
            answers.append((obligation, ask(obligation.query)))
    seconds = sum(answer.seconds for _, answer in answers)
    return Induction(prop, translations.cores, tuple(answers), trivial, seconds)
