"""Words for events, and for one that nothing explains: what was seen, what was allowed, which rule comes nearest."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from psci.model.calls import CALLS
from psci.model.calls.conventions import OF_ALL_CALLS
from psci.model.calls.psci_features import PSCI_FEATURES
from psci.model.calls.psci_version import PSCI_VERSION
from psci.model.declare import Call as Function
from psci.model.events import (
    BootEvent,
    CallEvent,
    EnterEvent,
    Event,
    HostEvent,
    MachineEvent,
    ObserveEvent,
    ReturnEvent,
    SystemEvent,
    TimeoutEvent,
    UnwakeEvent,
    WakeEvent,
)
from psci.model.language.rules import Completion, Modality
from psci.model.language.terms import Const, Op, Term, show
from psci.model.machine import Key, answers
from psci.model.step import Outcome
from psci.model.symbols.readings import READINGS
from psci.model.tables.codes import code_of
from psci.oracle.checker.configuration import Configuration, Pending
from psci.oracle.checker.explain import Explainer, SeenEvent, go_on
from psci.oracle.checker.report import Nearest, result_text
from psci.oracle.checker.silent_moves import MoveTarget
from psci.oracle.checker.worlds import STATISTICS

MOST_TOLD = 500
"""How many explanations are looked at for what was allowed instead; what is wrong is known already."""

LONGEST = 60
"""Characters of a condition that is shown as it stands; a longer one is told by the sentence of its rule."""

VALUES: Mapping[str, Mapping[int, str]] = {
    "MEM_PROTECT": {0: "protection was off", 1: "protection was on"},
    "NODE_HW_STATE": {0: "HW_ON", 1: "HW_OFF", 2: "HW_STANDBY"},
    "MIGRATE_INFO_TYPE": {
        0: "a uniprocessor Trusted OS that can be migrated", 1: "a uniprocessor Trusted OS that cannot be migrated",
        2: "no Trusted OS, or one that runs on all cores",
    },
}  # fmt: skip
"""What the values of functions mean whose rules give them no names (facts, section 2)."""

ADDRESSES = ("MIGRATE_INFO_UP_CPU",)
"""Functions whose value is a core."""

KINDS: Mapping[str, str] = {
    "OFF": "power-off", "HIBERNATE": "hibernation", "RESET": "a cold reset", "WARM_RESET": "a warm reset",
    "VENDOR_RESET": "a vendor-specific reset", "POWER_LOSS": "a loss of power", "NONE": "the start",
}  # fmt: skip
"""The ways in which a system goes down."""

FLAGS: Mapping[tuple[str, int], str] = {
    ("off", 0): "SYSTEM_OFF", ("off", 1): "SYSTEM_OFF2", ("reset", 0): "SYSTEM_RESET", ("reset", 1): "SYSTEM_RESET2",
}  # fmt: skip
"""What bit 0 of the flags of a system event says (`psci.oracle.traces`)."""

SYSTEMS: Mapping[str, str] = {
    "RUNNING": "running", "GOING": "on its way down", "SUSPENDED": "suspended", "DOWN": "down",
}  # fmt: skip
"""What the system does."""

DECLARED: Mapping[str, Mapping[Any, str]] = {
    "extended_state_id": {
        True: "power_state has the extended StateID format",
        False: "power_state has the original format",
    },
    "osi_supported": {True: "OS-initiated mode is supported", False: "OS-initiated mode is not supported"},
    "knows_hint_bit": {True: "bit 16 of a function id is a hint", False: "bit 16 is a part of the function id"},
    "features_hides_smc64": {
        True: "PSCI_FEATURES hides SMC64 ids from AArch32 callers",
        False: "PSCI_FEATURES shows AArch32 callers SMC64 ids",
    },
    "trusted_os": {
        "UP_MIGRATABLE": "there is a uniprocessor Trusted OS that can be migrated",
        "UP_FIXED": "there is a uniprocessor Trusted OS that cannot be migrated",
        "MP_OR_NONE": "there is no uniprocessor Trusted OS",
    },
}
"""What is not declared, in words."""

_ERROR = 31
"""The bit that is set in the low word of every error code."""

MOST_CALLS_TOLD = 4
"""Of so many calls under way it is told how they could have ended, where no call ended."""


def function_asked_about(false: list[Term], pending: Pending) -> bool:
    """Whether a rule of PSCI_FEATURES is about another function than the one that the call asks about."""
    return pending.call.fn in PSCI_FEATURES.ids() and any("psci_func_id" in show(part) for part in false)


class AllowedText(NamedTuple):
    """What the rules allow instead of what was seen."""

    text: str
    rules: tuple[str, ...]
    cites: tuple[str, ...]
    decisive: tuple[str, ...] = ()


class TraceWords:
    """Describes events by the rules of one machine."""

    def __init__(self, explainer: Explainer) -> None:
        self._explainer = explainer
        self._unseen = explainer.unseen
        self._stepper = explainer.stepper

    # ---- events

    def told(self, seen: SeenEvent) -> str:
        """An event in words."""
        match seen.event:
            case CallEvent() as event:
                return f"core {event.cpu:#x} calls {self.call(event)}"
            case ReturnEvent(cpu=cpu, x0=x0):
                return f"core {cpu:#x} returns {self._returned(seen, x0)}"
            case EnterEvent(cpu=cpu, pc=pc, x0=x0):
                return f"core {cpu:#x} is entered at {pc:#x} with x0 {x0:#x}"
            case WakeEvent(cpu=cpu):
                return f"a wakeup event is made pending for core {cpu:#x}"
            case UnwakeEvent(cpu=cpu):
                return f"the wakeup event of core {cpu:#x} is withdrawn"
            case HostEvent(action=action, cpu=place):
                return f"host: {action}" + ("" if place is None else f" of core {place:#x}")
            case TimeoutEvent(cpu=cpu):
                return f"core {cpu:#x} gives no answer"
            case MachineEvent():
                return "the machine starts"
        return self.observed(seen)

    def call(self, event: CallEvent) -> str:
        """A call by its name, with its arguments by theirs."""
        function, wide = self._stepper.function(event.fn & 0xFFFF_FFFF)
        if function is None:
            return f"{event.fn:#010x}, no function of PSCI"
        mask = (1 << 64) - 1 if wide else 0xFFFF_FFFF
        given = zip(function.arguments, event.args, strict=False)
        arguments = ", ".join(f"{a.name}={value & (mask if a.native else 0xFFFF_FFFF):#x}" for a, value in given)
        return f"{function.name}({arguments})"

    def observed(self, seen: SeenEvent) -> str:
        """What was seen."""
        match seen.event:
            case ReturnEvent(cpu=cpu, x0=x0):
                return f"core {cpu:#x} returned {self._returned(seen, x0)}"
            case EnterEvent(cpu=cpu, pc=pc, x0=x0):
                return f"core {cpu:#x} entered at {pc:#x} with x0 {x0:#x}"
            case CallEvent() as event:
                return f"core {event.cpu:#x} called {self.call(event)}"
            case SystemEvent(event=what, flags=flags):
                if flags is None:
                    return f"system {what}"
                meaning = FLAGS.get((what, flags & 1))
                return f"system {what} with flags {flags:#x}" + (f", which mean {meaning}" if meaning else "")
            case BootEvent(cause=cause):
                return f"{cause} boot"
            case ObserveEvent(cpu=int(cpu), power=power, source=source):
                return f"core {cpu:#x} {power} (seen by {source})"
            case ObserveEvent(node=node, power=power, source=source):
                return f"node {node} {power} (seen by {source})"
        return seen.event.k

    def _returned(self, seen: SeenEvent, x0: int) -> str:
        if seen.call is None:
            return hex(x0)
        function, _ = self._stepper.function(seen.call.call.fn)
        text = self.answer(function, seen.call.wide, x0)
        if function is None:
            return text
        if _is_half(seen.call.wide, x0):
            code = result_text(x0, False)
            return f"{x0:#x} from {function.name}: only the low 32 bits are {code}, and an SMC64 call returns 64"
        return f"{text} from {function.name}"

    def answer(self, function: Function | None, wide: bool, x0: int) -> str:
        """An answer by the name that the function gives it."""
        if function is None:
            return result_text(x0, wide)
        if function.name == PSCI_VERSION.name and not x0 >> _ERROR & 1:
            return f"version {x0 >> 16 & 0x7FFF}.{x0 & 0xFFFF} ({x0:#x})"
        word = x0 if wide else x0 & 0xFFFF_FFFF
        if function.name == PSCI_FEATURES.name and not x0 >> _ERROR & 1:
            return f"implemented, with flags {word:#x}" if word else "implemented (0)"
        if word in VALUES.get(function.name, {}):
            meaning = VALUES[function.name][word]
            return f"{word} ({meaning})" if " " in meaning else f"{meaning} ({word})"
        if function.name in ADDRESSES and word in self._stepper.machine.core_of:
            return f"core {word:#x}"
        for rule in self._stepper.specification.of(function.name, self._stepper.machine.version):
            fixed = rule.value.value if isinstance(rule.value, Const) else None
            named = function.name not in STATISTICS and rule.modality in (Modality.SUCCEEDS, Modality.MAY_SUCCEED)
            if named and fixed == word:
                return f"{rule.code.name if rule.code else rule.name.partition('.')[2].upper()} ({word})"
        acts = any(rule.completion is not Completion.RETURNS for rule in self._rules(function))
        return "SUCCESS (0)" if word == 0 and acts else result_text(x0, wide)

    def _rules(self, function: Function) -> Iterable[Any]:
        return self._stepper.specification.of(function.name, self._stepper.machine.version)

    def assumed(self, key: Key, value: Any) -> tuple[str, bool]:
        """Something undeclared with the value that it has to have, in words, and whether that is unusual."""
        name, *arguments = key
        unusual = value != (answers(key) or (value,))[0]
        shown = [a if isinstance(a, str) else hex(a) for a in arguments]
        if name == "has":
            function = next((f for f in self._stepper.specification.calls if f.key == arguments[0]), None)
            named = shown[0] if function is None else function.name
            return f"{named} is {'implemented' if value else 'not implemented'}", unusual
        if name == "address_unusable":
            return f"the address {shown[0]} is {'not ' if value else ''}available to callers", unusual
        if name in ("disabled",):
            core = f"core {self._stepper.machine.cores[int(arguments[0])]:#x}"
            return f"{core} is {'' if value else 'not '}physically disabled", unusual
        if value in DECLARED.get(str(name), {}):
            return DECLARED[str(name)][value], unusual
        if name == "affinity_level_supported":
            return f"AFFINITY_INFO answers {'' if value else 'not '}for level {int(arguments[0])}", unusual
        if name == "state_valid":
            return f"the power_state {shown[0]} is {'valid' if value else 'not valid'}", unusual
        reading = next((r for r in READINGS.values() if r.symbol == name), None)
        if reading is not None and not arguments:
            option = next(option for option, of_it in reading.options.items() if of_it == value)
            return f"reading {reading.name}={option}: {reading.question} {reading.meanings[option]}", unusual
        of = f" of {', '.join(shown)}" if shown else ""
        words = str(value).lower().replace("_", " ")
        return f"{str(name).replace('_', ' ')}{of}: {words}", unusual

    # ---- what nothing explains

    def state(self, configurations: Iterable[Configuration], seen: SeenEvent) -> str:
        """What the core that an event is about, and the one that its call names, may be doing."""
        if seen.core is None:
            return ""
        if isinstance(seen.event, BootEvent):
            systems = sorted({c.state.system for c in configurations})
            return f"the machine was {' or '.join(SYSTEMS[system] for system in systems)}"
        cores = [seen.core]
        if seen.call is not None:
            named = self._stepper.machine.core_of.get(seen.call.call.x1)
            function, _ = self._stepper.function(seen.call.call.fn)
            first = function.arguments[0].name if function and function.arguments else ""
            if named is not None and named != seen.core and first.startswith("target"):
                cores = [named]
        states = list(configurations)
        told = []
        for core in cores:
            doings = sorted({_doing(c.state.power[core], c.state.activity[core]) for c in states})
            told.append(f"core {self._stepper.machine.cores[core]:#x} was {' or '.join(doings)}")
        return "; ".join(told)

    def allowed(self, configurations: Iterable[Configuration], core: int | None, event: Event) -> AllowedText:
        """What was allowed instead, with the rules and facts behind it."""
        if core is not None and not isinstance(event, EnterEvent | CallEvent | BootEvent | ObserveEvent):
            return self._outcomes(configurations, core)
        reached = self._reached(configurations, core, event)
        match event:
            case EnterEvent() if core is not None:
                return self._entries(reached, core)
            case CallEvent() if core is not None:
                return self._calls(reached, core)
            case SystemEvent():
                return self._system(configurations, reached)
            case BootEvent():
                return _boot(reached)
            case ObserveEvent() if core is not None:
                seen = sorted({_doing(c.state.power[core], c.state.activity[core]) for c in reached})
                return AllowedText(" or ".join(seen), (), ("SM-1", "AFF-11"))
            case ObserveEvent(node=node):
                place = self._stepper.machine.tree.names.index(node or "")
                states = sorted({c.state.node[place].lower() for c in reached})
                return AllowedText(" or ".join(states), (), ("PD-3", "PC-2"))
        return AllowedText("nothing", (), ())

    def _reached(self, configurations: Iterable[Configuration], core: int | None, event: Event) -> list[Configuration]:
        """What unseen steps lead to, as far as the event depends on them."""
        target: MoveTarget
        match event:
            case EnterEvent() | CallEvent() if core is not None:
                target = self._explainer.of_entry(core)
            case ObserveEvent():
                target = self._explainer.of_place(event, core)
            case SystemEvent():
                target = self._explainer.of_power
            case _:
                return list(configurations)
        return list(self._unseen.reached(configurations, target, go_on, MOST_TOLD))

    def could_end(self, configurations: Iterable[Configuration], core: int) -> set[Configuration]:
        """The configurations in which the call of a core can be decided, or no longer can, in any order with others."""

        def judge(configuration: Configuration) -> bool | None:
            pending = configuration.call_of(core)
            return None if pending is not None and pending.outcome is None else False

        found: set[Configuration] = set()
        for c in configurations:
            found |= self._unseen.reached([c], self._unseen.of_return(c, core), judge, MOST_TOLD)
        return found

    def nearest(self, configurations: Iterable[Configuration], core: int | None, event: Event) -> Nearest | None:
        """The rule whose answer was seen although its guard is false, and which part of the guard is false."""
        if core is None or not isinstance(event, ReturnEvent):
            return None
        best: tuple[tuple[int, bool], Nearest] | None = None
        for c in configurations:
            pending = c.call_of(core)
            if pending is None:
                continue
            for rule in self._stepper.rules_answering(pending.call, event.x0):
                both = isinstance(rule.guard, Op) and rule.guard.name == "and"
                parts = rule.guard.arguments if isinstance(rule.guard, Op) and both else (rule.guard,)
                false = [
                    part for part in parts
                    if self._stepper.holds(part, c.state, pending.call, c.assumptions) is False
                ]  # fmt: skip
                if false and function_asked_about(false, pending):
                    continue
                if not false:
                    return None  # Nothing is missing: another rule obliges to refuse.
                # of two that are as near, the function's own rule says more than one that all calls have
                distance = len(false), rule.name.partition(".")[2] in OF_ALL_CALLS
                if best is None or distance < best[0]:
                    best = distance, Nearest(rule.name, rule.text, _missing(false[0]), rule.cites)
        return None if best is None else best[1]

    def _outcomes(self, configurations: Iterable[Configuration], core: int) -> AllowedText:
        """How the call of a core could end, in any order with the unseen steps of others."""
        found: dict[str, set[str]] = {}
        cites: dict[str, None] = {}
        decisive: dict[str, None] = {}
        down = False
        for c in self.could_end(configurations, core):
            pending = c.call_of(core)
            outcomes: list[Outcome] = []
            if pending is None:
                down |= c.state.system == "DOWN"
                continue
            function, _ = self._stepper.function(pending.call.fn)
            if pending.outcome is not None:
                outcomes = [pending.outcome]
            elif c.state.activity[core] == "RUNNING":
                every = self._stepper.under_all_answers(c.state, pending.call, c.assumptions)
                outcomes = [outcome for allowed in every for outcome in allowed.outcomes]
                outcomes += [Outcome(a.rule, a.rule.completion, a.value, None) for a in pending.early
                             if self._unseen.together(c.assumptions, a.needs) is not None]  # fmt: skip
            for outcome in outcomes:
                found.setdefault(self._outcome_text(function, outcome, pending.wide), set()).add(outcome.rule.name)
                cites.update(dict.fromkeys(outcome.rule.cites))
                decisive.update(dict.fromkeys(outcome.rule.cites[:1]))
        if not found and down:
            return AllowedText("no return: the machine is down", (), ("SYS-4",))
        text = "; ".join(f"{what} [{', '.join(sorted(rules))}]" for what, rules in sorted(found.items()))
        rules = tuple(sorted({rule for group in found.values() for rule in group}))
        return AllowedText(text or "nothing", rules, tuple(cites), tuple(decisive))

    def _outcome_text(self, function: Function | None, outcome: Outcome, wide: bool) -> str:
        if outcome.completion is Completion.NEVER:
            return "no return"
        if outcome.completion is Completion.WAITS:
            entered = any(update.field.name == "entry" for update in outcome.rule.effect.updates)
            return f"a wait for a wakeup, then {'an entry' if entered else 'SUCCESS (0)'}"
        if outcome.value is None:
            return f"a value by the rule: {outcome.rule.text}"
        return self.answer(function, wide, outcome.value if wide else outcome.value & 0xFFFF_FFFF)

    def _system(self, before: Iterable[Configuration], reached: Iterable[Configuration]) -> AllowedText:
        """Which system events were asked for, and what the calls under way could do instead of asking for one."""
        states = list(reached)
        asked = sorted({KINDS[kind] for c in states for kind in c.state.asked if kind != "NONE"})
        parts = [" or ".join(asked) if asked else "no system event: no core asked for one"]
        rules: tuple[str, ...] = ()
        cites = ["SYS-2", "SYS-4"]
        began = list(before)
        calling = [core for core in range(len(self._stepper.machine.cores)) if any(c.call_of(core) for c in began)]
        for core in calling[:MOST_CALLS_TOLD]:
            call = self._outcomes(began, core)
            parts.append(f"from the call of core {self._stepper.machine.cores[core]:#x}: {call.text}")
            rules += call.rules
            cites += call.cites
        if len(calling) > MOST_CALLS_TOLD:
            parts.append(f"and from the calls of {len(calling) - MOST_CALLS_TOLD} other cores")
        return AllowedText(
            "; ".join(parts), tuple(dict.fromkeys(rules)), tuple(dict.fromkeys(cites)), ("SYS-2", "SYS-4")
        )

    def _entries(self, reached: Iterable[Configuration], core: int) -> AllowedText:
        found = list(reached)
        entering = [c.state for c in found if c.state.activity[core] == "ENTERING"]
        entries = sorted({(state.entry[core], state.context[core]) for state in entering})
        if entries:
            text = "; ".join(f"entry at {pc:#x} with context {x0:#x}" for pc, x0 in entries)
            rules = self._stepper.specification.of("ENTER", self._stepper.machine.version)
            cites = tuple(dict.fromkeys(f for r in rules for f in r.cites))
            decisive = tuple(fact for fact in cites if fact.startswith(("CPU_ON-1", "ENTRY-")))[:3]
            return AllowedText(text, tuple(r.name for r in rules), cites, decisive)
        states = [c.state for c in found]
        if all(state.system == "DOWN" for state in states):
            return AllowedText("no entry: the machine is down", (), ("SYS-4",))
        if all(state.power[core] == "OFF" for state in states):
            return AllowedText("no entry: the core is off, and no CPU_ON is under way", (), ("CPU_OFF-2", "SM-6"))
        if any(c.call_of(core) is not None for c in found):
            call = self._outcomes(found, core)
            return AllowedText(f"no entry; from its call: {call.text}", call.rules, call.cites, call.decisive)
        return AllowedText("no entry: no CPU_ON or wakeup for this core is under way", (), ("CPU_OFF-2", "SM-8"))

    def _calls(self, reached: Iterable[Configuration], core: int) -> AllowedText:
        states = [c.state for c in reached]
        doings = sorted({_doing(state.power[core], state.activity[core]) for state in states})
        stopping = any(state.system in ("GOING", "DOWN") for state in states)
        return AllowedText(
            f"no call: the core is {' or '.join(doings)}", (), ("SM-16", "SYS-4") if stopping else ("SM-16",)
        )


def _boot(reached: Iterable[Configuration]) -> AllowedText:
    kinds = sorted({c.state.kind for c in reached if c.state.system == "DOWN"})
    if not kinds:
        return AllowedText("no boot: the machine is not down", (), ("SYS-3", "SM-6"))
    after = " or ".join(KINDS[kind] for kind in kinds)
    return AllowedText(f"a cold boot, as always after {after}", (), ("SYS-3", "RESET-4", "OFF2-13"), ("SYS-3",))


def _doing(power: str, activity: str) -> str:
    """What a core does, in words."""
    if power != "ON":
        return "OFF" if power == "OFF" else "ON_PENDING (it has not arrived)"
    words = {
        "RUNNING": "running", "ENTERING": "about to be entered", "STOPPED": "stopped", "FROZEN": "frozen",
        "STANDBY": "in standby", "RETENTION": "in retention", "POWERDOWN": "powered down by a suspend",
    }  # fmt: skip
    return f"ON, {words[activity]}"


def _missing(part: Term) -> str:
    """That a condition does not hold, in a line and without a double negation."""
    negated = isinstance(part, Op) and part.name == "not"
    inner = part.arguments[0] if negated and isinstance(part, Op) else part
    text = _HAS.sub(_implemented, show(inner))
    if len(text) > LONGEST:
        return "which is not so here"
    return f"but here {text}" if negated else f"which needs {text}"


_HAS = re.compile(r"has\((0x[0-9a-f]+)\)")


def _implemented(match: re.Match[str]) -> str:
    fid = int(match[1], 0)
    name = next((call.name for call in CALLS if call.key == fid), match[1])
    return f"{name} is implemented"


def _is_half(wide: bool, x0: int) -> bool:
    """The low half of a 64-bit result is an error code, and the upper half is not that of the code."""
    return wide and x0 >> 32 == 0 and code_of(x0, 32) is not None


__all__ = ["AllowedText", "TraceWords"]
