"""`psci filter`: which function ids a VMM must take over from a kernel, proved, and run on a real one."""

from __future__ import annotations

import json
import secrets
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from psci.cli.console import working
from psci.cli.implementations.filter_text import (
    forwarded_document,
    needs_document,
    print_analysis,
    print_run,
    run_document,
)
from psci.model.errors import InputError
from psci.model.scenarios.filter import Composition, function_named, usual_offer
from psci.model.tables.versions import version

if TYPE_CHECKING:
    from psci.oracle.filter.run import FilterTarget, Ran
    from psci.oracle.filter.witness import FilterWitness
    from psci.proofs.questions.filter import Sufficiency


@dataclass
class Analysis:
    """What is known before anything runs."""

    composition: Composition
    sufficiency: Sufficiency
    witnesses: dict[int, FilterWitness | None] = field(default_factory=dict)


@click.command()
@click.option("--kernel", "kernel_name", required=True, metavar="VERSION", help="The version of the kernel's PSCI.")
@click.option("--want", "want_name", required=True, metavar="VERSION", help="The version that the guest is to see.")
@click.option("--vmm", "functions", metavar="FUNCTION,...", help="What the VMM serves [default: SYSTEM_OFF2].")
@click.option("--run", "peer", metavar="PEER", help="Do it on a real kernel: kvm, kvm:latest or kvm:SERIES.")
@click.option("--without", "left_out", multiple=True, metavar="ID", help="With --run: leave an id out (or all).")
@click.option("--calls", default=600, show_default=True, type=click.IntRange(1), help="With --run: how many calls.")
@click.option("--seed", type=click.IntRange(0), help="With --run: generate the same calls again.")
@click.option("--cpus", default=4, show_default=True, type=click.IntRange(1, 8), help="With --run: cores of the guest.")
@click.option("--image", type=click.Path(dir_okay=False), help="With --run: an arm64 Image of your own.")
@click.option("--qemu", type=click.Path(dir_okay=False), help="With --run: a qemu-system-aarch64 of your own.")
@click.option("-o", "--output", type=click.Path(path_type=Path, file_okay=False), help="Save traces and replays here.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document (schema: filter.json).")
def command(
    kernel_name: str, want_name: str, functions: str | None, peer: str | None, left_out: tuple[str, ...], calls: int,
    seed: int | None, cpus: int, image: str | None, qemu: str | None, output: Path | None, as_json: bool,
) -> int:  # fmt: skip
    """Compute which function ids must be forwarded so that kernel and VMM together conform to one version.

    The set is proved to be sufficient for any number of cores; each id of it is shown to be needed by a trace from
    boot, which -o saves, also as a file that psci replay shows on a real kernel.

    Exit status: 0 proved (and what ran conforms), 1 the oracle objects, 2 bad input, 3 could not judge.
    """
    kernel, want = version(kernel_name), version(want_name)
    names = [name.strip().upper() for name in functions.split(",")] if functions is not None else None
    offered = usual_offer(kernel, want) if names is None else tuple(function_named(n, want) for n in names if n)
    composition = Composition(kernel, want, offered, frozenset())
    target = _target(peer, image, qemu)
    if target is None and left_out:
        raise InputError("--without: only a run can leave an id out; give --run kvm:SERIES")
    with working("proving that the ids are enough, and that each is needed ..."):
        analysis = analyse(composition)
    chosen = [fid for word in left_out for fid in _ids(word, analysis.composition)]
    if output is not None:
        _save_witnesses(analysis, target, output)
    if not as_json:
        print_analysis(analysis.composition, analysis.sufficiency, analysis.witnesses)
    ran: list[Ran] = []
    if target is not None:
        seed = secrets.randbelow(1 << 32) if seed is None else seed
        ran = _run(analysis, target, chosen, calls, seed, cpus, output, quiet=as_json)
    if as_json:
        click.echo(json.dumps(_document(analysis, ran, seed), indent=2))
    return _status(analysis, ran)


def analyse(composition: Composition) -> Analysis:
    """Find the ids, prove that they are enough, and show that each is needed."""
    from psci.oracle.filter.witness import witness
    from psci.proofs.questions.filter import sufficiency

    found = sufficiency(composition.kernel, composition.want, composition.offered)
    whole = Composition(composition.kernel, composition.want, composition.offered, found.ids)
    return Analysis(whole, found, {forced.fid: witness(whole, forced.fid) for forced in found.forced})


def _target(peer: str | None, image: str | None, qemu: str | None) -> FilterTarget | None:
    if peer is None:
        return None
    from psci.oracle.filter.run import FilterTarget
    from psci.oracle.peers import request_for

    return FilterTarget(request_for(peer, kernel=image, qemu=qemu))


