"""Findings as a report for people: one HTML file, or Markdown, with runs as timelines and the rules in our words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path

from psci.explorer.consistency.findings import RulesFinding, replayed, sections
from psci.explorer.consistency.judgements import answer
from psci.explorer.runs.describe import action_text, outcome_text
from psci.explorer.runs.events import events_of
from psci.graphs.timeline import timeline
from psci.model import events
from psci.model.events import Event
from psci.model.language.rules import Rule
from psci.model.specification import Specification

STYLE = """
body { font: 15px/1.45 Helvetica, Arial, sans-serif; color: #1f2933; max-width: 60em; margin: 2em auto; padding: 0 1em }
h2 { border-top: 1px solid #d5dbe1; padding-top: 1em; font-size: 1.1em }
code, pre { font-size: 0.92em } pre { background: #f5f7f9; padding: 0.6em; overflow-x: auto }
td { padding: 0.15em 0.8em 0.15em 0; vertical-align: top } .faint { color: #66727f } .run { overflow-x: auto }
""".strip()


def write_report(path: Path, findings: Sequence[RulesFinding], specification: Specification, title: str) -> None:
    """Write the findings to a file; its name says in which format.

    Args:
        path: a name that ends in .html or .md.
        findings: what is reported, in this order.
        specification: the rules that they are about.
        title: the heading.
    """
    lines = html(findings, specification, title) if path.suffix == ".html" else markdown(findings, specification, title)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def html(findings: Sequence[RulesFinding], specification: Specification, title: str) -> Iterator[str]:
    """The report as one HTML page that stands by itself."""
    yield f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
    yield f"<style>{STYLE}</style></head><body><h1>{escape(title)}</h1>"
    yield f"<p>{_counted(findings)}</p><table>"
    for finding in findings:
        link = f'<a href="#{escape(finding.id)}">{escape(finding.id)}</a>'
        yield f"<tr><td>{link}</td><td>{escape(finding.title)}</td></tr>"
    yield "</table>"
    for finding in findings:
        yield from _html_of(finding, specification)
    rules = rules_in(findings, specification)
    yield "<h1>The rules, in our words</h1>"
    for rule in rules:
        where = ", ".join(sections(rule.cites))
        code = f", {rule.code}" if rule.code else ""
        yield f'<p id="{escape(rule.name)}"><b>{escape(rule.name)}</b> ({rule.modality.value}{code})<br>'
        facts = f"{' '.join(rule.cites)}; DEN0022 {where}"
        yield f'{escape(specification.sentence(rule))}<br><span class="faint">{escape(facts)}</span></p>'
    yield "</body></html>"


def _html_of(finding: RulesFinding, specification: Specification) -> Iterator[str]:
    yield f'<h2 id="{escape(finding.id)}">{escape(finding.subject)}: {escape(finding.title)}</h2>'
    yield f'<p class="faint"><code>{escape(finding.id)}</code>; {escape(_where(finding, specification))}</p>'
    for sentence in finding.text:
        yield f"<p>{escape(sentence)}</p>"
    if finding.machine is not None:
        yield f"<p>{escape(_machine(finding))}</p>"
    if finding.run:
        yield f"<pre>{escape(chr(10).join(run_lines(finding, specification)))}</pre>"
        yield f'<div class="run">{timeline(events_in(finding, specification), finding.id)}</div>'
    if finding.rules:
        links = (f'<a href="#{escape(name)}">{escape(name)}</a>' for name in finding.rules)
        yield f"<p>Rules: {', '.join(links)}.</p>"


def markdown(findings: Sequence[RulesFinding], specification: Specification, title: str) -> Iterator[str]:
    """The report as Markdown."""
    yield f"# {title}"
    yield ""
    yield _counted(findings)
    for finding in findings:
        yield ""
        yield f"## {finding.subject}: {finding.title}"
        yield ""
        yield f"`{finding.id}`; {_where(finding, specification)}"
        for sentence in finding.text:
            yield ""
            yield sentence
        if finding.machine is not None:
            yield ""
            yield _machine(finding)
        if finding.run:
            yield ""
            yield "```"
            yield from run_lines(finding, specification)
            yield "```"
        if finding.rules:
            yield ""
            yield f"Rules: {', '.join(f'`{name}`' for name in finding.rules)}."
    yield ""
    yield "# The rules, in our words"
    for rule in rules_in(findings, specification):
        yield ""
        code = f", {rule.code}" if rule.code else ""
        yield f"**{rule.name}** ({rule.modality.value}{code}): {specification.sentence(rule)} "
        yield f"{' '.join(rule.cites)}; DEN0022 {', '.join(sections(rule.cites))}"


def _counted(findings: Sequence[RulesFinding]) -> str:
    return f"{len(findings)} findings, the most urgent first." if len(findings) != 1 else "1 finding."


def _machine(finding: RulesFinding) -> str:
    """What the run is on."""
    assert finding.machine is not None
    declared = f"; it declares: {finding.declared}" if finding.declared else ""
    return f"The machine: PSCI {finding.machine.version}, {len(finding.machine.cores)} cores{declared}."


def _where(finding: RulesFinding, specification: Specification) -> str:
    rules = rules_in([finding], specification)
    cited = dict.fromkeys((*finding.cites, *(fact for rule in rules for fact in rule.cites)))
    said = ", ".join(sections(cited))
    return f"DEN0022 {said}" if said else "derived"


def run_lines(finding: RulesFinding, specification: Specification) -> Iterator[str]:
    """A run from boot, one line a step."""
    product, steps, asked = replayed(finding, specification)
    for number, (_, transition) in enumerate(steps, start=1):
        outcome = outcome_text(transition)
        yield f"{number:3}  {action_text(product, transition.action)}" + (f" -> {outcome}" if outcome else "")
    if asked is not None:
        yield f"{len(steps) + 1:3}  {action_text(product, asked)} -> ?"
        state = steps[-1].after if steps else product.initial()
        allowed = product.stepper.allowed(state, asked)
        yield from (f"       breaks {duty.name}" for duty in allowed.broken)
        yield from (f"       {answer(outcome)}, by {outcome.rule.name}" for outcome in allowed.outcomes)


def events_in(finding: RulesFinding, specification: Specification) -> list[Event]:
    """A run as the events that a tester would see; the call that is asked about has no answer."""
    product, steps, asked = replayed(finding, specification)
    seen = events_of(product, [step for step in steps if step.transition.rule.modality.value != "caller must"])[:-1]
    if asked is not None:
        call, _ = product.stepper.function(asked.fn)
        count = len(call.arguments) if call else 0
        args = (asked.x1, asked.x2, asked.x3)[:count]
        seen.append(events.CallEvent(cpu=product.machine.cores[asked.caller], fn=asked.fn, args=args))
    return seen


def rules_in(findings: Sequence[RulesFinding], specification: Specification) -> list[Rule]:
    """The rules that findings name, each once, as the version of its finding has them."""
    found: dict[str, Rule] = {}
    for finding in findings:
        for name in finding.rules:
            for rule in specification.rules.get(name.partition(".")[0], ()):
                there = finding.machine is None or rule.applies_to(finding.machine.version)
                if rule.name == name and there:
                    found.setdefault(name, rule)
    return list(found.values())


__all__ = ["html", "markdown", "write_report"]
