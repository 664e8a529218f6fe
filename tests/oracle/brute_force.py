"""A judge that tries everything: all decisions, silent moves and orders. For small traces only.

It shares the rules and the stepper with the oracle, and nothing of how the oracle searches.
`python -m tests.oracle.brute_force --traces 20000 --seed 1` compares the two at length.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from random import Random
from typing import Any, NamedTuple

from psci.model.events import (
    BootEvent,
    CallEvent,
    EnterEvent,
    Event,
    MachineEvent,
    ObserveEvent,
    ReturnEvent,
    SystemEvent,
    UnwakeEvent,
    WakeEvent,
)
from psci.model.language.rules import Completion
from psci.model.machine import Undeclared
from psci.model.step import Invocation, Outcome, Stepper, accepts
from psci.model.symbols.readings import READINGS
from psci.model.tables.versions import VERSIONS
from psci.oracle.checker.checker import Checker, DetailMatters
from psci.oracle.checker.explain import OBSERVED, _system_kinds
from psci.oracle.checker.report import Report, Verdict
from psci.oracle.checker.worlds import LEAST, Detail
from psci.oracle.profiles.declaration import initial_state, judged_machine
from psci.oracle.traces.order import OrderError, groups

TOO_MANY = 30_000
"""Above this many configurations a trace is not small."""


class TooLarge(Exception):
    """The trace is not small enough to try everything."""


class Config(NamedTuple):
    """A state, each core's call with its outcome once it is decided, and what is assumed."""

    state: Any
    calls: tuple[Any, ...]
    assumed: frozenset[Any]


