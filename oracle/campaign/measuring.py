"""How good a campaign is, measured by implementations that are wrong on purpose: is each found, how soon, how small?"""

from __future__ import annotations

import os
import shlex
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from psci.oracle.campaign.campaign import Campaign, CampaignPlan
from psci.oracle.campaign.reproducing import Reproducer
from psci.oracle.peers.exec.adapter import ExecLimits, ExecPeer
from psci.oracle.peers.program import CallStep
from psci.oracle.reference.faults import fault_named

FOUND_WANTED = 0.95
CALLS_WANTED = 4
EXEC = "exec:"


@dataclass(frozen=True, slots=True)
class Measured:
    """What a campaign made of one fault."""

    fault: str
    sort: str
    found: str | None
    """The deviation; None where none was seen."""
    calls: int
    """Until it was seen."""
    seconds: float
    """The same, with the start of the program."""
    cpu_seconds: float
    """Of these, in which our process and the program had a processor: others may use the machine too."""
    steps: int | None
    """Of the smallest program that shows it..."""
    calls_left: int | None
    """...of which so many are calls."""
    seen: tuple[int, int] | None
    """How often that shows it, of how many runs."""

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "fault": self.fault,
            "sort": self.sort,
            "found": self.found,
            "calls": self.calls,
            "seconds": round(self.seconds, 2),
            "cpu_seconds": round(self.cpu_seconds, 2),
            "steps": self.steps,
            "calls_left": self.calls_left,
            "seen": None if self.seen is None else {"times": self.seen[0], "of": self.seen[1]},
        }


def command_of(name: str | None, seed: int) -> str:
    """The command that serves a fault, or the reference."""
    program = [sys.executable, "-c", "from psci.cli.main import main; main()", "serve", "--seed", str(seed)]
    return shlex.join([*program, *(["--fault", name] if name is not None else [])])


def measured(name: str, *, seed: int, seconds: float, shrinking: float, of_a_processor: bool = False) -> Measured:
    """Run a campaign through the line protocol until something is found; then shrink it.

    Args:
        name: a wrong implementation of the catalogue, or `exec:COMMAND` for one that anybody wrote.
        seed: of the campaign and of the implementation.
        seconds: how long to look for it.
        shrinking: how many seconds to make the program small.
        of_a_processor: both count only while we or the program have a processor, for a machine that others use.

    Raises:
        InputError: there is no fault of that name.
        CannotRun: the program is missing, or cannot be started.
    """
    command, sort = _command_and_sort(name, seed)
    began = time.monotonic()
    peer = ExecPeer(command)
    used = ProcessorClock(peer)
    clock = used if of_a_processor else time.monotonic
    limits = ExecLimits()
    try:
        plan = CampaignPlan(seed=seed, seconds=seconds, until_found=True)
        campaign = Campaign(plan, peer, lambda: ExecPeer(peer.command, limits=limits.times(2)), clock=clock)
        result = campaign.run()
        took, cpu = time.monotonic() - began, used()
        if result.interrupted:
            raise KeyboardInterrupt
        if not result.found:
            return Measured(name, sort, None, result.calls, took, cpu, None, None, None)
        found = next(iter(result.found.values()))
        deadline = clock() + shrinking
        reproducer = Reproducer(peer, campaign.judge_of(found.program), found, lambda: clock() < deadline)
        reproducer.confirm()
        made = reproducer.shrink()
    finally:
        peer.close()
    steps = [step for life in made.program.lives for step in life]
    return Measured(
        name, sort, str(found.deviation.key), result.calls, took, cpu, len(steps),
        sum(isinstance(step, CallStep) for step in steps), (made.rate.seen, made.rate.of),
    )  # fmt: skip


def _command_and_sort(name: str, seed: int) -> tuple[str, str]:
    if name.startswith(EXEC):
        return name.removeprefix(EXEC), "a program"
    fault = fault_named(name)
    return command_of(fault.name, seed), fault.sort


class ProcessorClock:
    """What this process, and the programs that a peer started, have used of a processor since it was made, in seconds.

    Of a program that was started again only the last run counts.
    """

    def __init__(self, peer: ExecPeer) -> None:
        self._peer = peer
        self._began = time.process_time()

    def __call__(self) -> float:
        """The seconds so far."""
        own = time.process_time() - self._began
        child = self._peer.pid
        if child is None:
            return own
        try:
            fields = Path(f"/proc/{child}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
            return own + (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        except (OSError, ValueError, IndexError):
            return own


def summary(all_measured: list[Measured]) -> dict[str, Any]:
    """The share that was found, and the median size of what is left after shrinking."""
    found = [one for one in all_measured if one.found is not None]
    sizes = [one.calls_left for one in found if one.calls_left is not None]
    return {
        "faults": len(all_measured),
        "found": len(found),
        "share": round(len(found) / len(all_measured), 3) if all_measured else 0.0,
        "median_calls_left": median(sizes) if sizes else None,
        "median_seconds": round(median(one.seconds for one in found), 2) if found else None,
        "median_cpu_seconds": round(median(one.cpu_seconds for one in found), 2) if found else None,
        "not_found": [one.fault for one in all_measured if one.found is None],
    }


__all__ = ["CALLS_WANTED", "FOUND_WANTED", "Measured", "ProcessorClock", "command_of", "measured", "summary"]
