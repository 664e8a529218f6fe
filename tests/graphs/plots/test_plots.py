"""A plot shows the figures of its record, and no others."""

from __future__ import annotations

import json
import re
from typing import Any
from xml.etree import ElementTree

import pytest
from house import ROOT

from psci.cli.site.reference import PLOTS
from psci.graphs.plots.chart import BarChart, ChartAxis, ChartBar, ChartLine, LineChart, drawn
from psci.graphs.plots.records import chart_of
from psci.model.errors import InputError

SVG = "{http://www.w3.org/2000/svg}"
EXPLORED = {
    "benchmark": "explorer",
    "scaling": {
        "symbolic": [{"cpus": 1, "cpu_seconds": 0.5, "states": 26}, {"cpus": 64, "cpu_seconds": 9.0, "states": 10**50}],
        "symmetry": [{"cpus": 2, "cpu_seconds": 1.0, "states": 300}],
        "plain": [],
    },
}
CAMPAIGN = {
    "peer": "qemu", "psci": "1.1", "calls": 900, "seconds": 10.0, "rules_in_reach": 80, "rules_exercised": {"a": 1},
    "coverage": [{"seconds": 1, "calls": 100, "rules": 20}, {"seconds": 5, "calls": 400, "rules": 40}],
}  # fmt: skip
MATRIX = {
    "kind": "psci-matrix",
    "rows": [{"cells": [
        {"state": "conforms"},
        {"traces": ["traces/qemu-5-2-enter-unexpected-0a1b.json", "traces/xen-cpu-on-returns-0x0-99.json"],
         "seen": [{"times": 2, "of": 10}, {"times": 10, "of": 10}]},
    ]}],
}  # fmt: skip
PROOFS = {
    "solvers": {"Z3": "4.13"},
    "results": [
        {"property": "PROP-2", "cores": "any", "seconds": 1.5, "queries": 70, "verdict": "proved"},
        {"property": "PROP-3", "cores": "3", "seconds": 4.0, "queries": 70, "verdict": "unknown"},
    ],
}  # fmt: skip


def chart(*documents: Any) -> LineChart | BarChart:
    return chart_of([("a record", document) for document in documents])


def test_scaling_has_a_line_for_each_way_that_was_measured() -> None:
    found = chart(EXPLORED)
    assert isinstance(found, LineChart)
    assert found.lines == (
        ChartLine("decision diagrams", ((1, 0.5), (64, 9.0))), ChartLine("one by one, symmetry", ((2, 1.0),)),
    )  # fmt: skip
    assert found.subtitle.startswith("64 cores have 1.0×10⁵⁰ reachable states")
    assert found.x.ticks == (1, 2, 64)


def test_the_coverage_of_campaigns_is_a_share_of_what_each_peer_can_show() -> None:
    found = chart(CAMPAIGN, {**CAMPAIGN, "peer": "kvm", "rules_in_reach": 40})
    assert isinstance(found, LineChart)
    assert [(line.name, line.points) for line in found.lines] == [
        ("qemu, PSCI 1.1", ((100, 25.0), (400, 50.0), (900, 50.0))),
        ("kvm, PSCI 1.1", ((100, 50.0), (400, 100.0), (900, 100.0))),
    ]


def test_what_shows_every_time_is_no_race() -> None:
    found = chart(MATRIX)
    assert isinstance(found, BarChart)
    assert found.bars == (ChartBar("qemu-5-2-enter-unexpected", 0.2, "2 of 10"),)
    assert found.subtitle.endswith("1 others did")


def test_the_slowest_proof_comes_first() -> None:
    found = chart(PROOFS)
    assert isinstance(found, BarChart)
    assert [(bar.label, bar.text) for bar in found.bars] == [
        ("PROP-3, 3 cores", "4.0 s, 70 queries"), ("PROP-2, any number of cores", "1.5 s, 70 queries"),
    ]  # fmt: skip
    assert found.subtitle == "2 proofs, 1 proved, with Z3 4.13"


@pytest.mark.parametrize(("documents", "message"), [
    (([],), "nothing to plot: take a document of benchmarks/explorer.py, or psci fuzz --json, or"),
    (({"benchmark": "explorer"},), "damaged"),
    (({**CAMPAIGN, "coverage": []},), "damaged"),
    ((PROOFS, PROOFS), "only campaigns"),
    ((CAMPAIGN, PROOFS), "only campaigns"),
    (({"kind": "psci-matrix", "rows": []},), "no rates to plot"),
])  # fmt: skip
def test_what_cannot_be_drawn_is_one_line(documents: tuple[Any, ...], message: str) -> None:
    with pytest.raises(InputError, match=message):
        chart(*documents)


def test_a_line_chart_is_drawn_to_scale() -> None:
    line = ChartLine("time", ((1, 1), (10, 10), (100, 100)))
    svg = drawn(LineChart("T", "s", ChartAxis("cores", log=True), ChartAxis("seconds", log=True), (line,)))
    root = ElementTree.fromstring(svg)
    dots = [(float(c.attrib["cx"]), float(c.attrib["cy"])) for c in root.iter(f"{SVG}circle")]
    (x0, y0), (x1, y1), (x2, y2) = dots
    assert (x1 - x0, y0 - y1) == pytest.approx((x2 - x1, y1 - y2))
    assert root.find(f"{SVG}desc") is not None
    assert "".join(root.find(f"{SVG}desc").itertext()) == "time: 1: 1, 10: 10, 100: 100"  # type: ignore[union-attr]  # it is there


def test_bars_are_as_long_as_their_values_and_names_that_end_together_do_not_overlap() -> None:
    svg = drawn(BarChart("T", "s", ChartAxis("seconds"), (ChartBar("a", 4, "4 s"), ChartBar("b", 1, "1 s"))))
    widths = [float(width) for width in re.findall(r'class="bar" [^>]*width="([\d.]+)"', svg)]
    assert widths[0] == pytest.approx(4 * widths[1], rel=0.01)
    lines = (ChartLine("one", ((0, 5), (1, 5))), ChartLine("two", ((0, 5), (1, 5))))
    both = drawn(LineChart("T", "s", ChartAxis("x"), ChartAxis("y"), lines))
    ys = [float(y) for y in re.findall(r'class="name n\d" x="[\d.]+" y="([\d.]+)"', both)]
    assert ys[1] - ys[0] == pytest.approx(16)


def test_a_plot_is_dark_where_the_reader_is() -> None:
    assert "@media (prefers-color-scheme:dark){.ground{fill:#171717}" in drawn(chart(PROOFS))


@pytest.mark.parametrize("name", [name for name, _, _ in PLOTS])
def test_the_records_of_the_site_can_be_drawn(name: str) -> None:
    records = next(records for plot, records, _ in PLOTS if plot == name)
    documents = [(record, json.loads((ROOT / "docs" / record).read_text("utf-8"))) for record in records]
    assert ElementTree.fromstring(drawn(chart_of(documents))).attrib["role"] == "img"
