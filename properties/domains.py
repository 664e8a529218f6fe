"""How cores share power domains: node states are ordered, no vote is exceeded, requests obeyed (4.2, 5.4, 6.3)."""

from __future__ import annotations

from typing import Any

from psci.model.language.effects import NOTHING, Effect, each
from psci.model.language.rules import Completion
from psci.model.language.sorts import CORE, NODE
from psci.model.language.terms import TRUE, choose, every, implies, lift
from psci.model.machine import LOCAL_STATE, MachineTerms
from psci.model.power_domains import granted, vote_of
from psci.properties.helpers import (
    no_core_is_frozen_before_1_0,
    nothing_runs_when_the_system_is_down,
    only_an_on_core_does_anything,
)
from psci.properties.language import History, Step, View, always_true, invariant, remembered, safety

RUN, STANDBY, RETENTION, POWERDOWN = (lift(name, LOCAL_STATE) for name in LOCAL_STATE.values)
UP = ("RUNNING", "SUSPENDED")
"""The states of the system in which node states mean anything; on the way down nobody counts votes."""


def depth(s: Any, core: Any) -> Any:
    """The local state of a core, by what it does: OFF and powerdown are deepest, whatever is awake runs."""
    suspended = choose(
        s.activity[core] == "STANDBY",
        STANDBY,
        choose(s.activity[core] == "RETENTION", RETENTION, choose(s.activity[core] == "POWERDOWN", POWERDOWN, RUN)),
    )
    return choose(s.power[core] == "OFF", POWERDOWN, suspended)


def awake(s: Any, core: Any) -> Any:
    """The core starts, runs, or is frozen."""
    return (s.power[core] != "OFF") & ~s.activity[core].is_in("STANDBY", "RETENTION", "POWERDOWN")


# ---- what is assumed of a platform


@invariant
def each_power_state_is_ordered(m: Any, s: Any, h: Any, step: Step) -> Any:
    """A valid power_state asks for no node state deeper than that of the core or node below it (PC-7, PD-8)."""
    if step.name != "CPU_SUSPEND":
        return TRUE
    state, caller = step.call.power_state, step.call.caller
    own = choose(m.is_powerdown(state), POWERDOWN, choose(m.retention(state), RETENTION, STANDBY))

    def ordered(low: Any, high: Any) -> Any:
        return implies(
            m.ancestor(high, low) & m.below(caller, low),
            m.requested(state, m.level(high)) <= m.requested(state, m.level(low)),
        )

    return every(NODE, lambda node: implies(m.below(caller, node), m.requested(state, m.level(node)) <= own)) & every(
        NODE, lambda low: every(NODE, lambda high: ordered(low, high))
    )


# ---- invariants


@invariant
def awake_cores_keep_their_nodes_running(m: Any, s: Any, h: Any) -> Any:
    """Every node above a core that is awake runs, in both modes."""

    def running(core: Any) -> Any:
        return every(NODE, lambda node: implies(m.below(core, node), s.node[node] == RUN))

    return implies(s.system.is_in(*UP), every(CORE, lambda core: implies(awake(s, core), running(core))))


@invariant
def votes_are_ordered(m: Any, s: Any, h: Any) -> Any:
    """What a suspended core asked for is no deeper for a parent than for a child, and never deeper than the core."""

    def fits(core: Any) -> Any:
        own = every(NODE, lambda n: implies(m.below(core, n), s.vote[core, n] <= depth(s, core)))

        def ordered(low: Any, high: Any) -> Any:
            return implies(m.below(core, low) & m.ancestor(high, low), s.vote[core, high] <= s.vote[core, low])

        path = every(NODE, lambda low: every(NODE, lambda high: ordered(low, high)))
        return implies((s.power[core] == "ON") & ~awake(s, core), own & path)

    return implies(s.system.is_in(*UP), every(CORE, fits))


@invariant
def suspended_means_powered_down(m: Any, s: Any, h: Any) -> Any:
    """While the system is suspended to RAM one core is powered down and all others are OFF."""
    return implies(
        s.system == "SUSPENDED",
        every(CORE, lambda core: (s.power[core] == "OFF") | (s.activity[core] == "POWERDOWN")),
    )