def _ids(word: str, composition: Composition) -> Sequence[int]:
    if word == "all":
        return sorted(composition.forwarded)
    try:
        fid = int(word, 0)
    except ValueError:
        fid = -1
    if fid not in composition.forwarded:
        known = ", ".join(f"{known:#010x}" for known in sorted(composition.forwarded))
        raise InputError(f"--without {word}: not an id of the filter; choose from {known}, or all")
    return [fid]


def _run(
    analysis: Analysis, target: FilterTarget, left_out: Sequence[int], calls: int, seed: int, cpus: int,
    output: Path | None, quiet: bool,
) -> list[Ran]:  # fmt: skip
    from psci.host.requirements import CannotRun
    from psci.oracle.campaign.campaign import CampaignPlan
    from psci.oracle.filter.run import ask, campaign, known_quirks, source

    composition = analysis.composition
    kernel = ask(target)
    if kernel.psci != composition.kernel.name:
        name = target.request.name
        raise InputError(f"--kernel {composition.kernel}: {name} has PSCI {kernel.psci}; give --kernel {kernel.psci}")
    plan = CampaignPlan(seed=seed, calls=calls, cpus=cpus, quirks=known_quirks(kernel))
    if output is not None:
        output.mkdir(parents=True, exist_ok=True)
        (output / "vmm.py").write_text(source(composition, kernel, cpus), encoding="utf-8")
    ran: list[Ran] = []
    for fid in [None, *left_out] if not left_out or len(left_out) > 1 else left_out:
        witness = None if fid is None else analysis.witnesses[fid]
        try:
            one = campaign(target, composition, kernel, plan, left_out=fid, witness=witness)
        except CannotRun:
            if not ran:
                raise
            break
        ran.append(one)
        if not quiet:
            print_run(one, seed)
        if output is not None and one.witness is not None:
            from psci.oracle.traces.file import write_trace

            name = target.request.name.replace(":", "-")
            write_trace(output / f"without-{fid:#010x}-on-{name}.ndjson", one.witness[0])
    return ran


def _save_witnesses(analysis: Analysis, target: FilterTarget | None, folder: Path) -> None:
    """For each id the model's trace without it, and a file with which `psci replay` shows it on a real kernel."""
    from psci.oracle.campaign import saved
    from psci.oracle.filter.run import saved_witness
    from psci.oracle.peers import request_for
    from psci.oracle.traces.file import write_trace

    composition = analysis.composition
    request = request_for("kvm") if target is None else target.request
    words = ["psci", "filter", "--kernel", composition.kernel.name, "--want", composition.want.name]
    words += ["--vmm", ",".join(call.name for call in composition.offered)]
    command = shlex.join([*words, "-o", str(folder)])
    folder.mkdir(parents=True, exist_ok=True)
    for fid, witness in analysis.witnesses.items():
        if witness is not None:
            write_trace(folder / f"without-{fid:#010x}.ndjson", witness.events)
            saved.write(saved_witness(composition, witness, request, command), folder, f"without-{fid:#010x}.json")


def _document(analysis: Analysis, ran: Sequence[Ran], seed: int | None) -> dict[str, Any]:
    from psci.proofs.encoding.queries import solver_versions

    found = analysis.sufficiency
    slowest = max((answer.seconds for left in found.left for _, answer in left.answers), default=0.0)
    return {
        "kernel": analysis.composition.kernel.name,
        "want": analysis.composition.want.name,
        "offered": [call.name for call in analysis.composition.offered],
        "forwarded": forwarded_document(found, analysis.witnesses),
        "proof": {
            "cores": "any",
            "queries": found.queries,
            "alike": found.alike,
            "seconds": round(found.seconds, 3),
            "slowest": round(slowest, 3),
            "solver": f"z3 {solver_versions()['z3']}",
            "undecided": [left.owner for left in found.undecided],
            "provided": [proviso.sentence for proviso in found.provisos],
        },
        "left_to_the_kernel": [
            {
                "function": left.owner,
                "id": None if left.fid is None else f"{left.fid:#010x}",
                "queries": len(left.answers),
                "provided": [proviso.sentence for proviso in left.provided],
            }
            for left in found.left
        ],
        "needs": needs_document(analysis.composition),
        "seed": seed if ran else None,
        "runs": [run_document(one) for one in ran],
    }


def _status(analysis: Analysis, ran: Sequence[Ran]) -> int:
    if any(one.result.interrupted for one in ran):
        return 130
    objections = [
        one
        for one in ran
        if one.result.found or one.hibernation[1].findings or (one.witness is not None and one.witness[1].findings)
    ]
    if objections:
        return 1
    could_not = analysis.sufficiency.undecided or any(one.result.gave_up or one.result.problems for one in ran)
    return 3 if could_not else 0


__all__ = ["Analysis", "analyse", "command"]
