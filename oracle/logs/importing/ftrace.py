"""The trace of a KVM host's kernel (`tracefs`): a guest's calls, what they answered, and where cores were entered.

The events that KVM comes with (`kvm_hvc_arm64`, `kvm_entry`, `kvm_exit`) hold the function id and an address, and
neither x1 to x3 nor the answer. Two probes read them: `psci_call` at the function that handles the call, and
`psci_entry` at one that runs before each entry of the guest, each with the fields `vcpu`, `x0` and `pc`, the first also
with `x1` to `x3`. Whether the guest was entered then, or its thread was called away, is what `kvm_entry` tells.
docs/how-to/import-a-log.md has the commands. Other events may stand between them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from psci.model.events import CallEvent, Event
from psci.oracle.logs.importing.following import Follower
from psci.oracle.logs.importing.log import LogLines, number
from psci.oracle.logs.importing.machine import LogTerms, affinity, described

_LINE = re.compile(r"\s*(?P<comm>.{1,16})-(?P<thread>\d+)\s.*?\s\d+\.\d+:\s(?P<event>\w+):\s?(?P<text>.*)")
"""Command, thread, processor, flags and time of an event, as `trace` and `trace_pipe` print them."""
_PROBE = re.compile(r"\((?:[^()]|\([^()]*\))*\)(?P<fields>.*)")
"""A probe prints where it is in brackets, and then its fields."""
_FIELD = re.compile(r"(\w+)=(\S+)")
_THREAD_OF_QEMU = re.compile(r"CPU (\d{1,5})/KVM")
_LOST = re.compile(r"LOST (\d+) EVENTS")
_CALLS_OF_KVM = re.compile(r"kvm_hvc_arm64|kvm_exit: .*\((?:HVC|SMC)\d*\)")
_ARGUMENTS = ("x1", "x2", "x3")
_INSTRUCTION_BYTES = 4
_RECIPE = "trace kvm_entry with the probes psci_call and psci_entry (docs/how-to/import-a-log.md)"


class _Ftrace:
    """One log, read line by line."""

    def __init__(self, log: LogLines) -> None:
        self.log = log
        self.follower = Follower(log, f"the entry after it is not in the log: {_RECIPE}")
        self._told_by_kvm = self._entered = False
        self._about_to_enter: dict[str, tuple[int, int, int]] = {}
        """What `psci_entry` told of a thread that has not entered its guest since: the vCPU, pc and x0."""

    def read(self) -> None:
        """All lines."""
        for line in self.log:
            if found := _LINE.match(line):
                self._event(found["comm"], found["thread"], found["event"], found["text"])
            elif lost := _LOST.search(line):
                raise self.log.wrong(f"{lost[1]} events were lost here; make buffer_size_kb larger, or trace less")
            self._told_by_kvm |= _CALLS_OF_KVM.search(line) is not None
        if self._told_by_kvm and not self.follower.events:
            raise self.log.wrong(f"KVM's own events hold neither x1 to x3 nor the answer of a call; {_RECIPE}")
        if self._about_to_enter and not self._entered:
            raise self.log.wrong(f"the log does not tell when the guest was entered; {_RECIPE}")

    def _event(self, command: str, thread: str, event: str, text: str) -> None:
        if event == "kvm_entry":
            self._entered = True
            if (about := self._about_to_enter.pop(thread, None)) is not None:
                self.follower.ran(*about, None)
        if event not in ("psci_call", "psci_entry"):
            return
        probe = _PROBE.match(text)
        fields = dict(_FIELD.findall(text if probe is None else probe["fields"]))
        cpu = self._cpu(command, fields)
        pc, x0 = self._word(fields, "pc"), self._word(fields, "x0")
        if event == "psci_call":
            arguments = tuple(self._word(fields, name) for name in _ARGUMENTS)
            # KVM counts an HVC done before it is handled, and an SMC when the guest is entered: both go on from here.
            self.follower.called(CallEvent(cpu=cpu, fn=x0, args=arguments), pc - _INSTRUCTION_BYTES)
        else:
            self._about_to_enter[thread] = cpu, pc, x0

    def _cpu(self, command: str, fields: Mapping[str, str]) -> int:
        if "vcpu" in fields:
            return self._word(fields, "vcpu")
        if found := _THREAD_OF_QEMU.search(command):
            return int(found[1])
        raise self.log.wrong(f"the event does not tell its vCPU: give the probe a field vcpu; {_RECIPE}")

    def _word(self, fields: Mapping[str, str], name: str) -> int:
        text = fields.get(name)
        if text is None:
            raise self.log.wrong(f"the event has no field {name}; {_RECIPE}")
        try:
            return number(text)
        except ValueError:
            raise self.log.wrong(f"{name}={text[:40]} is not a number; fetch it as {name}=...:x64") from None


def read_ftrace(log: LogLines, terms: LogTerms) -> list[Event]:
    """The trace of a kernel's trace of its guest.

    Raises:
        LogError: a line cannot be used, or the log does not hold what is needed.
    """
    found = _Ftrace(log)
    found.read()
    events = [
        replace(event, cpu=affinity(cpu, log, terms))  # type: ignore[call-arg]  # every event of a core has one
        for event in found.follower.events
        if (cpu := getattr(event, "cpu", None)) is not None
    ]
    return [described(events, log, terms, "a kernel's trace of its guest", None), *events]
