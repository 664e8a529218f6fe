"""Pictures of the states of a small machine."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from psci.explorer.abstraction.machines import SHALLOW_STATES, small
from psci.explorer.abstraction.registers import Abstraction
from psci.explorer.system import QUIET_MOVES, Product
from psci.graphs.diagram import Diagram
from psci.graphs.render import format_of, render, to_networkx, write
from psci.graphs.views import VIEWS, view
from psci.model.power.topology import Topology
from psci.model.tables.versions import version as version_named


@dataclass(frozen=True)
class Picture:
    """A diagram that a notebook shows."""

    diagram: Diagram

    @cached_property
    def svg(self) -> str:
        """The picture as SVG."""
        return render(self.diagram, "svg").decode()

    def save(self, path: Path | str) -> None:
        """Write it to a file; the suffix says the format.

        Raises:
            InputError: the suffix is unknown, or the file cannot be written.
        """
        write(Path(path), render(self.diagram, format_of(Path(path))))

    def graph(self) -> Any:
        """The diagram as a graph of networkx."""
        return to_networkx(self.diagram)

    def _repr_svg_(self) -> str:
        return self.svg

    def __repr__(self) -> str:
        return f"{self.diagram.title}: {len(self.diagram.nodes)} nodes, {len(self.diagram.edges)} edges"


def graph(name: str = "core", *, cpus: int = 2, version: str = "1.3", refusals: bool = False) -> Picture:
    """A view of the states and moves of a small machine: core, system, and the others of `psci graph --help`.

    >>> graph("system", cpus=1)
    The system, as its callers see it: 12 nodes, 17 edges

    Args:
        name: the view.
        cpus: the cores of the machine.
        version: the version of PSCI.
        refusals: draw answers that change nothing, too.

    Raises:
        InputError: there is no such view; the message lists those that exist.
    """
    shape = Topology.clusters([1] * cpus) if name == "node" else None
    # clusters side by side, so that a whole cluster can be off while another runs
    machine = small(cpus, version_named(version), topology=shape, states=SHALLOW_STATES if shape else ())
    # no view tells the two widths of a function id apart
    product = Product(machine, abstraction=Abstraction(widths=(True,)), without=QUIET_MOVES)
    return Picture(view(name, product, refusals))


__all__ = ["VIEWS", "Picture", "graph"]
