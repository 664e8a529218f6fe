from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psci.model.events import CallEvent, Event, HostEvent, MachineEvent, ReturnEvent, WakeEvent
from psci.oracle.checker.checker import Checker, check
from psci.oracle.checker.report import Report
from psci.oracle.traces import order
from psci.oracle.traces.order import OrderError, TooManyOrders, before, choices, groups, search

VERSION = 0x8400_0000


def at(cpu: int, t0: int, t1: int) -> WakeEvent:
    return WakeEvent(cpu=cpu, t0=t0, t1=t1)


def numbers(events: Sequence[Event]) -> list[tuple[int, ...]]:
    return [tuple(number for number, _ in group) for group in groups(events)]


def test_events_without_intervals_stand_alone_in_the_order_of_their_lines() -> None:
    assert numbers([WakeEvent(cpu=0), WakeEvent(cpu=1), WakeEvent(cpu=0)]) == [(1,), (2,), (3,)]


def test_overlapping_events_form_one_group_in_the_order_of_their_lines() -> None:
    assert numbers([at(0, 5, 9), at(1, 1, 2), at(2, 2, 6), at(3, 20, 21)]) == [(1, 2, 3), (4,)]


def test_a_host_action_divides_whatever_its_interval() -> None:
    assert numbers([at(0, 5, 9), HostEvent(action="restart", t0=1, t1=99), at(1, 1, 6)]) == [(1,), (2,), (3,)]


def test_a_long_trace_with_intervals_is_not_held_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(order, "_LIMIT_OF_BUFFER", 50)
    monkeypatch.setattr(order, "_KEPT_IN_BUFFER", 10)
    events = [at(0, t, t) for t in range(200)]
    taken = 0

    def stream() -> Iterator[Event]:
        nonlocal taken
        for event in events:
            taken += 1
            yield event

    found = groups(stream())
    assert (next(found)[0][0], taken) == (1, 51)
    assert [group[0][0] for group in found] == list(range(2, 201))


def test_a_line_far_out_of_order_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(order, "_LIMIT_OF_BUFFER", 50)
    monkeypatch.setattr(order, "_KEPT_IN_BUFFER", 10)
    with pytest.raises(
        OrderError, match="event 101: `t0` 0 lies far before the lines above it; sort the lines by `t0`"
    ):
        list(groups([*(at(0, t, t) for t in range(1, 101)), at(1, 0, 0)]))


def test_the_log_of_one_core_keeps_its_order() -> None:
    call, returned = CallEvent(cpu=0, fn=VERSION, t0=1, t1=9), ReturnEvent(cpu=0, x0=0, t0=1, t1=9)
    assert before([call, returned]) == (0, 1)
    assert before([call, ReturnEvent(cpu=1, x0=0, t0=1, t1=9)]) == (0, 0)


def test_what_a_core_logs_itself_stands_in_the_order_of_its_lines_whatever_the_intervals() -> None:
    returned, call = ReturnEvent(cpu=0, x0=0, t0=8, t1=12), CallEvent(cpu=0, fn=VERSION, t0=7, t1=10)
    assert numbers([returned, call]) == [(1, 2)]
    assert before([returned, call]) == (0, 1)


def test_a_log_whose_intervals_contradict_the_order_of_its_lines_is_refused() -> None:
    events = [ReturnEvent(cpu=0, x0=0, t0=20, t1=30), CallEvent(cpu=0, fn=VERSION, t0=5, t1=10)]
    with pytest.raises(OrderError, match="event 2: core 0x0 logged it after event 1, but `t1` 10 is before"):
        list(groups(events))


def test_calls_are_tried_first_and_what_ends_a_call_last() -> None:
    events = [
        ReturnEvent(cpu=0, x0=0, t0=0, t1=9), CallEvent(cpu=1, fn=VERSION, t0=0, t1=9), ReturnEvent(cpu=2, x0=0,
        t0=0, t1=9),
        at(3, 0, 9),
    ]  # fmt: skip
    masks = before(events)
    assert [choices(events, masks, done) for done in (0b0000, 0b0010, 0b1010, 0b1011)] == [[1], [3], [0], [2]]


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 4)), min_size=1, max_size=6), st.data())
def test_the_search_finds_what_trying_every_order_finds(spans: list[tuple[int, int]], data: st.DataObject) -> None:
    events = sorted((at(n, t, t + d) for n, (t, d) in enumerate(spans)), key=lambda event: event.t0 or 0)
    masks = before(events)
    forbidden = data.draw(st.sets(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=12))

    def explain(place: int, done: frozenset[tuple[int, ...]]) -> frozenset[tuple[int, ...]]:
        return frozenset((*o, place) for o in done if not o or (o[-1], place) not in forbidden)

    def admissible(sequence: tuple[int, ...]) -> bool:
        at_place = {place: n for n, place in enumerate(sequence)}
        ordered = all(at_place[o] < at_place[p] for p, mask in enumerate(masks) for o in range(6) if mask >> o & 1)
        return ordered and not any(pair in forbidden for pair in itertools.pairwise(sequence))

    everything = {s for s in itertools.permutations(range(len(events))) if admissible(s)}
    nothing: tuple[int, ...] = ()
    _, found, stuck = search(masks, frozenset({nothing}), explain)
    assert (stuck is None) == bool(everything)
    if everything:
        assert found == everything


def test_too_many_orders_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(order, "LIMIT_OF_ORDERS", 100)
    with pytest.raises(TooManyOrders, match="more than 100 orders of events that overlap: narrow `t0` and `t1`"):
        search(before([at(n, 0, 9) for n in range(12)]), frozenset({()}), lambda _, done: done)


def overlapping(count: int) -> list[Event]:
    machine = MachineEvent(psci="1.3", cpus=tuple(range(count)))
    on = [e for n in range(1, count) for e in (
        CallEvent(cpu=0, fn=0xC400_0003, args=(n, 0x4000_0000, n)), ReturnEvent(cpu=0, x0=0),
        CallEvent(cpu=0, fn=0xC400_0004, args=(n, 0)), ReturnEvent(cpu=0, x0=0),
    )]  # fmt: skip
    return [machine, *on]


def test_a_trace_judged_by_groups_has_the_report_of_the_lines_where_nothing_overlaps() -> None:
    def timed(events: Sequence[Event]) -> list[Event]:
        from dataclasses import replace

        head, *rest = events
        return [head, *(replace(event, t0=2 * n, t1=2 * n + 1) for n, event in enumerate(rest))]

    def facts(report: Report) -> tuple[object, ...]:
        return report.verdict, report.verdicts, report.rules, report.permissions, len(report.findings)

    assert facts(check(timed(overlapping(4)))) == facts(check(overlapping(4)))


def test_feeding_one_by_one_takes_the_lines_as_they_are() -> None:
    machine = MachineEvent(psci="1.3", cpus=(0, 1))
    checker = Checker(machine)
    for event in (CallEvent(cpu=0, fn=VERSION, t0=5, t1=6), ReturnEvent(cpu=0, x0=0x1_0003, t0=1, t1=9)):
        checker.feed(event)
    assert checker.report.verdict.value == "conforms"
