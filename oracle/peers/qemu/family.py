"""QEMU's own PSCI, as the peers `qemu` and `qemu:smc`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal, cast

from psci.host.requirements import Requirement
from psci.oracle.peers.family import Family, Request, UnknownPeer
from psci.oracle.peers.peer import Peer

SMC = "qemu:smc"


class Qemu(Family):
    """The machine of QEMU's `-M virt`, called by HVC or by SMC."""

    name = "qemu"
    peers: ClassVar[Mapping[str, str]] = {
        "qemu": "QEMU's own PSCI, called by HVC from EL1",
        SMC: "QEMU's own PSCI, called by SMC from EL2",
    }
    takes = frozenset({"qemu", "conduit"})
    package = __package__

    def check(self, request: Request) -> None:
        """`qemu:smc` is called by smc."""
        if request.name == SMC and request.conduit == "hvc":
            raise UnknownPeer("--conduit hvc: qemu:smc is called by smc; name qemu instead")

    def open(self, request: Request, times: float) -> Peer:
        """A QEMU; it is started with the first program."""
        from psci.host.packages import Packages
        from psci.oracle.peers.qemu.adapter import QemuPeer
        from psci.oracle.peers.qemu.machine import QemuLimits

        conduit = "smc" if request.name == SMC else request.conduit or "hvc"
        return QemuPeer(
            qemu=request.qemu, conduit=cast(Literal["hvc", "smc"], conduit), psci=request.psci,
            find=Packages().find_or_fetch, limits=QemuLimits().times(times),
        )  # fmt: skip

    def requirements(self, request: Request) -> Sequence[Requirement]:
        """QEMU, and what assembles the stub."""
        from psci.host.packages import Packages
        from psci.oracle.peers.qemu import adapter

        return adapter.requirements(request.qemu, Packages().find)

    def install(self, request: Request) -> None:
        """Fetch QEMU and the assembler, and build the stub."""
        from psci.host.packages import Packages
        from psci.oracle.peers.stub import build

        build.install(Packages())


FAMILY = Qemu()
