"""QEMU's own PSCI, as the peer `qemu`: the stub on a machine without firmware."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from psci.host.qemu import qemu_version
from psci.host.requirements import CannotRun, Missing, Requirement
from psci.oracle.peers.emulated.adapter import Conduit, EmulatedPeer
from psci.oracle.peers.emulated.board import Board, BoardLimits
from psci.oracle.peers.emulated.family import QEMU, REMEDY, find_qemu
from psci.oracle.peers.peer import PeerError
from psci.oracle.peers.stub import build, encode, layout

RAM_BASE = 0x4000_0000
RAM_SIZE = 64 << 20
GICD = 0x0800_0000
GICC = 0x0801_0000


class QemuPeer(EmulatedPeer):
    """QEMU's PSCI; one QEMU process for each number of cores, kept for many programs."""

    def __init__(
        self,
        *,
        name: str | None = None,
        qemu: str | Path | None = None,
        conduit: Conduit = "hvc",
        cpu: str = "cortex-a57",
        psci: str | None = None,
        image: Path | None = None,
        find: build.Finder = build.nowhere,
        limits: BoardLimits | None = None,
        patience: encode.Patience | None = None,
    ) -> None:
        """Find QEMU and the stub; processes start with the first program.

        Args:
            name: what the user calls it; default: `qemu` or `qemu:smc`.
            qemu: the QEMU to test; default: `qemu-system-aarch64` on PATH, else what `find` knows.
            conduit: hvc (the stub at EL1) or smc (the stub at EL2).
            cpu: QEMU's `-cpu`.
            psci: the version to judge against; default: what PSCI_VERSION answers.
            image: the stub; default: the one of this version, built if it has to be.
            find: where programs are that are not on PATH.
            limits: how long to wait for the machine.
            patience: how long cores wait for each other.

        Raises:
            Missing: QEMU, or what builds the stub, is not on this machine.
            PeerError: an option has a value that QEMU cannot be given.
        """
        if conduit not in ("hvc", "smc"):
            raise PeerError(f"conduit {conduit!r}: QEMU offers hvc and smc")
        if not re.fullmatch(r"[A-Za-z0-9_.,=+-]+", cpu):
            raise PeerError(f"cpu model {cpu!r}: letters, digits and `_ . , = + -` only")
        path = find_qemu(qemu, find)
        if path is None:
            raise Missing(f"{qemu or QEMU} is not on this machine: {REMEDY}")
        self._cpu = cpu
        self._conduit = conduit
        super().__init__(
            name=name or ("qemu" if conduit == "hvc" else "qemu:smc"),
            version=f"{qemu_version(path)}; -M {self._machine_option}; -cpu {cpu}", qemu=path,
            stub=image or build.image(find), board=self._board_of, conduit=conduit, psci=psci,
            limits=limits or BoardLimits(), patience=patience,
        )  # fmt: skip

    @property
    def _machine_option(self) -> str:
        return "virt,gic-version=2" + (",virtualization=on" if self._conduit == "smc" else "")

    def _board_of(self, cpus: int) -> Board:
        return Board(
            machine=self._machine_option, cpus=cpus, mpidrs=tuple(range(cpus)), ram_base=RAM_BASE, ram_size=RAM_SIZE,
            arguments=("-cpu", self._cpu, "-kernel", str(self.image)), image=RAM_BASE + layout.TEXT_OFFSET,
            gic=layout.Gic.V2, gicd=GICD, gicc=GICC,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Soc:
    """Another machine of QEMU without firmware: its application cores have neighbours, or more affinity fields."""

    machine: str
    cpus: int
    """All cores that QEMU wants to make; those that are not listed are real-time cores."""
    mpidrs: tuple[int, ...]


SOCS: Mapping[str, Soc] = {
    "versal": Soc("xlnx-versal-virt", 4, (0x0, 0x1)),
    "versal2": Soc("amd-versal2-virt", 18, (0x0, 0x100, 0x1_0000, 0x1_0100, 0x2_0000, 0x2_0100, 0x3_0000, 0x3_0100)),
}
_SOC_RAM = 2 << 30
SOC_LIMITS = BoardLimits(answer=1.0, start=1.0)


def open_soc(
    name: str, soc: Soc, *, qemu: Path, psci: str | None, find: build.Finder, limits: BoardLimits = SOC_LIMITS
) -> EmulatedPeer:
    """QEMU's PSCI on one of `SOCS`; it is started with the first program.

    Args:
        name: what the user calls it.
        soc: the machine.
        qemu: the QEMU to test.
        psci: the version to judge against; default: what PSCI_VERSION answers.
        find: where programs are that are not on PATH.
        limits: how long to wait.
    """
    stub = build.image(find)

    def board(_: int) -> Board:
        return Board(
            machine=soc.machine, cpus=soc.cpus, mpidrs=soc.mpidrs, ram_base=0, ram_size=_SOC_RAM,
            arguments=("-audio", "none", "-kernel", str(stub)), image=layout.TEXT_OFFSET,
        )  # fmt: skip

    return EmulatedPeer(
        name=name, version=f"{qemu_version(qemu)}; -M {soc.machine}", qemu=qemu, stub=stub, board=board, conduit="smc",
        psci=psci, limits=limits,
    )  # fmt: skip


def requirements(qemu: str | Path | None = None, find: build.Finder = build.nowhere) -> list[Requirement]:
    """What this peer needs, and what of it is there."""
    path = find_qemu(qemu, find)
    found = None
    if path is not None:
        try:
            found = f"{path} ({qemu_version(path)})"
        except CannotRun:
            found = None
    return [Requirement(what=str(qemu or QEMU), found=found, remedy=REMEDY), build.requirement(find)]
