"""The KVM of an arm64 kernel, as the peers `kvm` and `kvm:SERIES`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from psci.host.requirements import Requirement
from psci.oracle.peers.family import Family, Request, UnknownPeer

if TYPE_CHECKING:
    from psci.oracle.peers.kvm.adapter import KvmPeer

_ANY_SERIES = "kvm:SERIES"


class Kvm(Family):
    """A KVM: this machine's own, or one of Debian's kernels in an emulated host."""

    name = "kvm"
    peers: ClassVar[Mapping[str, str]] = {
        "kvm": "the KVM of this machine, where it is an arm64 one",
        "kvm:latest": "the KVM of the newest Linux in Debian's suites, in an emulated host",
        _ANY_SERIES: "the KVM of another series in Debian's suites, such as kvm:6.12, in an emulated host",
    }
    takes = frozenset({"kernel", "qemu", "conduit"})
    package = __package__

    def what(self, name: str) -> str | None:
        """Also what a series stands for."""
        return self.peers[_ANY_SERIES] if re.fullmatch(r"kvm:\d+\.\d+", name) else super().what(name)

    def check(self, request: Request) -> None:
        """A guest of KVM has one conduit."""
        if request.conduit == "smc":
            raise UnknownPeer("--conduit smc: a guest of KVM calls PSCI by hvc")

    def open(self, request: Request, times: float) -> KvmPeer:
        """A KVM; with a kernel or a QEMU of the user's own always in an emulated host."""
        from psci.oracle.peers.kvm.adapter import KvmLimits, emulated, native

        _, colon, series = request.name.partition(":")
        limits = KvmLimits().times(times)
        if not colon and request.kernel is None and request.qemu is None:
            return native(limits=limits)
        return emulated(series or "latest", kernel=request.kernel, qemu=request.qemu, limits=limits)

    def switches(self, request: Request) -> tuple[Mapping[str, str], ...]:
        """With and without SYSTEM_SUSPEND, which user space has to enable."""
        return ({}, {"system_suspend": "on"})

    def requirements(self, request: Request) -> Sequence[Requirement]:
        """/dev/kvm, or all that an emulated host is made of."""
        from psci.oracle.peers.kvm import adapter

        return adapter.native_requirements() if request.name == self.name else adapter.requirements()

    def install(self, request: Request) -> None:
        """Fetch an emulated host; there is nothing to fetch for this machine's own KVM."""
        from psci.host.packages import Packages
        from psci.oracle.peers.stub import build

        if request.name == self.name:
            return
        packages = Packages()
        build.install(packages)
        packages.kernel(request.name.partition(":")[2])
        packages.python()
