"""How cores share power domains: votes, requests and refusals (DEN0022 4.2, 5.4.5, 5.4.6, 5.5.2, 6.3).

These terms are used by every rule that takes a core into or out of a low-power state.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from psci.model.language.rules import CallTerms
from psci.model.language.terms import CORE, NODE, Term, Var, choose, conjunction, every, implies, lift, some
from psci.model.symbols.machine import LOCAL_STATE, MachineTerms
from psci.model.symbols.state import StateTerms

ByNode: TypeAlias = Callable[[Term], Term]
"""A local state for each node."""

RUN = lift("RUN", LOCAL_STATE)
STANDBY = lift("STANDBY", LOCAL_STATE)
RETENTION = lift("RETENTION", LOCAL_STATE)
POWERDOWN = lift("POWERDOWN", LOCAL_STATE)


def core_state(s: StateTerms, core: Term) -> Term:
    """The local state of a core: an OFF core is powered down, one that starts or runs is running (PC-5, PC-6)."""
    activity = s.activity[core]
    asleep = choose(
        activity == "STANDBY",
        STANDBY,
        choose(activity == "RETENTION", RETENTION, choose(activity.is_in("POWERDOWN", "FROZEN"), POWERDOWN, RUN)),
    )
    return choose(s.power[core] == "OFF", POWERDOWN, asleep)


def is_awake(s: StateTerms, core: Term) -> Term:
    """The core is on its way up, runs, or is frozen: it counts as running for its nodes (PC-6, OSI-8, OSI-17)."""
    return (s.power[core] != "OFF") & ~s.activity[core].is_in("STANDBY", "RETENTION", "POWERDOWN")


def vote_of(s: StateTerms, core: Term, node: Term) -> Term:
    """What a core allows for a node above it: OFF votes deepest, awake allows only Run (PC-5, PC-6, CPU_SUSPEND-26)."""
    return choose(s.power[core] == "OFF", POWERDOWN, choose(is_awake(s, core), RUN, s.vote[core, node]))


def permitted(m: MachineTerms, node: Term, state: Term, vote: Callable[[Term, Term], Term]) -> Term:
    """No core's vote forbids this state of a node, in depth or in wakeup latency (PC-2).

    A vote for a node inside forbids it as well: a parent is never deeper than its children (PD-3), also where
    latency does not grow with depth.
    """

    def permits(core: Var, inner: Var) -> Term:
        asked = vote(core, inner)
        counts = m.below(core, inner) & m.ancestor(node, inner)
        return implies(counts, (state <= asked) & (m.latency(state) <= m.latency(asked)))

    return every(CORE, lambda core: every(NODE, lambda inner: permits(core, inner)))


def granted(m: MachineTerms, node: Term, vote: Callable[[Term, Term], Term]) -> Term:
    """The deepest state of a node that no core's vote forbids (PC-3)."""
    standby, retention, powerdown = (permitted(m, node, state, vote) for state in (STANDBY, RETENTION, POWERDOWN))
    return choose(powerdown, POWERDOWN, choose(retention, RETENTION, choose(standby, STANDBY, RUN)))


def node_after_sleep(m: MachineTerms, s: StateTerms, caller: Term, asked: ByNode) -> ByNode:
    """For each node: its state once the caller sleeps with these requests for the nodes above it (by node).

    Platform-coordinated: the deepest state that all votes allow. OS-initiated: the request itself (OSI-3, OSI-4).
    """

    def after(node: Term) -> Term:
        votes = granted(m, node, lambda core, inner: choose(core == caller, asked(inner), vote_of(s, core, inner)))
        counted = choose(m.vote_counting == "AT_ENTRY", votes, s.node[node])
        decided = choose(s.mode == "OS_INITIATED", asked(node), counted)
        return choose(m.below(caller, node), decided, s.node[node])

    return after


def node_after_off(m: MachineTerms, s: StateTerms, caller: Term) -> ByNode:
    """For each node: its state once the caller is OFF.

    Calls of CPU_OFF are coordinated with each other in both modes: the last one takes the node down (CPU_OFF-10,
    MODE-9). With suspended cores they are coordinated in platform-coordinated mode only (CPU_OFF-12, CPU_OFF-13).
    """

    def after(node: Term) -> Term:
        votes = granted(m, node, lambda core, inner: choose(core == caller, POWERDOWN, vote_of(s, core, inner)))
        others_off = every(CORE, lambda core: implies(m.below(core, node) & (core != caller), s.power[core] == "OFF"))
        counted = (s.mode == "PLATFORM_COORDINATED") & (m.vote_counting == "AT_ENTRY")
        decided = choose(counted, votes, choose(others_off, POWERDOWN, s.node[node]))
        return choose(m.below(caller, node), decided, s.node[node])

    return after


def node_after_wakeup(m: MachineTerms, s: StateTerms, core: Term) -> ByNode:
    """For each node: its state once a core is on its way up; all nodes above it run (PC-6, PC-10, OSI-8)."""
    return lambda node: choose(m.below(core, node), RUN, s.node[node])


def asks_for(m: MachineTerms, call: CallTerms, node: Term) -> Term:
    """The state that the call's power_state asks for a node above the caller."""
    return m.requested(call.power_state, m.level(node))


def is_checked(m: MachineTerms, call: CallTerms, node: Term) -> Term:
    """An OS-initiated request speaks about this node: it asks for a low-power state, or claims a level (OSI-6)."""
    claims = m.claims(call.power_state, m.level(node))
    return m.below(call.caller, node) & ((asks_for(m, call, node) != RUN) | claims)


def running_conflict(m: MachineTerms, s: StateTerms, call: CallTerms) -> Term:
    """Some core of a node that the request speaks about is running (CPU_SUSPEND-11, OSI-9, OSI-17)."""
    return some(
        NODE,
        lambda node: (
            is_checked(m, call, node)
            & some(CORE, lambda core: m.below(core, node) & (core != call.caller) & is_awake(s, core))
        ),
    )


def idle_conflict(m: MachineTerms, s: StateTerms, call: CallTerms) -> Term:
    """Some node inside still runs though none of its cores does (CPU_SUSPEND-14, OSI-19, PD-3)."""

    def runs_idle(inner: Var) -> Term:
        nobody_awake = every(CORE, lambda core: implies(m.below(core, inner), ~is_awake(s, core)))
        return (s.node[inner] == RUN) & ~m.below(call.caller, inner) & nobody_awake

    def asked_for_more(node: Var) -> Term:
        inside = some(NODE, lambda inner: m.ancestor(node, inner) & runs_idle(inner))
        return m.below(call.caller, node) & (asks_for(m, call, node) != RUN) & inside

    return some(NODE, asked_for_more)


def shallow_conflict(m: MachineTerms, s: StateTerms, call: CallTerms) -> Term:
    """Some core or node inside is in a low-power state too shallow for the request (CPU_SUSPEND-9, PD-4 to PD-6)."""

    def too_shallow(node: Var) -> Term:
        asked = asks_for(m, call, node)
        core_too_shallow = some(
            CORE,
            lambda core: conjunction(
                m.below(core, node), core != call.caller, ~is_awake(s, core), core_state(s, core) < asked
            ),
        )
        node_too_shallow = some(
            NODE,
            lambda inner: conjunction(
                m.ancestor(node, inner), ~m.below(call.caller, inner), s.node[inner] != RUN, s.node[inner] < asked
            ),
        )
        return is_checked(m, call, node) & (core_too_shallow | node_too_shallow)

    return some(NODE, too_shallow)
