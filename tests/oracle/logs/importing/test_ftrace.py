"""A kernel's trace of a KVM host becomes the trace of its guest, or an error that says what to trace.

`kvm-ftrace.log` is written in the form that the kernel prints (`print_kprobe_event`, `TRACE_EVENT(kvm_entry)`).
"""

from __future__ import annotations

import io

import pytest
from house import ROOT

from psci.model.events import CallEvent, EnterEvent, Event, MachineEvent, ReturnEvent
from psci.oracle.checker.checker import check
from psci.oracle.logs.importing.log import LogError
from psci.oracle.logs.importing.machine import LogTerms
from psci.oracle.logs.importing.sources import import_trace

KEPT = (ROOT / "tests" / "oracle" / "logs" / "importing" / "kvm-ftrace.log").read_text(encoding="utf-8")


def imported(log: str, terms: LogTerms | None = None) -> list[Event]:
    return import_trace("ftrace", io.BytesIO(log.encode()), "kvm.log", terms)


def test_the_kept_log_is_a_trace_that_conforms() -> None:
    events = imported(KEPT)
    machine = MachineEvent(psci="1.1", cpus=(0, 1), boot_cpu=0, peer="a kernel's trace of its guest")
    assert events == [
        machine,
        CallEvent(cpu=0, fn=0x8400_0000, args=(0, 0, 0)),
        ReturnEvent(cpu=0, x0=0x10001),
        CallEvent(cpu=0, fn=0xC400_0003, args=(1, 0x4008_2000, 0x2A)),
        ReturnEvent(cpu=0, x0=0),
        EnterEvent(cpu=1, pc=0x4008_2000, x0=0x2A),
        # CPU_OFF: its thread was about to enter the guest, and was called away
        CallEvent(cpu=1, fn=0x8400_0002, args=(0, 0, 0)),
        CallEvent(cpu=0, fn=0xC400_0004, args=(1, 0, 0)),
        ReturnEvent(cpu=0, x0=1),
    ]
    assert check(events).verdict.value == "conforms"


def test_a_wrong_entry_in_the_log_is_found() -> None:
    report = check(imported(KEPT.replace("pc=0x40082000 x0=0x2a", "pc=0x40082000 x0=0x2b")))
    assert [finding.event for finding in report.findings] == [5]


def test_a_thread_tells_the_vcpu_where_the_probe_does_not() -> None:
    assert imported(KEPT.replace("vcpu=0 ", "").replace("vcpu=1 ", "")) == imported(KEPT)


def test_the_owner_of_the_log_says_the_affinity_fields() -> None:
    events = imported(KEPT.replace("x1=0x1 ", "x1=0x100 "), LogTerms(cpus=(0, 0x100)))
    assert isinstance(events[0], MachineEvent)
    assert events[0].cpus == (0, 0x100)
    assert events[5] == EnterEvent(cpu=0x100, pc=0x4008_2000, x0=0x2A)


KVM_ALONE = "".join(line + "\n" for line in KEPT.splitlines() if "psci_" not in line)
WRONG = {
    "events of KVM alone": (KVM_ALONE, "neither x1 to x3 nor the answer"),
    "no kvm_entry": ("\n".join(line for line in KEPT.splitlines() if "kvm_entry" not in line), "trace kvm_entry"),
    "lost events": (KEPT + "CPU:3 [LOST 512 EVENTS]\n", "kvm.log:30: 512 events were lost here"),
    "a field that was not fetched": (KEPT.replace(" x3=0x2a", ""), "kvm.log:20: the event has no field x3"),
    "a fault while it was fetched": (KEPT.replace("x3=0x2a", "x3=(fault)"), "kvm.log:20: x3=(fault) is not a number"),
    "no vCPU": (KEPT.replace("vcpu=0 ", "").replace("CPU 0/KVM", " kvm-vcpu"), "does not tell its vCPU"),
    "another log": ("a line\nanother\n", "holds no call"),
    "nothing": ("", "holds no call"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_log_that_cannot_be_used_says_what_to_trace(name: str) -> None:
    log, message = WRONG[name]
    with pytest.raises(LogError) as raised:
        imported(log)
    assert message in str(raised.value)
