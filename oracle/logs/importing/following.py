"""What cores did, put together from calls and from what ran after them: returns, entries, and boots."""

from __future__ import annotations

from dataclasses import dataclass

from psci.model.calls.cpu_on import CPU_ON
from psci.model.calls.cpu_suspend import CPU_SUSPEND
from psci.model.calls.system_off import SYSTEM_OFF, SYSTEM_RESET
from psci.model.calls.system_off2 import SYSTEM_OFF2
from psci.model.calls.system_reset2 import SYSTEM_RESET2
from psci.model.calls.system_suspend import SYSTEM_SUSPEND
from psci.model.events import BootEvent, CallEvent, EnterEvent, Event, ReturnEvent
from psci.oracle.logs.importing.log import MAX_IMPORTED, LogLines

_INSTRUCTION_BYTES = 4
_LAST_CALLS = tuple(fid for call in (SYSTEM_OFF, SYSTEM_OFF2, SYSTEM_RESET, SYSTEM_RESET2) for fid in call.ids())
"""After one of these the machine may start again."""


@dataclass(slots=True)
class _Core:
    open: CallEvent | None = None
    line: int = 0
    """Where the open call stands in the log."""
    back: int = 0
    """Where it returns."""
    heard_of: bool = False
    """It called, or was entered, since the machine started."""


class Follower:
    """The events of a machine whose log tells the calls, and where each core was afterwards."""

    def __init__(self, log: LogLines, remedy: str) -> None:
        """Begin.

        Args:
            log: for messages.
            remedy: what to do where the return of a call is not in the log.
        """
        self.events: list[Event] = []
        self._log = log
        self._remedy = remedy
        self._cores: dict[int, _Core] = {}
        self._entries: set[int] = set()
        self._ending = False

    def called(self, call: CallEvent, pc: int) -> CallEvent:
        """A core is at the conduit instruction at `pc`.

        Raises:
            LogError: its call before did not return, and no reset is under way.
        """
        core = self._cores.setdefault(call.cpu, _Core())
        if core.open is not None:
            if not self._ending:
                raise self._log.wrong(
                    f"core {call.cpu:#x} calls again, and its call at line {core.line} did not return to "
                    f"{core.back:#x}; {self._remedy}"
                )
            self.booted(call.cpu)
        fn = call.fn & 0xFFFF_FFFF
        if fn in (*CPU_ON.ids(), *CPU_SUSPEND.ids()):
            self._entries.update(call.args[1:2])
        elif fn in SYSTEM_SUSPEND.ids():
            self._entries.update(call.args[:1])
        elif fn in _LAST_CALLS:
            self._ending = True
        core.open, core.line, core.back, core.heard_of = call, self._log.number, pc + _INSTRUCTION_BYTES, True
        self._add(call)
        return call

    def ran(self, cpu: int, pc: int, x0: int, level: int | None) -> None:
        """A core is at `pc`: it returned, was entered, or nothing that matters happened."""
        core = self._cores.setdefault(cpu, _Core())
        if core.open is not None and pc == core.back:
            self._add(ReturnEvent(cpu=cpu, x0=x0))
            core.open = None
        elif pc in self._entries and (core.open is not None or not core.heard_of):
            self._add(EnterEvent(cpu=cpu, pc=pc, x0=x0, el=level))
            core.open, core.heard_of = None, True

    def reset(self, cpu: int) -> None:
        """The core that boots was reset; it boots where a call asked for that."""
        if self._ending:
            self.booted(cpu)

    def booted(self, cpu: int) -> None:
        """The machine starts again."""
        self._add(BootEvent(cpu=cpu, cause="unknown"))
        self._ending = False
        for name, core in self._cores.items():
            core.open, core.heard_of = None, name == cpu

    def take_back(self, call: CallEvent) -> None:
        """What looked like a call was none."""
        self._cores[call.cpu].open = None
        place = max(place for place, event in enumerate(self.events) if event is call)
        del self.events[place]

    def _add(self, event: Event) -> None:
        self.events.append(event)
        if len(self.events) > MAX_IMPORTED:
            raise self._log.wrong(f"more than {MAX_IMPORTED:,} events; cut the log at a boot")
