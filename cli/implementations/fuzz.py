"""`psci fuzz`: generate calls, run them on a real implementation, judge every answer, save what deviates."""

from __future__ import annotations

import json
import os
import secrets
import shlex
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from psci.oracle.campaign.campaign import Found, Plan, Result
    from psci.oracle.campaign.saved import Saved
    from psci.oracle.peers import Request

DEFAULT_CALLS = 2000
DEFAULT_CPUS = 4
SHRINKING_SECONDS = 20.0
"""For each deviation; a peer that is slow keeps a larger reproducer rather than its user waiting."""
ALL_SHRINKING_SECONDS = 90.0


@click.command()
@click.argument("peer")
@click.option("--seed", type=click.IntRange(0), help="Generate the same programs again.")
@click.option("--calls", type=click.IntRange(1), help=f"End after so many calls (default {DEFAULT_CALLS}).")
@click.option("--time", "seconds", type=click.FloatRange(0.1), help="End after so many seconds.")
@click.option("--psci", metavar="VERSION", help="The version to ask the peer for, and to judge by.")
@click.option("--conduit", type=click.Choice(["hvc", "smc"]), help="How QEMU is called.")
@click.option(
    "--cpus", type=click.IntRange(1, 8), default=DEFAULT_CPUS, show_default=True, help="Cores of the machine."
)
@click.option("--kernel", type=click.Path(dir_okay=False), help="An arm64 Image of your own (kvm).")
@click.option("--qemu", type=click.Path(dir_okay=False), help="A qemu-system-aarch64 of your own.")
@click.option("--save", type=click.Path(file_okay=False, path_type=Path), default=Path("psci-deviations"),
              show_default=True, help="The folder for what is found.")  # fmt: skip
@click.option("--strict", is_flag=True, help="Judge by DEN0022 alone: listed deviations of the peer are new ones too.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document (schema: psci/cli/schemas/fuzz.json).")
def command(
    peer: str, seed: int | None, calls: int | None, seconds: float | None, psci: str | None, conduit: str | None,
    cpus: int, kernel: str | None, qemu: str | None, save: Path, strict: bool, as_json: bool,
) -> int:  # fmt: skip
    """Judge a real implementation: PEER is one of `psci peers`, such as qemu or kvm:latest.

    Exit status: 0 nothing new, 1 a new deviation, 2 bad input, 3 could not judge, 130 interrupted.
    """
    from psci.oracle import peers
    from psci.oracle.campaign.campaign import Plan

    if psci is not None:
        from psci.model.tables.versions import version

        version(psci)
    request = peers.request_for(peer, kernel=kernel, qemu=qemu, conduit=conduit, psci=psci)
    seed = secrets.randbelow(1 << 32) if seed is None else seed
    if calls is None and seconds is None:
        calls = DEFAULT_CALLS
    plan = Plan(seed=seed, calls=calls, seconds=seconds, cpus=cpus, psci=psci)
    return Session(request, plan, save, strict=strict, as_json=as_json).run()


def command_line(request: Request, plan: Plan, strict: bool) -> str:
    """The command that does the same again."""
    words = ["psci", "fuzz", request.name, "--seed", str(plan.seed)]
    words += ["--calls", str(plan.calls)] if plan.calls is not None else []
    words += ["--time", f"{plan.seconds:g}"] if plan.seconds is not None else []
    words += ["--cpus", str(plan.cpus)] if plan.cpus != DEFAULT_CPUS else []
    words += ["--strict"] if strict else []
    for name in ("psci", "conduit", "kernel", "qemu"):
        value = getattr(request, name)
        words += [f"--{name}", value] if value is not None else []
    return shlex.join(words)


