"""Discovery: what a caller cannot find out, what it is told wrongly, and what nobody says about a core.

Two declarations that no sequence of calls tells apart; answers that stand for two things at once; calls that name a
core and do not ask what the machine says of it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from psci.explorer.abstraction.machines import open_symbols
from psci.explorer.consistency.findings import Did, FindingKind, RulesFinding, cause
from psci.explorer.consistency.readings import callers_for, changed_through, in_lockstep
from psci.explorer.consistency.settings import (
    ENDS,
    DeclaredSetting,
    calls_of,
    domains,
    ordinary,
    others,
    reads_domains,
    symbols_of,
)
from psci.explorer.consistency.settings import ONE_WIDTH as NARROW
from psci.explorer.system import Product
from psci.model.declare import Call
from psci.model.language.rules import Completion, Modality, Rule
from psci.model.language.sorts import CORE
from psci.model.language.terms import App, Const, Op, subterms
from psci.model.machine import SYMBOLS
from psci.model.specification import Specification
from psci.model.step import Outcome, accepts
from psci.model.symbols.readings import READINGS
from psci.model.tables.codes import NOT_SUPPORTED
from psci.model.tables.versions import Version

PAIRS = 1_500
"""How many pairs of states two declarations are compared in."""


def discovery(specification: Specification, version: Version) -> Iterator[RulesFinding]:
    """Everything that a caller cannot learn."""
    yield from ambiguous_values(specification, version)
    yield from one_value_for_two(specification, version)
    yield from silences(specification, version)
    yield from features_against_behaviour(specification, version)
    for symbol in declared_symbols(specification, version):
        yield from untold(specification, version, symbol)


def declared_symbols(specification: Specification, version: Version) -> list[str]:
    """What an implementation may declare in several ways, readings apart."""
    readings = {reading.symbol for reading in READINGS.values()}
    machine = ordinary(version, 2).machine
    return [symbol.name for symbol in open_symbols(machine) if symbol.name not in readings]


def ambiguous_values(specification: Specification, version: Version) -> Iterator[RulesFinding]:
    """Calls whose values include the number of NOT_SUPPORTED: an absent function cannot be told from a result."""
    setting = ordinary(version, 2)
    for call in (call for call in specification.calls if call.exists_in(version)):
        for rule in specification.of(call.name, version):
            if rule.modality is not Modality.SUCCEEDS or rule.constraint is None or not call.optional:
                continue
            if accepts(Outcome(rule, Completion.RETURNS, None, None), NOT_SUPPORTED.word(64), wide=True):
                title = (
                    f"a result of {call.name} may be the number of {NOT_SUPPORTED}, which an absent function returns"
                )
                yield RulesFinding(
                    FindingKind.DISCOVERY, call.name, ("value-or-code",), title, (rule.text,),
                    (rule.name, f"{call.name}.absent"),
                    declared=setting.differs, machine=setting.machine, searched="every rule of the call",
                )  # fmt: skip


def one_value_for_two(specification: Specification, version: Version) -> Iterator[RulesFinding]:
    """Two rules of a call with different causes and one fixed value, whatever the arguments: it stands for both."""
    for call in (call for call in specification.calls if call.exists_in(version)):
        rules = [
            rule
            for rule in specification.of(call.name, version)
            if rule.modality is Modality.SUCCEEDS and rule.code is None and isinstance(rule.value, Const)
        ]
        for one, other in itertools.combinations([rule for rule in rules if not _picks_an_argument(rule)], 2):
            assert isinstance(one.value, Const) and isinstance(other.value, Const)
            if one.value.value == other.value.value and cause(one) != cause(other):
                title = f"{one.value.value} stands for two things, which a caller cannot tell apart"
                yield RulesFinding(
                    FindingKind.DISCOVERY, call.name, (cause(one), cause(other)), title, (one.text, other.text),
                    (one.name, other.name), searched="every rule of the call",
                )  # fmt: skip


def _picks_an_argument(rule: Rule) -> bool:
    """Whether a rule is about one value of an argument, so that the caller knows which rule answers."""
    return any(
        isinstance(s, Op)
        and s.name == "eq"
        and any(isinstance(a, App) and a.function.kind == "call" for a in s.arguments)
        and any(isinstance(a, Const) for a in s.arguments)
        for s in subterms(rule.guard)
    )


def silences(specification: Specification, version: Version) -> Iterator[RulesFinding]:
    """A call names a core, and no rule of it asks what the machine says of that core, though another call's does."""
    per_core = [n for n, s in SYMBOLS.items() if s.domain == (CORE,) and s.kind == "machine" and n not in ("mpidr",)]
    naming = {
        c.name: c for c in specification.calls if c.exists_in(version) and _names_a_core(specification, c, version)
    }
    setting = ordinary(version, 2)
    for name in per_core:
        readers = [call for call in naming if name in symbols_of(specification.of(call, version))]
        for call in naming:
            if not readers or call in readers:
                continue
            said = SYMBOLS[name].doc
            for varied in others(setting, (name,)):
                product = Product(varied.machine, specification, NARROW)
                target = varied.machine.cores[-1]
                asked = [i for i in calls_of(varied.machine, specification, call, NARROW)[0] if i.x1 == target]
                if not asked:
                    continue
                answers = product.stepper.allowed(product.initial(), asked[0]).outcomes
                ask = "asks" if len(readers) == 1 else "ask"
                title = f"{', '.join(readers)} {ask} of a core what {call} does not: {said}"
                rules = tuple(dict.fromkeys(outcome.rule.name for outcome in answers))
                yield RulesFinding(
                    FindingKind.DISCOVERY, call, (name,), title, (), rules, declared=varied.differs,
                    machine=varied.machine, run=(Did(asked[0], None),), searched="every rule of the call",
                )  # fmt: skip
                break


