"""Which chart a recorded document is drawn as. Every figure comes from a document that a command wrote."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePath
from typing import Any

from psci.graphs.plots.chart import RAISED, BarChart, Chart, ChartAxis, ChartBar, ChartLine, LineChart
from psci.model.errors import InputError

MOST_BARS = 40
"""More of them nobody compares."""


def chart_of(documents: Sequence[tuple[str, Any]]) -> Chart:
    """The chart of a document, or of several campaigns beside each other.

    Args:
        documents: what commands printed with `--json`, or `benchmarks/explorer.py` wrote, each with what messages
            call it.

    Raises:
        InputError: one is none of the documents that are drawn, or holds nothing to be drawn, or they are of two kinds.
    """
    kinds = [_kind(source, document) for source, document in documents]
    first = kinds[0]
    for (source, _), kind in zip(documents, kinds, strict=True):
        if kind != first or (len(documents) > 1 and kind != _FUZZ):
            raise InputError(f"{source}: only campaigns (of {_FUZZ}) are drawn beside each other")
    try:
        return KINDS[first][1](*(document for _, document in documents))
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise InputError(f"{documents[0][0]}: it holds nothing to plot, or is damaged ({error!r})") from None


def _kind(source: str, document: Any) -> str:
    for kind, (has, _) in KINDS.items():
        if isinstance(document, Mapping) and has(document):
            return kind
    raise InputError(f"{source}: nothing to plot: take a document of {', or '.join(KINDS)}")


def _scaling(document: Mapping[str, Any]) -> Chart:
    """Processor time of exploring against the number of cores."""
    scaling = document["scaling"]
    names = {"symbolic": "decision diagrams", "symmetry": "one by one, symmetry", "plain": "one by one"}
    lines = tuple(
        ChartLine(text, tuple((row["cpus"], row["cpu_seconds"]) for row in scaling[name]))
        for name, text in names.items()
        if scaling[name]
    )
    most = max(scaling["symbolic"], key=lambda row: row["cpus"])
    cores = tuple(sorted({x for line in lines for x, _ in line.points}))
    return LineChart(
        "Exploring all states of a KVM guest",
        f"{most['cpus']} cores have {_power(most['states'])} reachable states; both axes are logarithmic",
        ChartAxis("cores", log=True, ticks=cores), ChartAxis("seconds of a processor", log=True), lines,
    )  # fmt: skip


def _coverage(*documents: Mapping[str, Any]) -> Chart:
    """The share of the rules in reach that campaigns have met, over their calls."""
    lines = []
    for document in documents:
        reach = document["rules_in_reach"]
        points = [(point["calls"], 100 * point["rules"] / reach) for point in document["coverage"]]
        points.append((document["calls"], points[-1][1]))
        lines.append(ChartLine(f"{document['peer']}, PSCI {document['psci']}", tuple(points), stepped=True))
    met = "; ".join(
        f"{d['peer']}: {len(d['rules_exercised'])} of {d['rules_in_reach']} in {d['seconds']:,.0f} s" for d in documents
    )
    return LineChart(
        "Rules that a campaign has met", met,
        ChartAxis("calls", log=True), ChartAxis("% of the rules that the peer can show", top=100), tuple(lines),
    )  # fmt: skip


def _races(document: Mapping[str, Any]) -> Chart:
    """How often a deviation shows when its kept program is run again; what shows every time is no race."""
    rates: dict[str, tuple[int, int]] = {}
    for cell in (cell for row in document["rows"] for cell in row["cells"] if "traces" in cell):
        for trace, seen in zip(cell["traces"], cell["seen"], strict=True):
            if seen and seen["of"]:
                # the file is named by implementation, call and answer; then comes a digest
                rates[PurePath(trace).stem.rpartition("-")[0]] = seen["times"], seen["of"]
    races = sorted(((times / of, name, times, of) for name, (times, of) in rates.items() if times < of), reverse=True)
    bars = tuple(ChartBar(name, share, f"{times} of {of}") for share, name, times, of in races[:MOST_BARS])
    if not bars:
        raise InputError("every deviation of this matrix shows every time: there are no rates to plot")
    return BarChart(
        "How often a race shows",
        f"kept programs that did not deviate every time that they were run again; {len(rates) - len(races)} others did",
        ChartAxis("share of the runs", top=1), bars,
    )  # fmt: skip


def _proofs(document: Mapping[str, Any]) -> Chart:
    """The time of each proof, the slowest first."""
    results = sorted(document["results"], key=lambda result: -float(result["seconds"]))
    proved = sum(result["verdict"] == "proved" for result in results)
    bars = tuple(
        ChartBar(
            f"{r['property']}, {_cores(r['cores'])}", r["seconds"], f"{r['seconds']:.1f} s, {r['queries']} queries"
        )
        for r in results[:MOST_BARS]
    )
    slowest = f"; the {len(bars)} slowest" if len(bars) < len(results) else ""
    solvers = " and ".join(f"{name} {version}" for name, version in document["solvers"].items())
    return BarChart(
        "What proving costs",
        f"{len(results)} proofs, {proved} proved, with {solvers}{slowest}",
        ChartAxis("seconds"), bars,
    )  # fmt: skip


def _cores(cores: str) -> str:
    return "any number of cores" if cores == "any" else f"{cores} cores"


def _power(value: int) -> str:
    text = str(value)
    return f"{value:,}" if len(text) <= 9 else f"{text[0]}.{text[1]}×10{str(len(text) - 1).translate(RAISED)}"


_FUZZ = "psci fuzz --json"
KINDS: Mapping[str, tuple[Callable[[Mapping[str, Any]], bool], Callable[..., Chart]]] = {
    "benchmarks/explorer.py": (lambda d: d.get("benchmark") == "explorer", _scaling),
    _FUZZ: (lambda d: "coverage" in d and "rules_in_reach" in d, _coverage),
    "psci matrix --json": (lambda d: d.get("kind") == "psci-matrix", _races),
    "psci prove --json": (lambda d: "results" in d and "solvers" in d, _proofs),
}
"""Where documents come from, how each is known, and what draws it."""


__all__ = ["KINDS", "MOST_BARS", "chart_of"]
