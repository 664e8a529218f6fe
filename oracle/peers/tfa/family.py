"""Trusted Firmware-A, as the peers `tfa`, `tfa:SERIES` and `tfa:imx8mm`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from psci.host.requirements import Missing, Requirement
from psci.oracle.peers.family import Family, Request
from psci.oracle.peers.peer import Peer

if TYPE_CHECKING:
    from psci.host.packages import Packages

_ANY_SERIES = "tfa:SERIES"
_IMX = "+imx8mm"
_PACKAGE = "arm-trusted-firmware"
_REMEDY = "run `psci peers install tfa`, or give --firmware FILE"


class Tfa(Family):
    """A Trusted Firmware-A at EL3 of an emulated board; the Normal world makes the calls."""

    name = "tfa"
    peers: ClassVar[Mapping[str, str]] = {
        "tfa": "the newest Trusted Firmware-A in Debian's suites, on a Raspberry Pi 4 (CPU_OFF with a limit)",
        "tfa:imx8mm": "the same on an i.MX 8M Mini (suspend and reset; one core)",
        _ANY_SERIES: "another series on a Raspberry Pi 4, such as tfa:2.8; tfa:2.8+imx8mm on the other board",
    }
    takes = frozenset({"qemu", "firmware", "conduit"})
    package = __package__

    def what(self, name: str) -> str | None:
        """Also what a series stands for."""
        return self.peers[_ANY_SERIES] if re.fullmatch(r"tfa:\d+\.\d+(\+imx8mm)?", name) else super().what(name)

    def open(self, request: Request, times: float) -> Peer:
        """A firmware; it is started with the first program."""
        from psci.host.packages import Packages
        from psci.oracle.peers.emulated.family import emulator, given
        from psci.oracle.peers.stub import build
        from psci.oracle.peers.tfa import adapter

        packages = Packages()
        series, platform = _parts(request.name)
        qemu, stub = emulator(request, packages, newest=True), build.image(packages.find_or_fetch)
        if request.firmware is not None:
            version, image = request.firmware, given(request.firmware)
        else:
            package, suite = _package(packages, series)
            kept = packages.files(package, suite, _kept, f"{platform}.bin")
            version, image = f"{kept} ({platform})", kept.folder / f"{platform}.bin"
        board = (adapter.imx8mm if platform == "imx8mm" else adapter.raspberry)(image, stub)
        return adapter.open_tfa(
            request.name, version, board, qemu=qemu, stub=stub, psci=request.psci, limits=adapter.LIMITS.times(times)
        )

    def offered(self) -> Sequence[str]:
        """A firmware of each series; older packages have no image for the second board."""
        from psci.host.packages import Packages

        held = list(_held(Packages()))
        return [f"tfa:{series}" for series in held] + [f"tfa:{series}{_IMX}" for series in held[:1]]

    def requirements(self, request: Request) -> Sequence[Requirement]:
        """A firmware, an emulator that has the board, and what assembles the stub."""
        from psci.host.packages import Packages
        from psci.oracle.peers.stub import build

        packages = Packages()
        series, platform = _parts(request.name)
        there = request.firmware or packages.fetched(f"{_PACKAGE}_{series}*/{platform}.bin")
        return [
            Requirement("a Trusted Firmware-A", there, _REMEDY),
            Requirement(
                "a QEMU that has the board", request.qemu or packages.fetched_qemu(),
                "run `psci peers install tfa`, or name a QEMU of 9 (raspi4b) or 11 (imx8mm-evk) with --qemu",
            ),
            build.requirement(packages.find),
        ]  # fmt: skip

    def install(self, request: Request) -> None:
        """Fetch a firmware, the newest emulator and the assembler."""
        from psci.host.packages import Packages
        from psci.oracle.peers.stub import build

        packages = Packages()
        build.install(packages)
        packages.qemu("latest")
        series, platform = _parts(request.name)
        package, suite = _package(packages, series)
        packages.files(package, suite, _kept, f"{platform}.bin")


def _parts(name: str) -> tuple[str, str]:
    """The series, empty for the newest, and the platform."""
    rest = name.partition(":")[2]
    imx = rest == "imx8mm" or rest.endswith(_IMX)
    return rest.removesuffix(_IMX).removesuffix("imx8mm"), "imx8mm" if imx else "rpi4"


def _held(packages: Packages) -> dict[str, tuple[str, str]]:
    from psci.host.apt import SUITES

    # Older suites have the package, and images for none of our boards in it.
    return packages.series_of(_PACKAGE, suites=SUITES)


def _package(packages: Packages, series: str) -> tuple[str, str]:
    held = _held(packages)
    chosen = series or next(iter(held), "")
    if chosen not in held:
        raise Missing(
            f"no suite holds Trusted Firmware-A {series} (there are: {', '.join(held) or 'none'}): give --firmware FILE"
        )
    return held[chosen]


def _kept(path: str) -> str | None:
    match = re.fullmatch(r"usr/lib/arm-trusted-firmware/(rpi4|imx8mm)/bl31\.bin", path)
    return f"{match[1]}.bin" if match else None


FAMILY = Tfa()
