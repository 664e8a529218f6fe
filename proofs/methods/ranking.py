"""Responses by stages: what must happen in the end does, for any number of cores, on every weakly fair run.

The chain rule of Manna and Pnueli, one query for each stage and rule: the premise leads into a stage, no step
leads back, the helpful action of a stage leads on, and it stays possible as long as the stage lasts. That a run
takes in the end what stays possible is the fairness that is assumed; `psci.properties.runs.responses` says of what.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from psci.model.declare import Call, Move
from psci.model.language.rules import Completion, Modality, Rule
from psci.model.language.terms import FALSE, TRUE, Term, conjunction, fields_read
from psci.model.specification import SPECIFICATION, Specification
from psci.model.step import Stepper
from psci.model.symbols.state import STATE
from psci.proofs.encoding.domain import Expression, NamedFormula
from psci.proofs.encoding.queries import Query, SolverAnswer, SolverVerdict, solve
from psci.proofs.encoding.rules import RuleFormula, owner_named, owners
from psci.proofs.encoding.steps import Translated, Translations
from psci.proofs.encoding.terms import Scope
from psci.proofs.methods import counterexample
from psci.proofs.methods.counterexample import Counterexample, Story, plainest
from psci.proofs.methods.induction import (
    Assumed,
    Induction,
    Obligation,
    default_readings,
    question,
    standing_assumptions,
    taking,
)
from psci.proofs.replay.concrete import ModelValues, ReplayAction
from psci.properties.language import Step, step_of
from psci.properties.runs.responses import Response, Stage

BEGINS = "the premise leads into a stage or to the goal"
STAYS = "no step leads out of the stage but onwards"
ADVANCES = "the helpful action leads onwards"
ENABLED = "the helpful action is possible"
OCCURS = "there are such states"
SHORT = {BEGINS: "begins", STAYS: "stays", ADVANCES: "advances", ENABLED: "enabled", OCCURS: "occurs"}
"""What the conditions are called in the names of queries."""


@dataclass(frozen=True)
class RankingCondition(Obligation):
    """One condition of the rule, for one stage and, where it is about steps, for one rule."""

    condition: str = ""
    stage: Stage | None = None
    """None for what is asked of the premise."""

    @property
    def label(self) -> str:
        """What was to be shown, and of which rule."""
        return f"{self.what}: {self.rule.name}" if self.rule else self.what

    @property
    def occurs(self) -> bool:
        """It asks for a state, so that a counterexample is what is wanted."""
        return self.condition == OCCURS

    @property
    def what(self) -> str:
        """What was to be shown, without the rule."""
        where = f"stage {self.stage.name}" if self.stage else "premise"
        action = f" ({self.stage.helpful})" if self.stage and self.condition in (ADVANCES, ENABLED) else ""
        return f"{where}: {self.condition}{action}"


def duties(
    prop: Response, translations: Translations, only_rule: str | None = None, only_owner: str | None = None
) -> Iterator[RankingCondition | None]:
    """Every query of the rule, or those about one rule, call or move; None for a step that stays by construction."""
    specification = translations.specification
    if only_rule is None:
        if only_owner is None:
            yield from _of_premise(prop, translations.start)
        for stage in prop.stages:
            if only_owner in (None, stage.helpful.name):
                helpful = owner_named(specification, stage.helpful.name)
                yield from _of_helpful(prop, stage, translations.of(helpful))
    for owner in owners(specification):
        if only_owner not in (None, owner.name):
            continue
        concerned = [rule for rule in specification.rules[owner.name] if only_rule in (None, rule.name)]
        helps = any(stage.helpful.name == owner.name for stage in prop.stages)
        if not helps and not any(_ends(prop, stage, owner, rule) for stage in prop.stages for rule in concerned):
            yield from (None for _ in concerned for _ in prop.stages)
            continue
        translated = translations.of(owner)
        steps = [step for step in translated.transitions if step.rule in concerned]
        assumed = Assumed(prop, (), translated.before(prop.history))
        for stage in prop.stages:
            for transition in steps:
                yield from _of_step(prop, stage, assumed, translated, transition)


def _of_premise(prop: Response, translated: Translated) -> Iterator[RankingCondition]:
    """The premise, where what is remembered is at its beginning, and that it holds somewhere."""
    scope = translated.before(prop.history)
    scope = scope.but(scope.after(prop.history.start()))
    facts = (
        ("the premise", scope.term(prop.of_premise())), *Assumed(prop, (), scope).lemmas(),
        *default_readings(scope, prop),
    )  # fmt: skip
    for condition, goal in ((BEGINS, prop.reached_from(None, further=False)), (OCCURS, FALSE)):
        yield _duty(prop, condition, None, translated, facts, scope, scope.term(goal))


def _of_helpful(prop: Response, stage: Stage, translated: Translated) -> Iterator[RankingCondition]:
    """The helpful action is possible wherever its stage holds, and there are states in which it does.

    That its core runs, which is assumed of every other caller, has to be shown of this one.
    """
    owner, domain, base = translated.owner, translated.domain, translated.before(prop.history)
    step = Step(owner, None)
    possible = domain.disjunction(
        domain.conjunction([transition.allowed(), base.term(_permitted(prop, owner, transition.rule))])
        for transition in translated.transitions
        if _answers(transition.rule)
    )
    runs = base.term(STATE.activity[step.core] == "RUNNING") if step.is_call else base.term(TRUE)
    facts = (
        _in_stage(prop, stage, base), _helpful(prop, stage, step, base), *Assumed(prop, (), base).lemmas(),
        *default_readings(base, prop),
    )  # fmt: skip
    for condition, goal in ((ENABLED, domain.conjunction([runs, possible])), (OCCURS, base.term(FALSE))):
        yield _duty(prop, condition, stage, translated, facts, base, goal, step=step)


def _permitted(prop: Response, owner: Call | Move, rule: Rule) -> Term:
    """What the property is given allows a step by this rule."""
    return conjunction(*(term for _, term in prop.assumed(step_of(owner, rule))))


def _answers(rule: Rule) -> bool:
    """The rule makes its call possible: a mere permission to refuse does not, nor one that may leave no result."""
    fixed = rule.completion is not Completion.RETURNS or rule.value is not None or rule.constraint is TRUE
    return fixed and rule.modality is not Modality.MAY_REFUSE


def _of_step(
    prop: Response, stage: Stage, assumed: Assumed, translated: Translated, transition: RuleFormula
) -> Iterator[RankingCondition | None]:
    """A step by a rule from a stage: by anybody, where it can end the stage, and by the helpful core."""
    taken, owner = taking(prop, translated, transition), translated.owner
    rule, step, before, after = taken.rule, taken.step, taken.before, taken.after
    facts = (
        _in_stage(prop, stage, before), *taken.conditions, *standing_assumptions(owner, before, prop),
        *assumed.of(step),
    )  # fmt: skip
    if _ends(prop, stage, owner, rule):
        goal = after.term(prop.reached_from(stage, further=False))
        yield _duty(prop, STAYS, stage, translated, facts, before, goal, after=after, rule=rule, step=step)
    else:
        yield None
    if owner.name == stage.helpful.name:
        goal = after.term(prop.reached_from(stage, further=True))
        facts = (*facts, _helpful(prop, stage, step, before))
        yield _duty(prop, ADVANCES, stage, translated, facts, before, goal, after=after, rule=rule, step=step)


def _ends(prop: Response, stage: Stage, owner: Call | Move, rule: Rule) -> bool:
    """Whether a step by the rule changes something that the condition of the stage reads."""
    effects = (rule.effect, prop.history.effect(step_of(owner, rule)))
    changed = {update.field.name for effect in effects for update in effect.updates}
    return not changed.isdisjoint(fields_read(prop.of_stage(stage)))


def _in_stage(prop: Response, stage: Stage, scope: Scope) -> NamedFormula:
    return f"stage: {stage.name}", scope.term(prop.of_stage(stage))


def _helpful(prop: Response, stage: Stage, step: Step, scope: Scope) -> NamedFormula:
    return f"step: {stage.helpful}", scope.term(prop.is_helpful(stage, step))


def _duty(
    prop: Response, condition: str, stage: Stage | None, translated: Translated, facts: tuple[NamedFormula, ...],
    before: Scope, goal: Expression, *, after: Scope | None = None, rule: Rule | None = None,
    step: Step | None = None,
) -> RankingCondition:  # fmt: skip
    """The query, with what is known of its symbols."""
    domain, assumptions = translated.domain, (*facts, *translated.limits(prop.history))
    where = stage.name if stage else "premise"
    name = f"{prop.name} {where} {SHORT[condition]}" + (f" {rule.name}" if rule else "")
    query = question(domain, name, assumptions, goal)
    return RankingCondition(
        rule, step, query, ((condition, goal),), before, after or before, domain, None, condition, stage
    )


def prove(
    prop: Response,
    translations: Translations,
    only_rule: str | None = None,
    ask: Callable[[Query], SolverAnswer] = solve,
) -> Induction:
    """Show a response, as an induction is shown: the parts are the conditions of the rule."""
    answers: list[tuple[Obligation, SolverAnswer]] = []
    trivial = 0
    for duty in duties(prop, translations, only_rule):
        if duty is None:
            trivial += 1
        elif duty.occurs:
            answers.append((duty, _turned(solve(duty.query, minimise=False))))
        else:
            answers.append((duty, ask(duty.query)))
    seconds = sum(answer.seconds for _, answer in answers)
    return Induction(prop, translations.cores, tuple(answers), trivial, seconds)


def _turned(answer: SolverAnswer) -> SolverAnswer:
    """Of a query whose counterexample is what is wanted: there is one."""
    other = {SolverVerdict.REFUTED: SolverVerdict.PROVED, SolverVerdict.PROVED: SolverVerdict.REFUTED}
    return replace(answer, verdict=other.get(answer.verdict, answer.verdict), core=(), model=None)


# ---- counterexamples


def explain(
    prop: Response, duty: RankingCondition, answer: SolverAnswer, specification: Specification = SPECIFICATION
) -> Counterexample | Story:
    """A step that leads back, or a state in which a premise or a stage is not what it should be."""
    if answer.model is None:
        return Story((f"{prop.name} says nothing: {prop.sentence}", f"  not shown: {duty.what}"))
    relevant = fields_read(prop.of_goal(), prop.of_premise() if duty.stage is None else prop.of_stage(duty.stage))
    if duty.rule is not None:
        shown = counterexample.explain(prop, duty, answer, specification)
        return replace(shown, broken=(duty.what,), heading="not shown", relevant=relevant)
    model, _ = plainest(duty, answer.model, prop)
    reading = ModelValues(duty.domain, model, duty.speaks_of_tree)
    actions = () if duty.step is None else (reading.action(duty.step.owner, duty.before),)
    machine, state = reading.machine(*actions), reading.state(duty.before.state)
    agrees = all(not _possible(Stepper(machine, specification), state, action, reading) for action in actions)
    return Counterexample(
        prop.name, prop.sentence, machine, (), (duty.what,), False, agrees, prop.history.fields,
        relevant=relevant, at=(state, reading.history(duty.before.state, prop.history.fields)), heading="not shown",
    )  # fmt: skip


def _possible(stepper: Stepper, state: Any, action: ReplayAction, reading: ModelValues) -> bool:
    """Whether the stepper lets the action happen in the state."""
    call = action.invocation
    if call is None:
        return bool(stepper.move(action.owner, state, action.core, action.parameters))
    runs = state.activity[call.caller] == "RUNNING"
    return runs and not stepper.allowed(state, call, reading.choices()).gap
