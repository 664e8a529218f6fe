"""The sequences of a suite on a real implementation: what it does is judged like every other trace."""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from psci.explorer.abstraction.machines import small
from psci.host.requirements import CannotRun
from psci.model.events import CallEvent, Event, MachineEvent, ReturnEvent
from psci.model.machine import Machine
from psci.oracle import peers
from psci.oracle.campaign.campaign import death_of
from psci.oracle.campaign.judging import Judge, answer_text, entries_of
from psci.oracle.peers.family import Request
from psci.oracle.peers.peer import Peer, PeerDied
from psci.oracle.peers.program import CallStep, PauseStep, Program, ProgramStep, WakeStep
from psci.oracle.peers.quirks import amended
from psci.oracle.profiles.asking import declared_in, inferred, questions
from psci.oracle.suite.sequences import (
    CoreName,
    Suite,
    SuiteAwait,
    SuiteBoot,
    SuiteCall,
    SuiteSequence,
    SuiteWake,
)
from psci.oracle.suite.traces import fits

PAUSE_MICROSECONDS = 5000
"""So long a core waits for another one to arrive."""


class SuiteOutcome(enum.Enum):
    """What became of one sequence."""

    PASSED = "passed"
    FAILED = "failed"
    KNOWN = "known"
    """It deviates, as the quirks of the peer say."""
    ANOTHER_WAY = "another way"
    """An answer was another one of those allowed; what came after it conforms, but is not what was to be tried."""
    NOT_JUDGED = "not judged"


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteResult:
    """One sequence, run once."""

    sequence: SuiteSequence
    outcome: SuiteOutcome
    lines: tuple[str, ...]
    """What is to be said of it."""
    trace: tuple[Event, ...]


def program_of(suite: Suite, sequence: SuiteSequence) -> Program:
    """The sequence as what a peer is asked to run."""
    lives: list[list[ProgramStep]] = [[]]
    running = {suite.machine.boot}
    for turn, step in enumerate(sequence.steps):
        match step:
            case SuiteCall(cpu=cpu, fn=fn):
                args = tuple(suite.machine.cores[a.index] if isinstance(a, CoreName) else a for a in step.args)
                returns = step.path.how == "returns"
                lives[-1].append(CallStep(turn=turn, cpu=cpu, fn=fn, args=args, returns=returns))
                running -= set() if returns else {cpu}
            case SuiteWake(cpu=cpu, by=by):
                waker = cpu if by is None else by
                lives[-1].append(WakeStep(turn=turn, cpu=waker, target=cpu, late=by is None))
            case SuiteAwait(cpu=cpu):
                # where no other core runs, the one that arrives has nobody to wait for it
                waits = min(running, default=cpu)
                lives[-1].append(PauseStep(turn=turn, cpu=waits, microseconds=PAUSE_MICROSECONDS))
                running |= {cpu}
            case SuiteBoot():
                lives.append([])
                running = {suite.machine.boot}
    return Program(cpus=len(suite.machine.cores), lives=tuple(map(tuple, lives)))


def declared_by(peer: Peer, request: Request, cpus: int) -> tuple[MachineEvent, dict[str, Any]]:
    """The machine of a peer, and what it declares: in its documentation, in its traces, by its answers."""
    (asked,) = peer.run([questions(cpus, request.psci)])
    machine = asked[0]
    assert isinstance(machine, MachineEvent)
    return machine, {**inferred(asked), **declared_in(asked), **peers.family(request.name).profile()}


def on_machine(described: Machine, cpus: int) -> Machine:
    """The small machine that declares what a peer does, and the most ordinary answer to what it leaves open."""
    made = small(cpus, described.version, declared=dict(described.declared))
    return made if described.unusable is None else replace(made, unusable=described.unusable)


def run(
    suite: Suite, peer: Peer, request: Request, profile: Mapping[str, Any], *, strict: bool = False
) -> Iterator[SuiteResult]:
    """Run each sequence, and judge what happens by the rules and what the peer declares.

    Args:
        suite: the sequences.
        peer: the implementation.
        request: how it was named.
        profile: what it declares (`declared_by`).
        strict: listed deviations of the peer are failures, too.
    """
    quirks = () if strict else peers.family(request.name).quirks().of(peer.version)
    plain = Judge(psci=suite.machine.version.name, profile=profile)
    listed = Judge(amended(quirks), psci=suite.machine.version.name, profile=profile)
    for sequence in suite.sequences:
        yield _run(suite, sequence, peer, plain, listed)


def _run(suite: Suite, sequence: SuiteSequence, peer: Peer, plain: Judge, listed: Judge) -> SuiteResult:
    program = program_of(suite, sequence)
    try:
        (trace,) = peer.run([program])
    except PeerDied as death:
        died, judgement = death_of(death)
        return _result(sequence, SuiteOutcome.FAILED, died.finding.lines(), judgement.trace)
    except CannotRun as error:
        return _result(sequence, SuiteOutcome.NOT_JUDGED, [str(error)], ())
    reporting = entries_of(program, trace)
    judgement = plain.judge(trace, reporting)
    found = [*judgement.deviations, *judgement.unanswered]
    lines = [line for deviation in found for line in deviation.finding.lines()]
    if found:
        again = listed.judge(trace, reporting)
        known = not again.deviations and not again.unanswered
        return _result(sequence, SuiteOutcome.KNOWN if known else SuiteOutcome.FAILED, lines, judgement.trace)
    if judgement.report.problems:
        return _result(sequence, SuiteOutcome.NOT_JUDGED, judgement.report.problems, judgement.trace)
    other = another_way(suite, sequence, trace)
    outcome = SuiteOutcome.PASSED if other is None else SuiteOutcome.ANOTHER_WAY
    return _result(sequence, outcome, [] if other is None else [other], judgement.trace)


def _result(
    sequence: SuiteSequence, outcome: SuiteOutcome, lines: Sequence[str] | Iterator[str], trace: Sequence[Event]
) -> SuiteResult:
    return SuiteResult(sequence=sequence, outcome=outcome, lines=tuple(lines), trace=tuple(trace))


def another_way(suite: Suite, sequence: SuiteSequence, trace: Sequence[Event]) -> str | None:
    """Where an implementation left the way of a sequence, in words; None where it went it to the end."""
    calls = [step for step in sequence.steps if isinstance(step, SuiteCall)]
    made = [at for at, event in enumerate(trace) if isinstance(event, CallEvent)]
    for number, call in enumerate(calls):
        place = f"{call.function} (call {number + 1} of {len(calls)})"
        if number >= len(made):
            return f"{place} was not made: the core that makes it does not run"
        cpu = suite.machine.cores[call.cpu]
        end = made[number + 1] if number + 1 < len(made) else len(trace)
        answer = next((e for e in trace[made[number] : end] if isinstance(e, ReturnEvent) and e.cpu == cpu), None)
        if call.path.how == "returns" and (answer is None or not _on_the_way(call, answer.x0)):
            seen = "gave no answer" if answer is None else f"answered {answer_text(answer.x0, call.wide)}"
            return f"{place} {seen}, and the sequence goes on after {call.path.text}"
    return None


def _on_the_way(call: SuiteCall, x0: int) -> bool:
    value = call.path.value
    if value is None:
        return fits(call, x0)
    return (value ^ x0) & ((1 << 64) - 1 if call.wide else 0xFFFF_FFFF) == 0


__all__ = ["SuiteOutcome", "SuiteResult", "another_way", "declared_by", "on_machine", "program_of", "run"]