class BruteForce:
    """Judges by trying everything."""

    def __init__(self, machine: MachineEvent, stepper: Stepper) -> None:
        self.stepper = stepper
        cores = self.stepper.machine.cores
        self.core_of = {mpidr: core for core, mpidr in enumerate(cores)}
        self.isas = [str((machine.cores or {}).get(m, {}).get("isa", "aarch64")).upper() for m in cores]
        start = initial_state(self.stepper, machine.initial)
        self.start = frozenset({Config(start, (None,) * len(cores), frozenset())})
        self.fresh = {self.stepper.machine.boot}

    def closed(self, configs: frozenset[Config]) -> frozenset[Config]:
        """All that unseen steps lead to."""
        seen = set(configs)
        frontier = list(configs)
        while frontier:
            for after in self._steps(frontier.pop()):
                if after not in seen:
                    seen.add(after)
                    frontier.append(after)
            if len(seen) > TOO_MANY:
                raise TooLarge
        return frozenset(seen)

    def _steps(self, config: Config) -> Iterator[Config]:
        state, calls, assumed = config
        for core, pending in enumerate(calls):
            if pending is not None and pending[1] is None and state.activity[core] == "RUNNING":
                for more, outcomes in self._under(
                    lambda c, p=pending: self.stepper.allowed(state, p[0], c).outcomes, assumed
                ):
                    for outcome in outcomes:
                        after = None
                        if outcome.completion is not Completion.NEVER:
                            after = (pending[0], (outcome.rule, outcome.completion, outcome.value))
                        yield Config(outcome.state, (*calls[:core], after, *calls[core + 1 :]), more)
        for move in self.stepper.specification.moves:
            if move.silent:
                places = len(calls) if move.node is None else len(self.stepper.machine.tree.names)
                for index in range(places):
                    for after, more in self._moved(config, move.name, index):
                        yield Config(after, calls, more)

    def _moved(self, config: Config, name: str, index: int = 0, parameters: tuple[Any, ...] = ()) -> Iterator[Any]:
        for more, found in self._under(
            lambda c: self.stepper.move(name, config.state, index, parameters, c), config.assumed
        ):
            for _, after in found:
                yield after, more

    def _under(self, ask: Any, assumed: frozenset[Any]) -> Iterator[Any]:
        try:
            yield assumed, ask(dict(assumed))
        except Undeclared as missing:
            key = missing.key
        else:
            return
        for value in self.stepper.possible(key, dict(assumed)):
            yield from self._under(ask, assumed | {(key, value)})

    def after(self, configs: frozenset[Config], event: Event) -> frozenset[Config]:
        """The configurations that explain one more event, of those that unseen steps lead to."""
        configs = self.closed(configs)
        core = self.core_of.get(getattr(event, "cpu", None) or 0)
        assert core is not None
        found: set[Config] = set()
        for config in configs:
            state, calls, assumed = config
            pending = calls[core]
            without = (*calls[:core], None, *calls[core + 1 :])
            match event:
                case CallEvent(fn=fn, args=args, isa=isa):
                    x1, x2, x3 = (*args, 0, 0, 0)[:3]
                    made = Invocation(core, fn & 0xFFFF_FFFF, x1, x2, x3, (isa or self.isas[core]).upper())
                    called = (*calls[:core], (made, None), *calls[core + 1 :])
                    if state.activity[core] == "RUNNING" and pending is None:
                        found.add(Config(state, called, assumed))
                    elif state.activity[core] == "ENTERING":
                        activity = (*state.activity[:core], "RUNNING", *state.activity[core + 1 :])
                        found.add(Config(state._replace(activity=activity), called, assumed))
                case ReturnEvent(x0=x0) if pending is not None and pending[1] is not None:
                    rule, completion, value = pending[1]
                    wide = self.stepper.result_is_wide(pending[0])
                    if state.activity[core] == "RUNNING" and accepts(Outcome(rule, completion, value, None), x0, wide):
                        found.add(Config(state, without, assumed))
                case EnterEvent(pc=pc, x0=x0):
                    found |= {
                        Config(after, without, more) for after, more in self._moved(config, "ENTER", core, (pc, x0))
                    }
                case WakeEvent() | UnwakeEvent():
                    found |= {
                        Config(after, calls, more)
                        for after, more in self._moved(config, "SIGNAL", core, (isinstance(event, WakeEvent),))
                    }
                case SystemEvent(event="suspend") if state.system == "SUSPENDED":
                    found.add(config)
                case SystemEvent(event=what) if what != "suspend":
                    for kind in _system_kinds(event):
                        for after, more in self._moved(config, "GO_DOWN", 0, (kind,)):
                            found.add(Config(after, (None,) * len(calls), more))
                case BootEvent():
                    for down in (config, *self._down_unseen(config)):
                        for after, more in self._moved(down, "BOOT", core):
                            found.add(Config(after, (None,) * len(calls), more))
                case ObserveEvent(cpu=int(), power=power):
                    if state.system == "DOWN" or OBSERVED[power](state, core):
                        found.add(config)
                case ObserveEvent(node=str(node), power=power):
                    place = self.stepper.machine.tree.names.index(node)
                    seen = [more for _, more in self._moved(config, "LOOK", place, (power.upper(),))]
                    if state.system == "DOWN":
                        found.add(config)
                    found |= {Config(state, calls, more) for more in seen}
        return frozenset(found)

    def _down_unseen(self, config: Config) -> Iterator[Config]:
        """The system goes down as it was asked to, and no line tells of it."""
        for kind in set(config.state.asked) - {"NONE"} if config.state.system == "GOING" else ():
            for after, more in self._moved(config, "GO_DOWN", 0, (kind,)):
                yield Config(after, config.calls, more)

    def first_unexplained(self, events: Sequence[Event]) -> int | None:
        """The place of the first event that nothing explains, in the order of the lines."""
        configs = self.start
        fresh = set(self.fresh)
        for place, event in enumerate(events):
            core = self.core_of.get(getattr(event, "cpu", None) or 0, 0)
            if isinstance(event, EnterEvent) and core in fresh:
                fresh.discard(core)
                continue
            if isinstance(event, CallEvent):
                fresh.discard(core)
            if isinstance(event, BootEvent):
                fresh = {core}
            configs = self.after(configs, event)
            if not configs:
                return place
        return None

    def explains_some_order(self, events: Sequence[Event]) -> bool:
        """Whether some order that the intervals and the cores' own logs admit is explained."""
        if len(events) > 7:
            raise TooLarge
        for order in itertools.permutations(range(len(events))):
            at = {place: n for n, place in enumerate(order)}
            admissible = all(
                at[a] < at[b]
                for a in range(len(events))
                for b in range(len(events))
                if _before(events[a], events[b], a < b)
            )
            if admissible and self.first_unexplained([events[place] for place in order]) is None:
                return True
        return False


