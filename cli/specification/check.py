"""`psci check`: the rules against themselves."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from psci.model.tables.versions import version
from psci.proofs.questions.consistency import AMBIGUITY, DEAD, FEATURES, GAP, REDUNDANT, UNDECIDED, Finding, check

EXPLAINED = {
    GAP: "calls that no rule answers",
    FEATURES: "answers of PSCI_FEATURES that a call contradicts",
    DEAD: "rules that can never apply",
    UNDECIDED: "questions that the solver gave up",
    AMBIGUITY: "pairs of refusals of which either may be returned",
    REDUNDANT: "refusals that say nothing beyond others",
}


@click.command()
@click.option("--version", "version_name", metavar="V", help="Only this version of PSCI; otherwise all of them.")
@click.option("--verbose", is_flag=True, help="Also show each ambiguity, redundant rule and explained dead rule.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document (schema: check.json).")
def command(version_name: str | None, verbose: bool, as_json: bool) -> int:
    """Look for gaps, ambiguities, rules that can never apply or add nothing, and untrue PSCI_FEATURES.

    Exit status: 0 no gap and every dead rule explained, 1 a finding, 3 the solver gave up.
    """
    chosen = version(version_name) if version_name else None
    console = Console(stderr=as_json)
    with console.status("checking"):
        findings = list(check(version=chosen))
    if as_json:
        click.echo(json.dumps(document(findings, version_name), indent=2))
    else:
        _print(console, findings, verbose)
    if any(finding.kind == UNDECIDED for finding in findings):
        return 3
    return int(any(finding.counts for finding in findings))


def _print(console: Console, findings: list[Finding], verbose: bool) -> None:
    for finding in findings:
        if not (finding.counts or verbose):
            continue
        console.print(f"[bold]{finding.kind}[/] {finding.subject}: {finding.text}", soft_wrap=True, highlight=False)
        if finding.versions:
            console.print(f"  versions: {', '.join(finding.versions)}", markup=False, highlight=False, soft_wrap=True)
        for line in finding.example:
            console.print(f"  {line}", markup=False, highlight=False, soft_wrap=True)
        if finding.reason:
            console.print(f"  {finding.reason}", markup=False, highlight=False, soft_wrap=True)
    counts = Counter(finding.kind for finding in findings)
    explained = Counter(finding.kind for finding in findings if finding.reason)
    table = Table()
    table.add_column("of the rules")
    table.add_column("found", justify="right")
    table.add_column("explained", justify="right")
    for kind, text in EXPLAINED.items():
        table.add_row(text, str(counts[kind]), str(explained[kind]) if explained[kind] else "")
    console.print(table)


def document(findings: list[Finding], version_name: str | None) -> dict[str, Any]:
    """The JSON document of the command (schema: check.json)."""
    return {
        "version": version_name,
        "findings": [
            {
                "kind": finding.kind,
                "subject": finding.subject,
                "text": finding.text,
                "versions": list(finding.versions),
                "example": list(finding.example),
                "reason": finding.reason,
                "counts": finding.counts,
            }
            for finding in findings
        ],
    }
