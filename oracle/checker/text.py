"""Words for an event that nothing explains: what was seen, what was allowed, which rule comes nearest."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from psci.model.events import Boot, Call, Enter, Event, Observe, Return, System
from psci.model.language.rules import Completion
from psci.model.language.terms import Op, show
from psci.model.step import Outcome
from psci.model.tables.codes import code_named
from psci.oracle.checker.configuration import Configuration
from psci.oracle.checker.report import Nearest, result_text
from psci.oracle.checker.silent_moves import Unseen


class AllowedText(NamedTuple):
    """What the rules allow instead of what was seen."""

    text: str
    rules: tuple[str, ...]
    cites: tuple[str, ...]


class Words:
    """Describes events by the rules of one machine."""

    def __init__(self, unseen: Unseen) -> None:
        self._unseen = unseen
        self._stepper = unseen.stepper

    def observed(self, event: Event) -> str:
        """What was seen."""
        match event:
            case Return(cpu=cpu, x0=x0):
                return f"core {cpu:#x} returned {_answer(x0)}"
            case Enter(cpu=cpu, pc=pc, x0=x0):
                return f"core {cpu:#x} entered at {pc:#x} with x0 {x0:#x}"
            case Call(cpu=cpu, fn=fn):
                return f"core {cpu:#x} called {fn:#010x}"
            case System(event=what):
                return f"system {what}"
            case Boot(cause=cause):
                return f"{cause} boot"
            case Observe(cpu=int(cpu), power=power, source=source):
                return f"core {cpu:#x} {power} (seen by {source})"
            case Observe(node=node, power=power, source=source):
                return f"node {node} {power} (seen by {source})"
        return event.k

    def allowed(self, configurations: Iterable[Configuration], core: int | None, event: Event) -> AllowedText:
        """What was allowed instead, with the rules and facts behind it."""
        if core is not None and not isinstance(event, Enter | Call | Boot | Observe):
            return self._outcomes(configurations, core)
        reached = self._unseen.reached(configurations)
        match event:
            case Enter() if core is not None:
                return self._entries(reached, core)
            case Call() if core is not None:
                return _calls(reached, core)
            case System():
                return self._system(reached)
            case Boot():
                return AllowedText("no boot: the machine is not down", (), ("SYS-3", "SM-6"))
            case Observe() if core is not None:
                seen = sorted({f"{c.state.power[core]} ({c.state.activity[core]})" for c in reached})
                return AllowedText(" or ".join(seen), (), ("SM-1", "AFF-11"))
            case Observe(node=node):
                place = self._stepper.machine.tree.names.index(node or "")
                return AllowedText(" or ".join(sorted({c.state.node[place] for c in reached})), (), ("PD-3", "PC-2"))
        return AllowedText("nothing", (), ())

    def nearest(self, configurations: Iterable[Configuration], core: int | None, event: Event) -> Nearest | None:
        """The rule whose answer was seen although its guard is false, and which part of the guard is false."""
        if core is None or not isinstance(event, Return):
            return None
        for c in configurations:
            pending = c.pending[core]
            if pending is None:
                continue
            for rule in self._stepper.rules_answering(pending.call, event.x0):
                both = isinstance(rule.guard, Op) and rule.guard.name == "and"
                for part in rule.guard.arguments if isinstance(rule.guard, Op) and both else (rule.guard,):
                    if self._stepper.holds(part, c.state, pending.call, c.assumptions) is False:
                        return Nearest(rule.name, rule.text, show(part), rule.cites)
        return None

    def _outcomes(self, configurations: Iterable[Configuration], core: int) -> AllowedText:
        """How the call of a core could end, in any order with the unseen steps of others."""

        def judge(configuration: Configuration) -> bool | None:
            pending = configuration.pending[core]
            return None if pending is not None and pending.outcome is None else False

        found: dict[str, set[str]] = {}
        cites: dict[str, None] = {}
        down = False
        for c in self._unseen.reached(configurations, judge):
            pending = c.pending[core]
            outcomes: list[Outcome] = []
            if pending is None:
                down |= c.state.system == "DOWN"
                continue
            if pending.outcome is not None:
                outcomes = [pending.outcome]
            elif c.state.activity[core] == "RUNNING":
                every = self._stepper.under_all_answers(c.state, pending.call, c.assumptions)
                outcomes = [outcome for allowed in every for outcome in allowed.outcomes]
            for outcome in outcomes:
                found.setdefault(_outcome_text(outcome, pending.wide), set()).add(outcome.rule.name)
                cites.update(dict.fromkeys(outcome.rule.cites))
        if not found and down:
            return AllowedText("no return: the machine is down", (), ("SYS-4",))
        text = "; ".join(f"{what} [{', '.join(sorted(rules))}]" for what, rules in sorted(found.items()))
        rules = tuple(sorted({rule for group in found.values() for rule in group}))
        return AllowedText(text or "nothing", rules, tuple(cites))

    def _system(self, reached: Iterable[Configuration]) -> AllowedText:
        """Which system events were asked for, and what the calls under way could do instead of asking for one."""
        states = list(reached)
        asked = sorted({kind for c in states for kind in c.state.asked if kind != "NONE"})
        parts = [f"the effect of {', '.join(asked)}" if asked else "no system event: no core asked for one"]
        rules: tuple[str, ...] = ()
        cites = ["SYS-2", "SYS-4"]
        for core, mpidr in enumerate(self._stepper.machine.cores):
            if any(c.pending[core] is not None for c in states):
                call = self._outcomes(states, core)
                parts.append(f"from the call of core {mpidr:#x}: {call.text}")
                rules += call.rules
                cites += call.cites
        return AllowedText("; ".join(parts), tuple(dict.fromkeys(rules)), tuple(dict.fromkeys(cites)))

    def _entries(self, reached: Iterable[Configuration], core: int) -> AllowedText:
        entering = [c.state for c in reached if c.state.activity[core] == "ENTERING"]
        entries = sorted({(state.entry[core], state.context[core]) for state in entering})
        if entries:
            text = "; ".join(f"entry at {pc:#x} with context {x0:#x}" for pc, x0 in entries)
            rules = self._stepper.specification.of("ENTER", self._stepper.machine.version)
            return AllowedText(
                text, tuple(r.name for r in rules), tuple(dict.fromkeys(f for r in rules for f in r.cites))
            )
        states = [c.state for c in reached]
        if all(state.system == "DOWN" for state in states):
            return AllowedText("no entry: the machine is down", (), ("SYS-4",))
        if all(state.power[core] == "OFF" for state in states):
            return AllowedText("no entry: the core is off, and no CPU_ON is under way", (), ("CPU_OFF-2", "SM-6"))
        return AllowedText("no entry: no CPU_ON or wakeup for this core is under way", (), ("CPU_OFF-2", "SM-8"))


def _calls(reached: Iterable[Configuration], core: int) -> AllowedText:
    states = [c.state for c in reached]
    doings = sorted({f"{state.power[core]}, {state.activity[core]}" for state in states})
    stopping = any(state.system in ("GOING", "DOWN") for state in states)
    return AllowedText(
        f"no call: the core is {' or '.join(doings)}", (), ("SM-16", "SYS-4") if stopping else ("SM-16",)
    )


def _answer(x0: int) -> Any:
    word = x0 & 0xFFFF_FFFF
    signed = word - (1 << 32) if word >> 31 else word
    return result_text(x0, False) if code_named(signed) else hex(x0)


def _outcome_text(outcome: Outcome, wide: bool) -> str:
    if outcome.completion is Completion.NEVER:
        return "no return"
    if outcome.completion is Completion.WAITS:
        return "a wait for a wakeup"
    if outcome.value is None:
        return "a value that satisfies the rule"
    return "SUCCESS (0)" if outcome.rule.code and outcome.value == 0 else result_text(outcome.value, wide)


__all__ = ["AllowedText", "Words"]
