"""What holds when calls overlap: a duty that reads the state has to hold from the invocation to the decision."""

from __future__ import annotations

from collections import deque

from psci.explorer.abstraction.machines import small
from psci.explorer.abstraction.registers import Abstraction
from psci.explorer.overlap import Decide, Invoke, Overlapped, Overlapping
from psci.explorer.system import Product
from psci.model.calls.cpu_off import CPU_OFF
from psci.model.calls.migrate import MIGRATE
from psci.model.specification import SPECIFICATION
from psci.model.step import Invocation
from psci.properties import PROPERTIES
from psci.properties.calls.trusted_os import targets_stay_up_while_it_migrates
from psci.properties.language import ClaimKind
from psci.properties.runs.overlap import REASONS, duties_over_time, survives

MIGRATION = Invocation(0, MIGRATE.key, 1)
OFF = Invocation(1, CPU_OFF.key)


def system() -> Overlapping:
    """Two cores that are ON: one migrates the Trusted OS to the other, which turns itself off."""
    machine = small(2, declared={"trusted_os": "UP_MIGRATABLE", ("has", MIGRATE.key): True})
    product = Product(machine, SPECIFICATION, Abstraction(widths=(True,)))
    both = product.initial()._replace(power=("ON", "ON"), activity=("RUNNING", "RUNNING"), node=("RUN",))

    def program(core: int, answer: str | None) -> tuple[Invocation, ...]:
        return ((MIGRATION, OFF)[core],) if answer is None else ()

    return Overlapping(product, program, both)


def at_home(state: Overlapped) -> bool:
    """PROP-9: the core on which the Trusted OS is resident is ON."""
    return bool(state.system.power[state.system.resident] == "ON")


def lost(kept: bool) -> list[list[str]]:
    """The shortest way to a Trusted OS on a core that is off; with `kept` its target is up while MIGRATE is decided."""
    around = system()
    start = around.initial()
    ways: dict[Overlapped, list[str]] = {start: []}
    waiting = deque([start])
    while waiting:
        state = waiting.popleft()
        if not at_home(state):
            return [ways[state]]
        for edge in around.successors(state):
            action = edge.action
            target_left = state.calls[0] is not None and edge.target.system.power[1] != "ON"
            if (kept and target_left) or not isinstance(action, Invoke | Decide) or edge.target in ways:
                continue
            word = "invokes" if isinstance(action, Invoke) else "is decided"
            ways[edge.target] = [*ways[state], f"core {action.core} {word}"]
            waiting.append(edge.target)
    return []


def test_a_duty_that_holds_at_the_invocation_alone_does_not_save_the_trusted_os() -> None:
    ((*way,),) = lost(kept=False)
    assert way == ["core 0 invokes", "core 1 invokes", "core 1 is decided", "core 0 is decided"]


def test_a_duty_from_the_invocation_to_the_decision_does() -> None:
    assert lost(kept=True) == []


def test_one_claim_depends_on_a_duty_over_time() -> None:
    duties = {prop.name: duties_over_time(prop) for prop in PROPERTIES}
    assert {name for name, found in duties.items() if found} == {"PROP-9"}
    assert duties["PROP-9"] == (targets_stay_up_while_it_migrates,)


def test_it_is_said_of_every_property_why_it_survives() -> None:
    assert set(REASONS) == set(ClaimKind)
    assert all(survives(prop).endswith((".", ")")) for prop in PROPERTIES)
