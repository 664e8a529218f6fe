"""The filter under which a peer runs: the function ids that leave its kernel for our VMM half, as a saved file says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from psci.model.calls import CALLS
from psci.model.errors import InputError
from psci.model.scenarios.filter import Composition, claimed_set, function_named
from psci.model.tables.versions import version

_MOST_CPUS = 8


class BadForwarding(InputError):
    """It is not a filter that our VMM could serve; the message says what is wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Forwarding:
    """A filter and the VMM behind it; what it names exists and fits together."""

    kernel: str
    """The version of the kernel's PSCI."""
    want: str
    """The version that the guest is to see; traces are judged by it."""
    offer: tuple[str, ...]
    """The functions that the VMM adds, whether or not all of their ids reach it."""
    forward: tuple[int, ...]
    """The function ids that reach the VMM."""
    cpus: int
    """The cores of the guest: the VMM is made for them."""

    def __post_init__(self) -> None:
        kernel, want = version(self.kernel), version(self.want)
        if want < kernel:
            raise BadForwarding(f"want {want} is older than kernel {kernel}")
        known = {call.name for call in CALLS if call.exists_in(want)}
        strange = [name for name in self.offer if name not in known]
        if strange:
            raise BadForwarding(f"offer: PSCI {want} has no function {strange[0]!r}")
        if len(set(self.offer)) < len(self.offer) or len(set(self.forward)) < len(self.forward):
            raise BadForwarding("offer and forward name each function and each id once")
        served = claimed_set(function_named(name, want) for name in self.offer)
        unserved = sorted(set(self.forward) - served)
        if unserved:
            raise BadForwarding(f"forward: {unserved[0]:#010x}: PSCI_VERSION, PSCI_FEATURES and offer do not have it")
        if not 1 <= self.cpus <= _MOST_CPUS:
            raise BadForwarding(f"cpus {self.cpus}: a guest has 1 to {_MOST_CPUS} cores")

    @classmethod
    def of(cls, composition: Composition, cpus: int) -> Forwarding:
        """The filter of a composition."""
        return cls(
            kernel=composition.kernel.name, want=composition.want.name, cpus=cpus,
            offer=tuple(call.name for call in composition.offered), forward=tuple(sorted(composition.forwarded)),
        )  # fmt: skip

    @property
    def composition(self) -> Composition:
        """Kernel and VMM together."""
        want = version(self.want)
        offered = tuple(function_named(name, want) for name in self.offer)
        return Composition(version(self.kernel), want, offered, frozenset(self.forward))

    def document(self) -> Mapping[str, Any]:
        """It as JSON."""
        return {
            "kernel": self.kernel,
            "want": self.want,
            "offer": list(self.offer),
            "forward": [f"{fid:#010x}" for fid in self.forward],
            "cpus": self.cpus,
        }

    def __str__(self) -> str:
        ids = " ".join(f"{fid:#010x}" for fid in self.forward) or "nothing"
        return f"a kernel with PSCI {self.kernel}, a guest that sees {self.want}; forwarded: {ids}"


__all__ = ["BadForwarding", "Forwarding"]
