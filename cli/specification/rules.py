"""`psci rules`: the rules, one a line, or one in full; and what becomes of every fact of DEN0022."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from psci.cli.console import prose_width, wrapped
from psci.cli.specification.choices import near
from psci.cli.specification.facts_covered import FactEntry, account, citations, counts
from psci.explorer.consistency.findings import sections
from psci.explorer.consistency.settings import symbols_of
from psci.model.calls import NOT_PSCI, UNKNOWN
from psci.model.declare import Call, Move
from psci.model.errors import InputError
from psci.model.language.effects import Update
from psci.model.language.rules import Rule
from psci.model.language.terms import TRUE, Term, show
from psci.model.specification import SPECIFICATION
from psci.model.symbols.readings import READINGS
from psci.model.tables.codes import CODES
from psci.model.tables.facts import FACTS
from psci.model.tables.versions import V0_1, V1_3

OwnedRule = tuple[Call | Move, Rule]


@click.command()
@click.argument("name", metavar="[RULE | CALL | FACT | SECTION | CODE | READING]", required=False)
@click.option("--facts", "as_facts", is_flag=True, help="List the facts, and what becomes of each, not the rules.")
@click.option(
    "--proofs",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="What `psci prove --json` printed: say of each rule which proofs rest on it.",
)
@click.option(
    "--traces",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Traces with known verdicts: say of each fact which of them notices a change of a rule that cites it.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document (schema: rules.json).")
def command(name: str | None, as_facts: bool, proofs: Path | None, traces: Path | None, as_json: bool) -> int:
    """List the rules; or show one in full, or those of a call, a fact, a section, a code or a reading.

    psci rules CPU_ON.already_on, psci rules CPU_ON, psci rules OFF2-8, psci rules 6.6, psci rules DENIED, psci rules
    frozen-core.
    """
    if traces is not None:
        return _noticed(traces, name, as_json)
    supports = {} if proofs is None else supported(proofs)
    facts = {id: fact for id, fact in account().items() if name is None or name.upper() == id}
    found = list(places() if name is None else matching(name, known=bool(facts)))
    exact = len(found) == 1 or (name is not None and any(rule.name == name for _, rule in found))
    if as_json:
        rules = [entry(*place) | {"supports": supports.get(place[1].name, [])} for place in found]
        document = {"rules": rules, "facts": fact_entries(facts), "counts": counts(facts)}
        click.echo(json.dumps(document, indent=2))
    elif as_facts or (facts and not found):
        _facts(facts)
    elif name is not None and exact:
        for place in found:
            _full(*place)
            if proofs is not None:
                click.echo(f"  supports {', '.join(supports.get(place[1].name, [])) or 'no proof'}")
    else:
        _list(found)
        if proofs is not None and name is None:
            for rule, reason in unmissed(proofs).items():
                click.echo(f"no property would miss {rule}: {reason or 'nobody said why'}")
        if name is None:
            click.echo(f"{_summary(facts)}\n(psci rules --facts)")
    return 0


def _noticed(folder: Path, name: str | None, as_json: bool) -> int:
    """Print which trace notices a rule of each fact; the status is 1 where only rules hold a fact, and none does."""
    from psci.oracle.noticing import TraceWatch, table
    from psci.oracle.traces.file import read_trace

    traces = {path.stem: tuple(read_trace(path)) for path in sorted(folder.glob("*.ndjson"))}
    if not traces:
        raise InputError(f"{folder}: there is no trace (*.ndjson) in this folder")
    cited = {id: rules for id, rules in citations().items() if name is None or name.upper() == id}
    found = table(TraceWatch(traces), cited)
    # what a reading or PSCI_FEATURES holds has tests of its own
    unnoticed = [id for id, where in cited.items() if id not in found and all("." in place for place in where)]
    if as_json:
        rows = {id: found[id]._asdict() if id in found else None for id in cited}
        click.echo(json.dumps({"noticed": rows, "unnoticed": unnoticed}, indent=2))
    else:
        for id, where in cited.items():
            text = str(found[id]) if id in found else f"nothing notices {', '.join(where)}"
            click.echo(f"{id:<16} {text}")
        click.echo(f"{len(cited)} facts: {len(found)} noticed, {len(unnoticed)} held by rules that nothing notices")
    return 1 if unnoticed else 0


def supported(proofs: Path) -> dict[str, list[str]]:
    """For each rule the properties whose proofs, or whose lemmas' proofs, used it.

    Raises:
        InputError: the file is not a document of `psci prove --json`.
    """
    try:
        results = json.loads(proofs.read_text(encoding="utf-8"))["results"]
        used = [(str(result["property"]), tuple(map(str, result["rules"]))) for result in results]
        rests = {str(result["property"]): list(map(str, result["rests_on"])) for result in results}
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{proofs}: no document of `psci prove --json` ({error})") from None
    found: dict[str, dict[str, None]] = {}
    for name, rules in used:
        for other, lemmas in {**rests, name: []}.items():
            if other == name or name in lemmas:
                for rule in rules:
                    found.setdefault(rule, {})[other] = None
    return {rule: sorted(names) for rule, names in found.items()}


def unmissed(proofs: Path) -> dict[str, str]:
    """The rules that no property of one version would miss, with the reason, from a document of `psci prove --json`."""
    from psci.proofs.questions.missed import missed_by_none  # a solver is loaded only for this question

    results = json.loads(proofs.read_text(encoding="utf-8"))["results"]
    return missed_by_none((str(result["kind"]), result["rules"]) for result in results)


def places() -> Iterator[OwnedRule]:
    """Every rule with the call or move that it belongs to."""
    owners: tuple[Call | Move, ...] = (*SPECIFICATION.calls, UNKNOWN, NOT_PSCI, *SPECIFICATION.moves)
    for owner in owners:
        for rule in SPECIFICATION.rules[owner.name]:
            yield owner, rule


def matching(name: str, known: bool = False) -> Iterator[OwnedRule]:
    """The rules of that name, of that call or move, or that cite that fact.

    `known` says that it is the name of a fact: then there need not be a rule.

    Raises:
        InputError: there are none; the message lists near names.
    """
    found = [(owner, rule) for owner, rule in places() if name.lower() == rule.name.lower()]
    found = found or [(owner, rule) for owner, rule in places() if _concerns(name, owner, rule)]
    if not found and not known:
        names = dict.fromkeys(n for owner, rule in places() for n in (owner.name, rule.name))
        known_names = (*names, *FACTS, *(code.name for code in CODES), *READINGS)
        raise InputError(
            f"no rule, call, fact, section, code or reading {name!r}: {near(name, known_names, 'psci rules')}"
        )
    yield from found


def _concerns(name: str, owner: Call | Move, rule: Rule) -> bool:
    """Whether a rule belongs to a call or section, rests on a fact, gives a code, or reads a reading."""
    if name.lower() == owner.name.lower() or name.upper() in rule.cites:
        return True
    if name.replace(".", "").isdigit() or name.startswith("Table"):
        return any(section == name or section.startswith(f"{name}.") for section in sections(rule.cites))
    if rule.code is not None and rule.code.name == name.upper():
        return True
    reading = READINGS.get(name.lower())
    return reading is not None and reading.symbol in symbols_of([rule])


def entry(owner: Call | Move, rule: Rule) -> dict[str, Any]:
    """A rule as JSON."""
    return {
        "name": rule.name,
        "modality": rule.modality.value if isinstance(owner, Call) else "happens",
        "completion": rule.completion.value if isinstance(owner, Call) else None,
        "code": rule.code.name if rule.code else None,
        "text": rule.text,
        "cites": list(rule.cites),
        "section": owner.section,
        "since": rule.since.name,
        "until": rule.until.name,
        "guard": show(rule.guard),
        "value": None if rule.value is None else show(rule.value),
        "constraint": None if rule.constraint is None else show(rule.constraint),
        "effect": [line for update in rule.effect.updates for line in effect_lines(update)],
    }


def effect_lines(update: Update) -> Iterator[str]:
    """An update as text: `power(caller) := OFF`."""
    for index, value in update.points:
        where = f"({', '.join(show(part) for part in index)})" if index else ""
        yield f"{update.field.name}{where} := {show(value)}"
    if update.everywhere is not None:
        names = {binder.name: f"{binder.sort.name[0].lower()}{i}" for i, binder in enumerate(update.binders)}
        where = ", ".join(f"every {binder.sort} {names[binder.name]}" for binder in update.binders)
        yield f"{update.field.name}({where}) := {show(update.everywhere, names)}"


def fact_entries(facts: Mapping[str, FactEntry]) -> list[dict[str, Any]]:
    """What becomes of facts, as JSON."""
    return [
        {
            "fact": id,
            "modalities": list(found.fact.modalities),
            "sections": list(found.fact.sections),
            "kind": found.kind,
            "where": list(found.where),
            "reason": found.reason or None,
        }
        for id, found in facts.items()
    ]


def _facts(facts: Mapping[str, FactEntry]) -> None:
    for id, found in facts.items():
        reason = f" ({found.reason})" if found.reason else ""
        click.echo(f"{id:<16} {found.kind}: {', '.join(found.where)}{reason}")
    click.echo(_summary(facts))


def _summary(facts: Mapping[str, FactEntry]) -> str:
    return f"{len(facts)} facts: " + ", ".join(f"{count} {kind}" for kind, count in counts(facts).items())


def _span(rule: Rule) -> str:
    if rule.since == V0_1 and rule.until == V1_3:
        return ""
    if rule.until == V1_3:
        return f"since {rule.since}"
    return f"until {rule.until}" if rule.since == V0_1 else f"{rule.since} to {rule.until}"


def _list(found: list[OwnedRule]) -> None:
    """Two lines for each rule: what it does, and its sentence."""
    # where all rules of a call are listed in order, "the same" is the rule above
    whole = len(found) in (sum(1 for _ in places()), *(len(rules) for rules in SPECIFICATION.rules.values()))
    shown = ""
    for owner, rule in found:
        listed = entry(owner, rule)
        about = ", ".join(part for part in (f"{listed['modality']} {_outcome(listed)}".strip(), _span(rule)) if part)
        line = f"{rule.name}  [{about}]"
        click.echo(line if len(line) <= prose_width() else f"{rule.name}\n    [{about}]")
        before = rule.text if shown == owner.name else SPECIFICATION.sentence(rule)
        click.echo("\n".join(wrapped(f"    {before}", 4)))
        shown = owner.name if whole else ""
    click.echo(f"{len(found)} rules")


def _outcome(listed: dict[str, Any]) -> str:
    """How a call ends by a rule, after the modality."""
    if listed["modality"] == "caller must":
        return ""
    if listed["code"] is None and listed["completion"] == "returns":
        return "with a choice of codes" if "refuse" in listed["modality"] else "with a value"
    return str(listed["code"] or listed["completion"] or "")


def _full(owner: Call | Move, rule: Rule) -> None:
    listed = entry(owner, rule)
    lines = [f"{rule.name}  (DEN0022 {owner.section})", *wrapped(f"  {rule.text}", 2)]
    lines += [f"  {listed['modality']}" + (f" with {listed['code']}" if listed["code"] else "") + _ending(listed)]
    lines += wrapped(f"  versions {rule.since} to {rule.until}; facts {', '.join(rule.cites)}", 4)
    lines += wrapped(f"  sections of DEN0022: {', '.join(sections(rule.cites)) or 'none: derived'}", 4)
    lines += wrapped(f"  where {_guard(rule.guard)}", 4)
    for title in ("value", "constraint"):
        if listed[title] is not None and not listed["code"]:
            lines += wrapped(f"  {'returns' if title == 'value' else 'returns any result with'} {listed[title]}", 4)
    lines += [line for update in listed["effect"] for line in wrapped(f"  {update}", 4)]
    if not listed["effect"]:
        lines.append("  changes nothing")
    click.echo("\n".join(lines))


def _ending(listed: dict[str, Any]) -> str:
    return f"; the call {listed['completion']}" if listed["completion"] and listed["modality"] != "caller must" else ""


def _guard(guard: Term) -> str:
    return "always" if guard is TRUE else show(guard)