DOMAIN_HELPERS = (
    only_an_on_core_does_anything,
    nothing_runs_when_the_system_is_down,
    no_core_is_frozen_before_1_0,
    awake_cores_keep_their_nodes_running,
    suspended_means_powered_down,
)


@invariant
def a_node_of_off_cores_is_down(m: Any, s: Any, h: Any) -> Any:
    """Where votes are counted at entry: a node all of whose cores are OFF is powered down, in both modes."""

    def is_down(node: Any) -> Any:
        off = every(CORE, lambda core: implies(m.below(core, node), s.power[core] == "OFF"))
        return implies(off, s.node[node] == POWERDOWN)

    return implies((m.vote_counting == "AT_ENTRY") & s.system.is_in(*UP), every(NODE, is_down))


@invariant
def a_node_is_where_the_votes_put_it(m: Any, s: Any, h: Any) -> Any:
    """Platform-coordinated, votes counted at entry: each node is in the deepest state that the votes allow."""

    def fits(node: Any) -> Any:
        return s.node[node] == granted(m, node, lambda core, inner: vote_of(s, core, inner))

    here = (s.mode == "PLATFORM_COORDINATED") & (m.vote_counting == "AT_ENTRY") & s.system.is_in(*UP)
    return implies(here, every(NODE, fits))


def _ordered(m: Any, s: Any) -> Any:
    inside = every(
        NODE, lambda high: every(NODE, lambda low: implies(m.ancestor(high, low), s.node[high] <= s.node[low]))
    )
    cores = every(CORE, lambda core: every(NODE, lambda n: implies(m.below(core, n), s.node[n] <= depth(s, core))))
    return inside & cores


@always_true(
    "PROP-5", "nodes-are-ordered", cites=("PROP-5", "PD-3", "PD-4", "PD-5", "PD-6", "PD-7"),
    helpers=(*DOMAIN_HELPERS, votes_are_ordered, a_node_of_off_cores_is_down, a_node_is_where_the_votes_put_it),
    given=(each_power_state_is_ordered,),
)  # fmt: skip
def nodes_are_ordered(m: Any, s: Any, h: Any) -> Any:
    """Platform-coordinated: no power domain is in a deeper state than a core or power domain inside it."""
    return implies((s.mode == "PLATFORM_COORDINATED") & s.system.is_in(*UP), _ordered(m, s))


@always_true(
    "PROP-5-OSI", "nodes-are-ordered-in-osi", cites=("PROP-5", "PD-3", "OSI-19", "OSI-20", "CPU_SUSPEND-14"),
    helpers=DOMAIN_HELPERS, given=(each_power_state_is_ordered,),
)  # fmt: skip
def nodes_are_ordered_in_osi(m: Any, s: Any, h: Any) -> Any:
    """OS-initiated: no power domain is in a deeper state than a core or power domain inside it."""
    return implies((s.mode == "OS_INITIATED") & s.system.is_in(*UP), _ordered(m, s))


@always_true(
    "PROP-8", "no-stale-request", cites=("PROP-8", "OSI-8", "OSI-3", "PC-6", "PC-10", "OSI-10"), helpers=DOMAIN_HELPERS
)
def no_stale_request(m: Any, s: Any, h: Any) -> Any:
    """A node is in a low-power state only while every core in it sleeps or is OFF: no request outlives a wakeup."""
    return awake_cores_keep_their_nodes_running.claim(m, s, h)


# ---- platform-coordinated mode

WISH = remembered("PROP-6", "wish", CORE, NODE, of=LOCAL_STATE, doc="What the core last asked for a node.")


def _wishes(m: MachineTerms, h: View, step: Step) -> Effect:
    """A suspend call that waits asks for a state of each node above its caller."""
    if step.completion is not Completion.WAITS:
        return NOTHING
    if step.name == "CPU_SUSPEND":
        asked = m.requested
        return h.but(
            wish=each(
                lambda core, node: choose(
                    core == step.core, asked(step.call.power_state, m.level(node)), h.wish[core, node]
                )
            )
        )
    deepest = POWERDOWN if step.name == "SYSTEM_SUSPEND" else RUN
    return h.but(wish=each(lambda core, node: choose(core == step.core, deepest, h.wish[core, node])))


WISHES = History((WISH,), lambda h: h.but(wish=each(lambda core, node: RUN)), _wishes)