class Session:
    """One run of the command."""

    def __init__(self, request: Request, plan: Plan, save: Path, *, strict: bool, as_json: bool) -> None:
        self.request = request
        self.plan = plan
        self.folder = save
        self.strict = strict
        self.as_json = as_json
        self.command = command_line(request, plan, strict)
        self.first_verdict: float | None = None
        self.files: dict[Any, Path] = {}
        self.saved: dict[Any, Saved] = {}

    def run(self) -> int:
        """Run the campaign, shrink and save what is new, and say what came out."""
        from dataclasses import replace

        from psci.oracle import peers
        from psci.oracle.campaign.campaign import PATIENCE, Campaign

        family, peer = peers.family(self.request.name), peers.open_peer(self.request)
        try:
            plan = replace(
                self.plan,
                profile=family.profile(),
                options=family.switches(self.request),
                quirks=() if self.strict else family.quirks().of(peer.version),
            )
            with self._progress() as tell:
                campaign = Campaign(plan, peer, lambda: peers.open_peer(self.request, times=PATIENCE), tell)
                result = campaign.run()
            if not result.interrupted:
                try:
                    self._save_all(campaign, result)
                except KeyboardInterrupt:
                    result.interrupted = True
        finally:
            peer.close()
        document = self._document(result)
        if self.as_json:
            print(json.dumps(document, indent=2))
        else:
            self._print(result, document)
        return int(document["status"])

    # ---- while it runs

    def _progress(self) -> Any:
        from contextlib import contextmanager

        from rich.console import Console

        console = Console(stderr=True)

        @contextmanager
        def shown() -> Iterator[Any]:
            with console.status(f"starting {self.request.name} ...") as status:

                def tell(result: Result) -> None:
                    if self.first_verdict is None:
                        self.first_verdict = since_the_command()
                    rate = result.calls / result.seconds if result.seconds else 0
                    status.update(
                        f"{self.request.name}: {result.calls:,} calls, {rate:,.0f}/s,"
                        f" {len(set(result.exercised)):,} rules, {len(result.found)} deviations"
                    )

                yield tell

        return shown()

    def _save_all(self, campaign: Any, result: Result) -> None:
        from psci.oracle.campaign import saved

        deadline = time.monotonic() + ALL_SHRINKING_SECONDS
        for key, found in result.found.items():
            document = self._shrunk(campaign, found, min(deadline, time.monotonic() + SHRINKING_SECONDS))
            self.saved[key] = document
            self.files[key] = saved.write(document, self.folder)

    def _shrunk(self, campaign: Any, found: Found, deadline: float) -> Saved:
        from psci.oracle.campaign.reproducing import reproduce

        made = reproduce(campaign.peer, campaign.judge_of(found.program), found, lambda: time.monotonic() < deadline)
        request = {name: value for name, value in asdict(self.request).items() if value is not None}
        return made.saved(request, campaign.result, self.command, self.plan.seed, found.number)

    # ---- what came out

    def _document(self, result: Result) -> dict[str, Any]:
        rules = list(result.in_reach)
        exercised = {name: result.exercised[name] for name in rules if result.exercised[name]}
        seconds = result.seconds or 1e-9
        overlap = result.overlap
        return {
            "status": self._status(result),
            "peer": self.request.name,
            "version": result.version,
            "psci": result.psci,
            "command": self.command,
            "seed": self.plan.seed,
            "programs": result.programs,
            "calls": result.calls,
            "events": result.events,
            "seconds": round(result.seconds, 3),
            "calls_per_second": round(result.calls / seconds, 1),
            "seconds_to_first_verdict": None if self.first_verdict is None else round(self.first_verdict, 2),
            "share_of_time": {
                "peer": round(result.running / seconds, 3),
                "checking": round(result.checking / seconds, 3),
                "generating": round(result.generating / seconds, 3),
            },
            "peak_memory_mib": peak_memory_mib(),
            "verdicts": {verdict.value: count for verdict, count in result.verdicts.items()},
            "rules_exercised": exercised,
            "rules_never_exercised": [name for name in rules if name not in exercised],
            "rules_in_reach": len(rules),
            "permissions": result.permissions_used,
            "quirks": [
                {
                    "name": quirk.name,
                    "facts": list(quirk.rule.cites),
                    "reason": quirk.reason,
                    "count": result.permissions[quirk.name],
                    "conditions": result.situations[quirk.name],
                    "stale": quirk in result.stale_quirks,
                }
                for quirk in result.plan.quirks
            ],
            "overlap": {
                "calls": overlap.calls,
                "share": round(overlap.calls / result.calls, 3) if result.calls else 0.0,
                "pairs": {f"{one} with {other}": n for (one, other), n in overlap.pairs.most_common(20)},
            },
            "deviations": [self._deviation(key, found) for key, found in result.found.items()],
            "consequential": result.consequential,
            "repeated": {"programs": result.repeated, "only_slow": result.slow},
            "died": result.died,
            "problems": result.problems,
            "interrupted": result.interrupted,
        }

    def _deviation(self, key: Any, found: Found) -> dict[str, Any]:
        saved = self.saved.get(key)
        file = self.files.get(key)
        return {
            "what": key.what,
            "observed": key.observed,
            "rules": list(key.rules),
            "facts": list(found.deviation.cites),
            "count": found.count,
            "text": list(found.deviation.finding.lines()),
            "file": str(file) if file else None,
            "seen": {"times": saved.rate.seen, "of": saved.rate.of} if saved else None,
            "replay": f"psci replay {shlex.quote(str(file))}" if file else None,
        }

    def _status(self, result: Result) -> int:
        if result.interrupted:
            return 130
        if result.found:
            return 1
        return 3 if result.gave_up or result.problems or not result.calls else 0

    def _print(self, result: Result, document: dict[str, Any]) -> None:
        from psci.cli.implementations.fuzz_text import lines

        for line in lines(document):
            print(line)


def since_the_command() -> float:
    """Seconds since this process began."""
    try:
        fields = Path("/proc/self/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        began = int(fields[19]) / os.sysconf("SC_CLK_TCK")
        return time.clock_gettime(time.CLOCK_BOOTTIME) - began
    except (OSError, ValueError, IndexError):
        return time.process_time()


def peak_memory_mib() -> int:
    """The most memory that this process held."""
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak // (1024 if sys.platform != "darwin" else 1 << 20)
