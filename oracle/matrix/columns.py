"""A column: one implementation, run and judged for a short time, by DEN0022 alone."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psci.host.files import write_whole
from psci.host.requirements import CannotRun
from psci.model.errors import InputError
from psci.model.tables.versions import version
from psci.oracle import peers
from psci.oracle.campaign.campaign import CampaignPlan
from psci.oracle.campaign.jobs import TellSoFar, campaign
from psci.oracle.campaign.session import Order
from psci.oracle.peers import Request

TRACES = "traces"
"""The folder, beside a matrix, of what shows each deviation."""
COLUMNS = "columns"
SHRINKING_SECONDS = 6.0
"""For each deviation: a matrix has many, and wants each of them small rather than smallest."""
_NOT_COLUMNS = ("exec", "model")
"""Families that are no implementation of somebody else's."""


class MatrixError(InputError):
    """A matrix, or a part of one, cannot be used; the message says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """How each column is made."""

    seed: int
    seconds: float
    cpus: int
    folder: Path
    """Where the matrix and its traces are written."""


def request_of(label: str) -> Request:
    """The peer that a column's label names: a peer's name, and `@VERSION` where another PSCI is asked for.

    Raises:
        UnknownPeer: there is no such peer.
        InputError: there is no such version.
    """
    name, _, asked = label.partition("@")
    if asked:
        version(asked)
    return peers.request_for(name, psci=asked or None)


def offered() -> tuple[list[str], dict[str, str]]:
    """The labels of every implementation that can be had now, and why a family has none."""
    found: list[str] = []
    missing: dict[str, str] = {}
    for name in peers.registered():
        if name in _NOT_COLUMNS:
            continue
        try:
            found += peers.family(name).offered()
        except CannotRun as error:
            missing[name] = str(error)
    return found, missing


def column(label: str, wanted: Wanted, tell: TellSoFar) -> dict[str, Any]:
    """Run one implementation, and keep what came of it beside the matrix.

    Args:
        label: see `request_of`.
        wanted: how long, with which seed, where to.
        tell: is told the result so far.

    Returns:
        The column: the document of `psci fuzz --json`, with its label.

    Raises:
        CannotRun: it is missing, or cannot be started.
        SavedError: the folder cannot be written.
    """
    request = request_of(label)
    plan = CampaignPlan(seed=wanted.seed, seconds=wanted.seconds, cpus=wanted.cpus, psci=request.psci)
    words = ["psci", "fuzz", request.name, "--seed", str(plan.seed), "--time", f"{wanted.seconds:g}", "--strict"]
    words += ["--psci", request.psci] if request.psci else []
    order = Order(
        request=request, plan=plan, folder=wanted.folder / TRACES, command=shlex.join(words), strict=True,
        shrinking_seconds=SHRINKING_SECONDS,
    )  # fmt: skip
    made = {"label": label, **campaign(order, 1, tell)}
    for deviation in (*made["deviations"], *made["observations"]):
        # Where the file is depends on where the matrix is; its name does not.
        deviation["file"] = deviation["file"] and str(Path(deviation["file"]).relative_to(wanted.folder))
        deviation["replay"] = deviation["file"] and shlex.join(["psci", "replay", deviation["file"]])
    return made


def keep(made: Mapping[str, Any], folder: Path) -> None:
    """Write a column beside its matrix, so that a matrix that was interrupted goes on from there."""
    place = folder / COLUMNS
    place.mkdir(parents=True, exist_ok=True)
    write_whole(place / f"{file_name(made['label'])}.json", json.dumps(made, indent=1) + "\n")


def kept(label: str, folder: Path) -> dict[str, Any] | None:
    """A column that was made before, or None.

    Raises:
        MatrixError: what is there is no column.
    """
    path = folder / COLUMNS / f"{file_name(label)}.json"
    if not path.is_file():
        return None
    try:
        made = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise MatrixError(f"{path}: no column of a matrix ({error}): remove it") from error
    if not isinstance(made, dict) or made.get("label") != label:
        raise MatrixError(f"{path}: no column of {label}: remove it")
    return made


def drop(labels: Sequence[str], folder: Path) -> None:
    """Remove the columns that are made anew."""
    for label in labels:
        (folder / COLUMNS / f"{file_name(label)}.json").unlink(missing_ok=True)


def file_name(label: str) -> str:
    """A label, as part of a file's name."""
    return re.sub(r"[^A-Za-z0-9.]+", "-", label)


__all__ = ["MatrixError", "Wanted", "column", "drop", "keep", "kept", "offered", "request_of"]
