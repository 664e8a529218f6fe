"""How cores share power domains: node states are ordered, no vote is exceeded, requests obeyed (4.2, 5.4, 6.3)."""

from __future__ import annotations

from typing import Any

from psci.model.declare import Call
from psci.model.language.effects import NOTHING, Effect, each
from psci.model.language.rules import Completion
from psci.model.language.sorts import CORE, NODE
from psci.model.language.terms import TRUE, choose, conjunction, every, implies, lift, some
from psci.model.symbols.machine import LOCAL_STATE, MachineTerms
from psci.model.tables.codes import DENIED, INVALID_PARAMETERS
from psci.properties.language import History, StateView, Step, always_true, consequence, invariant, remembered, safety
from psci.properties.machine.states import states_fit_together
from psci.properties.words import V1_0, has_smc64, powerdown, reserved_bits_are_zero

RUN, STANDBY, RETENTION, POWERDOWN = (lift(name, LOCAL_STATE) for name in LOCAL_STATE.values)
SMC64_ID = 0xC400_0001
"""The SMC64 id of CPU_SUSPEND."""
UP = ("RUNNING", "SUSPENDED")
"""The states of the system in which node states mean anything; on the way down nobody counts votes."""


def depth(s: Any, core: Any) -> Any:
    """The local state of a core, by what it does: OFF, frozen and powerdown are deepest."""
    suspended = choose(
        s.activity[core] == "STANDBY",
        STANDBY,
        choose(s.activity[core] == "RETENTION", RETENTION, choose(s.activity[core] == "POWERDOWN", POWERDOWN, RUN)),
    )
    return choose((s.power[core] == "OFF") | (s.activity[core] == "FROZEN"), POWERDOWN, suspended)


def awake(s: Any, core: Any) -> Any:
    """The core starts, runs, or is frozen."""
    return (s.power[core] != "OFF") & ~s.activity[core].is_in("STANDBY", "RETENTION", "POWERDOWN")


def runs(s: Any, core: Any) -> Any:
    """The core starts, or runs."""
    return awake(s, core) & (s.activity[core] != "FROZEN")


def allows(m: Any, s: Any, core: Any, node: Any, state: Any) -> Any:
    """A core accepts this state of a node above it: it is OFF, or asked for that much of it and of what is inside.

    A sleeping core accepts no state deeper than what it asked for, nor one that takes longer to wake up from; what it
    asked for a node inside on its own path counts as well, because no node is deeper than one inside it.
    """

    def enough(inner: Any) -> Any:
        asked = s.vote[core, inner]
        here = m.below(core, inner) & m.ancestor(node, inner)
        return implies(here, (state <= asked) & (m.latency(state) <= m.latency(asked)))

    asleep = (s.power[core] == "ON") & ~awake(s, core) & every(NODE, enough)
    return asleep | ((s.power[core] == "OFF") & (m.latency(state) <= m.latency(POWERDOWN)))


def all_allow(m: Any, s: Any, node: Any, state: Any) -> Any:
    """Every core in a node accepts this state of it."""
    return every(CORE, lambda core: implies(m.below(core, node), allows(m, s, core, node, state)))


# ---- what is assumed of a platform


@invariant
def each_power_state_is_ordered(m: Any, s: Any, h: Any, step: Step) -> Any:
    """A valid power_state asks for no node state deeper than that of the core or node below it (PC-7, PD-8)."""
    if step.name != "CPU_SUSPEND":
        return TRUE
    state, caller = step.call.power_state, step.call.caller
    own = choose(powerdown(m, state), POWERDOWN, choose(m.retention(state), RETENTION, STANDBY))

    def ordered(low: Any, high: Any) -> Any:
        return implies(
            m.ancestor(high, low) & m.below(caller, low),
            m.requested(state, m.level(high)) <= m.requested(state, m.level(low)),
        )

    return every(NODE, lambda node: implies(m.below(caller, node), m.requested(state, m.level(node)) <= own)) & every(
        NODE, lambda low: every(NODE, lambda high: ordered(low, high))
    )


# ---- lemmas


