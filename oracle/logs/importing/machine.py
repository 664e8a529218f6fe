"""The machine that a log is of: what the log tells of it, and what its owner says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from psci.model.calls.affinity_info import AFFINITY_INFO
from psci.model.calls.cpu_on import CPU_ON
from psci.model.calls.psci_version import PSCI_VERSION
from psci.model.events import CallEvent, Event, MachineEvent, ReturnEvent
from psci.model.tables.codes import INVALID_PARAMETERS
from psci.oracle.logs.importing.log import LogLines
from psci.oracle.traces.format import MAX_CORES

_MOST_CPUS_IN_A_CLUSTER = 8
"""Up to here the index of a CPU of QEMU's is its affinity, whatever the interrupt controller."""
_AFFINITY = 0xFF_00FF_FFFF
_U32 = 0xFFFF_FFFF


@dataclass(frozen=True, slots=True, kw_only=True)
class LogTerms:
    """What the owner of a log says of the machine, and no log tells."""

    psci: str | None = None
    """The version; default: what PSCI_VERSION answers in the log."""
    cpus: tuple[int, ...] | None = None
    """The MPIDR of each core; default: the cores that the log names, see `described`."""
    boot_cpu: int | None = None
    conduit: str | None = None
    profile: Mapping[str, Any] | None = None


def described(events: Sequence[Event], log: LogLines, terms: LogTerms, peer: str, clock: str | None) -> MachineEvent:
    """The machine line for the events of a log.

    Without `terms.cpus` the cores are those that did something, and those that a call named and that the implementation
    did not say are no cores: nobody is blamed for a core that the log does not tell of.

    Raises:
        LogError: the log does not tell the version, or tells of no core.
    """
    acting = [cpu for event in events if (cpu := getattr(event, "cpu", None)) is not None]
    if not acting:
        raise log.wrong("the log holds no call, no return and no entry; is this the right kind of log?")
    version = terms.psci or _version(events)
    if version is None:
        raise log.wrong("the log does not tell the version: nothing asks for PSCI_VERSION; give --psci")
    boot = terms.boot_cpu if terms.boot_cpu is not None else acting[0]
    cpus = terms.cpus or tuple(sorted({*acting, boot, *_named(events)}))
    unknown = next((cpu for cpu in (*acting, boot) if cpu not in cpus), None)
    if unknown is not None:
        raise log.wrong(f"core {unknown:#x} is none of those that --cpus names")
    if len(cpus) > MAX_CORES:
        raise log.wrong(f"the log names {len(cpus):,} cores, at most {MAX_CORES:,} are judged; give --cpus")
    return MachineEvent(
        psci=version, cpus=cpus, boot_cpu=boot, conduit=terms.conduit, profile=terms.profile, peer=peer, clock=clock
    )


def affinity(index: int, log: LogLines, terms: LogTerms, told: Mapping[int, int] | None = None) -> int:
    """The affinity fields of a CPU that QEMU names by its index.

    Args:
        index: QEMU's.
        log: for messages.
        terms: what the owner says.
        told: what the log itself says.

    Raises:
        LogError: nothing tells.
    """
    if terms.cpus is not None:
        if index >= len(terms.cpus):
            raise log.wrong(f"the log tells of CPU {index}, and --cpus names {len(terms.cpus)} cores")
        return terms.cpus[index]
    if told and index in told:
        return told[index]
    if index >= _MOST_CPUS_IN_A_CLUSTER:
        raise log.wrong(f"the affinity fields of CPU {index} are not in the log; give --cpus")
    return index


def answered(events: Sequence[Event]) -> list[tuple[CallEvent, int]]:
    """Each call that returned, with what it answered."""
    made: dict[int, CallEvent] = {}
    found = []
    for event in events:
        if isinstance(event, CallEvent):
            made[event.cpu] = event
        elif isinstance(event, ReturnEvent) and event.cpu in made:
            found.append((made.pop(event.cpu), event.x0))
    return found


def _version(events: Sequence[Event]) -> str | None:
    for call, x0 in answered(events):
        if call.fn & _U32 in PSCI_VERSION.ids() and 0 < x0 < 1 << 31:
            return f"{x0 >> 16}.{x0 & 0xFFFF}"
    return None


def _named(events: Sequence[Event]) -> set[int]:
    """Cores that a call named, of the lowest level, and that are there as far as its answer tells."""
    named = set()
    for call, x0 in answered(events):
        fn = call.fn & _U32
        lowest = fn in CPU_ON.ids() or (fn in AFFINITY_INFO.ids() and call.args[1:2] == (0,))
        if lowest and call.args and x0 & _U32 != INVALID_PARAMETERS.word(32):
            named.add(call.args[0] & _AFFINITY if fn & 1 << 30 else call.args[0] & _AFFINITY & _U32)
    return named
