"""The page as a reader meets it: stepping, going back, sharing, importing, comparing, the tour."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from house import ROOT

from psci.explorer.abstraction.machines import small
from psci.explorer.system import Product
from psci.graphs.page.assemble import EXAMPLE, data, page
from psci.graphs.page.machines import offered
from psci.graphs.page.scenes import SCENES, Scene
from psci.model.calls.system_off2 import SYSTEM_OFF2
from psci.model.events import BootEvent, CallEvent, EnterEvent, Event, ReturnEvent
from psci.model.scenarios.filter import Composed, Composition, claimed_set
from psci.model.step import Invocation
from psci.model.tables.versions import V0_2, V1_1, V1_3
from psci.oracle import check
from psci.oracle.traces.file import read_trace

TRACES = ROOT / "tests" / "oracle" / "traces"


def power(browser: Any) -> list[str]:
    found: list[str] = browser.run("psci.session.state.power")
    return found


def put(browser: Any, selector: str, value: str) -> None:
    """Choose or write a value, as a reader does."""
    browser.run(f"""(field => {{
      field.value = {json.dumps(value)};
      field.dispatchEvent(new Event('change'));
    }})(document.querySelector('{selector}'))""")


STATE = "JSON.stringify(psci.session.state, (_, v) => typeof v === 'bigint' ? String(v) : v)"


def opened_with(browser: Any, **session: Any) -> None:
    browser.run(f"psci.open({json.dumps(session)})")


def config(setup: str, cores: int = 2, version: int = V1_3.rank) -> dict[str, Any]:
    return {"setup": setup, "cores": cores, "version": version, "readings": {}}


def test_the_page_is_one_small_file_that_loads_nothing() -> None:
    text = page()
    assert len(text.encode()) < 3_000_000
    assert [
        mark
        for mark in ("http://", "https://", "src=", "@import", "url(")
        if mark in text.replace("http://www.w3.org/2000/svg", "")
    ] == []
    assert page() == text


def test_a_call_is_chosen_taken_undone_and_taken_again(opened: Any) -> None:
    results = "[...document.querySelectorAll('.card .result')].map(e => e.innerText)"
    assert opened.run(results) == ["SUCCESS", "INTERNAL_FAILURE", "INTERNAL_FAILURE"]
    opened.click("#take-1")
    assert power(opened) == ["ON", "ON_PENDING"]
    assert "CPU_ON(0x1, 0x40000000, 0x2a)" in opened.text("#past .now")
    opened.click("[data-move='START 1']")
    opened.click("[data-move='ENTER 1']")
    assert opened.run("psci.session.state.activity") == ["RUNNING", "RUNNING"]
    opened.click("#back")
    assert opened.run("psci.session.state.activity") == ["RUNNING", "ENTERING"]
    opened.click("#forward")
    assert opened.run("[psci.session.at, psci.session.steps.length]") == [3, 3]
    opened.click("#undo")
    assert opened.run("[psci.session.at, psci.session.steps.length]") == [2, 2]
    opened.click("#step-0")
    assert power(opened) == ["ON", "OFF"]


def test_keys_step_and_go_back(opened: Any) -> None:
    opened.key("1")
    assert power(opened) == ["ON", "ON_PENDING"]
    opened.key("ArrowLeft")
    assert power(opened) == ["ON", "OFF"]
    opened.key("ArrowRight")
    opened.key("Backspace")
    assert opened.run("psci.session.steps.length") == 0
    assert opened.text("#live") == "at the cold boot"


def test_another_call_and_its_arguments_are_written(opened: Any) -> None:
    put(opened, "#call", "AFFINITY_INFO")
    put(opened, "#arg-target_affinity", "0x9")
    assert opened.text(".card .result") == "INVALID_PARAMETERS"
    assert opened.text(".card code") == "AFFINITY_INFO.instance_absent"
    put(opened, "#arg-target_affinity", "x")
    assert opened.text("[role=alert]") == "An argument is a number, such as 0x1."


def test_what_is_not_declared_is_asked_for_and_then_kept(opened: Any) -> None:
    opened_with(opened, config=config("undeclared"))
    assert (
        opened.text(".card .open")
        == "If the implementation has address_unusable(0x40000000) = false and disabled(1) = false"
    )
    opened.click("#take-1")
    assert opened.run("psci.session.choices") == {"address_unusable(0x40000000)": False, "disabled(1)": False}


def test_a_session_is_shared_by_its_address(opened: Any, address: str) -> None:
    opened.run("document.querySelector('#scene-osi').click(); psci.go(6)")
    state, fragment = opened.run(f"[{STATE}, location.hash]")
    opened.open(address + fragment)
    assert opened.run(STATE) == state
    assert opened.run("[psci.session.at, psci.session.steps.length]") == [6, 8]


def test_a_link_to_what_is_not_there_says_so(opened: Any, address: str) -> None:
    opened.open(address + "#psci=1.3&machine=nowhere&cores=2")
    assert opened.text("#note") == "The link names a machine that this page has not."
    opened.open(address + "#psci=1.3&machine=declared&cores=2&steps=0!c4000003!1!!already_on")
    assert "step 1 (already_on) is not allowed" in opened.text("#note")


def test_two_versions_side_by_side_mark_the_first_difference(opened: Any) -> None:
    opened_with(opened, config=config("declared", version=V1_1.rank), other={"version": V0_2.rank, "readings": {}})
    opened.click("#take-1")
    assert opened.text(".difference") == "No difference in 1 step so far."
    opened.run("document.querySelector('#step-0').click()")
    put(opened, "#arg-entry_point_address", "0xf0000000")
    heads = "[...document.querySelectorAll('.card')].map(e => e.innerText.split('\\n').slice(0, 3).join(' '))"
    assert opened.run(heads) == [
        "INVALID_ADDRESS must left only", "INTERNAL_FAILURE may Step2", "INVALID_PARAMETERS must right only",
    ]  # fmt: skip
    opened.click("#take-1")
    assert opened.text(".difference").startswith("They differ first on step 1: core 0: CPU_ON(0x1, 0xf0000000, 0x2a)")
    assert "does not allow the step" in opened.text(".left-behind")


def test_two_readings_side_by_side(opened: Any) -> None:
    opened.run(
        "psci.open({config: {setup: 'declared', cores: 2, version: 8, readings: {}}, "
        "other: {version: 8, readings: {'frozen-core': 'already-on'}}, steps: ["
        "{action: {caller: 0, fn: '0xc4000003', args: ['0x1', '0x0', '0x0']}, rule: 'CPU_ON.accepted'},"
        "{action: {move: 'START', place: 1, parameters: []}, rule: 'START.initialised'},"
        "{action: {move: 'ENTER', place: 1, parameters: ['0x0', '0x0']}, rule: 'ENTER.entered'},"
        "{action: {caller: 1, fn: '0x8400000b', args: []}, rule: 'CPU_FREEZE.frozen'},"
        "{action: {caller: 0, fn: '0xc4000003', args: ['0x1', '0x0', '0x0']}, rule: 'CPU_ON.frozen_core_resumes'}]})"
    )  # fmt: skip
    assert opened.run("[psci.session.steps.length, psci.session.differs]") == [5, 4]


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.id)
def test_a_scene_is_walked_to_its_end(opened: Any, scene: Scene) -> None:
    opened.click(f"#scene-{scene.id}")
    assert scene.intro in opened.text(".scene")
    for step in scene.steps:
        opened.click("#scene-next")
        assert step.say in opened.text(".scene")
    assert opened.run("[psci.session.at, document.querySelector('#scene-next').disabled]") == [len(scene.steps), True]
    assert opened.text("#note") == ""


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.id)
def test_each_step_of_a_scene_is_one_of_the_rules(scene: Scene) -> None:
    if scene.setup == "filter":
        composition = Composition(V1_1, V1_3, (SYSTEM_OFF2,), claimed_set((SYSTEM_OFF2,)))
        stepper: Any = Composed(composition, (0, 1), small(2, V1_1).declared)
        mover = stepper.vmm
    else:
        machine = next(
            m
            for name, m in offered()
            if (name, len(m.cores), m.version.rank) == (scene.setup, scene.cores, scene.version)
        )
        stepper = mover = Product(machine).stepper
    state = mover.initial()
    for step in scene.steps:
        if step.move is None:
            assert step.caller is not None
            assert step.fn is not None
            x1, x2, x3 = (*(int(a, 0) for a in step.args), 0, 0, 0)[:3]
            outcomes = stepper.allowed(state, Invocation(step.caller, int(step.fn, 0), x1, x2, x3)).outcomes
            state = next(o.state for o in outcomes if o.rule.name == step.rule)
        else:
            told = tuple(int(p, 0) if p.startswith("0x") else p for p in step.parameters)
            state = next(
                after for rule, after in mover.move(step.move, state, step.place, told) if rule.name == step.rule
            )


def test_a_trace_is_imported_and_walked(opened: Any) -> None:
    opened.click("#import")
    opened.run("document.querySelector('#trace-text').value = 'nonsense'")
    opened.click("#walk")
    assert opened.text("#import-problem") == "line 1 is not JSON: a trace has one JSON object a line"
    opened.run(f"document.querySelector('#trace-text').value = {json.dumps(EXAMPLE)}")
    opened.click("#walk")
    assert "Nothing explains line 5" in opened.text("#next")
    assert "ON_PENDING" in opened.text(".verdict")
    assert opened.run("[...document.querySelectorAll('.core')][1].getAttribute('aria-label')") == (
        "core 1 0x1, ON_PENDING or ON, stopped or about to be entered"
    )
    opened.key("ArrowLeft")
    assert opened.text("#next h2") == "Line 3 of 5"


def returns_unseen(events: Sequence[Event]) -> bool:
    """Whether a core calls again although no line says that its call before returned."""
    under_way = set()
    for event in events:
        if isinstance(event, CallEvent):
            if event.cpu in under_way:
                return True
            under_way.add(event.cpu)
        elif isinstance(event, ReturnEvent | EnterEvent):
            under_way.discard(event.cpu)
        elif isinstance(event, BootEvent):
            under_way.clear()
    return False


def test_a_trace_is_walked_as_far_as_the_checker_explains_it(opened: Any) -> None:
    """On every shipped trace that the page takes, what nothing explains is the checker's first finding."""
    compared, explained = [], []
    for file in sorted(TRACES.glob("*.ndjson")):
        events = list(read_trace(file))
        report = check(events)
        text = file.read_text(encoding="utf-8")
        opened.run("psci.view.walk = null")
        opened.run(f"psci.walkTrace({json.dumps(text)})")
        line = opened.run("psci.view.walk ? psci.view.walk.stuck : 'refused'")
        registers = any(getattr(event, "regs", None) or getattr(event, "el", None) for event in events)
        if line == "refused" or registers or returns_unseen(events):
            continue
        first = next((f.event for f in report.findings), None)
        # where a duty is broken, or the harness lost a line, the page knows nothing either
        if report.verdict.value in ("conforms", "deviates", "unknown"):
            compared.append(file.stem)
            if line is None and first is not None:
                explained.append(file.stem)
            else:
                assert (file.stem, line) == (file.stem, first)
    assert len(compared) > 100
    # the page does not know what the answers to open questions, readings among them, have to do with each other, nor
    # what an observer can see of a core that starts, and so blames nobody for it
    assert explained == [
        "an-aarch32-core-starts-at-the-odd-address",
        "an-undeclared-trusted-os-is-on-two-cores",
        "bit-0-of-an-entry-point-is-an-address-once-and-t32-once",
        "the-outside-sees-a-core-off-whose-start-was-accepted",
    ]


