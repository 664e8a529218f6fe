"""Xen on QEMU's `virt` machine, with the stub as its first domain."""

from __future__ import annotations

from pathlib import Path

from psci.host.qemu import qemu_version
from psci.oracle.peers.emulated.adapter import Conduit, EmulatedPeer
from psci.oracle.peers.emulated.board import Board, BoardLimits
from psci.oracle.peers.stub import encode, layout

RAM_BASE = 0x4000_0000
RAM_SIZE = 1 << 30
GUEST_ADDRESS = 0x4900_0000
"""Where QEMU leaves the stub for Xen to find; Xen copies it to where the domain runs."""
GICD = 0x0800_0000
GICC = 0x0801_0000
DOMAIN_MIB = 128

LIMITS = BoardLimits(answer=1.0, start=1.0, silent=0.3, arrival=60.0)
"""A call is handled in some microseconds, but Xen may take some tenths of a second to halt the machine."""
PATIENCE = encode.Patience(short=2_000, long=50_000, meet=500)


def open_xen(
    name: str, version: str, hypervisor: Path, *, qemu: Path, stub: Path, conduit: Conduit, psci: str | None,
    limits: BoardLimits = LIMITS,
) -> EmulatedPeer:  # fmt: skip
    """A Xen; it is started with the first program.

    Args:
        name: what the user calls it.
        version: of the hypervisor.
        hypervisor: its image.
        qemu: the emulator.
        stub: the image of the stub.
        conduit: hvc or smc; Xen answers both.
        psci: the version to judge against; default: what PSCI_VERSION answers.
        limits: how long to wait for the machine.
    """

    def board(cpus: int) -> Board:
        # Xen takes its own options from the device tree only where the domain has some as well.
        # Each virtual processor stays on its own processor: its thread in QEMU sleeps when it does.
        options = (
            f"console=dtuart dtuart=/pl011@9000000 dom0_mem={DOMAIN_MIB}M dom0_max_vcpus={cpus} dom0_vcpus_pin"
            " bootscrub=0"
        )
        return Board(
            machine="virt,gic-version=2,virtualization=on", cpus=cpus, mpidrs=tuple(range(cpus)),
            ram_base=RAM_BASE, ram_size=RAM_SIZE,
            arguments=(
                "-cpu", "cortex-a57", "-kernel", str(hypervisor), "-append", options,
                "-device", f"guest-loader,addr={GUEST_ADDRESS:#x},kernel={stub},bootargs=stub",
            ),
            image=None, gic=layout.Gic.V2, gicd=GICD, gicc=GICC, ends_rings=True, slow_start=True,
        )  # fmt: skip

    return EmulatedPeer(
        name=name, version=f"{version}; dom0 on {qemu_version(qemu)}", qemu=qemu, stub=stub, board=board,
        conduit=conduit, psci=psci, limits=limits, patience=PATIENCE,
    )  # fmt: skip
