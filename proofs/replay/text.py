"""Machines, states, steps and calls as text: only what is true and what changes, in the words of the specification."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from psci.model.declare import Move
from psci.model.language.rules import Completion
from psci.model.language.sorts import CORE, NODE, blank
from psci.model.language.terms import Function
from psci.model.machine import Machine
from psci.model.specification import SPECIFICATION
from psci.model.symbols.state import FIELDS
from psci.model.tables.codes import code_named
from psci.proofs.encoding.rules import owner_named
from psci.proofs.replay.concrete import ReplayAction, Taken


@dataclass(frozen=True)
class ProofWords:
    """Puts what happens on one machine into words."""

    machine: Machine
    history: tuple[Function, ...] = ()
    """The history variables that are shown beside the fields of the state."""
    relevant: frozenset[str] = frozenset()
    """The fields whose value is a core or node that are shown at all."""

    def machine_line(self) -> str:
        """The version and the cores."""
        return f"machine: PSCI {self.machine.version}, cores {', '.join(f'{core:#x}' for core in self.machine.cores)}"

    def _core(self, index: int) -> str:
        return f"{self.machine.cores[index]:#x}"

    def state(self, state: Any, history: Mapping[str, Any]) -> Iterator[str]:
        """The fields that are not blank, one a line."""
        for field, value in self._named(state, history):
            if field.range in (CORE, NODE) and field.name not in self.relevant:
                continue
            if not field.domain:
                if value != blank(field.range):
                    yield f"{field.name}: {self._show(value, field)}"
                continue
            parts = [
                f"{self._place(field, place)} {self._show(cell, field)}"
                for place, cell in enumerate(value)
                if cell != blank(field.range)
            ]
            if parts:
                yield f"{field.name}: {', '.join(parts)}"

    def _named(self, state: Any, history: Mapping[str, Any]) -> Iterator[tuple[Function, Any]]:
        yield from zip(FIELDS, state, strict=True)
        yield from ((field, history[field.name]) for field in self.history)

    def changes(self, taken: Taken) -> Iterator[str]:
        """What a step changes, one a line."""
        after = dict(self._by_name(taken.after, taken.history_after))
        for field, old in self._named(taken.before, taken.history_before):
            new = after[field.name]
            if not field.domain:
                if old != new:
                    yield f"{field.name}: {self._show(old, field)} -> {self._show(new, field)}"
                continue
            for place, (was, now) in enumerate(zip(old, new, strict=True)):
                if was != now:
                    where = self._place(field, place)
                    yield f"{field.name} of {where}: {self._show(was, field)} -> {self._show(now, field)}"

    def _by_name(self, state: Any, history: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        yield from ((field.name, value) for field, value in self._named(state, history))

    def _place(self, field: Function, place: int) -> str:
        if field.domain == (CORE,):
            return f"core {self._core(place)}"
        if field.domain == (NODE,):
            return self.machine.tree.names[place]
        core, node = divmod(place, len(self.machine.tree.names))
        return f"core {self._core(core)} in {self.machine.tree.names[node]}"

    def _show(self, value: Any, field: Function) -> str:
        if field.range == CORE:
            return f"core {self._core(int(value))}"
        if field.range == NODE:
            return self.machine.tree.names[int(value)]
        if isinstance(value, bool):
            return "yes" if value else "no"
        return value if isinstance(value, str) else f"{value:#x}"

    def _moving(self, action: ReplayAction) -> str:
        move = owner_named(SPECIFICATION, action.owner)
        if isinstance(move, Move) and move.node is not None:
            return f" of {self.machine.tree.names[action.core]}"
        return f" of core {self._core(action.core)}" if isinstance(move, Move) and move.core is not None else ""

    def step(self, taken: Taken) -> str:
        """A step and how it ends."""
        ending = _ending(taken) if taken.action.invocation else ""
        return self.action(taken.action) + (f": {ending}" if ending else "")

    def action(self, action: ReplayAction) -> str:
        """A call with its registers, or a move with what it says."""
        call = action.invocation
        if call is None:
            said = "".join(f" {v}" if isinstance(v, str) else f" {v:#x}" for v in action.parameters)
            return f"{action.owner}{self._moving(action)}{said}"
        width = "SMC64" if call.fn & 0x4000_0000 else "SMC32"
        arguments = f"x1={call.x1:#x} x2={call.x2:#x} x3={call.x3:#x}"
        who = "" if call.isa == "AARCH64" and call.world == "NORMAL" else f", {call.isa} {call.world}"
        return f"core {self._core(call.caller)} calls {action.owner} ({width}{who}) {arguments}"


def _ending(taken: Taken) -> str:
    if taken.completion is not Completion.RETURNS:
        return str(taken.completion.value) if taken.completion else ""
    if taken.value is None:
        return "returns"
    signed = taken.value - (1 << 64) if taken.value >> 63 else taken.value
    code = code_named(signed)
    return f"returns {code.name if code and signed <= 0 else hex(signed)}"