@always_true(
    "PROP-8", "no-stale-request", cites=("PROP-8", "OSI-8", "OSI-3", "PC-6", "PC-10", "OSI-10"),
    lemmas=(states_fit_together,),
)  # fmt: skip
def no_stale_request(m: Any, s: Any, h: Any) -> Any:
    """A node is in a low-power state only while every core in it sleeps or is OFF: no request outlives a wakeup."""

    def running(core: Any) -> Any:
        return every(NODE, lambda node: implies(m.below(core, node), s.node[node] == RUN))

    return implies(s.system.is_in(*UP), every(CORE, lambda core: implies(runs(s, core), running(core))))


@always_true(
    "NODES-OFF", "nodes-of-off-cores-are-down", cites=("CPU_OFF-10", "PC-5", "OSI-13", "MODE-9"),
    lemmas=(states_fit_together, no_stale_request),
)  # fmt: skip
def nodes_of_off_cores_are_down(m: Any, s: Any, h: Any) -> Any:
    """A node all of whose cores are OFF is powered down, in both modes and however votes are counted."""

    def is_down(node: Any) -> Any:
        off = every(CORE, lambda core: implies(m.below(core, node), s.power[core] == "OFF"))
        return implies(off, s.node[node] == POWERDOWN)

    return implies(s.system.is_in(*UP), every(NODE, is_down))


@always_true(
    "VOTES", "votes-fit-their-core", cites=("PC-7", "PD-3", "PD-8"),
    lemmas=(states_fit_together,), given=(each_power_state_is_ordered,),
)  # fmt: skip
def votes_fit_their_core(m: Any, s: Any, h: Any) -> Any:
    """A suspended core has asked for no node state deeper than its own."""

    def fits(core: Any, node: Any) -> Any:
        asleep = (s.power[core] == "ON") & ~awake(s, core)
        return implies(asleep & m.below(core, node), s.vote[core, node] <= depth(s, core))

    return implies(s.system.is_in(*UP), every(CORE, lambda core: every(NODE, lambda node: fits(core, node))))


@always_true(
    "DEEPEST", "nodes-are-as-deep-as-votes-allow", cites=("PC-3", "PC-5", "CPU_OFF-13", "MODE-5"),
    lemmas=(states_fit_together, no_stale_request, nodes_of_off_cores_are_down),
)  # fmt: skip
def nodes_are_as_deep_as_votes_allow(m: Any, s: Any, h: Any) -> Any:
    """Platform-coordinated, votes counted at entry: no node is shallower than the votes of its cores allow."""

    def deep_enough(node: Any, state: Any) -> Any:
        return implies(all_allow(m, s, node, state), state <= s.node[node])

    here = (s.mode == "PLATFORM_COORDINATED") & (m.vote_counting == "AT_ENTRY") & s.system.is_in(*UP)
    low = (STANDBY, RETENTION, POWERDOWN)
    return implies(here, every(NODE, lambda node: conjunction(*(deep_enough(node, state) for state in low))))


@always_true(
    "LIMITS", "no-node-exceeds-a-vote", cites=("PC-2", "PC-6", "PC-9", "PC-10"),
    lemmas=(states_fit_together, no_stale_request, nodes_of_off_cores_are_down),
)  # fmt: skip
def no_node_exceeds_a_vote(m: Any, s: Any, h: Any) -> Any:
    """Platform-coordinated: the votes of its cores allow the state of every node that does not run."""
    here = (s.mode == "PLATFORM_COORDINATED") & s.system.is_in(*UP)
    return implies(here, every(NODE, lambda node: (s.node[node] == RUN) | all_allow(m, s, node, s.node[node])))


# ---- the order of states


def _ordered(m: Any, s: Any) -> Any:
    def above_node(high: Any, low: Any) -> Any:
        return implies(m.ancestor(high, low), s.node[high] <= s.node[low])

    def above_core(node: Any, core: Any) -> Any:
        return implies(m.below(core, node), s.node[node] <= depth(s, core))

    nodes = every(NODE, lambda high: every(NODE, lambda low: above_node(high, low)))
    cores = every(NODE, lambda node: every(CORE, lambda core: above_core(node, core)))
    return nodes & cores