def test_a_page_opens_with_a_trace_whose_machine_it_could_not_know(start: Callable[..., Any], tmp_path: Path) -> None:
    file = next(f for f in sorted(TRACES.glob("*.ndjson")) if '"topology":' in f.read_text(encoding="utf-8"))
    events = list(read_trace(file))
    (tmp_path / "psci.html").write_text(page(events), encoding="utf-8")
    browser = start(width=390)
    browser.open((tmp_path / "psci.html").as_uri())
    assert browser.run("psci.view.walk.sets.length") >= 2
    assert browser.problems == []


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_is_wider_than_the_window(start: Callable[..., Any], address: str, width: int) -> None:
    browser = start(width=width, dark=True)
    browser.open(address)
    for scene in SCENES:
        browser.run(f"document.querySelector('#scene-{scene.id}').click(); psci.go({len(scene.steps)})")
        assert browser.run("document.documentElement.scrollWidth") <= width
    browser.run("document.querySelector('#compare').click()")
    assert browser.run("document.documentElement.scrollWidth") <= width


def test_the_machine_and_its_first_outcome_are_seen_together(opened: Any) -> None:
    bottom = (
        "Math.max(...['#core-1', '#take-1'].map((at) => document.querySelector(at).getBoundingClientRect().bottom))"
    )
    assert opened.run(bottom) <= opened.run("innerHeight")
    opened.run("document.getElementById('scene-start').click()")
    assert not opened.run("document.getElementById('tour-box').open")


def test_every_control_has_a_name(opened: Any) -> None:
    opened.run("document.querySelector('#scene-filter').click(); document.querySelector('#readings').click()")
    nameless = opened.run(
        "[...document.querySelectorAll('button, select, input, textarea')].filter(e => !(e.textContent.trim() "
        "&& e.tagName === 'BUTTON') && !e.getAttribute('aria-label') && !e.closest('label')).map(e => e.outerHTML)"
    )
    assert nameless == []


def test_the_rules_of_the_page_are_those_of_the_specification() -> None:
    known = data()
    assert sum(map(len, known["rules"].values())) == sum(1 for _ in Product(small(1)).specification.every_rule())
    assert {name for rule in itertools.chain(*known["rules"].values()) for name in rule["cites"]} == set(known["facts"])
