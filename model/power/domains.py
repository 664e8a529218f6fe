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


ASLEEP = ("STANDBY", "RETENTION", "POWERDOWN")
"""What a suspended core does."""


def is_awake(s: StateTerms, core: Term) -> Term:
    """The core is on its way up, runs, or is frozen: it votes for nothing but Run (PC-6, OSI-8, OSI-17)."""
    return (s.power[core] != "OFF") & ~s.activity[core].is_in(*ASLEEP)


def is_running(s: StateTerms, core: Term) -> Term:
    """The core is on its way up, or runs (PC-6, OSI-8, OSI-17)."""
    return is_awake(s, core) & (s.activity[core] != "FROZEN")


def is_left_open(m: MachineTerms, s: StateTerms, core: Term) -> Term:
    """How deep the core, and what is above it, may be is the implementation's choice, or is not declared.

    It is frozen (FREEZE-2), or suspended by default (DSUSP-3), or in a state that no profile describes.
    """
    asleep = s.activity[core].is_in(*ASLEEP)
    return (s.power[core] == "ON") & (
        (s.activity[core] == "FROZEN") | (asleep & (s.default_suspended[core] | s.undescribed[core]))
    )


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
        osi = s.mode == "OS_INITIATED"
        decided = choose(osi, asked(node), counted)
        inside = choose(osi, brought_down(m, s, caller, asked, node), s.node[node])
        return choose(m.below(caller, node), decided, inside)

    return after


def brought_down(m: MachineTerms, s: StateTerms, caller: Term, asked: ByNode, node: Term) -> Term:
    """The state of a node that ran idle inside an accepted request: as deep as the request needs (PD-3)."""

    def needed(state: Term) -> Term:
        return some(NODE, lambda high: m.below(caller, high) & m.ancestor(high, node) & (asked(high) == state))

    deepest = choose(
        needed(POWERDOWN), POWERDOWN, choose(needed(RETENTION), RETENTION, choose(needed(STANDBY), STANDBY, RUN))
    )
    return choose(runs_idle(m, s, node), deepest, s.node[node])


def runs_idle(m: MachineTerms, s: StateTerms, node: Term) -> Term:
    """The node still runs, though none of its cores does."""
    nobody = every(CORE, lambda core: implies(m.below(core, node), ~is_running(s, core)))
    return (s.node[node] == RUN) & nobody


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


def may_be_checked(m: MachineTerms, call: CallTerms, node: Term, *, surely: bool) -> Term:
    """An OS-initiated request speaks about this node: it asks for a low-power state, or only claims a level (OSI-6).

    Of a claim alone a reading says whether it is checked, surely or perhaps.
    """
    claims = m.claims(call.power_state, m.level(node))
    alone = (m.claim_alone == "CHECKED") if surely else (m.claim_alone != "NOT_CHECKED")
    return m.below(call.caller, node) & ((asks_for(m, call, node) != RUN) | (claims & alone))


def counts_as_running(m: MachineTerms, s: StateTerms, core: Term, *, surely: bool) -> Term:
    """The core is in the way of an OS-initiated request: surely, or perhaps, because a reading leaves it open."""
    frozen, default = m.frozen_in_osi, m.default_in_osi
    as_frozen = (frozen == "RUNNING") if surely else (frozen != "DOWN")
    as_default = (default == "RUNNING") if surely else (default != "ASLEEP")
    suspended = s.activity[core].is_in(*ASLEEP) & s.default_suspended[core]
    kept = (s.power[core] == "ON") & (((s.activity[core] == "FROZEN") & as_frozen) | (suspended & as_default))
    return is_running(s, core) | kept


def running_conflict(m: MachineTerms, s: StateTerms, call: CallTerms, *, surely: bool) -> Term:
    """Some core of a node that the request speaks about is running (CPU_SUSPEND-11, OSI-9, OSI-17)."""

    def other(core: Var, node: Var) -> Term:
        return m.below(core, node) & (core != call.caller) & counts_as_running(m, s, core, surely=surely)

    return some(
        NODE,
        lambda node: may_be_checked(m, call, node, surely=surely) & some(CORE, lambda core: other(core, node)),
    )


def idle_conflict(m: MachineTerms, s: StateTerms, call: CallTerms) -> Term:
    """Some node inside still runs though none of its cores does (CPU_SUSPEND-14, OSI-19, PD-3)."""

    def asked_for_more(node: Var) -> Term:
        inside = some(
            NODE, lambda inner: m.ancestor(node, inner) & ~m.below(call.caller, inner) & runs_idle(m, s, inner)
        )
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
        return m.below(call.caller, node) & (core_too_shallow | node_too_shallow)

    return some(NODE, too_shallow)


def others_on(s: StateTerms, call: CallTerms) -> Term:
    """Some other core is not OFF: it may be in the way of a request that no profile describes."""
    return some(CORE, lambda core: (core != call.caller) & (s.power[core] != "OFF"))
