"""The race window of DEN0022 6.6: one core turns itself off while another turns it on."""

from __future__ import annotations

from collections.abc import Iterable

from psci.explorer.abstraction.machines import small
from psci.explorer.overlap import Decide, Invoke, Overlapped, Overlapping, OverlapStep
from psci.explorer.runs.describe import result_text
from psci.explorer.search import explore
from psci.explorer.system import QUIET_MOVES, MoveAction, Product
from psci.graphs.diagram import Cluster, Diagram, DiagramNode, EdgeKind, EdgeLabel, merged
from psci.model.calls.cpu_off import CPU_OFF
from psci.model.calls.cpu_on import CPU_ON
from psci.model.environment import ENTER, LOOK, START
from psci.model.language.terms import Const
from psci.model.step import Invocation
from psci.model.tables.versions import Version

CALLER, TARGET = 0, 1
_ENTRY, _CONTEXT = 0x4000_0000, 0
_CALLS = {CALLER: CPU_ON.name, TARGET: CPU_OFF.name}
_TONES = {"OFF": "off", "ON_PENDING": "pending", "ENTERING": "entering", "RUNNING": "on"}
WINDOW = Cluster("window", "the window: CPU_OFF is called, and not decided yet")


def race_view(version: Version) -> Diagram:
    """Both calls in every order of being called and being decided."""
    product = Product(small(2, version), without=QUIET_MOVES | {LOOK.name})
    ids = product.machine.ids
    on = Invocation(CALLER, CPU_ON.key if ids else CPU_ON.fid64 or CPU_ON.key, product.machine.cores[TARGET], _ENTRY)
    off = Invocation(TARGET, CPU_OFF.key)

    def program(core: int, answer: str | None) -> Iterable[Invocation]:
        return () if answer is not None else (on if core == CALLER else off,)

    system = Overlapping(product, program, _both_run(product, on))
    states = explore(system).states
    names = {state: f"r{number}" for number, state in enumerate(states)}
    found = [
        (names[state], names[edge.target], *_drawn(edge)) for state in states for edge in system.successors(state)
    ]  # fmt: skip
    nodes = tuple(_node(name, state) for state, name in names.items())
    about = f"PSCI {version}: core 0 calls CPU_ON for core 1, core 1 calls CPU_OFF; each call is called, then decided"
    return Diagram("CPU_ON and CPU_OFF of one core, overlapping", about, nodes, merged(found), (WINDOW,))


def _both_run(product: Product, on: Invocation) -> object:
    state = product.initial()
    state = next(o.state for o in product.stepper.allowed(state, on).outcomes if o.state.power[TARGET] == "ON_PENDING")
    state = product.stepper.move(START.name, state, TARGET)[0][1]
    return product.stepper.move(ENTER.name, state, TARGET, (_ENTRY, _CONTEXT))[0][1]


def _drawn(edge: OverlapStep) -> tuple[EdgeKind, EdgeLabel]:
    action, rule = edge.action, edge.rule
    if isinstance(action, MoveAction):
        assert rule is not None
        kind = EdgeKind.SILENT if action.name == START.name else EdgeKind.WITNESSED
        return kind, EdgeLabel(action.name, "", rule.name.partition(".")[2], cites=rule.cites)
    core = action.core
    kind = EdgeKind.OWN if core == TARGET else EdgeKind.OTHER
    if isinstance(action, Invoke):
        return kind, EdgeLabel(f"core {core} calls {_CALLS[core]}")
    assert isinstance(action, Decide)
    assert rule is not None
    value = int(rule.value.value) if isinstance(rule.value, Const) else None
    outcome = rule.code.name if rule.code else result_text(value) if value is not None else "does not return"
    return kind, EdgeLabel(f"{_CALLS[core]} is decided", outcome, rule.name.partition(".")[2], cites=rule.cites)


def _node(name: str, state: Overlapped) -> DiagramNode:
    power, activity = state.system.power[TARGET], state.system.activity[TARGET]
    called = [f"core {core} is in {_CALLS[core]}" for core, call in enumerate(state.calls) if call is not None]
    told = f"core 0 was told {state.answers[CALLER]}" if state.answers[CALLER] else ""
    open_window = state.calls[TARGET] is not None
    tone = _TONES[activity if power == "ON" else power]
    label = "\n".join([f"core 1: {power}", *called, told])
    return DiagramNode(name, label, tone, WINDOW.name if open_window else None, initial=name == "r0")
