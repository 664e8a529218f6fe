"""What happens to power domains without a call (DEN0022 4.2.3)."""

from psci.model.declare import Move
from psci.model.language.rules import when
from psci.model.language.sorts import CORE, NODE
from psci.model.language.terms import Function, Var, choose, every, implies, some
from psci.model.power.domains import POWERDOWN, granted, is_left_open, is_running, permitted, vote_of
from psci.model.symbols.machine import LOCAL_STATE

NODE_AT_HAND = Var("node_at_hand", NODE)

REEVALUATE = Move("REEVALUATE", "4.2.3.1", silent=True, node=NODE_AT_HAND)


@REEVALUATE.happens(cites=("PC-2", "PC-3", "PC-9"))
def votes_counted_again(m, s, move):
    """Platform-coordinated: where votes are counted later than at entry, a node goes down at any time after that."""
    votes = granted(m, move.node, lambda core, node: vote_of(s, core, node))
    later = (s.system == "RUNNING") & (s.mode == "PLATFORM_COORDINATED") & (m.vote_counting == "LATER")
    inside = lambda inner: m.ancestor(move.node, inner) & (inner != move.node)  # noqa: E731  # one line of a rule
    children_fit = every(NODE, lambda inner: implies(inside(inner), s.node[inner] >= votes))
    return when(later & children_fit & (s.node[move.node] < votes)).then(
        s.but(node={move.node: votes}, dozed={move.node: True})
    )


SEEN = Function("local_state_seen", (), LOCAL_STATE, "call", "The local state that the outside saw the node in.")
LOOK = Move("LOOK", "4.2", silent=False, node=NODE_AT_HAND, parameters=(SEEN,))
"""The outside looks at a node: nothing changes, and the state that it sees must be one that the node may be in."""


@LOOK.happens(cites=("PD-2", "PD-3", "PC-2", "PC-3", "OSI-3", "OSI-4"))
def as_decided(m, s, move):
    """The node is in the state that the votes of its cores, or the last request for it, gave it."""
    return when(SEEN() == s.node[move.node])


@LOOK.happens(cites=("PC-3", "PC-8", "CPU_SUSPEND-25", "CPU_SUSPEND-6"))
def shallower(m, s, move):
    """The node is shallower than was decided: votes are upper limits, and requests may be downgraded in part."""
    less = (SEEN() < s.node[move.node]) & (m.latency(SEEN()) <= m.latency(s.node[move.node]))
    coordinated = (s.mode == "PLATFORM_COORDINATED") & (m.shallower_node == "EITHER")
    downgraded = (s.mode == "OS_INITIATED") & (m.partial_downgrade == "EITHER")
    return when(less & (coordinated | downgraded))


@LOOK.happens(cites=("FREEZE-2", "FREEZE-9", "DSUSP-3", "DSUSP-7", "PSTATE-12", "PC-6", "CPU_ON-2"))
def left_to_the_implementation(m, s, move):
    """No core of the node is up, and of one nobody can say how far what is above it is down, or up again.

    It is frozen, suspended by default or in a state that is not declared; or its CPU_ON was accepted a moment ago.
    """
    not_up = lambda core: (s.power[core] == "ON_PENDING") | ~is_running(s, core)  # noqa: E731  # one line of a rule
    nobody_up = every(CORE, lambda core: implies(m.below(core, move.node), not_up(core)))
    is_open = lambda core: (s.power[core] == "ON_PENDING") | is_left_open(m, s, core)  # noqa: E731  # as above
    open_one = some(CORE, lambda core: m.below(core, move.node) & is_open(core))
    limit = lambda core, node: choose(is_open(core), POWERDOWN, vote_of(s, core, node))  # noqa: E731  # as above
    modest = (s.mode == "OS_INITIATED") | permitted(m, move.node, SEEN(), limit)
    return when(nobody_up & open_one & modest)


@LOOK.happens(cites=("OSI-3", "OSI-8"))
def by_an_older_request(m, s, move):
    """OS-initiated: no core of the node runs, and an older request of one that still sleeps holds for it."""
    idle = every(CORE, lambda core: implies(m.below(core, move.node), ~is_running(s, core)))
    older = some(CORE, lambda core: m.below(core, move.node) & (s.vote[core, move.node] == SEEN()))
    return when((s.mode == "OS_INITIATED") & (m.older_request == "EITHER") & idle & older)


@LOOK.happens(cites=("SYS-2", "SYS-4", "OFF-3"))
def on_the_way_down(m, s, move):
    """The system goes down, or is down: nothing is said of its power domains."""
    return when(s.system.is_in("GOING", "DOWN"))
