"""A timeline shows every event of a trace, in its core's lane."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree

from psci.graphs.timeline import Followed, terminal, timeline, verdict
from psci.model import events

TRACE = (
    events.MachineEvent(psci="1.3", cpus=(0x0, 0x1), peer="kvm:latest"),
    events.CallEvent(cpu=0x0, fn=0xC400_0003, args=(0x1, 0x4000_0000, 0x2A)),
    events.EnterEvent(cpu=0x1, pc=0x4000_0000, x0=0x2A),
    events.ReturnEvent(cpu=0x0, x0=0),
    events.CallEvent(cpu=0x1, fn=0x8400_0003, args=(0x1, 0x4000_0000, 0x2A)),
    events.ReturnEvent(cpu=0x1, x0=0xFFFF_FFFC),
    events.CallEvent(cpu=0x1, fn=0x8400_0002),
    events.WakeEvent(cpu=0x1, cause="irq"),
    events.CallEvent(cpu=0x0, fn=0x8400_00FF),
    events.TimeoutEvent(cpu=0x0),
    events.SystemEvent(event="off", flags=1),
    events.BootEvent(cpu=0x0, cause="cold"),
    events.HostEvent(action="keep"),
    events.ObserveEvent(cpu=0x1, power="off", source="gdb"),
    events.EndEvent(why="done"),
)


def texts(picture: str) -> list[str]:
    root = ElementTree.fromstring(picture)
    return [text.text or "" for text in root.iter("{http://www.w3.org/2000/svg}text")]


def test_every_event_is_there_in_words() -> None:
    shown = texts(timeline(TRACE))
    for words in (
        "PSCI 1.3 on kvm:latest, 2 cores", "core 0x0", "core 0x1", "CPU_ON(0x1, 0x40000000, 0x2a)",
        "enter pc 0x40000000, x0 0x2a", "→ 0 (SUCCESS)", "CPU_ON(0x1, 0x40000000, 0x2a) (SMC32)", "→ ALREADY_ON",
        "CPU_OFF()", "wakeup pending (irq)", "0x840000ff()", "no answer in time", "system: off, flags 0x1",
        "boot on core 0x0: cold", "host: keep", "seen: off (gdb)", "end: done",
    ):  # fmt: skip
        assert words in shown, words
    numbers = [text for text in shown if text.isdecimal()]
    assert numbers == [str(n) for n in range(1, len(TRACE))]


def test_it_is_a_picture_by_itself_and_always_the_same() -> None:
    picture = timeline(TRACE)
    assert ElementTree.fromstring(picture).tag == "{http://www.w3.org/2000/svg}svg"
    assert picture == timeline(TRACE)


def test_a_call_without_an_end_is_shown_open() -> None:
    picture = timeline((*TRACE[:1], events.CallEvent(cpu=0x0, fn=0x8400_0002)))
    assert "stroke-dasharray" in picture
    assert "no answer seen" in texts(picture)


def test_a_trace_without_a_machine_or_without_events_is_a_picture_too() -> None:
    assert "core 0x7" in texts(timeline([events.CallEvent(cpu=0x7, fn=0x8400_0000)]))
    assert "Trace" in texts(timeline([]))


def test_markup_in_a_trace_is_text() -> None:
    assert "end: <script>" in texts(timeline([events.EndEvent(why="<script>")]))


TWICE = (
    events.MachineEvent(psci="1.3", cpus=(0x0, 0x1), profile={"unusable": []}),
    events.CallEvent(cpu=0x0, fn=0xC400_0003, args=(0x1, 0x4000_0000, 0x0)),
    events.ReturnEvent(cpu=0x0, x0=0),
    events.CallEvent(cpu=0x0, fn=0xC400_0003, args=(0x1, 0x5000_0000, 0x0)),
    events.ReturnEvent(cpu=0x0, x0=0),
)
NOTES = [
    "observed: core 0x0 returned SUCCESS (0) from CPU_ON",
    "allowed are only: ALREADY_ON (-4) [CPU_ON.already_on]; ON_PENDING (-5) [CPU_ON.on_pending]",
    "facts: CPU_ON-6 (5.6.2, 6.6 (4)), CPU_ON-7 (5.6.2, 6.6 (5)), AFF-13 (6.6), SM-7 (6.6 (4), 6.6 (5))",
]


def test_what_nothing_explains_is_said_below_its_event() -> None:
    assert verdict(TWICE) == {4: NOTES}
    shown = texts(timeline(TWICE, notes=verdict(TWICE)))
    assert shown[shown.index("observed: core 0x0 returned SUCCESS (0) from CPU_ON") - 1] == "→ 0 (SUCCESS)"
    assert "not allowed" in shown
    assert "not allowed" not in texts(timeline(TWICE))


def test_a_long_trace_is_folded_around_its_notes() -> None:
    asked = (events.CallEvent(cpu=0x0, fn=0xC400_0004, args=(0x1, 0x0)), events.ReturnEvent(cpu=0x0, x0=1))
    trace = (TWICE[0], *asked * 100)
    shown = texts(timeline(trace, notes={100: ["here"]}))
    assert [text for text in shown if text.startswith("⋮")] == [
        "⋮  87 events that need no comment", "⋮  88 events that need no comment",
    ]  # fmt: skip
    assert [int(text) for text in shown if text.isdecimal()] == [*range(1, 7), *range(94, 107), *range(195, 201)]
    assert [int(text) for text in texts(timeline(trace[:60])) if text.isdecimal()] == [*range(1, 60)]


def test_a_terminal_shows_a_column_for_each_core_or_names_it() -> None:
    wide = terminal(TWICE, 100, {4: ["observed: this"]})
    assert wide == (
        "PSCI 1.3, 2 cores\n"
        "      core 0x0                                       core 0x1\n"
        "    1 CPU_ON(0x1, 0x40000000, 0x0)\n"
        "    2 → 0 (SUCCESS)\n"
        "    3 CPU_ON(0x1, 0x50000000, 0x0)\n"
        ">>  4 → 0 (SUCCESS)\n"
        "      observed: this\n"
    )
    narrow = terminal(TWICE, 40).splitlines()
    assert narrow[1] == "    1 core 0x0: CPU_ON(0x1, 0x40000000,"
    assert max(map(len, narrow)) <= 40


STARTED_LATE = (
    events.MachineEvent(psci="1.3", cpus=(0x0, 0x1)),
    events.CallEvent(cpu=0x0, fn=0xC400_0003, args=(0x1, 0x4000_0000, 0x2A)),
    events.ReturnEvent(cpu=0x0, x0=0),
    events.CallEvent(cpu=0x0, fn=0xC400_0004, args=(0x1, 0x0)),
    events.ReturnEvent(cpu=0x0, x0=0),
    events.EnterEvent(cpu=0x1, pc=0x4000_0000, x0=0x2A),
)


def test_what_each_core_may_be_doing_is_known_at_each_event() -> None:
    followed = Followed(STARTED_LATE)
    assert [followed.states(number)[0x1] for number in range(6)] == [
        ("OFF",),
        ("OFF", "ON_PENDING", "about to be entered"),
        ("ON_PENDING", "about to be entered"),
        ("ON_PENDING", "about to be entered"),
        ("about to be entered",),
        ("ON",),
    ]
    assert followed.notes == {}
    assert followed.remarks[4][-1] == "before it, unseen: core 0x1 ON_PENDING → about to be entered"


def test_bands_and_remarks_are_drawn_and_told() -> None:
    followed = Followed(STARTED_LATE)
    picture = timeline(STARTED_LATE, followed=followed)
    assert "core 0x1 may be: ON_PENDING, about to be entered" in picture
    shown = texts(picture)
    assert "before it, unseen: core 0x1 ON_PENDING → about to be entered" in shown
    assert {"OFF", "ON_PENDING", "ON", "about to be entered"} <= set(shown)
    told = terminal(STARTED_LATE, 100, followed=followed).splitlines()
    assert "      | now: 0x1 about to be entered" in told


def test_a_race_and_a_broken_duty_are_told_beside_their_events() -> None:
    machine = replace(TWICE[0], profile={"unusable": []})
    racing = (
        machine,
        events.CallEvent(cpu=0x0, fn=0xC400_0003, args=(0x1, 0x4000_0000, 0x0)),
        events.ReturnEvent(cpu=0x0, x0=0),
        events.EnterEvent(cpu=0x1, pc=0x4000_0000, x0=0x0),
        events.CallEvent(cpu=0x1, fn=0x8400_0002),
        events.CallEvent(cpu=0x0, fn=0xC400_0003, args=(0x1, 0x5000_0000, 0x1)),
        events.EnterEvent(cpu=0x1, pc=0x5000_0000, x0=0x7),
    )
    followed = Followed(racing)
    assert followed.notes.keys() == {6}
    assert "race with CPU_ON(0x1, 0x50000000, 0x1) of core 0x0" in followed.remarks[6]


def test_a_trace_without_a_machine_is_not_followed() -> None:
    followed = Followed([events.CallEvent(cpu=0x7, fn=0x8400_0000)])
    assert (followed.notes, followed.remarks, followed.states(0)) == ({}, {}, {})
