"""What the page allows, in a real browser, is what the stepper allows: states, outcomes, moves, open questions."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from psci.explorer.abstraction.machines import small
from psci.explorer.system import Product
from psci.graphs.page.machines import offered, shown
from psci.model.calls import CALLS
from psci.model.calls.system_off2 import SYSTEM_OFF2
from psci.model.language.terms import Value
from psci.model.machine import SYMBOLS, Key, Machine, Undeclared, answers
from psci.model.scenarios.filter import Composed, Composition, claimed_set
from psci.model.step import Allowed, Invocation, Stepper
from psci.model.symbols.readings import READINGS
from psci.model.symbols.state import FIELDS
from psci.model.tables.versions import V1_1, V1_3

STEPS = 1000
WALKS: tuple[tuple[str, int, str, dict[str, str]], ...] = (
    ("declared", 2, "1.3", {}), ("declared", 3, "0.2", {}), ("declared", 1, "0.1", {}),
    ("declared", 4, "1.3-alpha", {}),
    ("kvm-guest", 2, "1.3", {}), ("clusters", 4, "1.3", {}), ("mobile", 4, "1.1", {"osi-mixed": "denied"}),
    ("undeclared", 2, "1.3", {"frozen-core": "already-on"}), ("clusters", 4, "1.0", {"vote-counting": "later"}),
    ("declared", 2, "1.3", {"reset-cores": "kept", "failed-call": "may-take-effect"}),
)  # fmt: skip
"""Setup, cores, version and readings of each walk."""
LOOK = """(() => {
  const hex = (_, v) => (typeof v === 'bigint' ? '0x' + v.toString(16) : v);
  const outcome = (o) => [o.rule.name, o.completion, o.value, o.state];
  const branch = ({choices, allowed: {outcomes, obliged, broken}}) =>
    [choices, outcomes.map(outcome), obliged, broken.map((rule) => rule.name)];
  window.look = (call) => {
    const { stepper, state, choices } = psci.session;
    const [x1, x2, x3] = call ? call.args.map(BigInt) : [];
    const invocation = call && { ...call, fn: BigInt(call.fn), x1, x2, x3 };
    return JSON.parse(JSON.stringify({
      state,
      branches: call && stepper.underAllAnswers(state, invocation, choices).map(branch),
      moves: psci.session.moves().map((m) => [m.move.name, m.place, m.parameters, m.rule.name, m.state]),
    }, hex));
  };
  window.takeBy = (action, rule, choices) => {
    const offer = psci.session.offers(action).offers.find((o) => o.rule.name === rule);
    psci.session.take(action, { ...offer, choices: choices ?? offer.choices });
  };
})()"""
"""What the page allows here, of a call and of the environment."""


def as_page(state: Any) -> dict[str, Any]:
    """A state in the form of the page."""
    found: dict[str, Any] = {}
    for field in FIELDS:
        value = getattr(state, field.name)
        found[field.name] = [shown(v, field.range) for v in value] if field.domain else shown(value, field.range)
    return found


def key_text(key: Key) -> str:
    words = (str(shown(a, sort)) for a, sort in zip(key[1:], SYMBOLS[str(key[0])].domain, strict=True))
    return f"{key[0]}({','.join(words)})"


Choices = dict[Key, Value]


def branches(stepper: Any, state: Any, call: Invocation, known: Choices) -> Iterator[tuple[Choices, Allowed]]:
    """The allowed outcomes under every answer to what is open, with the answers."""
    try:
        composed = isinstance(stepper, Composed)
        yield known, stepper.allowed(state, call) if composed else stepper.allowed(state, call, known)
    except Undeclared as missing:
        for value in answers(missing.key):
            yield from branches(stepper, state, call, {**known, missing.key: value})


def wanted(stepper: Any, state: Any, call: Invocation, known: Choices) -> list[Any]:
    found = []
    for choices, allowed in branches(stepper, state, call, known):
        named = {key_text(key): shown(value, SYMBOLS[str(key[0])].range) for key, value in choices.items()}
        outcomes = [
            [o.rule.name, o.completion.value, None if o.value is None else hex(o.value), as_page(o.state)]
            for o in allowed.outcomes
        ]
        found.append([named, outcomes, allowed.obliged, [rule.name for rule in allowed.broken]])
    return found


def moves(product: Product, state: Any) -> list[Any]:
    found = []
    for transition in product.moves(state):
        name, place, parameters = transition.action
        sorts = next(m for m in product.specification.moves if m.name == name).parameters
        told = [shown(value, symbol.range) for value, symbol in zip(parameters, sorts, strict=True)]
        found.append([name, place, told, transition.rule.name, as_page(transition.target)])
    return found


def some_call(dice: random.Random, machine: Machine, caller: int) -> Invocation:
    """A call that a rule may have something to say about, or any."""
    words = [0, 1, 2, 0x1_0000, 0x101_0000, 0x200_0000, 0x4000_0000, 0xF000_0000, dice.getrandbits(64), *machine.cores]
    words += [int(key[1]) for key in machine.declared if isinstance(key, tuple) and key[0] == "state_valid"]
    call = dice.choice(CALLS)
    fn = dice.choice(call.ids())
    if machine.ids is not None:
        fn = dice.choice(list(machine.ids))
    ids = [fid for c in CALLS for fid in c.ids()]
    x1 = dice.choice(ids) if call.name == "PSCI_FEATURES" else dice.choice(words)
    odd = dice.random() < 0.1
    isa = dice.choice(("AARCH64", "AARCH32")) if odd else "AARCH64"
    world = dice.choice(("NORMAL", "REALM", "SECURE")) if odd else "NORMAL"
    return Invocation(caller, fn, x1, dice.choice(words), dice.choice(words), isa, world)


def configured(machine: Machine, readings: dict[str, str]) -> Machine:
    chosen = {READINGS[name].symbol: READINGS[name].options[option] for name, option in readings.items()}
    single = {k: v for k, v in machine.declared.items() if not (isinstance(k, tuple) and k[0] in chosen)}
    declared: dict[str | Key, Value] = dict(single)
    declared.update(chosen)
    return replace(machine, declared=declared)


@pytest.mark.parametrize(("setup", "cores", "version", "readings"), WALKS)
def test_a_random_walk_agrees_with_the_stepper(
    opened: Any, setup: str, cores: int, version: str, readings: dict[str, str]
) -> None:
    found = next(m for name, m in offered() if (name, len(m.cores), m.version.name) == (setup, cores, version))
    machine = configured(found, readings)
    config = {"setup": setup, "cores": cores, "version": machine.version.rank, "readings": readings}
    walk(opened, config, Product(machine, without=frozenset()), Stepper(machine), STEPS // len(WALKS))


def test_a_random_walk_behind_the_filter_agrees_with_the_composition(opened: Any) -> None:
    composition = Composition(V1_1, V1_3, (SYSTEM_OFF2,), claimed_set((SYSTEM_OFF2,)))
    declared = small(2, V1_1).declared
    composed = Composed(composition, (0, 1), declared)
    _, whole = composition.machines((0, 1), declared)
    config = {"setup": "filter", "cores": 2, "version": V1_3.rank, "readings": {}}
    walk(opened, config, Product(whole, without=frozenset()), composed, 100)


def walk(browser: Any, config: dict[str, Any], product: Product, stepper: Any, steps: int) -> None:
    """Take the same random steps in the page and with the stepper, and compare everything at each."""
    dice = random.Random(json.dumps(config))
    browser.run(f"psci.open({{config: {json.dumps(config)}}})")
    browser.run(LOOK)
    state = product.initial()
    known: Choices = {}
    for step in range(steps):
        callers = product.callers(state)
        call = some_call(dice, product.machine, dice.choice(callers)) if callers else None
        action = call and {
            "caller": call.caller, "fn": hex(call.fn), "args": [hex(call.x1), hex(call.x2), hex(call.x3)],
            "isa": call.isa, "world": call.world,
        }  # fmt: skip
        seen = browser.run(f"look({json.dumps(action)})")
        where = (config, step, action)
        assert seen["state"] == as_page(state), where
        possible = moves(product, state)
        assert seen["moves"] == possible, where
        outcomes = []
        if call is not None:
            expected = wanted(stepper, state, call, known)
            assert seen["branches"] == expected, where
            outcomes = [(choices, o) for choices, a in branches(stepper, state, call, known) for o in a.outcomes]
        # a loss of power is always possible; taken often, nothing else would be seen
        usual = [m for m in possible if m[0] != "LOSE_POWER"]
        if outcomes and (not usual or dice.random() < 0.6):
            choices, outcome = dice.choice(outcomes)
            known, state = choices, outcome.state
            chosen = {key_text(k): shown(v, SYMBOLS[str(k[0])].range) for k, v in known.items()}
            browser.run(f"takeBy({json.dumps(action)}, {json.dumps(outcome.rule.name)}, {json.dumps(chosen)})")
        else:
            name, place, told, rule, _ = dice.choice(usual or possible)
            move = {"move": name, "place": place, "parameters": told}
            matching = [
                t for t in product.moves(state) if (t.action.name, t.action.place, t.rule.name) == (name, place, rule)
            ]
            sorts = next(m for m in product.specification.moves if m.name == name).parameters
            state = next(
                t.target for t in matching
                if [shown(v, s.range) for v, s in zip(t.action.parameters, sorts, strict=True)] == told
            )  # fmt: skip
            browser.run(f"takeBy({json.dumps(move)}, {json.dumps(rule)})")
    assert browser.run("psci.session.at") == steps
