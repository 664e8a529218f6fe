"""A filter on a real kernel: the VMM's half is written from the rules, and the oracle judges what a guest sees."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from psci.host.requirements import CannotRun
from psci.model.calls.cpu_off import CPU_OFF
from psci.model.calls.cpu_on import CPU_ON
from psci.model.calls.psci_features import PSCI_FEATURES
from psci.model.calls.psci_version import PSCI_VERSION
from psci.model.calls.system_off2 import HIBERNATE_OFF_DEFAULT, SYSTEM_OFF2
from psci.model.errors import InputError
from psci.model.events import Event
from psci.model.scenarios.filter import Composition
from psci.oracle.campaign.campaign import PATIENCE, Campaign, CampaignPlan, CampaignResult
from psci.oracle.campaign.judging import Judge
from psci.oracle.campaign.saved import SavedDeviation
from psci.oracle.campaign.shrinker import Rate
from psci.oracle.checker.checker import check
from psci.oracle.checker.report import Report
from psci.oracle.filter import vmm
from psci.oracle.filter.witness import CORES, FilterWitness
from psci.oracle.peers.family import Request
from psci.oracle.peers.kvm import adapter
from psci.oracle.peers.kvm.adapter import KvmLimits, KvmPeer
from psci.oracle.peers.kvm.quirks import QUIRKS
from psci.oracle.peers.peer import PeerDied, PeerError
from psci.oracle.peers.program import CallStep, EntrySlot, Program
from psci.oracle.peers.quirks import amended
from psci.oracle.profiles.asking import inferred, questions
from psci.oracle.profiles.symbols import declarations
from psci.oracle.traces.forwarding import Forwarding

if TYPE_CHECKING:
    from psci.model.machine import Machine

VMM_READINGS: Mapping[str, Any] = {
    "both_ids": "TOGETHER", "checks_upper_halves": False, "features_hides_smc64": False,
}  # fmt: skip
"""What our VMM does where the implementation may choose."""


@dataclass(frozen=True, slots=True)
class FilterTarget:
    """A kernel with an SMCCC filter: `kvm:SERIES`, `kvm:latest` or this machine's `kvm`."""

    request: Request

    def __post_init__(self) -> None:
        if self.request.family != "kvm":
            name = self.request.name
            raise InputError(f"--run {name}: only KVM has an SMCCC filter; give kvm, kvm:latest or kvm:SERIES")

    def open(self, composition: Composition | None, source: str = "", times: float = 1.0) -> KvmPeer:
        """The kernel, with the composition's filter if there is one, and our VMM behind it.

        Raises:
            Missing: something that it needs is not on this machine.
        """
        limits = KvmLimits().times(times)
        filtered: dict[str, Any] = {}
        if composition is not None:
            filters = vmm.filters(composition.forwarded)
            filtered = {"filters": filters, "psci": composition.want.name}
            if filters:
                filtered["handler"] = vmm.handler(source)
        _, colon, named = self.request.name.partition(":")
        series, _, mode = named.partition("+")
        if not colon and self.request.kernel is None and self.request.qemu is None:
            return adapter.native(limits=limits, **filtered)
        return adapter.emulated(
            series or "latest",
            mode=mode or None,
            kernel=self.request.kernel,
            qemu=self.request.qemu,
            limits=limits,
            **filtered,
        )


REMEDIES: Mapping[str, str] = {
    "KVM_HAS_DEVICE_ATTR": "run a kernel from 6.4 on, or one that has SYSTEM_OFF2 itself",
    "KVM_SET_DEVICE_ATTR failed with EEXIST": "forward each id once, and none of the Arm architecture calls",
    "KVM_SET_DEVICE_ATTR failed with EBUSY": "set the filter before the first KVM_RUN of any vCPU",
    "KVM_SET_DEVICE_ATTR failed with EINVAL": "give each range a count and the action forward",
    "KVM_SET_ONE_REG failed with EINVAL": "pin the machine to a version that every host of it has, when it is made",
}
"""What to do where a kernel refuses, by the ioctl and the errno."""


def with_remedy(error: CannotRun) -> CannotRun:
    """The same error, which also says what to do."""
    text = str(error)
    found = next((remedy for what, remedy in REMEDIES.items() if what in text), None)
    return error if found is None else PeerError(f"{text}; {found}")


@dataclass(frozen=True, slots=True)
class KernelProfile:
    """What a kernel says of itself before anything is forwarded: the profile that the VMM has to carry."""

    version: str
    psci: str
    profile: Mapping[str, Any]


def ask(target: FilterTarget) -> KernelProfile:
    """Ask the kernel what it has, on a machine without a filter.

    Raises:
        PeerError: it cannot be asked.
    """
    with target.open(None) as peer:
        (trace,) = peer.run([questions(1)])
        return KernelProfile(peer.version, getattr(trace[0], "psci", ""), inferred(trace))


def source(composition: Composition, kernel: KernelProfile, cpus: int) -> str:
    """The VMM's module for a kernel: see `psci.oracle.filter.vmm.source`."""
    return vmm.source(composition, vmm_machine(composition, kernel, cpus))


def open_filtered(request: Request, forwarding: Forwarding, times: float = 1.0) -> KvmPeer:
    """The kernel that a request names, under a filter, with our VMM behind it; the kernel is asked what it has first.

    Raises:
        InputError: the filter is for a kernel with another PSCI.
        PeerError: the kernel cannot be asked.
    """
    target, composition = FilterTarget(request), forwarding.composition
    kernel = ask(target)
    if kernel.psci != forwarding.kernel:
        raise InputError(
            f"{request.name} has PSCI {kernel.psci}, and the filter is for a kernel with {forwarding.kernel}: "
            f"make one with psci filter --kernel {kernel.psci}"
        )
    return target.open(composition, source(composition, kernel, forwarding.cpus), times)


