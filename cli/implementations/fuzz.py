"""`psci fuzz`: generate calls, run them on a real implementation, judge every answer, save what deviates."""

from __future__ import annotations

import json
import secrets
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from psci.oracle.campaign.campaign import CampaignPlan
    from psci.oracle.peers import Request

DEFAULT_CALLS = 2000
DEFAULT_CPUS = 4


@click.command()
@click.argument("peer")
@click.option("--seed", type=click.IntRange(0), help="Generate the same programs again.")
@click.option("--calls", type=click.IntRange(1), help=f"End after so many calls (default {DEFAULT_CALLS}).")
@click.option("--time", "seconds", type=click.FloatRange(0.1), help="End after so many seconds.")
@click.option("--jobs", type=click.IntRange(1, 64), default=1, show_default=True, help="Processes, each with a peer.")
@click.option("--resume", is_flag=True, help="Go on with a campaign against this peer that was interrupted.")
@click.option("--psci", metavar="VERSION", help="The version to ask the peer for, and to judge by.")
@click.option("--conduit", type=click.Choice(["hvc", "smc"]), help="How QEMU or Xen is called.")
@click.option(
    "--cpus", type=click.IntRange(1, 8), default=DEFAULT_CPUS, show_default=True, help="Cores of the machine."
)
@click.option("--kernel", type=click.Path(dir_okay=False), help="An arm64 Image of your own (kvm).")
@click.option("--qemu", type=click.Path(dir_okay=False), help="A qemu-system-aarch64 of your own.")
@click.option("--firmware", type=click.Path(dir_okay=False), help="A firmware (tfa) or hypervisor (xen) of your own.")
@click.option("--save", type=click.Path(file_okay=False, path_type=Path), default=Path("psci-deviations"),
              show_default=True, help="The folder for what is found.")  # fmt: skip
@click.option("--strict", is_flag=True, help="Judge by DEN0022 alone: listed deviations of the peer are new ones too.")
@click.option("--ktap", is_flag=True, help="Print a KTAP report: each rule that was met is a test.")
@click.option("--junit", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Write a JUnit report.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document (schema: fuzz.json).")
def command(
    peer: str, seed: int | None, calls: int | None, seconds: float | None, jobs: int, resume: bool, psci: str | None,
    conduit: str | None, cpus: int, kernel: str | None, qemu: str | None, firmware: str | None, save: Path,
    strict: bool, ktap: bool, junit: Path | None, as_json: bool,
) -> int:  # fmt: skip
    """Judge a real implementation: PEER is one of `psci peers`, such as qemu, kvm:latest or exec:COMMAND.

    Exit status: 0 nothing new, 1 a new deviation, 2 bad input, 3 could not judge, 130 interrupted.
    """
    from psci.oracle import peers
    from psci.oracle.campaign.campaign import CampaignPlan
    from psci.oracle.campaign.jobs import campaign
    from psci.oracle.campaign.session import Order

    if psci is not None:
        from psci.model.tables.versions import version

        version(psci)
    request = peers.request_for(peer, kernel=kernel, qemu=qemu, firmware=firmware, conduit=conduit, psci=psci)
    seed = secrets.randbelow(1 << 32) if seed is None and not resume else seed
    if calls is None and seconds is None:
        calls = DEFAULT_CALLS
    plan = CampaignPlan(seed=seed or 0, calls=calls, seconds=seconds, cpus=cpus, psci=psci)
    order = Order(request=request, plan=plan, folder=save, command=command_line(request, plan, strict), strict=strict)
    coverage: list[dict[str, Any]] = []
    with progress(request.name) as tell:
        document = campaign(order, jobs, _recorded(coverage, tell), resume=resume, seed=seed)
    document["coverage"] = coverage
    from psci.cli.implementations.mailing import write_reproducers

    document["problems"] += write_reproducers([*document["deviations"], *document["observations"]])
    if junit is not None:
        _write_junit(junit, document)
    if as_json:
        print(json.dumps(document, indent=2))
    elif ktap:
        from psci.cli.implementations.fuzz_text import reports
        from psci.oracle.campaign.ktap import ktap as ktap_lines

        print(f"# {document['peer']}: {document['version']}, {document['calls']} calls, seed {document['seed']}")
        for line in ktap_lines(reports(document)):
            print(line)
    else:
        from psci.cli.implementations.fuzz_text import lines

        for line in lines(document):
            print(line)
    return int(document["status"])


def _write_junit(path: Path, document: dict[str, Any]) -> None:
    from psci.cli.implementations.fuzz_text import reports
    from psci.host.files import write_whole
    from psci.model.errors import InputError
    from psci.oracle.campaign.ktap import junit

    try:
        write_whole(path, junit(f"{document['peer']}: {document['version']}", reports(document)))
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror}): name another file with --junit") from error


def command_line(request: Request, plan: CampaignPlan, strict: bool) -> str:
    """The command that does the same again."""
    words = ["psci", "fuzz", request.name, "--seed", str(plan.seed)]
    words += ["--calls", str(plan.calls)] if plan.calls is not None else []
    words += ["--time", f"{plan.seconds:g}"] if plan.seconds is not None else []
    words += ["--cpus", str(plan.cpus)] if plan.cpus != DEFAULT_CPUS else []
    words += ["--strict"] if strict else []
    for name in ("psci", "conduit", "kernel", "qemu", "firmware"):
        value = getattr(request, name)
        words += [f"--{name}", value] if value is not None else []
    return shlex.join(words)


def _recorded(coverage: list[dict[str, Any]], tell: Callable[[Any], None]) -> Callable[[Any], None]:
    """Tell how far a campaign is, and keep each moment at which it had met more rules than before."""

    def kept(so_far: Any) -> None:
        if not coverage or so_far.rules > coverage[-1]["rules"]:
            coverage.append({"seconds": round(so_far.seconds, 3), "calls": so_far.calls, "rules": so_far.rules})
        tell(so_far)

    return kept


@contextmanager
def progress(peer: str) -> Iterator[Callable[[Any], None]]:
    """A line on standard error that tells how far a campaign is."""
    from rich.console import Console

    with Console(stderr=True).status(f"starting {peer} ...") as status:

        def tell(so_far: Any) -> None:
            rate = so_far.calls / so_far.seconds if so_far.seconds >= 1 else 0
            status.update(
                f"{peer}: {so_far.calls:,} calls, {rate:,.0f}/s, {so_far.rules:,} rules, {so_far.found} deviations"
            )

        yield tell
