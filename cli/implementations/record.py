"""`psci record`: a trace of any unmodified caller, recorded while QEMU runs it."""

from __future__ import annotations

from pathlib import Path

import click

from psci.cli.implementations.trace import mpidr
from psci.host.files import write_whole
from psci.model.errors import InputError
from psci.model.events import EndEvent


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("words", nargs=-1, required=True, type=click.UNPROCESSED, metavar="-- qemu-system-aarch64 ...")
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="The trace.")
@click.option("--psci", "version", metavar="VERSION", help="The version.  [default: what PSCI_VERSION answers]")
@click.option("--cpus", metavar="MPIDR,...", help="All cores, in order.  [default: those that took part]")
@click.option("--level", type=click.IntRange(1, 2), help="The callers' Exception level.  [default: the first call's]")
@click.option("--profile", type=click.Path(path_type=Path), help="What the implementation declares (psci profile).")
def command(
    words: tuple[str, ...], output: Path, version: str | None, cpus: str | None, level: int | None, profile: Path | None
) -> None:
    """Run QEMU, and write a trace of the PSCI calls that its guest makes.

    The guest is any operating system, hypervisor or firmware, and is not changed. Needs QEMU 10 or newer, and a
    C compiler. The trace is judged by psci trace check.
    """
    from psci.oracle import profiles
    from psci.oracle.logs.importing.machine import LogTerms
    from psci.oracle.logs.recording.recorder import record
    from psci.oracle.traces.file import as_line

    terms = LogTerms(
        psci=version, cpus=None if cpus is None else tuple(mpidr("--cpus", text) for text in cpus.split(",")),
        profile=None if profile is None else profiles.read(profile),
    )  # fmt: skip
    if not output.parent.is_dir():
        raise InputError(f"{output.parent} is no folder: make it, or write the trace elsewhere")
    events = record(words, terms, level)
    write_whole(output, (as_line(event) + "\n" for event in events))
    click.echo(f"wrote {output}: {len(events) - 1} events", err=True)
    if isinstance(events[-1], EndEvent):
        click.echo(f"the trace ends early: {events[-1].why}", err=True)
