"""Views: quotients of the explored states, small enough to be looked at.

A view maps each state to a node. Its edges are the transitions between different nodes, whoever
makes them; answers that change nothing are drawn only on request.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TypeAlias

from psci.explorer.runs.describe import outcome_text
from psci.explorer.search import explore
from psci.explorer.system import MoveAction, Product, State, Transition
from psci.graphs.diagram import MOST_NODES, Cluster, Diagram, DiagramNode, EdgeKind, EdgeLabel, Table, merged
from psci.model.calls import UNKNOWN
from psci.model.errors import InputError
from psci.model.language.rules import Modality
from psci.model.step import Invocation
from psci.model.symbols.machine import LOCAL_STATE

_PERMISSIONS = (Modality.MAY_REFUSE, Modality.MAY_SUCCEED)


def transitions(product: Product) -> Iterator[tuple[State, Transition]]:
    """Every transition of every reachable state."""
    for state in explore(product).states:
        for transition in product.successors(state):
            yield state, transition


def label_of(product: Product, transition: Transition, suffix: str = "") -> EdgeLabel:
    """What an edge says of a transition."""
    rule, action = transition.rule, transition.action
    name = rule.name.partition(".")[2]
    permitted = rule.modality in _PERMISSIONS
    if isinstance(action, MoveAction):
        return EdgeLabel(action.name + suffix, "", name, permitted, rule.cites)
    call, _ = product.stepper.function(action.fn)
    return EdgeLabel((call or UNKNOWN).name + suffix, outcome_text(transition), name, permitted, rule.cites)


def kind_of(product: Product, transition: Transition) -> EdgeKind:
    """How its edge is drawn."""
    if not isinstance(transition.action, MoveAction):
        return EdgeKind.CALL
    move = next(move for move in product.specification.moves if move.name == transition.action.name)
    return EdgeKind.SILENT if move.silent else EdgeKind.WITNESSED


def subtitle_of(product: Product) -> str:
    """The version and the number of cores."""
    cores = len(product.machine.cores)
    return f"PSCI {product.machine.version}, explored with {cores} core{'s' if cores > 1 else ''}"


# ---- answers that change nothing

AnswerNodes: TypeAlias = dict[EdgeLabel, set[str]]
"""Each answer and the nodes in which it is given."""
_MOST_RULES = 3
_NO_CORE, _DOMAIN = "no core", "a power domain"
_TARGETS = ("", _NO_CORE, _DOMAIN)
"""Beside the nodes: calls without a target, and targets that are no core."""


def _tables(answers: AnswerNodes, nodes: tuple[DiagramNode, ...], where_text: str = "in") -> tuple[Table, ...]:
    """The answers as one table: a row for each call and answer, with the rules and where they apply."""
    names = {node.name: node.label.partition("\n")[0] for node in nodes} | {name: name for name in _TARGETS}
    rows: dict[tuple[str, str], tuple[set[str], set[str]]] = {}
    for label, where in answers.items():
        rules, places = rows.setdefault((label.what, label.outcome), (set(), set()))
        rules.add(label.rule + (" (may)" if label.permitted else ""))
        places |= where
    shown = []
    every = ", ".join(names[node.name] for node in nodes if node.name != DOWN)
    for (call, outcome), (rules, where) in sorted(rows.items()):
        listed = sorted(rules)
        more = f" and {len(listed) - _MOST_RULES} more" if len(listed) > _MOST_RULES else ""
        everywhere = len(where) == len({place for places in answers.values() for place in places})
        named = "everywhere" if everywhere and len(where) > 1 else ", ".join(names[n] for n in names if n in where)
        named = named.replace(every, "any") if every else named
        shown.append((call, outcome, ", ".join(listed[:_MOST_RULES]) + more, named))
    return (Table("Answers that change nothing", ("call", "answer", "rule", where_text), tuple(shown)),)


# ---- one core

DOWN = "down"
_DOWN_TEXT = "the system goes down\nor is down"
_TONES = {
    "STOPPED": "off",
    "ENTERING": "entering",
    "RUNNING": "on",
    "STANDBY": "idle",
    "POWERDOWN": "idle",
    "RETENTION": "idle",
    "FROZEN": "frozen",
}
_ACTIVITIES = {
    "ENTERING": "about to be entered",
    "RUNNING": "runs caller code",
    "STANDBY": "suspended in standby",
    "RETENTION": "suspended in retention",
    "FROZEN": "ignores wakeups",
    "POWERDOWN": "suspended in powerdown",
    "STOPPED": "",
}


def _core_node(state: State, core: int) -> str:
    """The core's part of a state; what cores still do while the system goes down is the system's view."""
    if state.system in ("GOING", "DOWN"):
        return DOWN
    power, activity = state.power[core], state.activity[core]
    return f"{power} {activity}" if power == "ON" else str(power)


def core_view(product: Product, refusals: bool = False) -> Diagram:
    """One core: its power state and what it does. The transitions of all cores are laid on top of each other."""
    found: set[tuple[str, str, EdgeKind, EdgeLabel]] = set()
    answers: AnswerNodes = {}
    names: set[str] = set()
    for state, transition in transitions(product):
        action = transition.action
        actor = action.place if isinstance(action, MoveAction) else action.caller
        kind = kind_of(product, transition)
        for core in range(len(product.machine.cores)):
            source, target = _core_node(state, core), _core_node(transition.target, core)
            names |= {source, target}
            own = actor == core
            if source == target:
                if own and not isinstance(action, MoveAction) and transition.target == state and source != DOWN:
                    answers.setdefault(label_of(product, transition), set()).add(_target(product, action, state))
                continue
            of_system = isinstance(action, MoveAction) and not _moves_a_core(product, action)
            suffix = "" if own or of_system else (" of another core" if isinstance(action, MoveAction) else "")
            shown = kind if kind is not EdgeKind.CALL else EdgeKind.OWN if own else EdgeKind.OTHER
            found.add((source, target, shown, label_of(product, transition, suffix)))
    first = {_core_node(product.initial(), core) for core in range(len(product.machine.cores))}
    nodes = tuple(replace(_core_drawn(name), initial=name in first) for name in sorted(names, key=_core_order))
    return Diagram(
        "One core, as its caller sees it", subtitle_of(product), nodes, merged(found),
        (Cluster("system", "the system runs"), Cluster("on", "ON", "system")),
        tables=_tables(answers, nodes, "while its target is") if refusals else (),
    )  # fmt: skip


def _target(product: Product, action: Invocation, state: State) -> str:
    """What the core that a call names is, or that it names none."""
    call, _ = product.stepper.function(action.fn)
    given = dict(zip((a.name for a in call.arguments) if call else (), (action.x1, action.x2, action.x3), strict=False))
    wanted = given.get("target_cpu", given.get("target_affinity"))
    if wanted is None:
        return ""
    if given.get("lowest_affinity_level"):
        return _DOMAIN
    if wanted not in product.machine.cores:
        return _NO_CORE
    return _core_node(state, product.machine.cores.index(wanted))


def _moves_a_core(product: Product, action: MoveAction) -> bool:
    return any(move.name == action.name and move.core is not None for move in product.specification.moves)


def _core_order(name: str) -> tuple[int, str]:
    order = (
        "OFF",
        "ON_PENDING",
        "ON ENTERING",
        "ON RUNNING",
        "ON STANDBY",
        "ON RETENTION",
        "ON POWERDOWN",
        "ON FROZEN",
    )
    return (order.index(name) if name in order else len(order), name)


def _core_drawn(name: str) -> DiagramNode:
    if name == DOWN:
        return DiagramNode(name, _DOWN_TEXT, "down")
    power, _, activity = name.partition(" ")
    if power == "ON":
        return DiagramNode(name, f"{activity}\n{_ACTIVITIES.get(activity, '')}", _TONES.get(activity, "plain"), "on")
    tone = "off" if power == "OFF" else "pending"
    note = "powered off" if power == "OFF" else "powering up"
    return DiagramNode(name, f"{power}\n{note}", tone, "system")


# ---- the system

_KINDS = {
    "OFF": "off", "HIBERNATE": "hibernated", "RESET": "cold reset", "WARM_RESET": "warm reset",
    "VENDOR_RESET": "vendor reset", "POWER_LOSS": "power lost",
}  # fmt: skip
_RACE = "GOING several"


def _system_node(state: State) -> str:
    if state.system == "DOWN":
        return f"DOWN {state.kind}"
    if state.system == "GOING":
        asked = sorted({kind for kind in state.asked if kind != "NONE"})
        return f"GOING {asked[0]}" if len(asked) == 1 else _RACE
    return str(state.system)


def system_view(product: Product, refusals: bool = False) -> Diagram:
    """The whole system: whether it runs, is suspended, is on its way down, or is down, and why."""
    found: set[tuple[str, str, EdgeKind, EdgeLabel]] = set()
    answers: AnswerNodes = {}
    names: dict[str, None] = {}
    for state, transition in transitions(product):
        source, target = _system_node(state), _system_node(transition.target)
        names |= {source: None, target: None}
        kind = kind_of(product, transition)
        label = label_of(product, transition)
        if target == _RACE and kind is EdgeKind.CALL:
            # which second call it was matters no more than that there was one
            label = EdgeLabel("another system call", "does not return", cites=("SYS-4", "SYS-5"))
        if source != target:
            found.add((source, target, kind, label))
        elif kind is EdgeKind.CALL and transition.rule.name.startswith("SYSTEM_") and transition.target == state:
            answers.setdefault(label, set()).add(source)
    boxes = (
        Cluster("going", "on its way down"),
        Cluster("one", "one call was accepted", "going"),
        Cluster("down", "down"),
    )
    nodes = tuple(_system_drawn(name) for name in sorted(names, key=_system_order))
    title = "The system, as its callers see it"
    tables = _tables(answers, nodes) if refusals else ()
    return Diagram(title, subtitle_of(product), nodes, merged(found), boxes, sideways=True, tables=tables)


def _system_order(name: str) -> tuple[int, int, str]:
    system, _, kind = name.partition(" ")
    kinds = list(_KINDS)
    systems = ("SUSPENDED", "RUNNING", "GOING", "DOWN")
    return (systems.index(system), kinds.index(kind) if kind in kinds else len(kinds), name)


def _system_drawn(name: str) -> DiagramNode:
    system, _, kind = name.partition(" ")
    match system:
        case "DOWN":
            return DiagramNode(
                name, f"{kind}\n{_KINDS.get(kind, '')}", "down", None if kind == "POWER_LOSS" else "down"
            )
        case "GOING" if name == _RACE:
            return DiagramNode(name, "several\neither may win", "going", "going")
        case "GOING":
            return DiagramNode(name, f"{kind}\nasked for", "going", "one")
        case "RUNNING":
            return DiagramNode(name, "RUNNING", "on", initial=True)
    return DiagramNode(name, f"{system}\nto RAM" if system == "SUSPENDED" else system, "idle")


# ---- every state


def states_view(product: Product, refusals: bool = False) -> Diagram:
    """Every reachable state by itself; only for the smallest machines.

    Raises:
        InputError: there are too many.
    """
    done = explore(product, limit=MOST_NODES + 1)
    if not done.complete:
        raise InputError(
            f"view states: a machine with {len(product.machine.cores)} cores has more than {MOST_NODES} states, which "
            "nobody can read: take --cpus 1, or the view 'core', 'system' or 'observed'"
        )
    names = {state: f"s{number}" for number, state in enumerate(done.states)}
    found = []
    answers: AnswerNodes = {}
    for state in done.states:
        for transition in product.successors(state):
            if transition.target == state:
                if not isinstance(transition.action, MoveAction):
                    answers.setdefault(label_of(product, transition), set()).add(names[state])
            else:
                edge = names[state], names[transition.target], kind_of(product, transition)
                found.append((*edge, label_of(product, transition)))
    notes = _told_apart(list(names))
    nodes = tuple(
        DiagramNode(name, _state_text(state), _state_tone(state), initial=name == "s0", note=notes.get(state, ""))
        for state, name in names.items()
    )
    tables = _tables(answers, nodes) if refusals else ()
    return Diagram("Every reachable state", subtitle_of(product), nodes, merged(found), sideways=True, tables=tables)


def _state_text(state: State) -> str:
    cores = [p if p != "ON" else f"{p} {a}" for p, a in zip(state.power, state.activity, strict=True)]
    return "\n".join([state.system if state.system != "DOWN" else f"DOWN {state.kind}", *cores])


def _told_apart(states: list[State]) -> dict[State, str]:
    """In which fields states differ that read alike: those that have not the value of the first state."""
    alike: dict[str, list[State]] = {}
    for state in states:
        alike.setdefault(_state_text(state), []).append(state)
    first = states[0]._asdict()
    return {
        state: "\n".join(
            f"{name}: {_plain(getattr(state, name))}"
            for name, value in first.items()
            if name not in _WITH_ENTRY
            and getattr(state, name) != value
            and len({getattr(other, name) for other in group}) > 1
        )
        for group in alike.values()
        if len(group) > 1
        for state in group
    }


_WITH_ENTRY = ("context", "entry_wide", "entry_isa")
"""What goes with an entry point, and says nothing more."""


def _plain(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(_plain, value))
    return f"{value:#x}" if type(value) is int else str(value)


def _state_tone(state: State) -> str:
    return {"RUNNING": "on", "SUSPENDED": "idle", "GOING": "going"}.get(state.system, "down")


# ---- one power domain

_NODE_TONES = {"RUN": "on", "STANDBY": "entering", "RETENTION": "idle", "POWERDOWN": "off"}
_NODE_NOTES = {
    "RUN": "some core below runs", "STANDBY": "clocks stopped", "RETENTION": "state kept", "POWERDOWN": "state lost",
}  # fmt: skip


def node_view(product: Product, refusals: bool = False) -> Diagram:
    """One power domain: its local state. The transitions of all nodes are laid on top of each other."""
    found: set[tuple[str, str, EdgeKind, EdgeLabel]] = set()
    answers: AnswerNodes = {}
    names: set[str] = set()
    for state, transition in transitions(product):
        for number in range(len(product.machine.tree.names)):
            before, after = _node_node(state, number), _node_node(transition.target, number)
            names |= {before, after}
            if before != after:
                found.add((before, after, kind_of(product, transition), label_of(product, transition)))
            elif transition.target == state and not isinstance(transition.action, MoveAction):
                answers.setdefault(label_of(product, transition), set()).add(before)
    order = [*LOCAL_STATE.values, DOWN]
    first = set(product.initial().node)
    nodes = tuple(replace(_node_drawn(name), initial=name in first) for name in sorted(names, key=order.index))
    boxes = (Cluster("system", "the system runs"),)
    tables = _tables(answers, nodes) if refusals else ()
    title = "One power domain above the cores"
    return Diagram(title, subtitle_of(product), nodes, merged(found), boxes, tables=tables)


def _node_node(state: State, number: int) -> str:
    return DOWN if state.system in ("GOING", "DOWN") else str(state.node[number])


def _node_drawn(name: str) -> DiagramNode:
    if name == DOWN:
        return DiagramNode(name, _DOWN_TEXT, "down")
    return DiagramNode(name, f"{name}\n{_NODE_NOTES.get(name, '')}", _NODE_TONES.get(name, "plain"), "system")
