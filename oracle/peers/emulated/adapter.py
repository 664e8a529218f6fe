"""Runs programs on machines that QEMU emulates, and makes traces of what the stub left in their memory."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal, Self

from psci.model.events import BootEvent, EndEvent, Event, HostEvent, MachineEvent, SystemEvent, TimeoutEvent
from psci.oracle.peers.emulated.board import Board, BoardLimits
from psci.oracle.peers.emulated.machine import EmulatedMachine, Lived
from psci.oracle.peers.peer import PeerError
from psci.oracle.peers.program import CallStep, Program, pending_before
from psci.oracle.peers.stub import decode, encode, layout

Conduit = Literal["hvc", "smc"]
_PSCI_VERSION = 0x8400_0000


class EmulatedPeer:
    """An implementation on a machine that QEMU emulates; one QEMU process for each number of cores."""

    def __init__(
        self, *, name: str, version: str, qemu: Path, stub: Path, board: Callable[[int], Board], conduit: Conduit,
        psci: str | None = None, limits: BoardLimits, patience: encode.Patience | None = None,
    ) -> None:  # fmt: skip
        """Prepare; processes start with the first program.

        Args:
            name: what the user calls the peer.
            version: what exactly is under test.
            qemu: the emulator.
            stub: the image of the stub.
            board: the machine for a number of cores; raises PeerError where it has not so many.
            conduit: hvc or smc.
            psci: the version to judge against; default: what PSCI_VERSION answers.
            limits: how long to wait for the machine.
            patience: how long cores wait for each other.
        """
        self.name = name
        self.version = version
        self.image = stub
        self._binary = qemu
        self._board = board
        self._conduit = conduit
        self._limits = limits
        self._patience = patience or encode.Patience()
        self._psci = psci
        self._machines: dict[int, EmulatedMachine] = {}
        # Not a method of ours, which would keep us alive: a peer that is forgotten ends its machines too.
        self._close_machines = partial(_close, self._machines)
        weakref.finalize(self, self._close_machines)

    def run(self, programs: Sequence[Program]) -> Iterator[tuple[Event, ...]]:
        """Run each program and yield its trace; see `Peer.run`.

        Raises:
            PeerDied: QEMU ended or stopped answering; the next `run` starts another.
            PeerError: a program cannot be run, or the memory holds what the stub cannot have written.
        """
        for program in programs:
            yield self._run(program)

    def close(self) -> None:
        """End every QEMU that was started; may be called again."""
        self._close_machines()

    @property
    def pids(self) -> tuple[int, ...]:
        """The process ids of the QEMUs that run now."""
        return tuple(machine.pid for machine in self._machines.values())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def psci(self) -> str:
        """The version that traces are to be judged against; asks the machine once if it was not given.

        Raises:
            PeerDied: QEMU did not answer.
            PeerError: what it answered is not a version.
        """
        return self._version_on(next(iter(self._machines), 1))

    def _version_on(self, cpus: int) -> str:
        if self._psci is None:
            self._psci = self._ask_version(cpus)
        return self._psci

    def _run(self, program: Program) -> tuple[Event, ...]:
        if program.options:
            raise PeerError(f"option {next(iter(program.options))!r}: this peer has no switches for a program")
        psci = self._version_on(program.cpus)
        if program.psci not in (None, psci):
            raise PeerError(f"PSCI {program.psci} was asked for; this peer implements {psci} and offers no choice")
        return tuple(self._trace(pending_before(program), psci))

    def _trace(self, program: Program, psci: str) -> list[Event]:
        machine = self._machine(program.cpus)
        try:
            encoded = [encode.life(machine.platform, steps, self._patience) for steps in program.lives]
        except ValueError as error:
            raise PeerError(f"the program cannot be run: {error}") from error
        try:
            lives = machine.run(program.lives, encoded)
        except BaseException:
            # Also for Ctrl-C: a machine in an unknown state is of no use to the next program.
            del self._machines[len(machine.board.mpidrs)]
            machine.close()
            raise
        return compose(
            lives, machine.platform, psci=psci, conduit=self._conduit, peer=f"{self.name} ({self.version})",
            board=machine.board,
        )  # fmt: skip

    def _machine(self, cpus: int) -> EmulatedMachine:
        if not 1 <= cpus <= layout.MAX_CORES:
            raise PeerError(f"a program with {cpus} cores: this peer runs 1 to {layout.MAX_CORES}")
        # A board may have another number of cores; a step on one that it has not is refused when it is encoded.
        board = self._board(cpus)
        machine = self._machines.get(len(board.mpidrs))
        if machine is not None and not machine.alive:
            machine.close()
            machine = None
        if machine is None:
            machine = EmulatedMachine(
                self._command(board), board, smc=self._conduit == "smc", stub=self.image.read_bytes(),
                limits=self._limits, patience=self._patience,
            )  # fmt: skip
            self._machines[len(board.mpidrs)] = machine
        return machine

    def _command(self, board: Board) -> list[str]:
        return [
            str(self._binary), "-nodefaults", "-no-user-config", "-display", "none", "-nic", "none", "-no-shutdown",
            "-accel", "tcg,thread=multi", "-M", f"{board.machine},memory-backend=ram",
            "-smp", str(board.cpus), "-m", str(board.ram_size >> 20), *board.arguments,
        ]  # fmt: skip

    def _ask_version(self, cpus: int) -> str:
        events = self._trace(Program(cpus=cpus, lives=((CallStep(turn=0, cpu=0, fn=_PSCI_VERSION),),)), "unknown")
        answers = [getattr(event, "x0", None) for event in events if event.k == "return"]
        if not answers or answers[0] is None or not 0 < answers[0] < 0x8000_0000:
            raise PeerError(f"PSCI_VERSION answered {answers or 'nothing'}: name the version to judge against")
        return f"{answers[0] >> 16}.{answers[0] & 0xFFFF}"


def _close(machines: dict[int, EmulatedMachine]) -> None:
    while machines:
        _, machine = machines.popitem()
        machine.close()


def compose(
    lives: Sequence[Lived], platform: encode.StubMachine, *, psci: str, conduit: str, peer: str, board: Board
) -> list[Event]:
    """The trace of a program from its lives, from `Machine` to `End`."""
    first = lives[0].life.boots[0]
    events: list[Event] = [
        MachineEvent(
            psci=psci, cpus=platform.mpidrs, boot_cpu=platform.mpidrs[0], conduit=conduit,
            cores={cpu: {"isa": "aarch64", "el": first.el, "world": "normal"} for cpu in platform.mpidrs},
            clock=f"system counter, 1/{first.frequency} s", peer=peer,
            extra={"x-boot": _boot_report(first), **(board.notes or {})},
        )
    ]  # fmt: skip
    why = "done"
    for number, lived in enumerate(lives):
        life = lived.life
        if number:
            boot = life.boots[0] if life.boots else None
            extra = {"x-boot": _boot_report(boot)} if boot else {}
            if lives[number - 1].system is None:
                # Nothing in the machine ended that life: we took its power away.
                events.append(HostEvent(action="restart"))
            events.append(BootEvent(cpu=platform.mpidrs[0], cause="cold", t=boot.t if boot else None, extra=extra))
        events.extend(life.events)
        if lived.system is not None:
            events.append(SystemEvent(event=lived.system, source="qmp", raw=lived.raw))
        else:
            events.extend(TimeoutEvent(cpu=platform.mpidrs[index]) for index in _silent(life, board.powered))
        if not lived.complete:
            why = "time limit"
    faults = [fault for lived in lives for fault in lived.life.faults]
    events.append(EndEvent(why=why, extra={"x-faults": faults} if faults else {}))
    return events


def _silent(life: decode.StubLife, powered: int | None) -> list[int]:
    """Cores that did not answer, and cores that should have been entered and were not."""
    outside = (layout.Status.NEVER, layout.Status.IN_SILENT_CALL)
    expected = [index for index, core in enumerate(life.cores) if core.expected and core.status in outside]
    return [index for index in sorted({*life.unanswered, *expected}) if powered is None or index < powered]


def _boot_report(boot: decode.Entered) -> dict[str, Any]:
    return {"pc": hex(boot.pc), "x0": hex(boot.x0), "el": boot.el} | {k: hex(v) for k, v in boot.regs().items()}
