"""What happens to power domains without a call (DEN0022 4.2.3)."""

from psci.model.declare import Move
from psci.model.language.rules import when
from psci.model.language.sorts import NODE
from psci.model.language.terms import Var, every, implies
from psci.model.power.domains import granted, vote_of

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
