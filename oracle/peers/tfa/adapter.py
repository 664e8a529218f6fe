"""Trusted Firmware-A on boards that QEMU emulates, with the stub in the Normal world at EL2."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable
from pathlib import Path

from psci.host.files import cache_folder, write_whole
from psci.host.qemu import qemu_version
from psci.host.requirements import Missing
from psci.oracle.peers.emulated.adapter import EmulatedPeer
from psci.oracle.peers.emulated.board import Board, BoardLimits
from psci.oracle.peers.peer import PeerError
from psci.oracle.peers.stub import layout

CORES = (0, 1, 2, 3)
"""Both boards have four cores, whatever a program uses."""
LIMITS = BoardLimits(answer=0.5, start=0.5, silent=0.05)
FORCED = "force-raw=on"

_WAIT_FOR_RESET = struct.pack("<4I", 0xD280_0060, 0xD51E_C040, 0xD503_207F, 0x17FF_FFFF)
"""mov x0, #3; msr rmr_el3, x0; nop; b .-4: the core asks for a warm reset, and waits for it."""
_RESET_BY_HAND = struct.pack("<4I", 0xD51E_101F, 0xD503_3FDF, 0xD280_0000, 0xD61F_0000)
"""msr sctlr_el3, xzr; isb; mov x0, #0; br x0: what that reset would do."""
WARM_RESET_NOTE = (
    "QEMU does not model the warm reset by RMR_EL3 that ends this platform's CPU_OFF: four instructions of the firmware"
    " were replaced by a branch to its reset vector"
)


class NoPlace(PeerError):
    """The firmware is not what its board needs."""


def raspberry(firmware: Path, stub: Path) -> Callable[[int], Board]:
    """The board of a Raspberry Pi 4: all four cores start in the firmware, at address 0.

    Args:
        firmware: bl31.bin of the platform rpi4.
        stub: the image of the stub.

    Raises:
        NoPlace: the firmware has not the wait that QEMU cannot end.
    """
    patched = _with_warm_reset(firmware)

    def board(_: int) -> Board:
        return Board(
            machine="raspi4b", cpus=len(CORES), mpidrs=CORES, ram_base=0, ram_size=2 << 30,
            arguments=(
                "-device", f"loader,file={patched},addr=0,{FORCED}",
                "-device", f"loader,file={stub},addr={layout.TEXT_OFFSET:#x},{FORCED}",
            ),
            image=layout.TEXT_OFFSET,
            notes={"x-changed-firmware": WARM_RESET_NOTE},
        )  # fmt: skip

    return board


def imx8mm(firmware: Path, stub: Path) -> Callable[[int], Board]:
    """The board of an i.MX 8M Mini, as far as QEMU has it: one core, because no other can be powered.

    Args:
        firmware: bl31.bin of the platform imx8mm.
        stub: the image of the stub.
    """

    def board(_: int) -> Board:
        return Board(
            machine="imx8mm-evk", cpus=len(CORES), mpidrs=CORES, ram_base=0x4000_0000, ram_size=1 << 30,
            arguments=(
                "-device", f"loader,file={firmware},addr=0x920000,{FORCED}",
                "-device", f"loader,file={stub},addr={0x4020_0000:#x},{FORCED}",
                "-device", "loader,addr=0x920000,cpu-num=0",
            ),
            image=0x4020_0000, powered=1,
            notes={"x-one-core": "QEMU models neither SRC nor GPC: no core but the first can be powered"},
        )  # fmt: skip

    return board


def open_tfa(
    name: str, version: str, board: Callable[[int], Board], *, qemu: Path, stub: Path, psci: str | None,
    limits: BoardLimits = LIMITS,
) -> EmulatedPeer:  # fmt: skip
    """A Trusted Firmware-A; it is started with the first program.

    Args:
        name: what the user calls it.
        version: of the firmware.
        board: where it runs.
        qemu: the emulator.
        stub: the image of the stub.
        psci: the version to judge against; default: what PSCI_VERSION answers.
        limits: how long to wait for the machine.
    """
    machine = board(1).machine
    return EmulatedPeer(
        name=name, version=f"{version}; -M {machine} of {qemu_version(qemu)}", qemu=qemu, stub=stub, board=board,
        conduit="smc", psci=psci, limits=limits,
    )  # fmt: skip


def _with_warm_reset(firmware: Path) -> Path:
    """The firmware, with a reset by hand where a core that is off waits for one; kept in the cache."""
    try:
        image = firmware.read_bytes()
    except OSError as error:
        raise Missing(f"{firmware}: {error.strerror}") from error
    if image.count(_WAIT_FOR_RESET) != 1:
        raise NoPlace(f"{firmware}: not a bl31.bin of the platform rpi4: its wait for a warm reset is not found")
    changed = image.replace(_WAIT_FOR_RESET, _RESET_BY_HAND)
    folder = cache_folder() / "images"
    target = folder / f"rpi4-{hashlib.sha256(changed).hexdigest()[:16]}.bin"
    if not target.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(target, changed)
    return target