@invariant
def votes_are_wishes(m: Any, s: Any, h: Any) -> Any:
    """What a suspended core votes for is what it asked for, or less."""

    def fits(core: Any, node: Any) -> Any:
        asleep = (s.power[core] == "ON") & ~awake(s, core)
        return implies(asleep & m.below(core, node), s.vote[core, node].is_in(RUN, h.wish[core, node]))

    return every(CORE, lambda core: every(NODE, lambda node: fits(core, node)))


@invariant
def no_node_exceeds_a_vote(m: Any, s: Any, h: Any) -> Any:
    """Platform-coordinated: a node sleeps no deeper, and wakes no slower, than each suspended core in it allows."""

    def fits(core: Any, node: Any) -> Any:
        asleep = (s.power[core] == "ON") & ~awake(s, core)
        vote = s.vote[core, node]
        modest = (s.node[node] <= vote) & (m.latency(s.node[node]) <= m.latency(vote))
        return implies(asleep & m.below(core, node), (s.node[node] == RUN) | modest)

    coordinated = (s.mode == "PLATFORM_COORDINATED") & s.system.is_in(*UP)
    return implies(coordinated, every(CORE, lambda core: every(NODE, lambda node: fits(core, node))))


@always_true(
    "PROP-6", "no-vote-is-exceeded", cites=("PROP-6", "PC-2", "PC-3", "PC-5", "PC-6", "CPU_SUSPEND-25"),
    history=WISHES, helpers=(*DOMAIN_HELPERS, votes_are_wishes, no_node_exceeds_a_vote),
)  # fmt: skip
def no_vote_is_exceeded(m: Any, s: Any, h: Any) -> Any:
    """Platform-coordinated: no node is deeper, or slower to wake up, than any suspended core in it has asked for."""

    def fits(core: Any, node: Any) -> Any:
        asleep = (s.power[core] == "ON") & ~awake(s, core)
        wish = h.wish[core, node]
        modest = (s.node[node] <= wish) & (m.latency(s.node[node]) <= m.latency(wish))
        return implies(asleep & m.below(core, node), (s.node[node] == RUN) | modest)

    coordinated = (s.mode == "PLATFORM_COORDINATED") & s.system.is_in(*UP)
    return implies(coordinated, every(CORE, lambda core: every(NODE, lambda node: fits(core, node))))


# ---- OS-initiated mode


@safety(
    "PROP-7", "requests-are-obeyed", about=("CPU_SUSPEND",), helpers=DOMAIN_HELPERS,
    given=(each_power_state_is_ordered,),
    cites=("PROP-7", "OSI-3", "OSI-4", "OSI-6", "OSI-16", "OSI-19"),
)  # fmt: skip
def requests_are_obeyed(m: Any, s: Any, t: Any, h: Any, g: Any, step: Step) -> Any:
    """OS-initiated: an accepted request puts each node above the caller where it says, unless it is downgraded."""
    if step.completion is not Completion.WAITS:
        return TRUE
    state, caller = step.call.power_state, step.core
    downgraded = m.is_powerdown(state) & (t.activity[caller] != "POWERDOWN")
    up = s.system == "RUNNING"

    def obeyed(node: Any) -> Any:
        asked = m.requested(state, m.level(node))
        fits = every(CORE, lambda core: implies(m.below(core, node) & (core != caller), t.node[node] <= depth(t, core)))
        return implies(m.below(caller, node), (t.node[node] == asked) & fits)

    return implies((s.mode == "OS_INITIATED") & up & ~downgraded, every(NODE, obeyed))


PROPERTIES = (
    nodes_are_ordered.open_question(
        "Induction needs that each node is where the votes put it; Z3 does not decide that step within its limit."
    ),
    nodes_are_ordered_in_osi.open_question(
        "It does not hold of the rules: a request for a node is accepted although a power domain inside it still runs "
        "with all its cores asleep or OFF (CPU_SUSPEND-14 and PD-3 ask for a refusal, no fact names the code), and the "
        "last CPU_OFF takes a parent down over such a domain."
    ),
    no_vote_is_exceeded.open_question(
        "Z3 does not decide the step CPU_SUSPEND.powerdown within its limit; all other steps are proved."
    ),
    requests_are_obeyed,
    no_stale_request,
)