@consequence(
    "ORDER-PC", "votes-keep-nodes-ordered", cites=("PROP-5", "PC-7", "PD-3"),
    lemmas=(states_fit_together, votes_fit_their_core, nodes_are_as_deep_as_votes_allow, no_node_exceeds_a_vote),
)  # fmt: skip
def votes_keep_nodes_ordered(m: Any, s: Any, h: Any) -> Any:
    """Platform-coordinated, votes counted at entry: no power domain is deeper than a core or power domain inside it."""
    here = (s.mode == "PLATFORM_COORDINATED") & (m.vote_counting == "AT_ENTRY") & s.system.is_in(*UP)
    return implies(here, _ordered(m, s))


@always_true(
    "PROP-5", "nodes-are-ordered", cites=("PROP-5", "PD-3", "PD-4", "PD-5", "PD-6", "PD-7", "OSI-19", "CPU_SUSPEND-14"),
    lemmas=(states_fit_together, no_stale_request, nodes_of_off_cores_are_down, votes_fit_their_core),
    lemmas_after=(votes_keep_nodes_ordered,),
)  # fmt: skip
def nodes_are_ordered(m: Any, s: Any, h: Any) -> Any:
    """In both modes no power domain is in a deeper state than a core or power domain inside it."""
    return implies(s.system.is_in(*UP), _ordered(m, s))


# ---- platform-coordinated mode

WISH = remembered("PROP-6", "wish", CORE, NODE, of=LOCAL_STATE, doc="What the core last asked for a node.")


def _wishes(m: MachineTerms, h: StateView, step: Step) -> Effect:
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


@always_true(
    "PROP-6", "no-vote-is-exceeded", cites=("PROP-6", "PC-2", "PC-3", "PC-5", "PC-6", "CPU_SUSPEND-25"),
    history=WISHES, helpers=(votes_are_wishes,), lemmas=(states_fit_together, no_stale_request, no_node_exceeds_a_vote),
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
    "PROP-7", "requests-are-obeyed", about=("CPU_SUSPEND",),
    lemmas=(states_fit_together, no_stale_request, nodes_are_ordered),
    given=(each_power_state_is_ordered,),
    cites=("PROP-7", "OSI-3", "OSI-4", "OSI-6", "OSI-16", "OSI-19"),
)  # fmt: skip
def requests_are_obeyed(m: Any, s: Any, t: Any, h: Any, g: Any, step: Step) -> Any:
    """OS-initiated: an accepted request puts each node above the caller where it says, unless it is downgraded."""
    if step.completion is not Completion.WAITS:
        return TRUE
    state, caller = step.call.power_state, step.core
    downgraded = powerdown(m, state) & (t.activity[caller] != "POWERDOWN")
    up = s.system == "RUNNING"

    def obeyed(node: Any) -> Any:
        asked = m.requested(state, m.level(node))
        fits = every(CORE, lambda core: implies(m.below(core, node) & (core != caller), t.node[node] <= depth(t, core)))
        return implies(m.below(caller, node), (t.node[node] == asked) & fits)

    return implies((s.mode == "OS_INITIATED") & up & ~downgraded, every(NODE, obeyed))


# ---- votes that are counted again


@safety(
    "REEVALUATED", "votes-counted-again", about=("REEVALUATE",), cites=("PC-2", "PC-3", "PC-9"),
    lemmas=(states_fit_together,),
)  # fmt: skip
def votes_counted_again(m: Any, s: Any, t: Any, h: Any, g: Any, step: Step) -> Any:
    """A node that goes down later goes as deep as the votes of its cores allow, and no other node changes."""
    here = step.node

    low = (STANDBY, RETENTION, POWERDOWN)
    deepest = conjunction(*(implies(all_allow(m, s, here, state), state <= t.node[here]) for state in low))
    others = every(NODE, lambda node: (node == here) | (t.node[node] == s.node[node]))
    inside = every(NODE, lambda node: implies(m.ancestor(here, node), t.node[here] <= t.node[node]))
    coordinated = (s.mode == "PLATFORM_COORDINATED") & (m.vote_counting == "LATER") & (s.system == "RUNNING")
    went = coordinated & (t.node[here] != RUN) & t.dozed[here] & (s.node[here] < t.node[here])
    return went & all_allow(m, s, here, t.node[here]) & deepest & others & inside


