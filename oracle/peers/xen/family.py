"""Xen's virtual PSCI, as the peers `xen` and `xen:SERIES`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Literal, cast

from psci.host.requirements import Missing, Requirement
from psci.oracle.peers.family import Family, Request
from psci.oracle.peers.peer import Peer

if TYPE_CHECKING:
    from psci.host.packages import Packages

_ANY_SERIES = "xen:SERIES"
_PACKAGE = r"xen-hypervisor-(?P<series>\d+\.\d+)-arm64"
_REMEDY = "run `psci peers install xen`, or give --firmware FILE"


class Xen(Family):
    """A Xen in an emulated machine; its first domain makes the calls."""

    name = "xen"
    peers: ClassVar[Mapping[str, str]] = {
        "xen": "the PSCI of the newest Xen in Debian's suites, as its first domain sees it",
        _ANY_SERIES: "the same of another series, such as xen:4.17",
    }
    takes = frozenset({"qemu", "firmware", "conduit"})
    package = __package__

    def what(self, name: str) -> str | None:
        """Also what a series stands for."""
        return self.peers[_ANY_SERIES] if re.fullmatch(r"xen:\d+\.\d+", name) else super().what(name)

    def open(self, request: Request, times: float) -> Peer:
        """A Xen; it is started with the first program."""
        from psci.host.packages import Packages
        from psci.oracle.peers.emulated.family import emulator, given
        from psci.oracle.peers.stub import build
        from psci.oracle.peers.xen import adapter

        packages = Packages()
        qemu, stub = emulator(request, packages), build.image(packages.find_or_fetch)
        if request.firmware is not None:
            version, image = request.firmware, given(request.firmware)
        else:
            package, suite = _package(packages, request.name)
            kept = packages.files(package, suite, _kept, "xen")
            version, image = str(kept), kept.folder / "xen"
        conduit = cast(Literal["hvc", "smc"], request.conduit or "hvc")
        return adapter.open_xen(
            request.name, version, image, qemu=qemu, stub=stub, conduit=conduit, psci=request.psci,
            limits=adapter.LIMITS.times(times),
        )  # fmt: skip

    def offered(self) -> Sequence[str]:
        """A Xen of each series."""
        from psci.host.packages import Packages

        return [f"xen:{series}" for series in Packages().named(_PACKAGE)]

    def requirements(self, request: Request) -> Sequence[Requirement]:
        """A hypervisor, the emulator, and what assembles the stub."""
        from psci.host.packages import Packages
        from psci.oracle.peers.qemu import adapter

        packages = Packages()
        series = request.name.partition(":")[2] or "*"
        there = request.firmware or packages.fetched(f"xen-hypervisor-{series}-arm64_*/xen")
        return [Requirement("a Xen for arm64", there, _REMEDY), *adapter.requirements(request.qemu, packages.find)]

    def install(self, request: Request) -> None:
        """Fetch a hypervisor, the emulator and the assembler."""
        from psci.host.packages import Packages
        from psci.oracle.peers.stub import build

        packages = Packages()
        build.install(packages)
        package, suite = _package(packages, request.name)
        packages.files(package, suite, _kept, "xen")


def _package(packages: Packages, name: str) -> tuple[str, str]:
    held = packages.named(_PACKAGE)
    series = name.partition(":")[2] or next(iter(held), "")
    if series not in held:
        raise Missing(f"no suite holds Xen {series} (there are: {', '.join(held) or 'none'}): give --firmware FILE")
    return held[series]


def _kept(path: str) -> str | None:
    return "xen" if re.fullmatch(r"boot/xen-[\d.]+-arm64", path) else None


FAMILY = Xen()
