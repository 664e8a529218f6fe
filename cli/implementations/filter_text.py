"""What `psci filter` says: for a person, and as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from psci.model.scenarios.filter import Composition, carried, needs
from psci.model.specification import SPECIFICATION

if TYPE_CHECKING:
    from psci.oracle.filter.run import Ran
    from psci.oracle.filter.witness import FilterWitness
    from psci.proofs.questions.filter import Sufficiency

ACCESS: Mapping[str, str] = {
    "power": "the power state of the cores (KVM_GET_MP_STATE; KVM does not show ON_PENDING)",
    "activity": "stop every vCPU before the event is told",
    "asked": "remember which system call was accepted, and not run the vCPU that made it",
    "system": "remember that the system is going down, or is suspended",
    "entry": "keep the entry point until the core is entered again",
    "context": "keep the context id until the core is entered again",
}
"""What a field of the state is to a VMM that uses KVM."""


def print_analysis(composition: Composition, found: Sufficiency, witnesses: Mapping[int, FilterWitness | None]) -> None:
    """The set, the proof and the needs."""
    offered = ", ".join(call.name for call in composition.offered) or "nothing new"
    sees = f"a guest that sees PSCI {composition.want}"
    click.echo(f"a kernel with PSCI {composition.kernel}, {sees}; the VMM adds {offered}")
    click.echo(f"\nmust be forwarded: {len(found.forced)} function ids")
    for forced in found.forced:
        why = "the VMM serves it" if forced.offered else f"the kernel's answer differs: {', '.join(forced.rules)}"
        click.echo(f"  {forced.fid:#010x}  {forced.owner:24}{why}")
        witness = witnesses.get(forced.fid)
        if witness is None:
            click.echo("              no trace of two calls shows that it is needed")
            continue
        calls = "; ".join(_calls(witness))
        click.echo(f"              without it, from boot: {calls}")
        click.echo(f"              the oracle: allowed are only {witness.finding.allowed}")
    _print_proof(found)
    click.echo("\nwhat the VMM needs")
    for name, entry in needs_document(composition).items():
        for what in ("knows", "reads", "does"):
            for line in entry[what]:
                click.echo(f"  {name}: {what} {line}" if what != "does" else f"  {name}: must {line}")


def _print_proof(found: Sufficiency) -> None:
    for left in found.undecided:
        click.echo(f"\nUNDECIDED: {left.owner}: the solver gave up or the move differs")
    slowest = max((answer.seconds for left in found.left for _, answer in left.answers), default=0.0)
    click.echo(
        f"\nsufficient, for any number of cores: {found.queries} queries proved in {found.seconds:.1f} s "
        f"(the slowest {slowest:.2f} s); {found.alike} more rules are the same on both sides"
    )
    for proviso in found.provisos:
        for_whom = dict.fromkeys(left.owner for left in found.left if proviso in left.provided)
        click.echo(f"  provided that {proviso.sentence} ({', '.join(for_whom)})")


def _calls(witness: FilterWitness) -> list[str]:
    from psci.model.events import CallEvent, ReturnEvent

    found = []
    for event in witness.events:
        if isinstance(event, CallEvent):
            name = SPECIFICATION.call_of[event.fn][0].name if event.fn in SPECIFICATION.call_of else "?"
            found.append(f"{name} {event.fn:#010x}({', '.join(map(hex, event.args))})")
        elif isinstance(event, ReturnEvent):
            found[-1] += f" = {event.x0:#x}"
    return found


def print_run(one: Ran, seed: int) -> None:
    """One run on a real kernel."""
    result = one.result
    left_out = "" if one.left_out is None else f", {one.left_out:#010x} left out on purpose"
    ids = " ".join(f"{fid:#010x}" for fid in sorted(one.composition.forwarded))
    click.echo(f"\non {one.version}\nfilter: {ids}{left_out}")
    if one.witness is not None:
        _, report = one.witness
        click.echo(f"  the calls that show why it is needed: {report.summary()}")
        for finding in report.findings[:1]:
            click.echo(f"    observed {finding.observed}; allowed are only: {finding.allowed}")
    click.echo(
        f"  seed {seed}: {result.calls} calls, {result.programs} programs, {len(result.exercised)} rules exercised, "
        f"{sum(result.quirks_used.values())} answers by listed quirks: {len(result.found)} new deviations"
    )
    _, report = one.hibernation
    for event in host_events(one):
        click.echo(f"  a guest that hibernates: {event}")
    click.echo(f"  its trace: {report.summary()}" + ("" if host_events(one) else "; the host saw no event"))
    for line in (line for finding in report.findings for line in finding.lines()):
        click.echo(f"    {line}")
    for key, found in result.found.items():
        click.echo(f"  DEVIATES {found.count} times: {key}")
    for problem in result.problems[:3]:
        click.echo(f"  problem: {problem}")


def host_events(one: Ran) -> list[str]:
    """What the host saw of the guest that hibernates: the system events of KVM or of the VMM."""
    from psci.model.events import SystemEvent

    events = [event for event in one.hibernation[0] if isinstance(event, SystemEvent)]
    return [f"{e.event} (by {e.source}, type {(e.raw or {}).get('type')}, flags {e.flags})" for e in events]


def forwarded_document(found: Sufficiency, witnesses: Mapping[int, FilterWitness | None]) -> list[dict[str, Any]]:
    """The ids that must be forwarded, each with its reason and the trace without it."""
    from psci.oracle.traces.file import as_json

    return [
        {
            "id": f"{forced.fid:#010x}",
            "function": forced.owner,
            "offered": forced.offered,
            "rules": list(forced.rules),
            "witness": None
            if (witness := witnesses.get(forced.fid)) is None
            else {
                "trace": [as_json(event) for event in witness.events],
                "observed": witness.finding.observed,
                "allowed": witness.finding.allowed,
            },
        }
        for forced in found.forced
    ]


def needs_document(composition: Composition) -> dict[str, dict[str, list[str]]]:
    """What serving each forwarded function takes: what the VMM knows beforehand, reads of the kernel, and does."""
    found = {}
    for call in SPECIFICATION.calls:
        if not composition.forwarded & set(call.ids()):
            continue
        need = needs(call, composition.want)
        knows = [symbol for symbol in need.profile if symbol != "has"]
        if "has" in need.profile and call.name == "PSCI_FEATURES":
            knows.append("which of these the kernel has: " + ", ".join(carried(composition)))
        found[call.name] = {
            "knows": knows,
            "reads": [ACCESS.get(name, name) for name in need.reads if name not in need.writes or name == "power"],
            "does": [ACCESS.get(name, f"keep {name}") for name in need.writes],
        }
    return found


def run_document(one: Ran) -> dict[str, Any]:
    """One run on a real kernel."""
    from psci.oracle.traces.file import as_json

    result = one.result
    return {
        "version": one.version,
        "filter": [f"{fid:#010x}" for fid in sorted(one.composition.forwarded)],
        "left_out": None if one.left_out is None else f"{one.left_out:#010x}",
        "psci": result.psci,
        "calls": result.calls,
        "programs": result.programs,
        "seconds": round(result.seconds, 3),
        "rules_exercised": len(result.exercised),
        "hibernation": {"verdict": one.hibernation[1].verdict.value, "seen": host_events(one)},
        "quirks": dict(result.quirks_used),
        "permissions": dict(result.permissions_used),
        "verdicts": {verdict.value: count for verdict, count in result.verdicts.items()},
        "deviations": [
            {"key": str(key), "times": found.count, "observed": found.deviation.finding.observed,
             "allowed": found.deviation.finding.allowed}
            for key, found in result.found.items()
        ],
        "problems": list(result.problems),
        "witness": None
        if one.witness is None
        else {"verdict": one.witness[1].verdict.value, "trace": [as_json(event) for event in one.witness[0]]},
    }  # fmt: skip
