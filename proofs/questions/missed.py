"""Rules that no property would miss: no proof of what holds in one version rests on them.

What versions change of each other, and traces, may still notice such a rule; the reason says what else does, or why
nothing can. A rule without a reason is an open question.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase

from psci.model.specification import SPECIFICATION, Specification
from psci.proofs.encoding.rules import OUTCOMES
from psci.properties.language import ClaimKind

REASONS: Mapping[str, str] = {
    "*.early_return": (
        "It changes nothing and returns SUCCESS, which its call may return anyway: no claim about what happens tells "
        "it from the call that slept. What 1.0 changed (REFINES-1.0) rests on it."
    ),
    "LOOK.*": (
        "The outside looks at a node and changes nothing, so that no claim about what happens rests on it. Shipped "
        "traces with an `observe` event notice each."
    ),
    "NOT_PSCI.somebody_elses": "The id is none of PSCI's: nothing is claimed of what it does, and nothing is judged.",
    "SYSTEM_OFF2.default_type_reserved": (
        "The issues and drafts of 1.3 share one number, so that a claim cannot speak about one of them: what 1.3-F "
        "changed (REFINES-1.3-F and REFINES-1.3) rests on it."
    ),
    "SYSTEM_OFF2.cookie_set_in_a_draft": (
        "The issues and drafts of 1.3 share one number, so that a claim cannot speak about one of them: what 1.3-F "
        "changed (REFINES-1.3-F) rests on it."
    ),
}
"""Names of rules as patterns, and why no property of one version would miss them."""


def missed_by_none(
    used: Iterable[tuple[str, Iterable[str]]], specification: Specification = SPECIFICATION
) -> dict[str, str]:
    """The rules that have an outcome and that no such proof rests on, with the reason; empty where nobody gave one.

    Args:
        used: for each proof the kind of its property, and the rules that it rests on.
        specification: the rules.
    """
    rested = {rule for kind, rules in used if kind != ClaimKind.REFINEMENT.value for rule in rules}
    names = dict.fromkeys(rule.name for rule in specification.every_rule() if rule.modality in OUTCOMES)
    return {name: _reason(name) for name in names if name not in rested}


def _reason(rule: str) -> str:
    return next((why for pattern, why in REASONS.items() if fnmatchcase(rule, pattern)), "")


__all__ = ["REASONS", "missed_by_none"]
