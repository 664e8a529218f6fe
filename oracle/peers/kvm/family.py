"""The KVM of an arm64 kernel, as the peers `kvm` and `kvm:SERIES`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from psci.host.requirements import Requirement
from psci.oracle.peers.family import Family, Request, UnknownPeer
from psci.oracle.peers.peer import Peer

if TYPE_CHECKING:
    from psci.oracle.peers.kvm.adapter import KvmPeer

_ANY_SERIES = "kvm:SERIES"
_NAME = re.compile(r"kvm:(?P<series>latest|\d+\.\d+)(\+(?P<mode>protected|nvhe))?")
MODES = ("protected", "nvhe")
_FIRST_WITH_MODES = (5, 12)
OLDER_VERSIONS = ("0.2", "1.0", "1.1", "1.2")
"""What a machine of a newer kernel may be pinned to, for a guest that came from an older one."""


class Kvm(Family):
    """A KVM: this machine's own, or one of Debian's kernels in an emulated host."""

    name = "kvm"
    peers: ClassVar[Mapping[str, str]] = {
        "kvm": "the KVM of this machine, where it is an arm64 one",
        "kvm:latest": "the KVM of the newest Linux in Debian's suites, in an emulated host",
        _ANY_SERIES: "the KVM of another series in Debian's suites, such as kvm:6.12, in an emulated host; also"
        " kvm:SERIES+protected and kvm:SERIES+nvhe",
    }
    takes = frozenset({"kernel", "qemu", "conduit"})
    package = __package__

    def what(self, name: str) -> str | None:
        """Also what a series stands for."""
        return super().what(name) or (self.peers[_ANY_SERIES] if _NAME.fullmatch(name) else None)

    def check(self, request: Request) -> None:
        """A guest of KVM has one conduit."""
        if request.conduit == "smc":
            raise UnknownPeer("--conduit smc: a guest of KVM calls PSCI by hvc")

    def open(self, request: Request, times: float) -> KvmPeer:
        """A KVM; with a kernel or a QEMU of the user's own always in an emulated host."""
        from psci.oracle.peers.kvm.adapter import KvmLimits, emulated, native

        limits = KvmLimits().times(times)
        named = _NAME.fullmatch(request.name)
        if named is None and request.kernel is None and request.qemu is None:
            return native(limits=limits)
        series, mode = (named["series"], named["mode"]) if named else ("latest", None)
        return emulated(series, mode=mode, kernel=request.kernel, qemu=request.qemu, limits=limits)

    def switches(self, request: Request, peer: Peer) -> tuple[Mapping[str, str], ...]:
        """With and without SYSTEM_SUSPEND, which user space has to enable; where this kernel knows that."""
        from psci.oracle.peers.kvm.adapter import KVM_CAP_ARM_SYSTEM_SUSPEND, KvmPeer

        assert isinstance(peer, KvmPeer)
        return ({}, {"system_suspend": "on"}) if peer.has(KVM_CAP_ARM_SYSTEM_SUSPEND) else ({},)

    def offered(self) -> Sequence[str]:
        """Each series; the newest also in the other modes, and pinned to older versions of PSCI; this machine's own."""
        from psci.host.kernels import numbers
        from psci.host.packages import Packages
        from psci.oracle.peers.kvm import adapter

        packages = Packages()
        found = [f"kvm:{kernel.series}" for kernel in packages.kernel_packages()]
        latest = packages.latest_series()
        if numbers(latest) >= _FIRST_WITH_MODES:
            found += [f"kvm:{latest}+{mode}" for mode in MODES]
        found += [f"kvm:{latest}@{version}" for version in OLDER_VERSIONS]
        own = all(need.found for need in adapter.native_requirements())
        return [self.name, *found] if own else found

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
        named = _NAME.fullmatch(request.name)
        packages.kernel(named["series"] if named else "latest")
        packages.python()