_OWN = (CallEvent, ReturnEvent, EnterEvent)


def _before(one: Event, other: Event, line_first: bool) -> bool:
    if isinstance(one, _OWN) and isinstance(other, _OWN) and one.cpu == other.cpu:
        return line_first
    if one.t1 is None or other.t0 is None:
        return line_first
    return one.t1 < other.t0


# ---- random traces

CALLS = {
    "CPU_ON": (0xC400_0003, 0x8400_0003), "CPU_OFF": (0x8400_0002,), "CPU_SUSPEND": (0xC400_0001,),
    "AFFINITY_INFO": (0xC400_0004,), "SYSTEM_SUSPEND": (0xC400_000E,), "CPU_DEFAULT_SUSPEND": (0xC400_000C,),
    "CPU_FREEZE": (0x8400_000B,), "PSCI_SET_SUSPEND_MODE": (0x8400_000F,), "SYSTEM_OFF": (0x8400_0008,),
    "SYSTEM_RESET": (0x8400_0009,), "SYSTEM_OFF2": (0xC400_0015,), "SYSTEM_RESET2": (0xC400_0012,),
    "MIGRATE": (0xC400_0005,), "MEM_PROTECT": (0x8400_0013,), "PSCI_FEATURES": (0x8400_000A,),
    "PSCI_VERSION": (0x8400_0000,),
}  # fmt: skip
LIKELY = ("CPU_ON", "CPU_ON", "CPU_ON", "AFFINITY_INFO", "AFFINITY_INFO", "CPU_OFF", "CPU_SUSPEND", "CPU_SUSPEND")
STATES = (0x0, 0x1, 0x10000, 0x0101_0000, 0x4000_0000)
IDS_0_1 = {"cpu_suspend": 0x95C1_BA5E, "cpu_off": 0x95C1_BA5F, "cpu_on": 0x95C1_BA60, "migrate": 0x95C1_BA61}
OPEN_READINGS = sorted(set(READINGS))


def random_machine(random: Random) -> MachineEvent:
    """A small machine: any version, some readings, some declarations."""
    psci = random.choice([v.name for v in VERSIONS])
    cores = random.choice(((0, 1), (0, 1, 2), (0, 1, 0x100)))
    profile: dict[str, Any] = {}
    if random.random() < 0.4:
        profile["unusable"] = [["0x0", "0xfff"]] if random.random() < 0.5 else []
    if random.random() < 0.5 and psci not in ("0.1", "0.2"):
        profile |= {"power_state_format": "original", "os_initiated": random.random() < 0.5}
        profile["states"] = [
            {"power_state": "0x0", "core": "standby", "levels": {}, "last_in_level": 0},
            {"power_state": "0x10000", "core": "powerdown", "levels": {}, "last_in_level": 0},
            {"power_state": "0x1010000", "core": "powerdown", "levels": {"1": "powerdown"}, "last_in_level": 1},
        ]
    elif random.random() < 0.3:
        profile["policy_denies"] = []
    reading = {}
    for name in random.sample(OPEN_READINGS, random.choice((0, 0, 1, 2))):
        reading[name] = random.choice(list(READINGS[name].options))
    topology = {"clusters": [2, len(cores) - 2]} if len(cores) > 2 and random.random() < 0.5 else None
    if len(cores) == 2 and random.random() < 0.3:
        topology = {"clusters": [1, 1]}
    initial = None
    if random.random() < 0.4:
        initial = {"power": {hex(c): "ON" for c in cores}, "activity": {hex(c): "RUNNING" for c in cores}}
    return MachineEvent(
        psci=psci, cpus=cores, profile=profile or None, reading=reading or None, topology=topology, initial=initial,
        ids=IDS_0_1 if psci == "0.1" else None,
    )  # fmt: skip


