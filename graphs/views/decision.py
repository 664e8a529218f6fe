"""The decision table of a call: its rules of one version, in the order in which they bind."""

from __future__ import annotations

from psci.graphs.diagram import Diagram, Table
from psci.model.calls import CALLS
from psci.model.errors import InputError
from psci.model.language.rules import Completion, Modality, Rule
from psci.model.language.terms import show
from psci.model.specification import SPECIFICATION, Specification
from psci.model.tables.versions import Version

HEADER = ("rule", "binds", "outcome", "where", "says", "facts")
_ORDER = list(Modality)
_FEATURES = "PSCI_FEATURES"


def decision_view(name: str, version: Version, specification: Specification = SPECIFICATION) -> Diagram:
    """The rules of a call, one row each.

    Raises:
        InputError: there is no such call in the version.
    """
    call = next((c for c in CALLS if c.name == name and c.exists_in(version)), None)
    if call is None:
        there = ", ".join(c.name for c in CALLS if c.exists_in(version))
        raise InputError(f"--call {name}: PSCI {version} has no such function; choose from {there}")
    rules = sorted(specification.of(name, version), key=lambda rule: _ORDER.index(rule.modality))
    rows = tuple(_row(rule, specification) for rule in rules)
    table = Table(f"{call.name} ({call.section})", HEADER, rows)
    about = (
        f"PSCI {version}: a gate that applies is the only outcome; where a must applies, only must and may rules do; "
        "else may rules and successes"
    )
    return Diagram(f"{call.name}: which outcomes are allowed", about, (), (), tables=(table,))


def _row(rule: Rule, specification: Specification) -> tuple[str, ...]:
    guard = show(rule.guard)
    changes = ", ".join(dict.fromkeys(update.field.name for update in rule.effect.updates))
    outcome = "(duty)" if rule.modality is Modality.CALLER_MUST else _outcome(rule)
    if changes:
        outcome += f"; changes {changes}"
    where = "always" if guard == "True" else guard
    said = specification.sentence(rule)
    return rule.name.partition(".")[2], rule.modality.value, outcome, where, said, ", ".join(rule.cites)


def _outcome(rule: Rule) -> str:
    if rule.completion is not Completion.RETURNS:
        return str(rule.completion.value)
    if rule.code is not None:
        return rule.code.name
    if rule.value is not None:
        return f"returns {show(rule.value)}"
    return "any result" if rule.constraint is None else f"any result with {show(rule.constraint)}"
