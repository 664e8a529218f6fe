"""Where two sets of rules, of which one was changed in few rules, let a call or move end differently: as a formula."""

from __future__ import annotations

from collections.abc import Sequence

import z3

from psci.model.declare import Call, Move
from psci.model.language.effects import Update
from psci.model.language.rules import RESULT, Completion, Modality, Rule
from psci.model.language.sorts import U64
from psci.model.language.terms import show
from psci.model.specification import Specification
from psci.model.symbols.state import FIELDS
from psci.proofs.encoding.bounded import Bounded
from psci.proofs.encoding.domain import Expression
from psci.proofs.encoding.rules import RuleFormula, duties, transitions
from psci.proofs.encoding.steps import with_result
from psci.proofs.encoding.terms import Scope

OBLIGING = (Modality.GATE, Modality.MUST_REFUSE)
EndKey = tuple[object, ...]
"""How a call or move ends: rules of one key end it alike."""


def difference(
    domain: Bounded, owner: Call | Move, scope: Scope, first: Specification, second: Specification
) -> Expression:
    """Some outcome is allowed by one set of rules only, or changes the state differently, or a duty differs.

    Args:
        domain: the cores and nodes.
        owner: the call or move.
        scope: its symbols and the state before it.
        first: the rules.
        second: the same rules, but for some that were changed, added or dropped.
    """
    # any one answer: whatever is allowed of it by one set of rules only, is a difference
    answer = domain.fresh("answer", U64)
    ours, theirs = (transitions(domain, owner, scope, specification) for specification in (first, second))
    renamed = _changed_effects(first.rules[owner.name], second.rules[owner.name])
    keys = dict.fromkeys(_key(step.rule, renamed) for step in (*ours, *theirs))

    def allowed(steps: Sequence[RuleFormula], key: EndKey) -> Expression:
        return domain.disjunction(_gives(domain, step, answer) for step in steps if _key(step.rule, renamed) == key)

    apart = [z3.Xor(allowed(ours, key), allowed(theirs, key)) for key in keys]
    by_rule = {id(step.rule): step for step in (*ours, *theirs)}
    for new, old in renamed.items():
        if new in by_rule and id(old) in by_rule:
            one, other = by_rule[id(old)], by_rule[new]
            apart.append(z3.And(one.allowed(), other.allowed(), _effects_differ(domain, one, other)))
    # a broken duty frees the implementation only where no rule obliges it
    obliged = domain.disjunction(s.allowed() for s in (*ours, *theirs) if s.rule.modality in OBLIGING)
    freed = z3.And(z3.Not(obliged), _duties_differ(domain, owner, scope, first, second))
    return domain.disjunction([*apart, freed])


def _changed_effects(ours: Sequence[Rule], theirs: Sequence[Rule]) -> dict[int, Rule]:
    """The rules of the second set whose effect was changed, with what each was before."""
    old = {rule.name: rule for rule in ours if rule not in theirs}
    new = {rule.name: rule for rule in theirs if rule not in ours}
    return {id(new[name]): old[name] for name in old.keys() & new.keys() if new[name].effect is not old[name].effect}


def _key(rule: Rule, renamed: dict[int, Rule]) -> EndKey:
    return rule.completion, *(_written(update) for update in renamed.get(id(rule), rule).effect.updates)


def _written(update: Update) -> tuple[str, ...]:
    """An update as text, so that equal ones of different rules are the same."""
    names = {binder.name: f"at{place}" for place, binder in enumerate(update.binders)}
    points = [show(term) for index, value in update.points for term in (*index, value)]
    return (update.field.name, *points, "" if update.everywhere is None else show(update.everywhere, names))


def _gives(domain: Bounded, step: RuleFormula, answer: Expression) -> Expression:
    """The rule is allowed, and if it returns, it returns this answer."""
    if step.rule.completion is not Completion.RETURNS:
        return step.allowed()
    scope, conditions = with_result(domain, step.scope, step, answer)
    same = scope.variables[RESULT] == answer
    return domain.conjunction([step.allowed(), same, *(formula for _, formula in conditions)])


def _effects_differ(domain: Bounded, old: RuleFormula, new: RuleFormula) -> Expression:
    one, other = old.scope_after().state, new.scope_after().state
    changed = {update.field.name for step in (old, new) for update in step.rule.effect.updates}
    cells = []
    for field in FIELDS:
        for index in domain.indices(field.domain) if field.name in changed else ():
            place = [domain.constant(i, sort) for i, sort in zip(index, field.domain, strict=True)]
            cells.append(one[field.name](*place) != other[field.name](*place))
    return domain.disjunction(cells)


def _duties_differ(
    domain: Bounded, owner: Call | Move, scope: Scope, first: Specification, second: Specification
) -> Expression:
    names = [
        {rule.name for rule in spec.rules[owner.name] if rule.modality is Modality.CALLER_MUST}
        for spec in (first, second)
    ]
    if not names[0] | names[1]:
        return z3.BoolVal(False, domain.context)
    one, other = ({r.name: broken for r, broken in duties(domain, owner, scope, spec)} for spec in (first, second))
    nothing = z3.BoolVal(False, domain.context)
    return domain.disjunction(
        z3.Xor(one.get(name, nothing), other.get(name, nothing)) for name in sorted(names[0] | names[1])
    )


__all__ = ["difference"]