class Walk:
    """A random run of an implementation that keeps the rules, as a trace."""

    def __init__(self, machine: MachineEvent, stepper: Stepper, random: Random) -> None:
        self.random = random
        self.stepper = stepper
        self.cores = self.stepper.machine.cores
        self.state = initial_state(self.stepper, machine.initial)
        self.calls: dict[int, Any] = {}
        self.choices: dict[Any, Any] = {}
        self.events: list[Event] = []
        self.ids = machine.ids

    def _ask(self, what: Any) -> Any:
        while True:
            try:
                return what(self.choices)
            except Undeclared as missing:
                self.choices[missing.key] = self.random.choice(self.stepper.possible(missing.key, self.choices))

    def run(self, length: int) -> list[Event]:
        """Some events."""
        for _ in range(length * 8):
            if len(self.events) >= length:
                break
            self.random.choice((self._call, self._decide, self._silent, self._finish, self._finish, self._look))()
        return self.events

    def _call(self) -> None:
        ready = [c for c, a in enumerate(self.state.activity) if a == "RUNNING" and c not in self.calls]
        if not ready or len(self.calls) > 2:
            return
        core = self.random.choice(ready)
        name = self.random.choice(LIKELY if self.random.random() < 0.7 else tuple(CALLS))
        fn = self.random.choice(CALLS[name])
        if self.ids is not None:
            fn = self.ids.get(name.lower(), fn)
        target = self.random.choice((*self.cores, *self.cores, 7))
        pc, context = self.random.choice((0x800, 0x4000_0000)), self.random.choice((1, 2))
        level = self.random.choice((0, 0, 0, 1))
        args: tuple[int, ...] = {
            "CPU_ON": (target, pc, context), "CPU_SUSPEND": (self.random.choice(STATES), pc, context),
            "AFFINITY_INFO": (target, level), "SYSTEM_SUSPEND": (pc, context), "CPU_DEFAULT_SUSPEND": (pc, context),
            "PSCI_SET_SUSPEND_MODE": (self.random.choice((0, 1)),), "SYSTEM_OFF2": (1, 0), "MIGRATE": (target,),
            "MEM_PROTECT": (self.random.choice((0, 1)),), "SYSTEM_RESET2": (0, 0),
            "PSCI_FEATURES": (self.random.choice((0xC400_0003, 0x8400_000F, 0xC400_0001)),),
        }.get(name, ())  # fmt: skip
        x1, x2, x3 = (*args, 0, 0, 0)[:3]
        self.calls[core] = [Invocation(core, fn, x1, x2, x3), None]
        self.events.append(CallEvent(cpu=self.cores[core], fn=fn, args=args))

    def _decide(self) -> None:
        waiting = [c for c, p in self.calls.items() if p[1] is None and self.state.activity[c] == "RUNNING"]
        if waiting:
            core = self.random.choice(waiting)
            call = self.calls[core][0]
            outcomes = self._ask(lambda c: self.stepper.allowed(self.state, call, c)).outcomes
            if outcomes:
                outcome = self.random.choice(outcomes)
                self.state = outcome.state
                self.calls[core][1] = outcome
                if outcome.completion is Completion.NEVER:
                    del self.calls[core]

    def _silent(self) -> None:
        moves = [
            after
            for move in self.stepper.specification.moves
            if move.silent
            for index in range(len(self.cores) if move.node is None else len(self.stepper.machine.tree.names))
            for _, after in self._ask(lambda c, m=move, i=index: self.stepper.move(m.name, self.state, i, (), c))
        ]
        if moves:
            self.state = self.random.choice(moves)

    def _finish(self) -> None:
        running = [c for c, p in self.calls.items() if p[1] is not None and self.state.activity[c] == "RUNNING"]
        entering = [c for c, a in enumerate(self.state.activity) if a == "ENTERING"]
        if self.state.system == "GOING" and self.random.random() < 0.3:
            kind = next(k for k in self.state.asked if k != "NONE")
            what = {"OFF": "off", "HIBERNATE": "hibernate"}.get(kind, "reset")
            self.events.append(SystemEvent(event=what))
            self.state = self.random.choice(
                self._ask(lambda c: self.stepper.move("GO_DOWN", self.state, 0, (kind,), c))
            )[1]
            self.calls.clear()
        elif self.state.system == "DOWN":
            self.state = self.random.choice(self._ask(lambda c: self.stepper.move("BOOT", self.state, 0, (), c)))[1]
            self.events.append(BootEvent(cpu=self.cores[0], cause="unknown"))
        elif entering and (not running or self.random.random() < 0.5):
            core = self.random.choice(entering)
            pc, x0 = self.state.entry[core], self.state.context[core]
            found = self._ask(lambda c: self.stepper.move("ENTER", self.state, core, (pc, x0), c))
            if found:
                self.state = found[0][1]
                self.calls.pop(core, None)
                if self.random.random() < 0.9:
                    self.events.append(EnterEvent(cpu=self.cores[core], pc=pc, x0=x0))
        elif running:
            core = self.random.choice(running)
            _, outcome = self.calls.pop(core)
            x0 = 0 if outcome.completion is Completion.WAITS else outcome.value
            self.events.append(
                ReturnEvent(cpu=self.cores[core], x0=self.random.choice((0, 1, 2)) if x0 is None else x0)
            )

    def _look(self) -> None:
        core = self.random.randrange(len(self.cores))
        roll = self.random.random()
        if roll < 0.25:
            self.events.append(self.random.choice((WakeEvent, UnwakeEvent))(cpu=self.cores[core]))
            self.state = self._ask(
                lambda c: self.stepper.move("SIGNAL", self.state, core, (isinstance(self.events[-1], WakeEvent),), c)
            )[0][1]
        elif roll < 0.45:
            words = [word for word, test in OBSERVED.items() if test(self.state, core)]
            if words:
                self.events.append(ObserveEvent(cpu=self.cores[core], power=self.random.choice(words), source="walk"))
        elif roll < 0.55:
            node = self.random.randrange(len(self.stepper.machine.tree.names))
            self.events.append(
                ObserveEvent(
                    node=self.stepper.machine.tree.names[node], power=self.state.node[node].lower(), source="walk"
                )
            )


