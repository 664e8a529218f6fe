"""What the checker makes of a trace, event by event: its findings, and what each core may be doing then."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from psci.graphs.timeline.rows import Notes, call_text
from psci.graphs.timeline.verdict import notes_of
from psci.model.events import BootEvent, CallEvent, EndEvent, EnterEvent, Event, MachineEvent, ReturnEvent
from psci.oracle.checker.checker import Checker, DetailMatters
from psci.oracle.checker.explain import Explanations, go_on
from psci.oracle.checker.limits import LimitReached
from psci.oracle.checker.silent_moves import looks_at
from psci.oracle.checker.worlds import LEAST, Detail
from psci.oracle.traces.order import Numbered, groups

States: TypeAlias = Mapping[int, tuple[str, ...]]
"""For each core, by its MPIDR, what it may be doing."""

MOST_FOLLOWED = 5_000
"""In a longer trace only findings are told."""
_MOST_REACHED = 200
"""So many explanations are looked at for what one core may be doing."""

DOING: Mapping[str, str] = {
    "RUNNING": "ON", "ENTERING": "about to be entered", "STANDBY": "standby", "RETENTION": "retention",
    "POWERDOWN": "powerdown", "FROZEN": "frozen", "STOPPED": "stopped",
}  # fmt: skip
"""A core that is ON, in words."""
WORDS = ("OFF", "ON_PENDING", *DOING.values(), "the system is down")
"""Everything that a core may be doing."""


class Followed:
    """One trace, judged."""

    def __init__(self, trace: Sequence[Event]) -> None:
        """Judge it; a trace without a machine event has no findings and no states."""
        self.notes: Notes = {}
        """What is wrong with an event."""
        self.remarks: dict[int, list[str]] = {}
        """What else is to be said of it: what was assumed, a duty that the caller broke, an unseen step before it."""
        self._after: dict[int, Explanations] = {}
        self._checker: Checker | None = None
        if not trace or not isinstance(trace[0], MachineEvent):
            return
        detail = LEAST
        while True:
            try:
                checker = self._judged(trace[0], trace[1:], detail)
                break
            except DetailMatters as more:
                detail = more.detail
        report = checker.report
        self.notes = notes_of(report)
        for assumption in report.assumptions:
            self._remark(assumption.event, f"taken from here on: {assumption.text}")
        for duty in report.duties:
            self._remark(duty.event, f"the caller's duty {duty.rule} is broken: {duty.text}")
        if report.stopped is not None:
            self._remark(report.stopped.event, f"judged no further: {report.stopped.why}")
        for number, other in _races(trace, self.notes):
            self._remark(number, f"race with {other}")

    def _judged(self, machine: MachineEvent, trace: Sequence[Event], detail: Detail) -> Checker:
        self._checker = checker = Checker(machine, detail=detail)
        self._after.clear()
        self.remarks.clear()
        follows = len(trace) <= MOST_FOLLOWED
        if follows:
            self._after[0] = checker.configurations
        for group in groups(_until_end(trace)):
            before = checker.configurations
            checker.feed_together(group)
            if follows:
                self._after.update((number, checker.configurations) for number, _ in group)
                self._tell_placed(group, before)
        return checker

    def states(self, number: int) -> States:
        """What each core may be doing after an event; nothing where that was not followed."""
        checker, after = self._checker, self._after.get(number)
        if checker is None or after is None:
            return {}
        found = {}
        for core, mpidr in enumerate(checker.machine.cores):
            target = looks_at(("system",), ("power", core), ("activity", core))
            try:
                reached = checker.explainer.unseen.reached(after, target, go_on, _MOST_REACHED)
            except LimitReached:
                return {}
            seen = {_doing(c.state, core) for c in reached}
            found[mpidr] = tuple(word for word in WORDS if word in seen)
        return found

    def _remark(self, number: int, text: str) -> None:
        self.remarks.setdefault(number, []).append(text)

    def _tell_placed(self, group: Sequence[Numbered], before: Explanations) -> None:
        """Unseen steps of other cores that every explanation of an event has."""
        checker = self._checker
        assert checker is not None
        if len(group) != 1 or isinstance(group[0][1], BootEvent) or getattr(group[0][1], "cpu", None) is None:
            return
        number, event = group[0]
        for core, mpidr in enumerate(checker.machine.cores):
            was = {_doing(c.state, core) for c in before}
            now = {_doing(c.state, core) for c in checker.configurations}
            if mpidr != event.cpu and len(was) == len(now) == 1 and was != now:  # type: ignore[attr-defined]  # it has one
                self._remark(number, f"before it, unseen: core {mpidr:#x} {min(was)} → {min(now)}")


def _until_end(events: Sequence[Event]) -> Iterator[Event]:
    for event in events:
        if isinstance(event, EndEvent):
            return
        yield event


def _doing(state: Any, core: int) -> str:
    if state.system == "DOWN":
        return "the system is down"
    power = state.power[core]
    return DOING[state.activity[core]] if power == "ON" else str(power)


def _races(trace: Sequence[Event], notes: Notes) -> Iterator[tuple[int, str]]:
    """The calls of other cores that were under way with the event of a finding, or with the call that it ends."""
    begun: dict[int, tuple[int, CallEvent]] = {}
    ended: list[tuple[int, CallEvent]] = []
    for number, event in enumerate(trace):
        cpu = getattr(event, "cpu", None)
        own = begun.get(cpu, (number, None))[0] if cpu is not None else number
        if number in notes:
            others = [call for other, (_, call) in begun.items() if other != cpu]
            others += [call for end, call in ended if end > own and call.cpu != cpu]
            for call in others:
                yield number, f"{call_text(call)} of core {call.cpu:#x}"
        if isinstance(event, CallEvent):
            begun[event.cpu] = number, event
        elif isinstance(event, ReturnEvent | EnterEvent) and event.cpu in begun:
            ended.append((number, begun.pop(event.cpu)[1]))
        elif isinstance(event, BootEvent):
            begun.clear()


__all__ = ["WORDS", "Followed", "States"]
