"""The colours and lines of all pictures: for print, for the colour-blind, and turned for the dark."""

from __future__ import annotations

import colorsys
from collections.abc import Mapping
from typing import NamedTuple

from psci.graphs.diagram import EdgeKind

FONT = "Helvetica,Arial,sans-serif"
GROUND = "#ffffff"
INK = "#1f2933"
FAINT = "#66727f"
BOX_LINE, BOX_FILL = "#c4ccd4", "#f7f9fa"


class Tone(NamedTuple):
    """The colours of a node."""

    fill: str
    line: str


TONES: Mapping[str, Tone] = {
    "plain": Tone("#ffffff", "#8795a1"),
    "off": Tone("#e8ebee", "#8795a1"),
    "pending": Tone("#fff1cc", "#d9a300"),
    "entering": Tone("#e3f5e1", "#58a55c"),
    "on": Tone("#c6ebc5", "#2f8132"),
    "idle": Tone("#dbe9fb", "#3b78c4"),
    "frozen": Tone("#e4e0f5", "#6f5bb8"),
    "going": Tone("#fde3d3", "#d9722e"),
    "down": Tone("#f6cfd0", "#b83238"),
}


class Line(NamedTuple):
    """How an edge is drawn: no two kinds of one picture differ by colour alone."""

    colour: str
    style: str
    head: str = "normal"


LINES: Mapping[EdgeKind, Line] = {
    EdgeKind.OWN: Line("#1a56b0", "solid"),
    EdgeKind.OTHER: Line("#8a3ab9", "solid", "empty"),
    EdgeKind.CALL: Line("#1a56b0", "solid"),
    EdgeKind.SILENT: Line("#66727f", "dashed", "vee"),
    EdgeKind.WITNESSED: Line("#b34a10", "bold", "diamond"),
    EdgeKind.GUEST: Line("#1a56b0", "solid"),
    EdgeKind.IMPLEMENTATION: Line("#66727f", "dashed", "vee"),
    EdgeKind.HOST: Line("#b34a10", "bold", "diamond"),
    EdgeKind.PART: Line("#8795a1", "solid", "none"),
    EdgeKind.IMPORT: Line("#1a56b0", "solid"),
    EdgeKind.SAME: Line("#b8c1ca", "solid"),
    EdgeKind.CHANGED: Line("#9a6700", "dashed", "vee"),
    EdgeKind.ADDED: Line("#0b7a4b", "bold"),
    EdgeKind.REMOVED: Line("#b83238", "dotted", "empty"),
    EdgeKind.USED: Line("#0b5cad", "bold"),
    EdgeKind.UNUSED: Line("#c9d1d8", "solid"),
}


def in_the_dark(colour: str) -> str:
    """The same hue on a dark ground: what is light gets dark, and the other way round."""
    red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    hue, light, saturation = colorsys.rgb_to_hls(red, green, blue)
    turned = 0.95 - 0.86 * light
    if 0.25 < light < 0.65:
        # lines and words, which must be seen against the ground
        turned = max(turned, 0.66)
    lit = colorsys.hls_to_rgb(hue, turned, 0 if light > 0.95 else saturation * 0.8)
    return "#" + "".join(f"{round(part * 255):02x}" for part in lit)


__all__ = ["BOX_FILL", "BOX_LINE", "FAINT", "FONT", "GROUND", "INK", "LINES", "TONES", "Line", "Tone", "in_the_dark"]
