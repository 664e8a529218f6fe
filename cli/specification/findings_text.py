"""Findings and differences as text: a ranked list of one screen, and each in full, ready to be mailed."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from psci.cli.console import wrapped
from psci.explorer.consistency.findings import Did, RulesFinding, replayed, sections
from psci.explorer.consistency.judgements import answer
from psci.explorer.runs.describe import action_text, changes, outcome_text
from psci.explorer.system import Product
from psci.model.language.rules import Rule
from psci.model.machine import Machine
from psci.model.specification import Specification
from psci.model.step import Invocation

WIDTH = 80
paragraph = partial(wrapped, width=WIDTH)


def listed(findings: Sequence[RulesFinding], most: int | None) -> Iterator[str]:
    """One finding in two lines: its id, how long its run is; and its title."""
    for finding in findings[:most]:
        steps = f"{len(finding.run)} step{'s' if len(finding.run) != 1 else ''}"
        yield f"{finding.id:<{WIDTH - 12}}{steps if finding.run else '':>10}"
        yield from _shortened(f"{finding.subject}: {finding.title}")


def _shortened(text: str) -> Iterator[str]:
    lines = textwrap.wrap(text, WIDTH - 4)
    yield f"    {lines[0]}" + (" ..." if len(lines) > 1 and len(lines[0]) <= WIDTH - 8 else "")


def in_full(finding: RulesFinding, specification: Specification) -> Iterator[str]:
    """One finding as a text that stands by itself."""
    yield finding.id
    yield ""
    yield from paragraph(f"{finding.subject}: {finding.title}")
    for sentence in finding.text:
        yield from paragraph(sentence)
    rules = _rules(finding.rules, specification, finding.machine)
    cited = dict.fromkeys((*finding.cites, *(fact for rule in rules for fact in rule.cites)))
    said = sections(finding.cites or cited)
    yield ""
    if said:
        yield from paragraph(f"DEN0022 F.b, sections {', '.join(said)}. Facts: {', '.join(finding.cites or cited)}.")
    if finding.machine is not None:
        yield from paragraph(machine_line(finding.machine, finding.declared))
    if finding.run:
        yield ""
        yield "From boot:"
        yield from run_lines(finding, specification)
    if rules:
        yield ""
        yield "The rules, in our words:"
        for rule in rules:
            yield from rule_lines(rule, specification)
    if finding.searched:
        yield ""
        yield from paragraph(f"Searched: {finding.searched}.")


def machine_line(machine: Machine, declared: str) -> str:
    """What kind of machine a run is on."""
    cores = f"{len(machine.cores)} core{'s' if len(machine.cores) > 1 else ''}"
    every = "every optional function" if "no " not in declared and "has" not in declared else "optional functions"
    return f"Machine: PSCI {machine.version}, {cores}, {every}" + (f"; declared: {declared}." if declared else ".")


def run_lines(finding: RulesFinding, specification: Specification) -> Iterator[str]:
    """A run, step by step, with what changes; and what a call at its end may answer."""
    product, steps, asked = replayed(finding, specification)
    for number, (before, transition) in enumerate(steps, start=1):
        outcome = outcome_text(transition)
        yield from paragraph(
            f"{number:3}  {action_text(product, transition.action)}" + (f" -> {outcome}" if outcome else ""),
            7,
        )
        yield f"       by {transition.rule.name}"
        for change in changes(before, transition.target):
            if not change.startswith(("entry", "context", "rested", "slept", "dozed", "asked", "vote", "suspend_")):
                yield f"       {change}"
    if asked is not None:
        state = steps[-1].after if steps else product.initial()
        yield from paragraph(f"{len(steps) + 1:3}  {action_text(product, asked)} -> ?", 7)
        yield from _allowed(product, state, asked)


def _allowed(product: Product, state: Any, asked: Invocation) -> Iterator[str]:
    allowed = product.stepper.allowed(state, asked)
    for duty in allowed.broken:
        yield f"       breaks {duty.name}"
    for outcome in allowed.outcomes:
        yield from paragraph(f"       {answer(outcome)}, by {outcome.rule.name} ({outcome.rule.modality.value})", 9)
    if not allowed.outcomes:
        yield "       no rule answers"


def rule_lines(rule: Rule, specification: Specification) -> Iterator[str]:
    """A rule with its sentence and what it rests on."""
    yield from paragraph(f"  {rule.name} ({rule.modality.value}" + (f", {rule.code}" if rule.code else "") + ")", 4)
    yield from paragraph(f"    {specification.sentence(rule)}", 4)
    where = ", ".join(sections(rule.cites))
    yield from paragraph(f"    {' '.join(rule.cites)}" + (f"; DEN0022 {where}" if where else ""), 4)


def _rules(names: Sequence[str], specification: Specification, machine: Machine | None) -> list[Rule]:
    found = {}
    for owner in dict.fromkeys(name.partition(".")[0] for name in names):
        for rule in specification.rules.get(owner, ()):
            if rule.name in names and (machine is None or rule.applies_to(machine.version)):
                found[rule.name] = rule
    return [found[name] for name in dict.fromkeys(names) if name in found]


def document_of(finding: RulesFinding, specification: Specification) -> dict[str, Any]:
    """A finding as JSON."""
    rules = _rules(finding.rules, specification, finding.machine)
    cited = dict.fromkeys((*finding.cites, *(fact for rule in rules for fact in rule.cites)))
    return {
        "id": finding.id,
        "kind": finding.kind.value,
        "subject": finding.subject,
        "title": finding.title,
        "text": list(finding.text),
        "rules": list(finding.rules),
        "facts": list(cited),
        "sections": list(sections(cited)),
        "version": None if finding.machine is None else finding.machine.version.name,
        "cpus": None if finding.machine is None else len(finding.machine.cores),
        "declared": finding.declared,
        "steps": steps_of(finding.machine, finding.run, specification),
        "searched": finding.searched,
    }


def steps_of(machine: Machine | None, run: Sequence[Did], specification: Specification) -> list[dict[str, Any]]:
    """A run as JSON: what is done, by which rule; the rule of a call that is asked about is null."""
    if machine is None:
        return []
    product = Product(machine, specification)
    return [{"action": action_text(product, action), "rule": rule} for action, rule, _ in run]


__all__ = ["document_of", "in_full", "listed", "machine_line", "paragraph", "rule_lines", "run_lines", "steps_of"]
