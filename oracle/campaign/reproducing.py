"""From a deviation that a campaign found to the smallest program that shows it, and how reliably."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from psci.host.requirements import CannotRun
from psci.model.events import Machine
from psci.oracle.campaign.campaign import Found, Result
from psci.oracle.campaign.judging import Deviation, Judge, Judgement, Key, alike, entries_of
from psci.oracle.campaign.saved import Saved
from psci.oracle.campaign.shrinker import Rate, Shrinker, measure
from psci.oracle.peers.peer import Peer
from psci.oracle.peers.program import Program

_FIRST_RUNS = 5
_LAST_RUNS = 10


@dataclass(frozen=True, slots=True)
class Reproduced:
    """A shrunk program, what it showed last, and how often it shows it."""

    found: Found
    program: Program
    judgement: Judgement
    rate: Rate

    def saved(self, request: Mapping[str, str], result: Result, command: str, seed: int, number: int) -> Saved:
        """What is written to a file."""
        machine = self.judgement.trace[0]
        assert isinstance(machine, Machine)
        deviation = shown(self.judgement, self.found.deviation.key) or self.found.deviation
        return Saved(
            peer=request, version=result.version, command=command, seed=seed, number=number, psci=machine.psci,
            profile=machine.profile if isinstance(machine.profile, Mapping) else {}, key=deviation.key,
            facts=deviation.cites, text=tuple(deviation.finding.lines()), rate=self.rate, program=self.program,
            trace=self.judgement.trace,
        )  # fmt: skip


def shown(judgement: Judgement, key: Key) -> Deviation | None:
    """The deviation of that kind in a trace; a consequence of another one does not count."""
    for deviation in (*judgement.deviations, *judgement.unanswered):
        if alike(deviation.key, key) and not deviation.finding.consequential:
            return deviation
    return None


def reproduce(peer: Peer, judge: Judge, found: Found, may_go_on: Callable[[], bool]) -> Reproduced:
    """Shrink the program that showed a deviation.

    Args:
        peer: the implementation.
        judge: judges as the campaign did.
        found: the deviation.
        may_go_on: says no when the time for it is over.
    """
    key = found.deviation.key
    last = found.judgement

    def test(program: Program) -> bool:
        nonlocal last
        try:
            (trace,) = peer.run([program])
        except CannotRun:
            return False
        judgement = judge.judge(trace, entries_of(program, trace))
        if shown(judgement, key) is None:
            return False
        last = judgement
        return True

    rate = Rate(0, 0)
    for _ in range(_FIRST_RUNS):
        if may_go_on():
            rate = Rate(rate.seen + test(found.program), rate.of + 1)
    if not rate.seen:
        return Reproduced(found, found.program, found.judgement, rate)
    machine = found.judgement.trace[0]
    assert isinstance(machine, Machine)
    smallest = Shrinker(test, machine.cpus, rate, may_go_on).shrink(found.program)
    final = measure(smallest, test, _LAST_RUNS)
    if not final.seen:
        # Shrunk beyond what can be shown again: the long program is worth more than a short one that shows nothing.
        return Reproduced(found, found.program, found.judgement, rate)
    return Reproduced(found, smallest, last, final)


__all__ = ["Reproduced", "reproduce", "shown"]