# ---- what may refuse a request


def _speaks_about(m: Any, step: Step, node: Any) -> Any:
    """The request asks for a low-power state of a node above its caller, or calls the caller the last one in it."""
    state, level = step.call.power_state, m.level(node)
    return m.below(step.core, node) & ((m.requested(state, level) != RUN) | m.claims(state, level))


def _kept_awake(m: Any, s: Any, step: Step) -> Any:
    """Another core of a node that the request speaks about is awake, or a node inside runs that was to sleep."""

    def awake_in(node: Any) -> Any:
        other = some(CORE, lambda core: m.below(core, node) & (core != step.core) & perhaps_awake(s, core))
        idle = some(NODE, lambda inner: m.ancestor(node, inner) & ~m.below(step.core, inner) & (s.node[inner] == RUN))
        asked = m.requested(step.call.power_state, m.level(node))
        unclaimed = (asked != RUN) & ~m.claims(step.call.power_state, m.level(node)) & m.below(step.core, node)
        return (_speaks_about(m, step, node) & (other | ((asked != RUN) & idle))) | unclaimed

    unknown = ~m.described(step.call.power_state)
    others_on = some(CORE, lambda core: (core != step.core) & (s.power[core] != "OFF"))
    return some(NODE, awake_in) | (unknown & others_on)


def perhaps_awake(s: Any, core: Any) -> Any:
    """The core is awake, or it is left open whether it counts as running."""
    default = s.activity[core].is_in("STANDBY", "RETENTION", "POWERDOWN") & s.default_suspended[core]
    return awake(s, core) | ((s.power[core] == "ON") & default)


def _asks_for(m: Any, step: Step, node: Any) -> Any:
    """The request asks for a low-power state of a node above its caller."""
    return m.below(step.core, node) & (m.requested(step.call.power_state, m.level(node)) != RUN)


def _none_in_the_way(m: Any, s: Any, step: Step) -> Any:
    """No other core runs in a node that is asked for, or that is only claimed where that is checked; none is shallower.

    What is left open by a reading, of frozen cores and of those suspended by default, is in nobody's way here.
    """

    def fits(node: Any) -> Any:
        asked, claims = (f(step.call.power_state, m.level(node)) for f in (m.requested, m.claims))
        only_claimed = m.below(step.core, node) & claims & (m.claim_alone == "CHECKED")

        def core_fits(core: Any) -> Any:
            other = m.below(core, node) & (core != step.core)
            deep = implies(_asks_for(m, step, node), asked <= depth(s, core))
            return implies(other, ~runs(s, core) & deep)

        return implies(_asks_for(m, step, node) | only_claimed, every(CORE, core_fits))

    return every(NODE, fits)


def _too_shallow(m: Any, s: Any, step: Step) -> Any:
    """Some core or node inside is asleep and not as deep as is asked for, or a node runs though its cores do not."""

    def too_shallow(node: Any) -> Any:
        asked = m.requested(step.call.power_state, m.level(node))

        def core_is(core: Any) -> Any:
            return m.below(core, node) & (core != step.core) & ~awake(s, core) & (depth(s, core) < asked)

        def node_is(inner: Any) -> Any:
            return m.ancestor(node, inner) & ~m.below(step.core, inner) & (s.node[inner] < asked)

        return _speaks_about(m, step, node) & (some(CORE, core_is) | some(NODE, node_is))

    return some(NODE, too_shallow)


def _all_deep_enough(m: Any, s: Any, step: Step) -> Any:
    """Every other core and node of a node that the request speaks about is as deep as is asked for."""

    def deep(node: Any) -> Any:
        asked = m.requested(step.call.power_state, m.level(node))

        def core_fits(core: Any) -> Any:
            other = m.below(core, node) & (core != step.core)
            return implies(other, ~perhaps_awake(s, core) & (asked <= depth(s, core)))

        def node_fits(inner: Any) -> Any:
            other = m.ancestor(node, inner) & ~m.below(step.core, inner)
            return implies(other, asked <= s.node[inner])

        claimed = implies(asked != RUN, m.claims(step.call.power_state, m.level(node)))
        return implies(_speaks_about(m, step, node), every(CORE, core_fits) & every(NODE, node_fits) & claimed)

    return every(NODE, deep) & m.described(step.call.power_state)