def _names_a_core(specification: Specification, call: Call, version: Version) -> bool:
    return bool({"is_core", "mpidr", "core_of"} & symbols_of(specification.of(call.name, version))) and any(
        argument.name.startswith("target") for argument in call.arguments
    )


def features_against_behaviour(specification: Specification, version: Version) -> Iterator[RulesFinding]:
    """PSCI_FEATURES calls a function implemented and a call finds it absent; or the other way round."""
    if not any(call.name == "PSCI_FEATURES" and call.exists_in(version) for call in specification.calls):
        return
    base = ordinary(version, 2)
    # NOT_SUPPORTED from PSCI_FEATURES itself is an answer about another function
    for call in (call for call in specification.calls if call.name != "PSCI_FEATURES"):
        settings = [base] + ([_without(base, call)] if call.optional else [])
        for setting in settings:
            yield from _contradicted(specification, setting, call)


def _without(base: DeclaredSetting, call: Call) -> DeclaredSetting:
    needed = (call.key,) if call.required_by is None else (call.key, call.required_by.key)
    return base.also(f"no {call.name}", {("has", key): False for key in needed})


def _contradicted(specification: Specification, setting: DeclaredSetting, call: Call) -> Iterator[RulesFinding]:
    product = Product(setting.machine, specification, NARROW)
    state, word = product.initial(), NOT_SUPPORTED.word(64)
    asks = calls_of(setting.machine, specification, "PSCI_FEATURES", NARROW)[0]
    calls = calls_of(setting.machine, specification, call.name, NARROW)[0]
    for fid in call.ids():
        asked = next((i for i in asks if i.x1 == fid), asks[0]._replace(x1=fid))
        says = product.stepper.allowed(state, asked).outcomes
        absent = {o.value == word for o in says}
        for invocation in calls:
            found = product.stepper.allowed(state, invocation._replace(fn=fid)).outcomes
            gone = [o for o in found if o.value == word]
            if absent == {False} and gone and len(gone) == len(found):
                title = f"PSCI_FEATURES reports {call.name}, and a call is answered with {NOT_SUPPORTED}"
            elif True in absent and any(o.value != word for o in found):
                title = f"PSCI_FEATURES denies {call.name}, and a call finds it there"
            else:
                continue
            run = (
                Did(asked, says[0].rule.name, says[0].value),
                Did(invocation._replace(fn=fid), found[0].rule.name, found[0].value),
            )
            yield RulesFinding(
                FindingKind.DISCOVERY, call.name, ("features", "reports" if absent == {False} else "denies"), title,
                rules=(says[0].rule.name, found[0].rule.name), cites=("FEAT-10",), declared=setting.differs,
                machine=setting.machine, run=run, searched="right after boot",
            )  # fmt: skip
            return


def untold(specification: Specification, version: Version, symbol: str) -> Iterator[RulesFinding]:
    """Another answer to one declaration that no sequence of calls tells from the ordinary one."""
    about = _reading(specification, version, symbol)
    if not about:
        return
    rules = [rule for owned in about.values() for rule in owned]
    base = domains(version, 2) if reads_domains(rules) else ordinary(version, 2)
    changed = changed_through(about, symbol)
    for other in others(base, (symbol,)):
        sides = (base.machine, specification), (other.machine, specification)
        without = frozenset[str]() if {"BOOT", "GO_DOWN"} & about.keys() else ENDS - about.keys()
        lockstep = in_lockstep(base, *sides, about, changed, callers_for(rules), without, PAIRS)
        if next(lockstep.differences(), None) is None and lockstep.complete:
            title = f"no caller can find out: {SYMBOLS[symbol].doc}"
            yield RulesFinding(
                FindingKind.DISCOVERY, symbol, (other.differs.partition(" = ")[2] or "other",), title,
                (f"A machine with {other.differs} answers as one without.",), tuple(rule.name for rule in rules),
                machine=other.machine, searched=f"all {lockstep.pairs:,} pairs of states",
            )  # fmt: skip


def _reading(specification: Specification, version: Version, symbol: str) -> dict[str, tuple[Rule, ...]]:
    found = {}
    for owner in specification.rules:
        rules = tuple(r for r in specification.of(owner, version) if symbol in symbols_of([r]))
        if rules:
            found[owner] = rules
    return found
