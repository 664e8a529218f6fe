"""Running a saved deviation again: does the implementation still do it?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from psci.host.requirements import CannotRun
from psci.model.events import Event, MachineEvent
from psci.oracle import peers
from psci.oracle.campaign.campaign import death_of
from psci.oracle.campaign.judging import Deviation, DeviationKey, Judge, alike, entries_of
from psci.oracle.campaign.saved import SavedDeviation
from psci.oracle.peers.peer import Peer, PeerDied
from psci.oracle.peers.quirks import amended
from psci.oracle.profiles.asking import declared_in, inferred, questions

if TYPE_CHECKING:
    from psci.oracle.peers import Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """What the runs showed."""

    version: str
    psci: str
    runs: int
    seen: int
    text: tuple[str, ...]
    """The finding as it was seen now."""
    others: tuple[DeviationKey, ...]
    """Other deviations of the same runs, unless they are listed as quirks."""
    problems: tuple[str, ...]
    trace: tuple[Event, ...]
    """Of the last run that showed it, else of the last run."""

    @property
    def status(self) -> int:
        """The exit status of `psci replay`."""
        if self.seen:
            return 1
        return 3 if self.problems else 0


def replay(peer: Peer, saved: SavedDeviation, times: int, request: Request) -> Replayed:
    """Run a saved program again.

    The file's own deviation is looked for by the rules alone, listed or not.

    Args:
        peer: what to run it on; it is asked anew what it has.
        saved: the deviation.
        times: how many runs.
        request: how the peer was named.

    Raises:
        PeerError: the peer cannot run at all.
    """
    program = saved.program
    (asked,) = peer.run([questions(program.cpus, program.psci, program.options)])
    family = peers.family(request.name)
    profile = {**inferred(asked), **declared_in(asked), **family.profile()}
    plain = Judge(psci=request.psci, profile=profile)
    listed = Judge(amended(family.quirks().of(peer.version)), psci=request.psci, profile=profile)
    machine = asked[0]
    assert isinstance(machine, MachineEvent)
    seen = 0
    text: tuple[str, ...] = ()
    others: dict[DeviationKey, None] = {}
    problems: list[str] = []
    trace: tuple[Event, ...] = ()
    for _ in range(times):
        try:
            (run,) = peer.run([program])
        except PeerDied as death:
            deviation, judgement = death_of(death)
            if deviation.key == saved.key:
                seen, text, trace = seen + 1, tuple(deviation.finding.lines()), judgement.trace
            else:
                problems.append(str(death))
            continue
        except CannotRun as error:
            problems.append(str(error))
            continue
        reporting = entries_of(program, run)
        first, second = plain.judge(run, reporting), listed.judge(run, reporting)
        found = [
            d
            for judgement in (second, first)
            for d in (*judgement.deviations, *judgement.unanswered)
            if alike(d.key, saved.key)
        ]
        seen += bool(found)
        if found or not seen:
            trace = first.trace
        text = tuple(found[0].finding.lines()) if found else text
        others |= dict.fromkeys(d.key for d in _new(second.deviations) if not alike(d.key, saved.key))
        if not found:
            problems += [line for d in second.unanswered for line in d.finding.lines()] + second.report.problems
    return Replayed(
        version=peer.version, psci=request.psci or machine.psci, runs=times, seen=seen, text=text,
        others=tuple(others), problems=tuple(problems), trace=trace,
    )  # fmt: skip


def _new(deviations: Sequence[Deviation]) -> list[Deviation]:
    return [deviation for deviation in deviations if not deviation.finding.consequential]
