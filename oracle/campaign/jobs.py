"""A campaign in several processes, each with a peer of its own; and one that was interrupted, resumed.

The programs are the same whatever the number of processes: each takes every so-manyth epoch of them.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, NamedTuple

from psci.host.children import die_with
from psci.host.files import write_whole
from psci.host.requirements import CannotRun
from psci.model.errors import InputError
from psci.oracle.campaign.campaign import CampaignResult
from psci.oracle.campaign.document import after, merged
from psci.oracle.campaign.saved import SavedError
from psci.oracle.campaign.session import Order, Session

KIND = "psci campaign"
FORMAT = 1
_SECONDS_BETWEEN_NOTES = 2.0
_SECONDS_TO_END = 30.0


class SoFar(NamedTuple):
    """How far a campaign is."""

    calls: int
    seconds: float
    rules: int
    found: int


TellSoFar = Callable[[SoFar], None]
Document = dict[str, Any]
"""What `psci fuzz --json` prints."""


@dataclass(frozen=True, slots=True)
class _Note:
    """What an interrupted campaign leaves, beside its findings, for whoever resumes it."""

    path: Path
    seed: int
    jobs: int
    parts: dict[int, tuple[int, dict[str, Any]]]
    """Of each process: the number of its next program, and its document."""


def campaign(
    order: Order, jobs: int, tell: TellSoFar, *, resume: bool = False, seed: int | None = None
) -> dict[str, Any]:
    """Run an order in so many processes; returns the document of `psci fuzz --json`.

    Args:
        order: what is to be done.
        jobs: the number of processes.
        tell: is told how far it is.
        resume: go on with what was interrupted; seed and number of processes are then those of that campaign.
        seed: the seed of the campaign to resume, where several were interrupted.

    Raises:
        InputError: there is nothing to resume, or the folder cannot be written.
        CannotRun: the peer is missing, or cannot be started.
    """
    existed = order.folder.exists()
    note = _found_note(order, seed) if resume else None
    if note is not None:
        words = order.command.replace("--seed 0", f"--seed {note.seed}", 1) if seed is None else order.command
        order = replace(order, plan=replace(order.plan, seed=note.seed), command=words)
        jobs = note.jobs
    parts = [_part(order, number, jobs, note) for number in range(jobs)]
    before = [note.parts[number][1] if note is not None and number in note.parts else None for number in range(jobs)]
    documents = [_alone(parts[0], before[0], tell)] if jobs == 1 else _together(parts, before, tell)
    found = documents[0] if len(documents) == 1 else merged(documents)
    if not found["interrupted"]:
        for number in range(jobs):
            with suppress(OSError):
                _note_path(order, number).unlink()
    if not existed:
        with suppress(OSError):
            order.folder.rmdir()  # only where it is empty
    return found


def _part(order: Order, job: int, jobs: int, note: _Note | None) -> Order:
    plan = order.plan
    first, done, spent = 0, 0, 0.0
    if note is not None and job in note.parts:
        first, document = note.parts[job]
        done, spent = document["calls"], document["seconds"]
    calls = None if plan.calls is None else max(1, -(-plan.calls // jobs) - done)
    seconds = None if plan.seconds is None else max(0.1, plan.seconds - spent)
    return replace(order, plan=replace(plan, job=job, jobs=jobs, first=first, calls=calls, seconds=seconds))


# ---- processes


def _alone(order: Order, before: Document | None, tell: TellSoFar) -> Document:
    return _noted(order, before, lambda result: tell(_so_far(result)))


def _noted(order: Order, before: Document | None, tell: Callable[[CampaignResult], None]) -> Document:
    """Run one process's part, and note down how far it is, so that it can be resumed however it ends, and how often.

    Returns the document of this part and of what was done before it was resumed.
    """
    path = _note_path(order, order.plan.job)
    last = time.monotonic()

    def told(result: CampaignResult) -> None:
        nonlocal last
        tell(result)
        if time.monotonic() - last > _SECONDS_BETWEEN_NOTES:
            _write_note(path, order, result.next, whole(session.document()))
            last = time.monotonic()

    def whole(document: Document) -> Document:
        return document if before is None else after(before, document)

    session = Session(order, told)
    document = whole(session.run())
    if document["interrupted"]:
        _write_note(path, order, max(session.result.next, order.plan.first), document)
    else:
        with suppress(OSError):
            path.unlink()
    return document


def _so_far(result: CampaignResult) -> SoFar:
    # before a profile is known, nothing is known to be out of reach
    met = result.exercised.keys() & result.in_reach.keys() if result.in_reach else result.exercised
    return SoFar(result.calls, result.seconds, len(met), len(result.found))


def _worker(connection: Connection, parent: int, order: Order, before: Document | None) -> None:
    """In a process of its own."""
    die_with(parent)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        document = _noted(order, before, lambda result: connection.send(("so far", _so_far(result))))
        connection.send(("document", document))
    except KeyboardInterrupt:
        connection.send(("error", ("interrupted", 130)))
    except (InputError, CannotRun) as error:
        connection.send(("error", (str(error), getattr(error, "exit_status", 2))))


def _together(parts: list[Order], before: list[Document | None], tell: TellSoFar) -> list[Document]:
    context = multiprocessing.get_context("spawn")
    documents: dict[int, dict[str, Any]] = {}
    so_far: dict[int, SoFar] = {}
    errors: list[tuple[str, int]] = []
    pipes: dict[Connection, int] = {}
    workers = []
    try:
        for number, order in enumerate(parts):
            ours, theirs = context.Pipe(duplex=False)
            worker = context.Process(target=_worker, args=(theirs, os.getpid(), order, before[number]))
            worker.start()
            theirs.close()
            workers.append(worker)
            pipes[ours] = number
        _listen(pipes, documents, so_far, errors, tell, None)
    except KeyboardInterrupt:
        for worker in workers:
            if worker.pid is not None and worker.is_alive():
                with suppress(ProcessLookupError):
                    os.kill(worker.pid, signal.SIGTERM)
        with suppress(KeyboardInterrupt):
            _listen(pipes, documents, so_far, errors, tell, time.monotonic() + _SECONDS_TO_END)
    finally:
        for worker in workers:
            worker.join(1.0)
            if worker.is_alive():
                worker.kill()
                worker.join()
    if errors and not documents:
        message, status = errors[0]
        if status == 130:
            raise KeyboardInterrupt
        raise SavedError(message) if status == 2 else CannotRun(message)
    for message, _ in errors:
        next(iter(documents.values()))["problems"].append(message)
    return [documents[number] for number in sorted(documents)]


def _listen(
    pipes: dict[Connection, int],
    documents: dict[int, dict[str, Any]],
    so_far: dict[int, SoFar],
    errors: list[tuple[str, int]],
    tell: TellSoFar,
    deadline: float | None,
) -> None:
    while pipes and (deadline is None or time.monotonic() < deadline):
        for pipe in wait(list(pipes), timeout=1.0):
            assert isinstance(pipe, Connection)
            number = pipes[pipe]
            try:
                kind, value = pipe.recv()
            except EOFError:
                if number not in documents:
                    errors.append((f"process {number + 1} ended without a word", 3))
                del pipes[pipe]
                continue
            if kind == "document":
                documents[number] = value
            elif kind == "error":
                errors.append(value)
            else:
                so_far[number] = value
                tell(_sum(list(so_far.values())))
            if kind != "so far":
                del pipes[pipe]


def _sum(parts: list[SoFar]) -> SoFar:
    return SoFar(
        sum(part.calls for part in parts), max(part.seconds for part in parts), max(part.rules for part in parts),
        sum(part.found for part in parts),
    )  # fmt: skip


# ---- notes


def _note_path(order: Order, job: int) -> Path:
    digest = hashlib.sha256(order.request.name.encode()).hexdigest()[:8]
    return order.folder / f".campaign-{digest}-{order.plan.seed}-{job}.json"


def _write_note(path: Path, order: Order, following: int, document: dict[str, Any]) -> None:
    note = {
        "kind": KIND, "format": FORMAT, "peer": order.request.name, "seed": order.plan.seed, "job": order.plan.job,
        "jobs": order.plan.jobs, "next": following, "document": document,
    }  # fmt: skip
    # A full disk does not end a campaign; it only cannot be resumed from here.
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, json.dumps(note))


def _found_note(order: Order, seed: int | None) -> _Note:
    digest = hashlib.sha256(order.request.name.encode()).hexdigest()[:8]
    pattern = f".campaign-{digest}-{'*' if seed is None else seed}-*.json"
    paths = sorted(order.folder.glob(pattern), key=lambda path: path.stat().st_mtime)
    if not paths:
        what = f"no interrupted campaign against {order.request.name}"
        raise InputError(f"{order.folder}: {what}: leave --resume out, or name its folder with --save")
    parts: dict[int, tuple[int, dict[str, Any]]] = {}
    newest = _read_note(paths[-1])
    for path in paths:
        note = _read_note(path)
        if note["seed"] == newest["seed"]:
            parts[note["job"]] = (note["next"], note["document"])
    return _Note(paths[-1], newest["seed"], newest["jobs"], parts)


def _read_note(path: Path) -> dict[str, Any]:
    try:
        note = json.loads(path.read_text(encoding="utf-8"))
        if note["kind"] != KIND or note["format"] != FORMAT:
            raise ValueError("another format")
        if not all(type(note[name]) is int for name in ("seed", "job", "jobs", "next")):
            raise ValueError("a number is missing")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: cannot be resumed ({error}): remove it, and start again") from error
    return dict(note)


__all__ = ["SoFar", "campaign"]
