"""The order of events whose clocks were merged.

An event with `t0` and `t1` happened at some moment between the two. Events whose intervals overlap
are unordered, but for what one core logs itself, which stands in the order in which it logged it.
Events without an interval are ordered by line against all others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from psci.model.errors import InputError
from psci.model.events import (
    BootEvent,
    CallEvent,
    EndEvent,
    EnterEvent,
    Event,
    HostEvent,
    MachineEvent,
    MoveEvent,
    ReturnEvent,
    SystemEvent,
    TimeoutEvent,
)


class TooManyOrders(Exception):
    """Events overlap in so many ways that not all can be tried; the message says what to do."""


Numbered = tuple[int, Event]
"""An event and its number in the trace."""

LIMIT_OF_ORDERS = 20_000
"""Above this many sets of events that may have happened first, a group of unordered events is not judged."""

_LIMIT_OF_BUFFER = 65_536
_KEPT_IN_BUFFER = 4_096

_BY_LINE = (MachineEvent, BootEvent, HostEvent, MoveEvent, TimeoutEvent, EndEvent)
"""What divides a trace: these events are ordered by line even if they have an interval."""
_OWN_LOG = (CallEvent, ReturnEvent, EnterEvent)
"""What a core logs itself, in the order in which it happened."""


class OrderError(InputError):
    """The intervals of a trace cannot be used; the message says what to do."""


def groups(events: Iterable[Event], first: int = 1) -> Iterator[tuple[Numbered, ...]]:
    """The events of a trace in groups: all events of a group come before all events of the next.

    A group of one event is the usual case; the events of a larger one are unordered as their intervals say.

    Args:
        events: in the order of their lines; those with intervals may stand in any order between two without.
        first: the number of the first event.

    Raises:
        OrderError: lines with intervals are too far out of order to be sorted.
    """
    buffer: list[Numbered] = []
    done: int | None = None
    for number, event in enumerate(events, start=first):
        if event.t0 is None or event.t1 is None or isinstance(event, _BY_LINE):
            if buffer:
                yield from _grouped(buffer)
                buffer = []
            done = None
            yield ((number, event),)
            continue
        if done is not None and event.t0 <= done:
            raise OrderError(
                f"event {number}: `t0` {event.t0} lies far before the lines above it; sort the lines by `t0`"
            )
        buffer.append((number, event))
        if len(buffer) > _LIMIT_OF_BUFFER:
            ready = list(_grouped(buffer))
            buffer = []
            while ready and len(buffer) < _KEPT_IN_BUFFER:
                buffer[:0] = ready.pop()
            for group in ready:
                done = max(event.t1 or 0 for _, event in group)
                yield group
    yield from _grouped(buffer)


def _grouped(buffer: list[Numbered]) -> Iterator[tuple[Numbered, ...]]:
    _check_logs(buffer)
    group: list[Numbered] = []
    end = 0
    for number, event in sorted(buffer, key=lambda item: item[1].t0 or 0):
        assert event.t0 is not None
        assert event.t1 is not None
        if group and event.t0 > end:
            yield tuple(sorted(group, key=_number))
            group = []
        end = max(end, event.t1) if group else event.t1
        group.append((number, event))
    if group:
        yield tuple(sorted(group, key=_number))


def _number(numbered: Numbered) -> int:
    return numbered[0]


def _check_logs(buffer: Sequence[Numbered]) -> None:
    """Refuse a log whose lines are in another order than their intervals."""
    latest: dict[int, tuple[int, int]] = {}
    for number, event in buffer:
        if isinstance(event, _OWN_LOG):
            assert event.t0 is not None
            assert event.t1 is not None
            last, line = latest.get(event.cpu, (event.t0, number))
            if event.t1 < last:
                raise OrderError(
                    f"event {number}: core {event.cpu:#x} logged it after event {line}, but `t1` {event.t1} is before "
                    f"that one's `t0` {last}; a core's own events stand in the order in which it logged them"
                )
            latest[event.cpu] = max((last, line), (event.t0, number))


def before(group: Sequence[Event]) -> tuple[int, ...]:
    """For each event of a group, in the order of the lines, the set of events (as bits) that happened before it."""
    masks = []
    for place, event in enumerate(group):
        mask = 0
        for other, earlier in enumerate(group):
            assert earlier.t1 is not None
            assert event.t0 is not None
            own = isinstance(event, _OWN_LOG) and isinstance(earlier, _OWN_LOG) and event.cpu == earlier.cpu
            if other != place and (other < place if own else earlier.t1 < event.t0):
                mask |= 1 << other
        masks.append(mask)
    return tuple(masks)


def choices(group: Sequence[Event], masks: Sequence[int], done: int) -> list[int]:
    """The events that have to be tried next; every order that is left out explains no more than one that is tried.

    A call may as well be made at once: what decides it can still come later. A return or an entry may as well be seen
    late, unless something waits for it: what decided it can still have come before. So calls come first, one at a time,
    and what ends a call comes last, in any one order.
    """
    open_events = [place for place, needed in enumerate(masks) if not done >> place & 1 and not needed & ~done]
    left = [place for place in range(len(group)) if not done >> place & 1]
    if any(isinstance(group[place], SystemEvent) for place in left):
        return open_events
    for place in open_events:
        if isinstance(group[place], CallEvent):
            return [place]
    waited_for = 0
    for place in left:
        waited_for |= masks[place]
    ends = [p for p in open_events if isinstance(group[p], ReturnEvent | EnterEvent) and not waited_for >> p & 1]
    others = [place for place in open_events if place not in ends]
    return others or ends[:1]


E = TypeVar("E")
"""What explains: a set of configurations."""


def search(
    masks: Sequence[int],
    start: frozenset[E],
    explain: Callable[[int, frozenset[E]], frozenset[E]],
    next_of: Callable[[int], Iterable[int]] | None = None,
) -> tuple[list[int], frozenset[E], int | None]:
    """Try the admissible orders of a group together.

    Sets of events that may have happened first are extended by one event at a time; orders of the same events share
    what explains them, and an order that nothing explains is given up at once.

    Args:
        masks: for each event, which must be before it (see `before`).
        start: what explains everything before the group.
        explain: what explains one more event, given what explains those before it; empty where nothing does.
        next_of: which events have to be tried after a set of events (see `choices`); by default all that may come next.

    Returns:
        The places of the explained events in an order that works, what explains them, and the event at which the order
        that goes furthest is stuck, or None when all are explained.

    Raises:
        TooManyOrders: there are too many orders.
    """
    level: dict[int, tuple[frozenset[E], tuple[int, ...]]] = {0: (start, ())}
    for _ in masks:
        further: dict[int, tuple[frozenset[E], tuple[int, ...]]] = {}
        for done, (configurations, order) in level.items():
            for place in range(len(masks)) if next_of is None else next_of(done):
                bit = 1 << place
                if done & bit or masks[place] & ~done:
                    continue
                explained = explain(place, configurations)
                if explained:
                    known, first = further.get(done | bit, (frozenset[E](), (*order, place)))
                    further[done | bit] = (known | explained, first)
        if len(further) > LIMIT_OF_ORDERS:
            raise TooManyOrders(f"more than {LIMIT_OF_ORDERS:,} orders of events that overlap: narrow `t0` and `t1`")
        if not further:
            break
        level = further
    # Of the sets that go furthest, the one that holds the earliest events.
    done, (configurations, order) = min(
        level.items(), key=lambda item: [not item[0] >> i & 1 for i in range(len(masks))]
    )
    left = (place for place, needed in enumerate(masks) if not done >> place & 1 and not needed & ~done)
    return list(order), configurations, next(left, None)