def _well_made(m: Any, step: Step) -> Any:
    """The id suits its caller, power_state names a state of the platform, and the entry point can be used."""
    state = step.call.power_state
    usable = ~m.address_unusable(step.call.entry_point_address) & (powerdown(m, state) | m.addresses_declared)
    assert isinstance(step.owner, Call)
    own_id = (step.call.isa == "AARCH64") & (step.call.upper_half(1) == 0) & has_smc64(m, step.owner)
    suits = ~step.call.wide | own_id
    return suits & reserved_bits_are_zero(m, state) & m.state_valid(state) & usable


def _frozen_inside(m: Any, s: Any, step: Step) -> Any:
    """A core of a node that is asked for is frozen, and by the reading may be too shallow for the request."""
    frozen = lambda core, node: m.below(core, node) & (core != step.core) & (s.activity[core] == "FROZEN")  # noqa: E731  # one line
    inside = some(NODE, lambda node: _asks_for(m, step, node) & some(CORE, lambda core: frozen(core, node)))
    return (m.frozen_in_osi == "EITHER") & inside


@safety(
    "PROP-16", "denied-only-while-in-the-way", about=("CPU_SUSPEND",),
    cites=("PROP-16", "OSI-4", "OSI-6", "OSI-9", "OSI-12", "OSI-17", "OSI-18", "OSI-19", "CPU_SUSPEND-11"),
)  # fmt: skip
def denied_only_while_in_the_way(m: Any, s: Any, t: Any, h: Any, g: Any, step: Step) -> Any:
    """Since 1.0 CPU_SUSPEND is DENIED only by what is awake in a node at issue; with nobody in the way it is taken."""
    since_1_0 = m.psci_version >= V1_0
    osi = s.mode == "OS_INITIATED"
    denied = step.returns(DENIED.number)
    taken = step.ends(Completion.WAITS) | step.returns(0)
    free = ~osi | (_all_deep_enough(m, s, step) & ~_frozen_inside(m, s, step))
    return implies(
        since_1_0, implies(denied, osi & _kept_awake(m, s, step)) & implies(_well_made(m, step) & free, taken)
    )


@safety(
    "OSI-LAST", "only-the-last-one-is-taken", about=("CPU_SUSPEND",),
    cites=("OSI-5", "OSI-6", "OSI-9", "OSI-10", "OSI-11", "OSI-18", "OSI-19", "CPU_SUSPEND-9", "CPU_SUSPEND-11"),
    lemmas=(states_fit_together,),
)  # fmt: skip
def only_the_last_one_is_taken(m: Any, s: Any, t: Any, h: Any, g: Any, step: Step) -> Any:
    """OS-initiated: a request is taken only from the last core of each node that it claims or asks for.

    Every other core and node in there is at least as deep as is asked for. INVALID_PARAMETERS is returned for one
    that is asleep and too shallow, or for a node that was left running; a request about its own core alone never
    conflicts.
    """
    osi = (s.mode == "OS_INITIATED") & (m.psci_version >= V1_0)
    state = step.call.power_state
    # by a reading a wakeup that is pending ends a powerdown request before the others are looked at
    woken = powerdown(m, state) & s.wake[step.core] & (m.check_and_wakeup == "EITHER")
    taken = step.ends(Completion.WAITS) | (step.returns(0) & ~woken)
    alone = every(NODE, lambda node: ~_speaks_about(m, step, node)) & m.described(state)
    conflict = step.returns(INVALID_PARAMETERS.number) | step.returns(DENIED.number)
    unclaimed = some(NODE, lambda node: _asks_for(m, step, node) & ~m.claims(state, m.level(node)))
    left_open = ~_well_made(m, step) | ~m.described(state) | unclaimed
    return implies(
        osi,
        implies(taken, _none_in_the_way(m, s, step))
        & implies(alone & _well_made(m, step), ~conflict)
        & implies(
            step.returns(INVALID_PARAMETERS.number), _too_shallow(m, s, step) | left_open | _frozen_inside(m, s, step)
        ),
    )
