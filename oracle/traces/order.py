"""The order of events whose clocks were merged.

An event with `t0` and `t1` happened at some moment between the two. Events whose intervals overlap
are unordered, but for events of one core's own log, which stay in the order of its lines. Events
without an interval are ordered by line against all others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from psci.model.errors import InputError
from psci.model.events import Boot, Call, End, Enter, Event, Host, Machine, Move, Return, Timeout

Numbered = tuple[int, Event]
"""An event and its number in the trace."""

LIMIT_OF_ORDERS = 20_000
"""Above this many sets of events that may have happened first, a group of unordered events is not judged."""

_LIMIT_OF_BUFFER = 65_536
_KEPT_IN_BUFFER = 4_096

_BY_LINE = (Machine, Boot, Host, Move, Timeout, End)
"""What divides a trace: these events are ordered by line even if they have an interval."""
_OWN_LOG = (Call, Return, Enter)
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
    group: list[Numbered] = []
    end = 0
    for number, event in sorted(buffer, key=lambda item: item[1].t0 or 0):
        assert event.t0 is not None
        assert event.t1 is not None
        if group and event.t0 > end:
            yield tuple(group)
            group = []
        end = max(end, event.t1) if group else event.t1
        group.append((number, event))
    if group:
        yield tuple(group)


def before(group: Sequence[Event]) -> tuple[int, ...]:
    """For each event of a group, the set of events (as bits) that happened before it."""
    masks = []
    for place, event in enumerate(group):
        mask = 0
        for other, earlier in enumerate(group[:place]):
            assert earlier.t1 is not None
            assert event.t0 is not None
            own = isinstance(event, _OWN_LOG) and isinstance(earlier, _OWN_LOG) and event.cpu == earlier.cpu
            if own or earlier.t1 < event.t0:
                mask |= 1 << other
        masks.append(mask)
    return tuple(masks)


E = TypeVar("E")
"""What explains: a set of configurations."""


def search(
    masks: Sequence[int],
    start: frozenset[E],
    explain: Callable[[int, frozenset[E]], frozenset[E]],
) -> tuple[list[int], frozenset[E], int | None]:
    """Try the admissible orders of a group together.

    Sets of events that may have happened first are extended by one event at a time; orders of the same events share
    what explains them, and an order that nothing explains is given up at once.

    Args:
        masks: for each event, which must be before it (see `before`).
        start: what explains everything before the group.
        explain: what explains one more event, given what explains those before it; empty where nothing does.

    Returns:
        The places of the explained events in an order that works, what explains them, and the event at which the order
        that goes furthest is stuck, or None when all are explained.

    Raises:
        OrderError: there are too many orders.
    """
    level: dict[int, tuple[frozenset[E], tuple[int, ...]]] = {0: (start, ())}
    for _ in masks:
        further: dict[int, tuple[frozenset[E], tuple[int, ...]]] = {}
        for done, (configurations, order) in level.items():
            for place, needed in enumerate(masks):
                bit = 1 << place
                if done & bit or needed & ~done:
                    continue
                explained = explain(place, configurations)
                if explained:
                    known, first = further.get(done | bit, (frozenset[E](), (*order, place)))
                    further[done | bit] = (known | explained, first)
        if len(further) > LIMIT_OF_ORDERS:
            raise OrderError(f"more than {LIMIT_OF_ORDERS} orders of events that overlap: narrow `t0` and `t1`")
        if not further:
            break
        level = further
    # Of the sets that go furthest, the one that holds the earliest events.
    done, (configurations, order) = min(
        level.items(), key=lambda item: [not item[0] >> i & 1 for i in range(len(masks))]
    )
    left = (place for place, needed in enumerate(masks) if not done >> place & 1 and not needed & ~done)
    return list(order), configurations, next(left, None)
