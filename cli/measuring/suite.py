"""`psci suite`: small sets of sequences that cover the rules, for other people's tests, and run on a real peer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from psci.cli.console import working
from psci.cli.specification.machine import described_machine, machine_options

if TYPE_CHECKING:
    from psci.model.machine import Machine
    from psci.oracle.campaign.ktap import TestReport
    from psci.oracle.suite.running import SuiteResult
    from psci.oracle.suite.sequences import Suite

MOST_CORES_OF_A_SUITE = 4


@click.command()
@machine_options
@click.option("-c", "--c", "c_file", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
              help="Write one C header with the sequences and the answers to expect.")  # fmt: skip
@click.option("--traces", type=click.Path(file_okay=False, path_type=Path), metavar="FOLDER",
              help="Write each sequence as two traces: one that conforms, one that deviates.")  # fmt: skip
@click.option("--run", "peer", metavar="PEER", help="Run the sequences on a peer and print a KTAP report.")
@click.option("--junit", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
              help="With --run: write a JUnit report, too.")  # fmt: skip
@click.option("--strict", is_flag=True, help="With --run: listed deviations of the peer are failures, too.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document (schema: suite.json).")
def command(
    cpus: int | None, version_name: str | None, clusters: str | None, os_initiated: bool, profile: str | None,
    c_file: Path | None, traces: Path | None, peer: str | None, junit: Path | None, strict: bool, as_json: bool,
) -> int:  # fmt: skip
    """Sequences that cover every rule, return code and transition of cores and system that one tester can reach.

    Exit status: 0 nothing new, 1 with --run: a new deviation, 2 bad input, 3 could not judge, 130 interrupted.
    """
    from psci.model.errors import InputError
    from psci.oracle.suite.building import suite
    from psci.oracle.suite.document import document

    if peer is None and (junit is not None or strict):
        raise InputError(f"{'--junit' if junit is not None else '--strict'} goes with --run PEER")
    if peer is not None:
        if as_json or c_file or traces or profile or clusters or os_initiated:
            raise InputError("--run PEER takes the machine that the peer declares: leave out the other options")
        return _run(peer, cpus or 2, version_name, junit, strict)
    with working("looking for the shortest way to each rule ..."):
        made = suite(_small_enough(described_machine(cpus, version_name, clusters, os_initiated, profile)))
    if c_file is not None:
        from psci.oracle.suite.c_header import c_header

        _write(c_file, c_header(made))
    if traces is not None:
        _write_traces(made, traces)
    if as_json:
        print(json.dumps(document(made), indent=1))
    else:
        for line in _lines(made):
            print(line)
    return 0


def _small_enough(machine: Machine) -> Machine:
    from psci.model.errors import InputError
    from psci.model.tables.versions import V0_1

    if len(machine.cores) > MOST_CORES_OF_A_SUITE:
        raise InputError(f"{len(machine.cores)} cores: a suite is for at most {MOST_CORES_OF_A_SUITE}; give --cpus")
    if machine.version == V0_1:
        raise InputError("version 0.1 has no function ids of its own: a suite is for 0.2 and later")
    return machine


def _lines(suite: Suite) -> Iterator[str]:
    for sequence in suite.sequences:
        yield f"{sequence.name:52} {len(sequence.steps):2} steps, {len(sequence.covers):2} goals"
    kinds = {kind: sum(goal.startswith(f"{kind} ") for goal in suite.covered) for kind in GOALS}
    total = ", ".join(f"{count} {GOALS[kind]}" for kind, count in kinds.items())
    steps = sum(len(sequence.steps) for sequence in suite.sequences)
    yield f"{len(suite.sequences)} sequences of {steps} steps cover {total}"
    for name, why in suite.unreached.items():
        yield f"not reached by one tester on this machine: {name} ({why})"


GOALS = {
    "rule": "rules", "code": "return codes of calls", "core": "transitions of a core", "system": "of the system",
}  # fmt: skip
"""What a suite covers: the first word of a goal, and what it is about."""


def _write(path: Path, text: str) -> None:
    from psci.host.files import write_whole
    from psci.model.errors import InputError

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, text)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror}): name another file") from error


def _write_traces(suite: Suite, folder: Path) -> None:
    """Each pair: `NAME.conforms.ndjson` and `NAME.deviates.ndjson`."""
    from psci.oracle.campaign.judging import Judge
    from psci.oracle.suite.traces import right_trace, wrong_trace
    from psci.oracle.traces.file import as_json

    judge = Judge()
    for sequence in suite.sequences:
        pair = {"conforms": right_trace(suite, sequence), "deviates": wrong_trace(suite, sequence, judge)}
        for verdict, trace in pair.items():
            if trace is not None:
                text = "".join(json.dumps(as_json(event), separators=(",", ":")) + "\n" for event in trace)
                _write(folder / f"{sequence.name}.{verdict}.ndjson", text)


def _run(name: str, cpus: int, version_name: str | None, junit: Path | None, strict: bool) -> int:
    from psci.model.errors import InputError
    from psci.oracle import peers, profiles
    from psci.oracle.campaign.ktap import junit as junit_text
    from psci.oracle.campaign.ktap import ktap
    from psci.oracle.suite.building import suite
    from psci.oracle.suite.running import declared_by, on_machine, run

    request = peers.request_for(name, psci=version_name)
    peer = peers.open_peer(request)
    try:
        machine, declared = declared_by(peer, request, cpus)
        described = profiles.machine(
            {**declared, "psci": version_name or machine.psci}, machine.cpus, psci=version_name or machine.psci
        )
        if machine.cpus != tuple(range(cpus)):
            raise InputError(f"{name}: its cores are {', '.join(map(hex, machine.cpus))}; a suite names 0, 1, ...")
        made = suite(_small_enough(on_machine(described, cpus)))
        results = list(run(made, peer, request, declared, strict=strict))
        title = f"{name}: {peer.version}, PSCI {made.machine.version}"
    finally:
        peer.close()
    reports = [_report(result) for result in results]
    print(f"# {title}")
    for line in ktap(reports):
        print(line)
    if junit is not None:
        _write(junit, junit_text(title, reports))
    return _status(results)


def _report(result: SuiteResult) -> TestReport:
    from psci.oracle.campaign.ktap import ReportStatus, TestReport
    from psci.oracle.suite.running import SuiteOutcome

    status = {
        SuiteOutcome.PASSED: ReportStatus.OK,
        SuiteOutcome.FAILED: ReportStatus.NOT_OK,
        SuiteOutcome.KNOWN: ReportStatus.XFAIL,
        SuiteOutcome.ANOTHER_WAY: ReportStatus.SKIP,
        SuiteOutcome.NOT_JUDGED: ReportStatus.SKIP,
    }[result.outcome]
    return TestReport(result.sequence.name, status, result.lines)


def _status(results: list[Any]) -> int:
    from psci.oracle.suite.running import SuiteOutcome

    outcomes = {result.outcome for result in results}
    if SuiteOutcome.FAILED in outcomes:
        return 1
    return 3 if SuiteOutcome.NOT_JUDGED in outcomes else 0
