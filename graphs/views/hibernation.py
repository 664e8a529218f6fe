"""Hibernation with everybody who takes part: what a guest, its implementation and its host do until the next boot."""

from __future__ import annotations

import textwrap

from psci.graphs.diagram import Cluster, Diagram, DiagramNode, EdgeKind, EdgeLabel, merged
from psci.model.scenarios.hibernation import (
    CLIENTS,
    HOSTS,
    IMPLEMENTATIONS,
    Hibernation,
    Scenario,
    ScenarioStep,
    ScenarioWorld,
)

_KINDS = {
    "guest": EdgeKind.GUEST, "implementation": EdgeKind.IMPLEMENTATION, "host": EdgeKind.HOST,
    "firmware": EdgeKind.HOST,
}  # fmt: skip
_WIDTH = 30
_TONES = {"runs": "on", "called": "going", "down": "down", "prepared": "down", "booted cleanly": "entering"}


def hibernation_view(client: str = "Linux", implementation: str = "F.b") -> Diagram:
    """Every run of a client on an implementation, with every kind of host, from running to the next life."""
    who = next(c for c in CLIENTS if c.name == client)
    on = next(i for i in IMPLEMENTATIONS if i.name == implementation)
    nodes: dict[str, DiagramNode] = {}
    found: list[tuple[str, str, EdgeKind, EdgeLabel]] = []
    for host in HOSTS:
        world = Hibernation(Scenario(who, on, host))
        frontier = [world.initial()]
        nodes[_name(frontier[0])] = _node(frontier[0], initial=True)
        while frontier:
            state = frontier.pop()
            for step in world.successors(state):
                nodes[_name(step.after)] = _node(step.after)
                found.append((_name(state), _name(step.after), _KINDS[step.actor], _label(step)))
                frontier.append(step.after)
    about = f"{client} on an implementation of {implementation}, with every kind of host"
    boxes = (Cluster("before", "this life"), Cluster("between", "between the lives"), Cluster("after", "the next life"))
    return Diagram("From SYSTEM_OFF2 to the next boot", about, tuple(nodes.values()), merged(found), boxes)


def _name(world: ScenarioWorld) -> str:
    return f"{world.phase} {world.left} {world.told} {world.platform} {world.signature}"


def _label(step: ScenarioStep) -> EdgeLabel:
    text = "\n".join(textwrap.wrap(step.text, _WIDTH))
    return EdgeLabel(text, cites=step.cites)


def _node(world: ScenarioWorld, initial: bool = False) -> DiagramNode:
    if world.is_disaster:
        return DiagramNode(_name(world), "DISASTER\nresumed on a machine\nthat the image does not fit", "down", "after")
    told = f"the host takes it for {world.told}" if world.told and world.phase in ("down", "prepared") else ""
    changed = "" if world.phase != "prepared" else "environment changed" if world.platform else "environment kept"
    signed = "and the signature" if world.phase == "prepared" and world.signature else ""
    tone = "on" if world.phase == "resumed" else _TONES.get(world.phase, "plain")
    box = {"down": "between", "prepared": "between", "resumed": "after", "booted cleanly": "after"}
    return DiagramNode(
        _name(world), f"{world.phase}\n{told}\n{changed}\n{signed}", tone, box.get(world.phase, "before"), initial
    )
