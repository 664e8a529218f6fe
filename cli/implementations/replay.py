"""`psci replay`: run a saved deviation again; the exit status suits `git bisect run`."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from psci.oracle.campaign.replaying import Replayed
    from psci.oracle.campaign.saved import SavedDeviation


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--on", "peer", metavar="PEER", help="Run it on this peer instead of the one that it was found on.")
@click.option("--times", type=click.IntRange(1, 10_000), help="How many runs (default: by the rate in the file).")
@click.option("--kernel", type=click.Path(dir_okay=False), help="An arm64 Image of your own (kvm).")
@click.option("--qemu", type=click.Path(dir_okay=False), help="A qemu-system-aarch64 of your own.")
@click.option("--firmware", type=click.Path(dir_okay=False), help="A firmware (tfa) or hypervisor (xen) of your own.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document (schema: replay.json).")
def command(
    file: Path,
    peer: str | None,
    times: int | None,
    kernel: str | None,
    qemu: str | None,
    firmware: str | None,
    as_json: bool,
) -> int:
    """Run a saved deviation again. FILE was written by psci fuzz or psci filter.

    Exit status: 0 conforms now, 1 still deviates, 2 bad file, 3 could not judge, 130 interrupted.
    """
    from psci.oracle import peers
    from psci.oracle.campaign import saved
    from psci.oracle.campaign.replaying import replay

    deviation = saved.read(file)
    request = peers.request_from(deviation.peer, str(file), deviation.filter)
    if peer is not None:
        request = peers.request_for(peer, psci=request.psci, filter=request.filter)
    if kernel is not None or qemu is not None or firmware is not None:
        request = replace(
            request, kernel=kernel or request.kernel, qemu=qemu or request.qemu, firmware=firmware or request.firmware
        )
    opened = peers.open_peer(request)
    try:
        done = replay(opened, deviation, times or default_times(deviation), request)
    finally:
        opened.close()
    document = _document(file, request.name, deviation, done)
    if as_json:
        print(json.dumps(document, indent=2))
    else:
        _print(document, deviation)
    return done.status


def default_times(deviation: SavedDeviation) -> int:
    """Enough runs to see it again, if it is still there."""
    return max(3, deviation.rate.runs)


def _document(file: Path, name: str, deviation: SavedDeviation, done: Replayed) -> dict[str, Any]:
    from psci.oracle.traces.file import as_json

    return {
        "status": done.status,
        "file": str(file),
        "peer": name,
        "version": done.version,
        "found_in": deviation.version,
        "filter": None if deviation.filter is None else deviation.filter.document(),
        "psci": done.psci,
        "runs": done.runs,
        "seen": done.seen,
        "deviation": {
            "what": deviation.key.what,
            "observed": deviation.key.observed,
            "rules": list(deviation.key.rules),
            "facts": list(deviation.facts),
        },
        "text": list(done.text),
        "others": [str(key) for key in done.others],
        "problems": list(done.problems),
        "trace": [as_json(event) for event in done.trace],
    }


def _print(document: dict[str, Any], deviation: SavedDeviation) -> None:
    print(f"{document['peer']}: {document['version']}")
    if document["version"] != document["found_in"]:
        print(f"it was found in {document['found_in']}")
    if deviation.filter is not None:
        print(f"under a filter: {deviation.filter}")
    answer = {0: "conforms now", 1: "still deviates", 3: "could not be judged"}[document["status"]]
    print(f"{deviation.key}: {answer} ({document['seen']} of {document['runs']} runs)")
    for line in document["text"]:
        print(f"  {line}")
    for other in document["others"]:
        print(f"  also seen: {other}")
    for problem in document["problems"][:3]:
        print(f"  could not be judged: {problem}")
