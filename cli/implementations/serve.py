"""`psci serve`: the reference implementation as a program that speaks the line protocol."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click


@click.command()
@click.option(
    "--psci", default="1.3", show_default=True, metavar="VERSION", help="The version, where none is asked for."
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="The seed of every choice.")
@click.option("--refuses", type=click.Choice(["never", "sometimes", "often"]), default="sometimes", show_default=True,
              help="How often it uses a permission to refuse, to return early or to sleep less deeply.")  # fmt: skip
@click.option("--profile", type=click.Path(dir_okay=False, path_type=Path), help="The profile to implement.")
@click.option("--fault", metavar="NAME", help="Be wrong in one way: `psci faults --list` names them.")
def command(psci: str, seed: int, refuses: str, profile: Path | None, fault: str | None) -> int:
    """Serve the reference implementation of PSCI on standard input and output (docs/exec-protocol.md).

    `psci fuzz "exec:psci serve"` judges it. Exit status: 0 the input ended, 2 bad input, 130 interrupted.
    """
    from psci.model.tables.versions import version
    from psci.oracle import profiles
    from psci.oracle.reference.choices import Refuses
    from psci.oracle.reference.faults import fault_named
    from psci.oracle.reference.serve import ReferenceServer

    version(psci)
    declared = None if profile is None else json.loads(json.dumps(profiles.read(profile)))
    if fault is None:
        server = ReferenceServer(psci, profile=declared, seed=seed, refuses=Refuses(refuses))
    else:
        server = fault_named(fault).server(seed, Refuses(refuses))
    try:
        server.serve(sys.stdin.buffer, sys.stdout.buffer)
    except BrokenPipeError:
        sys.stderr.close()
    return 0
