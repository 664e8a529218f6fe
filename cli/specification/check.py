"""`psci check`: what a spec author asks of the rules, ranked, each with the shortest run from boot."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import click

from psci.cli.specification.choices import (
    amend_option,
    chosen_readings,
    near,
    reading_option,
    specification_with,
)
from psci.cli.specification.findings_text import document_of, in_full, listed
from psci.explorer.consistency.checking import CheckQuestion, check
from psci.explorer.consistency.findings import FAILS, FindingKind, RulesFinding
from psci.model.errors import InputError
from psci.model.tables.versions import version

ONE_SCREEN = 18
"""So many findings are listed where nobody asks for all."""


@click.command()
@click.argument("wanted", metavar="[ID | KIND]", required=False)
@click.option("--version", "version_name", metavar="V", default="1.3", show_default=True, help="Version of PSCI.")
@click.option("--cpus", default=3, show_default=True, type=click.IntRange(2, 4), help="Most cores of a machine.")
@reading_option
@amend_option
@click.option("--report", type=click.Path(path_type=Path, dir_okay=False), help="Also write a report: .html or .md.")
@click.option("--solver", is_flag=True, help="Also ask Z3, in all states that satisfy the proved invariants.")
@click.option("--all", "everything", is_flag=True, help="List all findings, not one screen of them.")
@click.option("--jobs", default=0, type=click.IntRange(0), help="Processes; 0: as many as there are cores, up to 4.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document (schema: check.json).")
def command(
    wanted: str | None, version_name: str, cpus: int, readings: tuple[str, ...], amend_file: Path | None,
    report: Path | None, solver: bool, everything: bool, jobs: int, as_json: bool,
) -> int:  # fmt: skip
    """Look for gaps, conflicts, open orders, ambiguities, prototypes that contradict the text, and idle rules.

    With an ID, show that finding in full, ready to be mailed; with a KIND (gap, conflict, order, prototype,
    discovery, reading, choice, dead, redundant), list all of that kind.

    Exit status: 0 only readings, choices and redundant rules were found; 1 a finding that DEN0022 has to answer.
    """
    if report is not None and report.suffix not in (".html", ".md"):
        raise InputError(f"--report {report}: the name ends in .html or .md")
    question = CheckQuestion(specification_with(amend_file), version(version_name), cpus, chosen_readings(readings))
    kinds, subject = _asked(wanted)
    processes = jobs or min(os.cpu_count() or 1, 4)
    found = check(question, processes=processes, kinds=kinds, only=subject, progress=_progress)
    if sys.stderr.isatty():
        click.echo("\r\033[K", nl=False, err=True)
    if wanted is not None and "." in wanted:
        found = _named(found, wanted)
    if report is not None:
        from psci.graphs.report import write_report

        write_report(report, found, question.specification, f"PSCI {question.version}: what the rules leave open")
    solved = _solved(question) if solver else None
    if as_json:
        click.echo(json.dumps({**document(found, question, amend_file), "solver": solved}, indent=2))
    elif wanted is not None and "." in wanted:
        click.echo("\n\n".join("\n".join(in_full(finding, question.specification)) for finding in found))
    else:
        _print(found, question, everything or wanted is not None)
    if solved is not None and not as_json:
        click.echo(f"Z3, three cores, every state that the invariants leave: {'; '.join(solved) or 'nothing more'}")
    return int(bool(solved) or any(finding.kind in FAILS for finding in found))


def _solved(question: CheckQuestion) -> list[str]:
    """Gaps, dead rules and untrue answers of PSCI_FEATURES that a solver finds without a run from boot."""
    from psci.proofs.questions.consistency import check as ask

    found = ask(question.specification, question.version)
    return [f"{finding.kind} {finding.subject}: {finding.text}" for finding in found if finding.counts]


def _asked(wanted: str | None) -> tuple[frozenset[FindingKind], str | None]:
    """The kinds that are looked for, and the subject where one finding is asked for."""
    if wanted is None:
        return frozenset(FindingKind), None
    word, _, rest = wanted.partition(".")
    kinds = {kind.value: kind for kind in FindingKind}
    if word not in kinds:
        raise InputError(f"{wanted}: no kind of finding; the kinds are {', '.join(kinds)}, an id begins with one")
    return frozenset({kinds[word]}), rest.partition(".")[0] or None


def _named(found: list[RulesFinding], wanted: str) -> list[RulesFinding]:
    """The finding of that id, or those whose ids begin with it."""
    named = [finding for finding in found if finding.id == wanted]
    named = named or [finding for finding in found if finding.id.startswith(f"{wanted}.")]
    if named:
        return named
    names = [finding.id for finding in found]
    where = f"psci check {wanted.partition('.')[0]}"
    raise InputError(f"{wanted}: no such finding; {near(wanted, names, where)}")


def _progress(done: int, of: int, new: list[RulesFinding]) -> None:
    """Where we are, and what was just found, for who looks at a terminal."""
    if sys.stderr.isatty():
        last = f": {new[0].id}" if new else ""
        click.echo(f"\r\033[K{done}/{of}{last}"[:78], nl=False, err=True)


def _print(found: list[RulesFinding], question: CheckQuestion, everything: bool) -> None:
    counts = Counter(finding.kind for finding in found)
    summary = ", ".join(f"{counts[kind]} {kind.value}" for kind in FindingKind if counts[kind])
    click.echo(f"PSCI {question.version}: {len(found)} findings ({summary})")
    shown = found if everything else _screen(found)
    for line in listed(shown, None):
        click.echo(line)
    if len(shown) < len(found):
        click.echo(f"{len(found) - len(shown)} more: psci check --all, or psci check KIND; one in full: psci check ID")


def _screen(found: list[RulesFinding]) -> list[RulesFinding]:
    """One screen: the first of each kind that fails, in turn, so that no kind hides the others."""
    by_kind: dict[FindingKind, list[RulesFinding]] = {}
    for finding in found:
        by_kind.setdefault(finding.kind, []).append(finding)
    shown: list[RulesFinding] = []
    place = 0
    while len(shown) < ONE_SCREEN and any(place < len(some) for some in by_kind.values()):
        shown += [some[place] for some in by_kind.values() if place < len(some)]
        place += 1
    return sorted(shown[:ONE_SCREEN], key=lambda finding: finding.rank)


def document(found: list[RulesFinding], question: CheckQuestion, amend_file: Path | None) -> dict[str, Any]:
    """The JSON document of the command (schema: check.json)."""
    return {
        "version": question.version.name,
        "cpus": question.cpus,
        "readings": dict(question.readings),
        "amended": None if amend_file is None else str(amend_file),
        "findings": [document_of(finding, question.specification) for finding in found],
    }
