"""`psci profile`: profiles of implementations: to look at, to check, and to infer by asking."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from psci.oracle import profiles


@click.group()
def command() -> None:
    """What implementations declare: shipped profiles, checks of your own, and questions to an implementation."""


@command.command("show")
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON (the profile itself; without a name, a list).")
def show(name: str | None, as_json: bool) -> int:
    """Print a shipped profile; without a name, list them."""
    if name is not None:
        click.echo(json.dumps(profiles.named(name), indent=2))
    elif as_json:
        click.echo(json.dumps({"profiles": dict(profiles.shipped())}, indent=2))
    else:
        for known, sentence in profiles.shipped().items():
            click.echo(f"{known:<12} {sentence}")
    return 0


@command.command("check")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def check(file: Path, as_json: bool) -> int:
    """Validate a profile against the schema, its version, its cores and itself."""
    profile = profiles.read(file)
    machine = profiles.check(profile)
    nodes = len(machine.tree.names)
    if as_json:
        document = {
            "file": str(file), "psci": machine.version.name, "cores": len(machine.cores), "nodes": nodes,
            "declarations": len(machine.declared),
        }  # fmt: skip
        click.echo(json.dumps(document, indent=2))
    else:
        click.echo(
            f"{file}: PSCI {machine.version}, {len(machine.cores)} cores, {nodes} power domains above them: good"
        )
    return 0


@command.command("infer")
@click.argument("peer")
@click.option("-o", "output", type=click.Path(path_type=Path), help="Write the profile to a file.")
@click.option("--cpus", default=2, show_default=True, type=click.IntRange(1, 8), help="How many cores to ask with.")
@click.option("--psci", help="The version to ask the implementation for, where it offers a choice.")
@click.option("--json", "as_json", is_flag=True, help="Print nothing but the profile.")
def infer(peer: str, output: Path | None, cpus: int, psci: str | None, as_json: bool) -> int:
    """Ask an implementation what it is, and write its profile."""
    from psci.oracle import peers
    from psci.oracle.profiles import inference

    running = peers.open_peer(peers.request_for(peer, psci=psci))
    try:
        asked = [inference.questions(cpus, psci), *inference.suspend_questions(cpus, psci)]
        traces = list(running.run(asked))
    finally:
        running.close()
    profile = inference.inferred(peer, traces)
    profiles.check(profile)
    text = json.dumps(profile, indent=2) + "\n"
    if output is not None:
        output.write_text(text, encoding="utf-8")
    if not as_json:
        _report(running.version, profile, inference.accepted_states(traces), output)
    if output is None:
        click.echo(text, nl=False)
    return 0


def _report(version: str, profile: Mapping[str, Any], states: list[str], output: Path | None) -> None:
    present = [name for name, there in profile.get("functions", {}).items() if there]
    click.echo(f"{profile['name']} ({version}): PSCI {profile.get('psci', 'unknown')}", err=True)
    click.echo(f"  optional functions: {', '.join(present) or 'none'}", err=True)
    click.echo(f"  standby power states that it took: {', '.join(states) or 'none'}", err=True)
    if output is not None:
        click.echo(f"  written to {output}", err=True)
