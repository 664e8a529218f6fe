"""`psci peers`: the implementations that can be tested against here, what they need, and how to get it."""

from __future__ import annotations

import contextlib
import json
import sys
from typing import TYPE_CHECKING, Any

import click

from psci.cli.console import folded

if TYPE_CHECKING:
    from psci.oracle.peers import Request

DEFAULTS = ("qemu", "kvm:latest")
"""What `install` fetches unless it is told otherwise: the peers of the demonstration."""
EVERYTHING = "all"

_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON document (schema: peers.json).")


@click.group(invoke_without_command=True)
@_json
@click.pass_context
def command(context: click.Context, as_json: bool) -> int:
    """The implementations that can be tested against here, and what is missing."""
    return 0 if context.invoked_subcommand else _list(as_json)


@command.command(name="list")
@_json
def list_command(as_json: bool) -> int:
    """Every peer, and whether it can run on this machine."""
    return _list(as_json)


@command.command()
@click.argument("names", nargs=-1)
@_json
def install(names: tuple[str, ...], as_json: bool) -> int:
    """Fetch what the named peers need (default: qemu and kvm:latest; `all`: every one that the suites hold).

    What is installed is skipped, and each package appears whole or not at all: run it again at any time.
    Nothing is installed that apt-get cannot undo.
    """
    from rich.console import Console

    from psci.host.packages import PICTURES, Packages
    from psci.host.requirements import CannotRun
    from psci.oracle import peers

    failed: dict[str, str] = {}
    if EVERYTHING in names:
        names, failed = _everything()
    requests = [peers.request_for(name) for name in names or DEFAULTS]
    for request in requests:
        with Console(stderr=True).status(f"fetching what {request.name} needs ..."):
            try:
                peers.family(request.name).install(request)
            except CannotRun as error:
                failed[request.name] = str(error)
    if not names:
        with contextlib.suppress(CannotRun):  # pictures are not what a peer is judged by
            Packages().install(PICTURES)
    return _say([_described(request) for request in requests], as_json, failed, status=3 if failed else 0)


@command.command()
@click.argument("names", nargs=-1)
@_json
def doctor(names: tuple[str, ...], as_json: bool) -> int:
    """What the named peers need and this machine lacks, and what to do; status 3 if one of them cannot run."""
    from psci.oracle import peers

    described = [_described(peers.request_for(name)) for name in names or _concrete()]
    missing = bool(names) and not all(peer["ready"] for peer in described)
    return _say(described, as_json, {}, status=3 if missing else 0, verbose=True)


def _list(as_json: bool) -> int:
    from psci.oracle import peers

    return _say([_described(peers.request_for(name)) for name in _concrete()], as_json, {}, status=0)


def _everything() -> tuple[tuple[str, ...], dict[str, str]]:
    """The names of all peers that can be had, and why a family has none."""
    from psci.oracle.matrix.columns import offered

    labels, failed = offered()
    return tuple(dict.fromkeys(label.partition("@")[0] for label in labels)), failed


def _concrete() -> list[str]:
    from psci.oracle import peers

    return [name for name in peers.names() if name == name.lower()]


def _described(request: Request) -> dict[str, Any]:
    from psci.oracle import peers

    family = peers.family(request.name)
    needs = family.requirements(request)
    return {
        "name": request.name,
        "what": family.what(request.name),
        "ready": all(need.found for need in needs),
        "requirements": [{"what": need.what, "found": need.found, "remedy": need.remedy} for need in needs],
    }


def _say(
    described: list[dict[str, Any]], as_json: bool, failed: dict[str, str], *, status: int, verbose: bool = False
) -> int:
    if as_json:
        print(json.dumps({"status": status, "peers": described, "failed": failed}, indent=2))
        return status
    wide = max((len(peer["name"]) for peer in described), default=0)
    for peer in described:
        print(
            folded(f"{peer['name']:{wide}}  {'ready' if peer['ready'] else 'not ready':10} {peer['what']}", wide + 13)
        )
        for need in peer["requirements"]:
            if need["found"] is None:
                print(folded(f"  missing: {need['what']}: {need['remedy']}", 4))
            elif verbose:
                print(f"  {need['what']}: {need['found']}")
    for name, why in failed.items():
        print(f"psci: {name}: {why}", file=sys.stderr)
    return status
