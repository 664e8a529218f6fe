"""Which function can return what, in which version: read off the rules (facts, table 1.4)."""

from __future__ import annotations

from collections.abc import Iterator

from psci.model.declare import Call
from psci.model.language.rules import Completion, Modality, Rule
from psci.model.language.simplify import simplify
from psci.model.language.terms import FALSE, Const, Function, Term
from psci.model.machine import DEFAULTS
from psci.model.specification import SPECIFICATION, Specification
from psci.model.step import Outcome, accepts
from psci.model.symbols.readings import READINGS
from psci.model.tables.codes import NOT_SUPPORTED, SUCCESS, codes
from psci.model.tables.versions import Version

NO_RETURN, VALUE = "does not return", "value"

_DEFAULTS = {reading.symbol: DEFAULTS[reading.symbol] for reading in READINGS.values() if not reading.open}


def column(call: Call, version: Version, specification: Specification = SPECIFICATION) -> frozenset[str]:
    """What a function can come to in a version, under the default of every reading.

    Names of codes, `value` for a result outside Table 5, `does not return`. NOT_SUPPORTED of an optional
    function includes its absence; the other gates (RET-3, SMC-8) concern all functions alike and are left out.
    """
    if not call.exists_in(version):
        return frozenset()
    found = {entry for rule in specification.of(call.name, version) for entry in _entries(call, rule, version)}
    return frozenset(found | ({NOT_SUPPORTED.name} if call.optional else set()))


def table(version: Version, specification: Specification = SPECIFICATION) -> dict[str, frozenset[str]]:
    """The column of every function of a version."""
    return {call.name: column(call, version, specification) for call in specification.calls if call.exists_in(version)}


def _entries(call: Call, rule: Rule, version: Version) -> Iterator[str]:
    if rule.modality in (Modality.GATE, Modality.CALLER_MUST) or by_default(rule.guard) is FALSE:
        return
    if rule.completion is Completion.NEVER:
        yield NO_RETURN
    elif rule.completion is Completion.WAITS:
        entered = any(update.field.name == "entry" for update in rule.effect.updates)
        yield NO_RETURN if entered else SUCCESS.name
    elif rule.code is not None:
        yield rule.code.name
    elif rule.constraint is None:
        yield VALUE
    else:
        yield from _chosen(rule, version)


def _chosen(rule: Rule, version: Version) -> Iterator[str]:
    """The codes among those that a rule leaves to the implementation; a success leaves a value."""
    if rule.modality in (Modality.SUCCEEDS, Modality.MAY_SUCCEED):
        yield VALUE
        return
    free = Outcome(rule, rule.completion, None, None)
    yield from (code.name for code in codes(version) if accepts(free, code.word(64), wide=True))
    if accepts(free, (1 << 64) - 0x1000, wide=True):
        yield VALUE


def by_default(term: Term) -> Term:
    """The term with every reading at its default, as far as that decides it."""
    return simplify(term, _default)


def _default(function: Function, _arguments: tuple[Term, ...]) -> Term | None:
    return Const(_DEFAULTS[function.name], function.range) if function.name in _DEFAULTS else None
