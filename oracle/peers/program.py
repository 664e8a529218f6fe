"""What a peer is asked to run: calls for each core, in soft turns, over one or more lives of a machine.

A program says nothing about results. An adapter runs it on a real implementation and returns
events. Where a value can only be known to the adapter (the address of a piece of code) the
program holds a symbol.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class EntrySlot:
    """The address of entry slot `slot`: every slot is another address, and each reports the pc it was entered at.

    `offset` moves the address, for instance by 1 to ask for T32.
    """

    slot: int
    offset: int = 0


ArgumentValue: TypeAlias = int | EntrySlot


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramStep:
    """One thing that one core does.

    A step of turn *k* starts when every step of earlier turns has finished (its call returned, or
    its wake was sent) or `patience` ticks of the system counter after the core was ready for it,
    whichever comes first. So a core that never returns delays the others but cannot hang them, and
    steps of the same turn overlap. Turns are a wish, not a promise: the trace tells what happened.
    """

    turn: int
    cpu: int
    """Index of the core that runs the step, into `Program.cpus`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallStep(ProgramStep):
    """Run the conduit instruction with x0 = `fn` and x1, x2, ... = `args` (up to 7; the rest 0)."""

    fn: int
    args: tuple[ArgumentValue, ...] = ()
    returns: bool = True
    """False where no return is expected: later turns then wait for a shorter time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WakeStep(ProgramStep):
    """Make an interrupt pending for the core with index `target` (another core or this one)."""

    target: int
    late: bool = False
    """Not done by a core, but by the outside, once nothing else happens and the call of `cpu` is still open: the way
    to wake the last core that sleeps. Where that call has ended by then, the step is left out. A peer whose outside
    cannot do it makes the wakeup pending before the call (`pending_before`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ObserveStep(ProgramStep):
    """Ask the outside for the power state of the core with index `target`, where the peer can tell."""

    target: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PauseStep(ProgramStep):
    """Do nothing for `microseconds`."""

    microseconds: int


@dataclass(frozen=True, slots=True)
class Program:
    """The lives of a machine with `cpus` cores.

    Each life starts with a boot: the first core runs, the others are off. A core that is entered
    (by CPU_ON, or by a wakeup from powerdown) goes on with its own next step. A life ends when no
    core has steps left that it can run, or when the machine went off, was reset or hibernated.
    """

    cpus: int
    lives: tuple[tuple[ProgramStep, ...], ...]
    psci: str | None = None
    """The version to ask the implementation for, where it offers a choice (KVM)."""
    options: dict[str, str] = field(default_factory=dict)
    """Peer-specific switches, for instance `system_suspend: on` for KVM."""


def pending_before(program: Program) -> Program:
    """The program with each late wakeup made by the core itself, before the step that it is to end.

    Args:
        program: what is to run on a peer whose outside can wake nobody.
    """
    return replace(program, lives=tuple(_pending_before(life) for life in program.lives))


def _pending_before(life: tuple[ProgramStep, ...]) -> tuple[ProgramStep, ...]:
    made: list[ProgramStep] = []
    for step in life:
        if not (isinstance(step, WakeStep) and step.late):
            made.append(step)
            continue
        at = next((at for at in range(len(made) - 1, -1, -1) if made[at].cpu == step.cpu), None)
        call = None if at is None else made[at]
        # Where the call is expected to return, nobody would be woken.
        if at is not None and isinstance(call, CallStep) and not call.returns:
            made.insert(at, replace(step, turn=call.turn, late=False))
    return tuple(made)