CODES = (0, 1, 2, *((1 << 64) - n for n in range(1, 10)))


def spoiled(events: list[Event], random: Random) -> list[Event]:
    """The same trace with something changed, so that it is perhaps wrong."""
    events = list(events)
    for _ in range(random.choice((0, 1, 1, 2))):
        place = random.randrange(len(events))
        event = events[place]
        match random.randrange(4), event:
            case 0 | 1, ReturnEvent():
                events[place] = replace(event, x0=random.choice(CODES))
            case 0 | 1, EnterEvent():
                events[place] = replace(event, pc=random.choice((0x800, 0x4000_0000)), x0=random.choice((1, 2)))
            case 0 | 1, ObserveEvent(cpu=int()):
                events[place] = replace(event, power=random.choice(tuple(OBSERVED)))
            case 0 | 1, ObserveEvent():
                events[place] = replace(event, power=random.choice(("run", "standby", "powerdown")))
            case 2, _ if place + 1 < len(events):
                events[place : place + 2] = reversed(events[place : place + 2])
            case 3, _ if len(events) > 2:
                del events[place]
    return events


def blurred(events: Sequence[Event], random: Random) -> list[Event]:
    """The trace as clocks would tell it that are not exact."""
    found: list[Event] = []
    for moment, event in enumerate(events):
        if isinstance(event, BootEvent):
            found.append(event)
        else:
            t0 = 10 * moment - random.randrange(18)
            found.append(replace(event, t0=t0, t1=10 * moment + random.randrange(18)))
    return found


def well_formed(events: Sequence[Event]) -> bool:
    """Whether no line is missing of what the harness itself logs: no call in a call, no return without one."""
    open_calls: set[int] = set()
    for event in events:
        match event:
            case CallEvent(cpu=cpu):
                open_calls.add(cpu)
            case ReturnEvent(cpu=cpu):
                if cpu not in open_calls:
                    return False
                open_calls.discard(cpu)
            case EnterEvent(cpu=cpu):
                open_calls.discard(cpu)
            case BootEvent():
                open_calls.clear()
    return True


