"""QEMU's own PSCI, as the peers `qemu`, `qemu:SERIES` and what is called in another way."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal, cast

from psci.host.requirements import Requirement
from psci.oracle.peers.family import Family, Request, UnknownPeer
from psci.oracle.peers.peer import Peer

SMC = "qemu:smc"
_ANY_SERIES = "qemu:SERIES"
_NAME = re.compile(r"qemu:(?P<series>latest|\d+(\.\d+)?)(\+(?P<way>smc|versal|versal2))?")


class Qemu(Family):
    """The machine of QEMU's `-M virt`, called by HVC or by SMC."""

    name = "qemu"
    peers: ClassVar[Mapping[str, str]] = {
        "qemu": "QEMU's own PSCI, called by HVC from EL1",
        SMC: "QEMU's own PSCI, called by SMC from EL2",
        "qemu:latest": "the same of the newest QEMU in Debian's suites; qemu:latest+smc by SMC",
        "qemu:latest+versal": "its PSCI on xlnx-versal-virt: two application cores beside real-time ones",
        "qemu:latest+versal2": "its PSCI on amd-versal2-virt: eight application cores in four clusters",
        _ANY_SERIES: "the same of another series in Debian's suites, such as qemu:11 or qemu:10.0+smc",
    }
    takes = frozenset({"qemu", "conduit"})
    package = __package__

    def what(self, name: str) -> str | None:
        """Also what a series stands for."""
        return super().what(name) or (self.peers[_ANY_SERIES] if _NAME.fullmatch(name) else None)

    def check(self, request: Request) -> None:
        """What is called by smc by its name is called by smc; a series is no QEMU of the user's."""
        if request.conduit == "hvc" and _is_smc(request.name):
            raise UnknownPeer(f"--conduit hvc: {request.name} is called by smc; name {_plain(request.name)} instead")
        if request.qemu is not None and _series(request.name) is not None:
            raise UnknownPeer(f"--qemu: {request.name} is a QEMU of the suites; name qemu instead")

    def open(self, request: Request, times: float) -> Peer:
        """A QEMU; it is started with the first program."""
        from psci.host.packages import Packages
        from psci.oracle.peers.emulated.board import BoardLimits
        from psci.oracle.peers.qemu.adapter import SOC_LIMITS, SOCS, QemuPeer, open_soc

        packages = Packages()
        series, way = _series(request.name), request.name.partition("+")[2]
        if series is not None and way in SOCS:
            return open_soc(
                request.name, SOCS[way], qemu=packages.qemu(series), psci=request.psci, find=packages.find_or_fetch,
                limits=SOC_LIMITS.times(times),
            )  # fmt: skip
        conduit = "smc" if _is_smc(request.name) else request.conduit or "hvc"
        return QemuPeer(
            name=None if series is None else request.name,
            qemu=request.qemu if series is None else packages.qemu(series),
            conduit=cast(Literal["hvc", "smc"], conduit), psci=request.psci,
            find=packages.find_or_fetch, limits=BoardLimits().times(times),
        )  # fmt: skip

    def offered(self) -> Sequence[str]:
        """A QEMU of each series, called in both ways; the newest on its other machines, too."""
        from psci.host.packages import Packages

        held = list(Packages().qemu_series())
        found = [f"qemu:{series}{way}" for series in held for way in ("", "+smc")]
        return found + [f"qemu:{series}{way}" for series in held[:1] for way in ("+versal", "+versal2")]

    def requirements(self, request: Request) -> Sequence[Requirement]:
        """QEMU, and what assembles the stub."""
        from psci.host.packages import Packages
        from psci.oracle.peers.qemu import adapter
        from psci.oracle.peers.stub import build

        packages = Packages()
        series = _series(request.name)
        if series is None:
            return adapter.requirements(request.qemu, packages.find)
        found = packages.fetched_qemu(series)
        remedy = f"run `psci peers install {request.name}`"
        return [Requirement(f"a QEMU {series}", found, remedy), build.requirement(packages.find)]

    def install(self, request: Request) -> None:
        """Fetch QEMU and the assembler, and build the stub."""
        from psci.host.packages import Packages
        from psci.oracle.peers.stub import build

        packages = Packages()
        build.install(packages)
        if (series := _series(request.name)) is not None:
            packages.qemu(series)


def _series(name: str) -> str | None:
    """The series that a name asks for; None: this machine's own QEMU."""
    match = _NAME.fullmatch(name)
    return match["series"] if match else None


def _plain(name: str) -> str:
    return "qemu" if name == SMC else name.partition("+")[0]


def _is_smc(name: str) -> bool:
    return name == SMC or "+" in name


FAMILY = Qemu()