def saved_witness(composition: Composition, witness: FilterWitness, request: Request, command: str) -> SavedDeviation:
    """The calls that show why an id is needed, as `psci replay` runs them: without that id in the filter.

    Args:
        composition: what is forwarded, before the id is left out.
        witness: the calls, and what the model answers.
        request: the kernel to run them on.
        command: what made it.
    """
    # a replay asks PSCI_FEATURES first and holds the implementation to it; the VMM's says that it has what it offers
    says = PSCI_FEATURES.key in composition.forwarded and witness.fid != PSCI_FEATURES.key
    profile = {"functions": {call.name: says for call in composition.offered}}
    (first, *_) = Judge(profile=profile).judge(witness.events).deviations
    words = {"name": request.name, "kernel": request.kernel, "qemu": request.qemu}
    return SavedDeviation(
        peer={name: word for name, word in words.items() if word is not None},
        filter=Forwarding.of(composition.without(witness.fid), CORES),
        version=f"the model of a kernel with PSCI {composition.kernel} and a VMM for {composition.want}",
        command=command, seed=-1, number=-1, psci=composition.want.name, profile=profile,
        key=first.key, facts=first.cites, text=tuple(first.finding.lines()), rate=Rate(1, 1),
        program=witness.program, trace=witness.events,
    )  # fmt: skip


def vmm_machine(composition: Composition, kernel: KernelProfile, cpus: int) -> Machine:
    """The machine as the VMM knows it: the kernel's profile, what it adds, and the cores that it made."""
    cores = tuple(range(cpus))
    carried = declarations(kernel.profile, cores, None, {})
    carried.update(VMM_READINGS)
    return composition.machines(cores, carried)[1]


def hibernation() -> Program:
    """A guest that starts a second core, stops it and hibernates, by each id of SYSTEM_OFF2; then it boots again."""
    lives: list[tuple[CallStep, ...]] = []
    for fid in SYSTEM_OFF2.ids():
        start = CallStep(turn=2, cpu=0, fn=CPU_ON.fid64 or 0, args=(1, EntrySlot(1), 7))
        lives.append((
            CallStep(turn=0, cpu=0, fn=PSCI_VERSION.key),
            CallStep(turn=1, cpu=0, fn=PSCI_FEATURES.key, args=(fid,)),
            start,
            CallStep(turn=3, cpu=1, fn=CPU_OFF.key, returns=False),
            CallStep(turn=4, cpu=0, fn=fid, args=(2, 0)),
            CallStep(turn=5, cpu=0, fn=fid, args=(HIBERNATE_OFF_DEFAULT, 0), returns=False),
        ))  # fmt: skip
    lives.append((CallStep(turn=0, cpu=0, fn=PSCI_VERSION.key),))
    return Program(cpus=2, lives=tuple(lives))


@dataclass(frozen=True, slots=True)
class Ran:
    """What ran, and what the oracle says of it."""

    composition: Composition
    left_out: int | None
    """The id that was left out of the filter on purpose."""
    version: str
    result: CampaignResult
    hibernation: tuple[tuple[Event, ...], Report]
    """The trace of a guest that hibernates, and its judgement."""
    witness: tuple[tuple[Event, ...], Report] | None = None
    """The trace of the calls that show why the id is needed, from the real kernel, and its judgement."""


def campaign(
    target: FilterTarget, composition: Composition, kernel: KernelProfile, plan: CampaignPlan, *,
    left_out: int | None = None,
    witness: FilterWitness | None = None, tell: Callable[[CampaignResult], None] | None = None,
) -> Ran:  # fmt: skip
    """Install the filter, serve the forwarded functions, and judge generated calls by the wanted version.

    Args:
        target: the kernel.
        composition: what is forwarded, before an id is left out.
        kernel: what the kernel said of itself.
        plan: how many calls; its version stays open, because a kernel cannot be asked for one that it does not have.
        left_out: an id to leave out of the filter.
        witness: calls that show why it is needed.
        tell: is told the result so far.

    Raises:
        PeerError: the kernel refuses, or the peer cannot run.
    """
    installed = composition if left_out is None else composition.without(left_out)
    text = source(installed, kernel, plan.cpus)
    try:
        return _judged(target, installed, text, plan, left_out, witness, tell)
    except PeerDied:
        raise
    except CannotRun as error:
        raise with_remedy(error) from error


def _judged(
    target: FilterTarget, installed: Composition, text: str, plan: CampaignPlan, left_out: int | None,
    witness: FilterWitness | None,
    tell: Callable[[CampaignResult], None] | None,
) -> Ran:  # fmt: skip
    with target.open(installed, text) as peer:
        shown = None
        if witness is not None:
            (trace,) = peer.run([witness.program])
            shown = trace, check(trace)
        (trace,) = peer.run([hibernation()])
        slept = trace, check(trace, amended(plan.quirks))
        result = Campaign(plan, peer, lambda: target.open(installed, text, PATIENCE), tell).run()
        return Ran(installed, left_out, peer.version, result, slept, shown)


def known_quirks(kernel: KernelProfile) -> Any:
    """The listed deviations of this kernel."""
    return QUIRKS.of(kernel.version)


__all__ = [
    "FilterTarget",
    "KernelProfile",
    "Ran",
    "ask",
    "campaign",
    "hibernation",
    "known_quirks",
    "open_filtered",
    "saved_witness",
    "source",
    "vmm_machine",
    "with_remedy",
]  # fmt: skip
