"""Prototype against text: what a signature lists is held against what the rules yield, both ways."""

from __future__ import annotations

from collections.abc import Iterator

from psci.explorer.consistency.findings import Did, FindingKind, RulesFinding
from psci.explorer.consistency.settings import EVERYBODY, DeclaredSetting, calls_of, ordinary, without_function
from psci.explorer.system import Product
from psci.model.declare import Call
from psci.model.language.rules import Modality, Rule
from psci.model.language.terms import FALSE
from psci.model.return_codes import NO_RETURN, by_default, column
from psci.model.specification import Specification
from psci.model.tables.codes import NOT_SUPPORTED, SUCCESS
from psci.model.tables.prototypes import VALUE, listed
from psci.model.tables.versions import Version

FOREIGN = "smc64_from_aarch32"
"""The rule that every function with an SMC64 id shares: its answer stands in no prototype (RET-14)."""


def prototypes(specification: Specification, version: Version) -> Iterator[RulesFinding]:
    """Codes of the rules that a prototype does not list, and codes of a prototype that no rule yields."""
    setting = ordinary(version, 2)
    foreign = []
    for call in specification.calls:
        promised = listed(call.name, version) if call.exists_in(version) else None
        if promised is None:
            continue
        yields = column(call, version, specification) - {NO_RETURN}
        for code in sorted(yields - promised):
            rules = tuple(r.name for r in _yielding(specification, call, version, code))
            yield _finding(call, code, "unlisted", rules, _shortest(specification, setting, call, rules))
        for code in sorted(promised - yields):
            yield _finding(call, code, "never", (), (setting, ()))
        own = [rule for rule in specification.of(call.name, version) if rule.name.endswith(f".{FOREIGN}")]
        if own and NOT_SUPPORTED.name not in promised:
            foreign.append((call, own[0]))
    if foreign:
        yield _foreign(specification, setting, foreign)


def _finding(
    call: Call, code: str, way: str, rules: tuple[str, ...], run: tuple[DeclaredSetting, tuple[Did, ...]]
) -> RulesFinding:
    if way == "unlisted":
        title = f"the text yields {code}, and the prototype does not list it"
    else:
        title = f"the prototype lists {code}, and no rule yields it"
    return RulesFinding(
        FindingKind.PROTOTYPE, call.name, (code, way), title,
        (f"Prototype of {call.name}: DEN0022 {call.section}.",), rules,
        declared=run[0].differs, machine=run[0].machine, run=run[1], searched="every rule of the call",
    )  # fmt: skip


def _yielding(specification: Specification, call: Call, version: Version, code: str) -> list[Rule]:
    """The rules of a call that give a code; where none does, the gate that stands for its absence."""
    rules = [rule for rule in specification.of(call.name, version) if by_default(rule.guard) is not FALSE]
    own = [r for r in rules if r.modality is not Modality.GATE and r.code is not None and r.code.name == code]
    if code == SUCCESS.name:
        own += [r for r in rules if r.completion.value == "waits"]
    absent = [rule for rule in rules if rule.name.endswith(".absent")] if code == NOT_SUPPORTED.name else []
    chosen = [r for r in rules if r.constraint is not None] if code != VALUE else [r for r in rules if r.code is None]
    return own or absent or chosen


def _shortest(
    specification: Specification, setting: DeclaredSetting, call: Call, rules: tuple[str, ...]
) -> tuple[DeclaredSetting, tuple[Did, ...]]:
    """A call right after boot that uses one of the rules, where there is one."""
    absent = [without_function(setting, call)] if call.optional else []
    for where in (setting, *absent):
        product = Product(where.machine, specification, EVERYBODY)
        state = product.initial()
        for invocation in calls_of(where.machine, specification, call.name, EVERYBODY)[where.machine.boot]:
            for outcome in product.stepper.allowed(state, invocation).outcomes:
                if outcome.rule.name in rules:
                    return where, (Did(invocation, outcome.rule.name, outcome.value),)
    return setting, ()


def _foreign(specification: Specification, setting: DeclaredSetting, foreign: list[tuple[Call, Rule]]) -> RulesFinding:
    call, rule = foreign[0]
    where, run = _shortest(specification, setting, call, (rule.name,))
    names = ", ".join(call.name for call, _ in foreign)
    return RulesFinding(
        FindingKind.PROTOTYPE, "AARCH32", (NOT_SUPPORTED.name, "unlisted"),
        f"an AArch32 caller of an SMC64 id gets {NOT_SUPPORTED}, which {len(foreign)} prototypes do not list",
        (f"The functions are {names}.",), (rule.name,), ("RET-3", "RET-14"), where.differs, where.machine, run,
        "every rule of every call",
    )  # fmt: skip
