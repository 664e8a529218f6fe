"""Totality: every call of a running core has an answer that is more than a permission, in every reachable state.

One query for each call: no rule that obliges or succeeds applies, which must not be possible. What of it is in the
unsatisfiable core is needed: without these rules some call would have no answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import z3

from psci.model.declare import Call
from psci.model.language.rules import Modality
from psci.proofs.encoding.domain import NamedFormula
from psci.proofs.encoding.queries import Query, SolverAnswer, solve
from psci.proofs.encoding.rules import owners
from psci.proofs.encoding.steps import Translated, Translations
from psci.proofs.methods.induction import Assumed, Induction, Obligation, question, standing_assumptions
from psci.properties.language import Property, Step, given_of

PERMISSIONS = (Modality.MAY_REFUSE,)
"""Outcomes that nobody can rely on."""


def obligations(
    prop: Property, translations: Translations, only_rule: str | None = None, only_owner: str | None = None
) -> Iterator[Obligation]:
    """The query of each call."""
    for owner in owners(translations.specification):
        named = only_rule is None or only_rule.partition(".")[0] == owner.name
        if isinstance(owner, Call) and named and only_owner in (None, owner.name):
            yield _answered(prop, translations.of(owner))


def _answered(prop: Property, translated: Translated) -> Obligation:
    """Some rule answers the call."""
    domain, owner = translated.domain, translated.owner
    scope = translated.before(prop.history)
    step = Step(owner, None)
    unanswered: list[NamedFormula] = [
        (f"not {transition.rule.name}", z3.Not(transition.allowed()))
        for transition in translated.transitions
        if transition.rule.modality not in PERMISSIONS
    ]
    premise: list[NamedFormula] = [
        ("the call is one that must be answered", scope.term(given_of(prop.claim, prop.history, step)))
    ]
    assumed = Assumed(prop, (), scope)
    standing = (*standing_assumptions(owner, scope, prop), *assumed.of(step), *translated.limits(prop.history))
    nothing = z3.BoolVal(False, domain.context)
    query = question(domain, f"{prop.name} {owner.name}", (*unanswered, *premise, *standing), nothing)
    return Obligation(None, None, query, (), scope, scope, domain)


def prove(
    prop: Property, translations: Translations, only_rule: str | None = None,
    ask: Callable[[Query], SolverAnswer] = solve,
) -> Induction:  # fmt: skip
    """Ask about every call."""
    answers = tuple((found, ask(found.query)) for found in obligations(prop, translations, only_rule))
    return Induction(prop, translations.cores, answers, 0, sum(answer.seconds for _, answer in answers))
