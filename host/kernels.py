"""arm64 kernels from Debian's packages: which there are, and what of a package is kept."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_KERNEL = re.compile(r"linux-(?P<kind>binary|image)-(?P<abi>(?P<series>\d+\.\d+)[0-9a-z.+~-]*)-cloud-arm64")
_PORT_MODULES = (
    "virtio", "virtio_ring", "virtio_pci_legacy_dev", "virtio_pci_modern_dev", "virtio_pci", "virtio_console",
)  # fmt: skip
"""Some kernels have the emulated host's port to the outside as modules; in the order of loading."""


@dataclass(frozen=True, slots=True)
class KernelPackage:
    """A package that holds an arm64 kernel."""

    series: str
    """The first two numbers of the version, such as 6.12."""
    name: str
    suite: str


@dataclass(frozen=True, slots=True)
class Kernel:
    """An arm64 kernel in the cache."""

    series: str
    package: str
    version: str
    image: Path

    @property
    def modules(self) -> dict[str, bytes]:
        """What the virtio port needs where it is not built in, by a name that sorts in the order of loading."""
        return {path.name: path.read_bytes() for path in sorted(self.image.parent.glob("modules/*.ko"))}

    def __str__(self) -> str:
        return f"{self.package} {self.version}"


def kernels(names: Iterable[str], suite: str) -> tuple[KernelPackage, ...]:
    """The newest kernel package of each series among the package `names` of a suite, newest series first."""
    best: dict[str, tuple[tuple[int, ...], bool, str]] = {}
    for name in names:
        match = _KERNEL.fullmatch(name)
        if match is None or match["abi"].endswith(("-unsigned", "-dbg")) or match["abi"].startswith("unsigned"):
            continue
        # Where a series has both kinds, the image package only depends on the binary package.
        rank = (numbers(match["abi"]), match["kind"] == "binary", name)
        best[match["series"]] = max(rank, best.get(match["series"], ((), False, "")))
    newest_first = sorted(best.items(), key=lambda item: numbers(item[0]), reverse=True)
    return tuple(KernelPackage(series=series, name=rank[2], suite=suite) for series, rank in newest_first)


def numbers(text: str) -> tuple[int, ...]:
    """The numbers in a version, to compare it by."""
    return tuple(int(number) for number in re.findall(r"\d+", text))


def kernel_file(path: str) -> str | None:
    """Where a file of a kernel package is kept, or None: all modules would be ten times as much as is needed.

    Args:
        path: the file's path in the package.
    """
    name = Path(path).name
    if re.match(r"vmlinuz\b", name):
        return "vmlinuz"
    module = re.fullmatch(r"(\w+)\.ko(\.xz)?", name)
    if module is None or module[1] not in _PORT_MODULES:
        return None
    return f"modules/{_PORT_MODULES.index(module[1])}-{module[1]}.ko"
