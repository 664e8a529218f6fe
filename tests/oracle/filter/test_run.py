"""A filter on real kernels: what ran, and what is said when it cannot."""

from __future__ import annotations

import json

import pytest

from psci.cli.main import run
from psci.host.requirements import Missing
from psci.model.calls.system_off2 import SYSTEM_OFF2
from psci.model.errors import InputError
from psci.model.events import SystemEvent
from psci.model.scenarios.filter import Composition, claimed_set
from psci.model.tables.versions import V1_1, V1_3
from psci.oracle.campaign.campaign import CampaignPlan
from psci.oracle.filter.run import FilterTarget, KernelProfile, ask, campaign, known_quirks, with_remedy
from psci.oracle.filter.witness import witness
from psci.oracle.peers import request_for
from psci.oracle.peers.kvm import adapter
from psci.oracle.peers.kvm.adapter import Filter
from psci.oracle.peers.peer import PeerError
from psci.oracle.peers.program import CallStep, Program

WHOLE = Composition(V1_1, V1_3, (SYSTEM_OFF2,), claimed_set((SYSTEM_OFF2,)))
ANY_CALL = Program(cpus=1, lives=((CallStep(turn=0, cpu=0, fn=0x8400_0000),),))


def test_only_kvm_has_a_filter() -> None:
    with pytest.raises(InputError, match="only KVM has an SMCCC filter"):
        FilterTarget(request_for("qemu"))


@pytest.mark.parametrize(
    ("refused", "remedy"),
    [
        ("KVM_HAS_DEVICE_ATTR failed with EINVAL (Invalid argument)", "run a kernel from 6.4 on"),
        ("KVM_SET_DEVICE_ATTR failed with EEXIST (File exists)", "forward each id once"),
        ("KVM_SET_DEVICE_ATTR failed with EBUSY (Device or resource busy)", "set the filter before the first KVM_RUN"),
        ("KVM_SET_ONE_REG failed with EINVAL (Invalid argument)", "pin the machine to a version"),
    ],
)
def test_a_refusal_says_what_to_do(refused: str, remedy: str) -> None:
    assert str(with_remedy(PeerError(f"kvm:6.12: {refused}"))).startswith(f"kvm:6.12: {refused}; {remedy}")


@pytest.fixture(scope="module")
def kernel() -> KernelProfile:
    try:
        return ask(FilterTarget(request_for("kvm:6.12")))
    except Missing as missing:
        pytest.skip(f"REAL PEER NOT TESTED: {missing}")


@pytest.mark.peer
def test_the_kernel_says_what_the_vmm_has_to_carry(kernel: KernelProfile) -> None:
    assert kernel.psci == "1.1"
    functions = kernel.profile["functions"]
    assert {name for name, there in functions.items() if there} == {
        "MIGRATE_INFO_TYPE", "SYSTEM_RESET2", "SMCCC_VERSION",
    }  # fmt: skip


@pytest.mark.peer
@pytest.mark.slow
def test_a_1_1_kernel_and_our_vmm_are_a_conforming_1_3(kernel: KernelProfile) -> None:
    plan = CampaignPlan(seed=1, calls=200, cpus=4, quirks=known_quirks(kernel))
    ran = campaign(FilterTarget(request_for("kvm:6.12")), WHOLE, kernel, plan)
    assert (ran.result.psci, ran.result.found, ran.result.problems) == ("1.3", {}, [])
    trace, report = ran.hibernation
    assert report.findings == []
    seen = [(event.event, event.source, event.flags) for event in trace if isinstance(event, SystemEvent)]
    assert seen == [("hibernate", "vmm", 1)] * 2


@pytest.mark.peer
@pytest.mark.slow
def test_with_one_id_left_out_the_oracle_objects_on_the_real_kernel(kernel: KernelProfile) -> None:
    plan = CampaignPlan(seed=1, calls=1, cpus=2, quirks=known_quirks(kernel))
    why = witness(WHOLE, 0x8400_0015)
    ran = campaign(FilterTarget(request_for("kvm:6.12")), WHOLE, kernel, plan, left_out=0x8400_0015, witness=why)
    assert ran.witness is not None
    assert why is not None
    (finding,) = ran.witness[1].findings
    assert (finding.observed, finding.allowed) == (why.finding.observed, why.finding.allowed)


def refusal(series: str, *filters: Filter) -> str:
    try:
        peer = adapter.emulated(series, filters=filters)
    except Missing as missing:
        pytest.skip(f"REAL PEER NOT TESTED: {missing}")
    with peer, pytest.raises(PeerError) as caught:
        list(peer.run([ANY_CALL]))
    return str(caught.value)


@pytest.mark.peer
def test_a_kernel_without_the_filter_says_so() -> None:
    assert "this kernel has no SMCCC filter (it came with 6.4)" in refusal("6.1", Filter(base=0x8400_0015))


@pytest.mark.peer
@pytest.mark.parametrize(
    "filters",
    [
        (Filter(base=0x8400_0000, count=4), Filter(base=0x8400_0002)),
        (Filter(base=0x8000_0000),),
        (Filter(base=0xC000_FFFF, count=2),),
    ],
)
def test_ranges_that_overlap_or_are_reserved_are_refused(filters: tuple[Filter, ...]) -> None:
    assert "KVM_SET_DEVICE_ATTR failed with EEXIST" in refusal("6.12", *filters)


@pytest.mark.peer
@pytest.mark.slow
def test_the_command_asks_for_the_kernels_own_version(
    capsys: pytest.CaptureFixture[str], kernel: KernelProfile
) -> None:
    assert run(["filter", "--kernel", "1.0", "--want", "1.3", "--run", "kvm:6.12"]) == 2
    assert "--kernel 1.0: kvm:6.12 has PSCI 1.1; give --kernel 1.1" in capsys.readouterr().err
    assert json.dumps(kernel.profile)