def _overlaps(events: Sequence[Event]) -> bool:
    """Whether calls of two cores are under way at once."""
    under_way: set[int] = set()
    for event in events:
        if isinstance(event, CallEvent):
            if under_way - {event.cpu}:
                return True
            under_way.add(event.cpu)
        elif isinstance(event, ReturnEvent | EnterEvent):
            under_way.discard(event.cpu)
    return False


def first_blamed(report: Report) -> int | None:
    """The place of the first event that the oracle does not explain."""
    numbers = [finding.event for finding in report.findings]
    numbers += [int(problem.split()[1].rstrip(":")) for problem in report.problems]
    return min(numbers) - 1 if numbers else None


class Comparison(NamedTuple):
    """One trace judged by both."""

    machine: MachineEvent
    events: tuple[Event, ...]
    wanted: Any
    got: Any
    overlaps: bool


class Bench:
    """Both judges on one machine, and random traces of it."""

    def __init__(self, seed: int) -> None:
        self.machine = random_machine(Random(seed))
        self.stepper = Stepper(judged_machine(self.machine))
        self._checkers: dict[Detail, Checker] = {}

    def report(self, events: Sequence[Event]) -> Report:
        """What the oracle says, without what the trace does not ask for."""
        detail = LEAST
        while True:
            try:
                return self._judged(events, detail)
            except DetailMatters as more:
                detail = more.detail

    def _judged(self, events: Sequence[Event], detail: Detail) -> Report:
        checker = Checker(self.machine, like=self._checkers.get(detail), detail=detail)
        self._checkers[detail] = checker
        for group in groups(iter(events)):
            checker.feed_together(group)
        return checker.report

    def compared(self, seed: int) -> Comparison | None:
        """Judge a random trace by both; None where it is too large to try everything, or nothing is to be compared."""
        random = Random(seed)
        events = Walk(self.machine, self.stepper, random).run(random.randrange(4, 14))
        if len(events) < 2:
            return None
        events = spoiled(events, random)
        if not well_formed(events):
            return None
        with_clocks = random.random() < 0.25
        if with_clocks:
            events = blurred(events[:7], random)
        try:
            judge = BruteForce(self.machine, self.stepper)
            wanted: Any = judge.explains_some_order(events) if with_clocks else judge.first_unexplained(events)
            report = self.report(events)
        except (TooLarge, OrderError):
            return None
        if {Verdict.UNPREDICTABLE, Verdict.IMPLEMENTATION_DEFINED, Verdict.UNKNOWN} & set(report.verdicts):
            # What no rule answers, or a broken duty frees, is neither explained nor blamed.
            return None
        got: Any = first_blamed(report)
        if with_clocks:
            got = got is None
        return Comparison(self.machine, tuple(events), wanted, got, _overlaps(events))


TRACES_OF_A_MACHINE = 25


def comparisons(first_seed: int) -> Iterator[tuple[int, Comparison | None]]:
    """Random traces of one random machine after another, each with its seed, without end."""
    bench = Bench(first_seed // TRACES_OF_A_MACHINE)
    for seed in itertools.count(first_seed):
        if seed % TRACES_OF_A_MACHINE == 0:
            bench = Bench(seed // TRACES_OF_A_MACHINE)
        yield seed, bench.compared(seed)


def main() -> int:
    """Compare many random traces, and print those on which the two differ."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--traces", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    done = differ = accepted = overlapping = skipped = 0
    for seed, found in comparisons(arguments.seed):
        if found is None:
            skipped += 1
            continue
        done += 1
        accepted += found.wanted is None or found.wanted is True
        overlapping += found.overlaps
        if found.wanted != found.got:
            differ += 1
            sys.stdout.write(f"seed {seed}: everything tried says {found.wanted}, the oracle {found.got}\n")
        if done % 1000 == 0 or done == arguments.traces:
            sys.stdout.write(
                f"{done:,} traces: {differ} differ, {accepted:,} accepted, {overlapping:,} with overlapping calls, "
                f"{skipped:,} not compared\n"
            )
            sys.stdout.flush()
        if done == arguments.traces:
            break
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main())
