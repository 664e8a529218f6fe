"""`psci migrate`: what a guest sees of PSCI when its machine moves between kernels."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from psci.cli.console import folded
from psci.explorer.questions.survival import missed
from psci.model.errors import InputError
from psci.model.scenarios.migration import Arrival, GuestView, journeys, move

if TYPE_CHECKING:
    from psci.oracle.filter.migration import Moved


@click.command()
@click.option("--from", "source", metavar="PEER", help="Also move a machine from this real kernel (kvm:latest)...")
@click.option("--to", "destination", metavar="PEER", help="...to this one (kvm:6.12).")
@click.option("--pin", default="1.1", show_default=True, metavar="VERSION", help="The version of a pinned machine.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document (schema: migrate.json).")
def command(source: str | None, destination: str | None, pin: str, as_json: bool) -> int:
    """Judge moves between hosts: version and features must not change under a guest (PROP-18).

    The failures in the table are those of hosts that forget something. Exit status 1: a pinned and restored
    machine sees a change all the same.
    """
    arrivals = [(text, move(journey)) for text, journey in journeys()]
    moved: list[Moved] = []
    if (source is None) is not (destination is None):
        raise InputError("--from and --to belong together: give both, such as --from kvm:latest --to kvm:6.12")
    if source is not None and destination is not None:
        from psci.oracle.filter.migration import moves
        from psci.oracle.filter.run import FilterTarget
        from psci.oracle.peers import request_for

        moved = list(moves(FilterTarget(request_for(source)), FilterTarget(request_for(destination)), pin))
    if as_json:
        click.echo(json.dumps(_document(arrivals, moved), indent=2))
    else:
        _print(arrivals, moved)
    kept = [one for one in moved if one.pinned is not None and one.restores]
    return 1 if any(one.refused or (one.report is not None and one.report.findings) for one in kept) else 0


def _print(arrivals: Sequence[tuple[str, Arrival]], moved: Sequence[Moved]) -> None:
    for text, arrival in arrivals:
        after = "" if arrival.after is None else f" then {_seen(arrival.after)}"
        click.echo(folded(f"{arrival.verdict:10} {text}", 11))
        click.echo(f"{'':11}{_seen(arrival.before)}{after}")
    click.echo("\nwhat has to move with the machine, and what its guest sees otherwise")
    for lost in missed():
        click.echo(folded(f"  {lost.field:18} after {'; '.join(lost.before)}", 21))
        click.echo(folded(f"{'':21}{lost.noticed}", 21))
    for one in moved:
        register = "restored" if one.restores else "not restored"
        pinned = f"pinned to {one.pinned}" if one.pinned else "not pinned"
        click.echo(f"\non real kernels: {pinned}, register {register}")
        if one.report is None:
            click.echo(f"  refused: {one.refused}")
            continue
        click.echo(f"  {one.report.summary()}")
        for finding in one.report.findings[:1]:
            click.echo(f"  observed {finding.observed}; allowed are only {finding.allowed}")


def _seen(seen: GuestView) -> str:
    version = 0 if seen.version is None else seen.version
    there = seen.off2 is not None and not seen.off2 >> 31 & 1
    return f"{version >> 16}.{version & 0xFFFF} {'with' if there else 'without'} SYSTEM_OFF2"


def _document(arrivals: Sequence[tuple[str, Arrival]], moved: Sequence[Moved]) -> dict[str, Any]:
    from psci.oracle.traces.file import as_json

    return {
        "moves": [
            {
                "what": text,
                "verdict": arrival.verdict,
                "before": _seen(arrival.before),
                "after": None if arrival.after is None else _seen(arrival.after),
            }
            for text, arrival in arrivals
        ],
        "must_move": [{"field": m.field, "before": list(m.before), "noticed": m.noticed} for m in missed()],
        "runs": [
            {
                "pinned": one.pinned,
                "restored": one.restores,
                "refused": one.refused or None,
                "verdict": None if one.report is None else one.report.verdict.value,
                "trace": [as_json(event) for event in one.events],
            }
            for one in moved
        ],
    }
