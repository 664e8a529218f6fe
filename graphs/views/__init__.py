"""Views: what can be drawn of the rules, each small enough to be looked at."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from psci.explorer.abstraction.cone import CORES, cone
from psci.explorer.system import Product
from psci.graphs.diagram import MOST_NODES, Diagram
from psci.graphs.views.decision import decision_view
from psci.graphs.views.difference import difference
from psci.graphs.views.domains import domains_view
from psci.graphs.views.explored import core_view, node_view, states_view, system_view
from psci.graphs.views.hibernation import hibernation_view
from psci.graphs.views.highlight import highlighted
from psci.graphs.views.observed import observed_view
from psci.graphs.views.race import race_view
from psci.model.errors import InputError
from psci.model.events import Event
from psci.model.tables.versions import Version


@dataclass(frozen=True, slots=True)
class View:
    """A way to look at the explored states of a machine."""

    name: str
    sentence: str
    fields: tuple[str, ...]
    """What it looks at; what cannot influence that is not explored."""
    draw: Callable[[Product, bool], Diagram]
    """From the product, and whether answers that change nothing are drawn too."""
    cpus: int = 2
    """The number of cores, where nobody says."""
    without: frozenset[str] = frozenset()
    """Calls that are left out, because they tell about other things."""
    queries: bool = False
    """Calls that only tell something are drawn in any case."""


VIEWS: Mapping[str, View] = {
    view.name: view
    for view in (
        View("core", "one core: power state, activity, and what changes them", ("power", "activity"), core_view),
        View(
            "system", "the system: running, suspended, on its way down, down", ("system", "kind", "asked"), system_view
        ),
        View("node", "one power domain: its local state", ("system", "node"), node_view),
        View("states", f"every reachable state, up to {MOST_NODES}", CORES, states_view, cpus=1),
        View(
            "observed",
            "the smallest machine that its first caller cannot tell from the real one",
            ("power", "activity"),
            observed_view,
            without=frozenset({"MEM_PROTECT"}),
            queries=True,
        ),
    )
}
"""The views that explore a machine."""

PICTURES: Mapping[str, tuple[str, Callable[[Version], Diagram]]] = {
    "race": ("CPU_ON and CPU_OFF of one core, overlapping: the window of 6.6", race_view),
    "hibernation": ("a guest, its implementation and every kind of host, from SYSTEM_OFF2 to the next boot",
                    lambda version: hibernation_view()),
    "domains": ("a tree of power domains after the same requests in both suspend modes", domains_view),
}  # fmt: skip
"""The views of a machine of their own."""

DECISION = "decision"
"""The view of one call."""


def view(name: str, product: Product, refusals: bool = False) -> Diagram:
    """The diagram of a view that explores a machine.

    Args:
        name: which view.
        product: the machine, the rules, and how finely data is told apart.
        refusals: list answers that change nothing, too.

    Raises:
        InputError: there is no such view, or its diagram is too large to be read.
    """
    if name not in VIEWS:
        raise InputError(f"unknown view {name!r}: choose {', '.join(VIEWS)}")
    chosen = VIEWS[name]
    without = product.without | chosen.without
    queries = refusals or chosen.queries
    inside = cone(product.specification, product.machine, chosen.fields, without, queries=queries)
    return chosen.draw(replace(product, specification=inside.specification, without=without), refusals)


def compared(name: str, first: Product, second: Product, texts: tuple[str, str]) -> Diagram:
    """A view of two machines in one diagram: what only one of them has is marked.

    Args:
        name: which view.
        first: a machine with its rules.
        second: another version or reading of it.
        texts: what the two are called.

    Raises:
        InputError: as for `view`.
    """
    return difference(view(name, first), view(name, second), texts)


def traced(name: str, product: Product, trace: Sequence[Event]) -> Diagram:
    """A view with the steps marked that explain a trace.

    Raises:
        InputError: as for `view`.
    """
    return highlighted(view(name, product), trace)


def names() -> dict[str, str]:
    """Every view that can be asked for, with its sentence."""
    return {
        **{name: view.sentence for name, view in VIEWS.items()},
        **{name: sentence for name, (sentence, _) in PICTURES.items()},
        DECISION: "the rules of one call as a table (--call)",
    }


__all__ = [
    "DECISION", "MOST_NODES", "PICTURES", "VIEWS", "View", "compared", "decision_view", "names", "traced", "view",
]  # fmt: skip
