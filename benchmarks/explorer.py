"""What exploring costs: every engine, Spin and Rumur on the same model, and from 1 to 192 cores.

`python benchmarks/explorer.py [FILE.json] [--page FILE.md] [--quick] [--most CORES] [--part
compared|scaling|budgets]...` prints the figures as JSON, writes them to the file, and a page with tables. A file that
is there is read first, so that the parts can be measured one after the other. Seconds are those of processors,
because whatever else runs here only adds to the others; a rate counts distinct transitions, because labelled ones
flatter who groups.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

SPIN = ["-o1", "-o2", "-o3", "-a"]
PAN = ["-O2", "-w", "-DNOREDUCE", "-DSAFETY", "-DNOCLAIM", "-DMEMLIM=4000"]
PSCI = [str(Path(sys.executable).absolute()), "-c", "from psci.cli.main import main; main()"]
RUMUR_STATES = 500_000
"""Rumur is not asked for more: it needs minutes where the others need seconds."""
COMPARED: tuple[tuple[str, list[str]], ...] = (
    ("KVM guest, 3 cores", ["--cpus", "3", "--profile", "kvm-guest"]),
    ("1+1 cores with OSI, power domains", ["--clusters", "1,1", "--os-initiated", "--about", "nodes"]),
    ("KVM guest, 4 cores", ["--cpus", "4", "--profile", "kvm-guest"]),
    ("everything, 4 cores", ["--cpus", "4"]),
    ("KVM guest, 5 cores", ["--cpus", "5", "--profile", "kvm-guest"]),
)
"""Models that every tool finishes in 4 GB, the smallest first; the options are those of psci explore and export."""
SCALED = (1, 2, 4, 8, 16, 32, 64, 128, 192)
"""The largest machines that are sold have 192 cores."""
REDUCED = (2, 3, 4, 5, 6, 7, 8)
BUDGETS: tuple[tuple[str, list[str], float], ...] = (
    ("64 cores of a KVM guest", ["--cpus", "64", "--profile", "kvm-guest"], 60),
    ("192 cores of a KVM guest", ["--cpus", "192", "--profile", "kvm-guest"], 600),
    ("2+2 cores with OSI, everything", ["--clusters", "2,2", "--os-initiated", "--about", "all"], 600),
    ("8 cores of a KVM guest with symmetry", ["--cpus", "8", "--profile", "kvm-guest", "--symmetry"], 120),
)
"""One command each, with the seconds that it may take on two quiet processors."""


def measured(command: list[str], folder: Path) -> tuple[str, dict[str, float]]:
    """What a command prints, the seconds of processors that it took, and its memory."""
    read, write = os.pipe()
    with subprocess.Popen(command, cwd=folder, stdout=write, stderr=subprocess.STDOUT) as process:
        os.close(write)
        with os.fdopen(read) as out:
            text = out.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode or not text.strip():
        raise SystemExit(f"{' '.join(command)} ends with {process.returncode}: {text[-500:]}")
    return text, {"cpu_seconds": round(used.ru_utime + used.ru_stime, 2), "megabytes": round(used.ru_maxrss / 1024)}


def explored(options: list[str], folder: Path) -> dict[str, Any]:
    """`psci explore --json` with these options."""
    text, used = measured([*PSCI, "explore", *options, "--json"], folder)
    found = json.loads(text[text.find("{") :])
    return {**{key: found[key] for key in ("states", "transitions", "distinct", "seconds")}, **found["details"], **used}


def spin(options: list[str], folder: Path) -> dict[str, Any]:
    """Spin on the exported model."""
    _exported("promela", options, folder / "m.pml")
    subprocess.run(["spin", *SPIN, "m.pml"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["gcc", *PAN, "-o", "pan", "pan.c"], cwd=folder, check=True)
    text, used = measured(["./pan", "-E", "-m10000000", "-w25"], folder)
    memory = re.search(r"([\d.]+)\s+actual memory usage for states", text)
    states, steps = int(_number(r"(\S+) states, stored", text)), int(_number(r"(\S+) transitions", text)) - 1
    per_state = float(memory[1]) * 1_048_576 / states if memory else None
    finished = "max search depth too small" not in text and "out of memory" not in text
    return {"states": states, "fired": steps, "bytes_a_state": per_state, "finished": finished, **used}


def rumur(options: list[str], folder: Path) -> dict[str, Any]:
    """Rumur on the exported model."""
    _exported("murphi", options, folder / "m.m")
    common = ["--threads", "1", "--deadlock-detection", "off", "--symmetry-reduction", "off"]
    subprocess.run(["rumur", "--output", "m.c", *common, "m.m"], cwd=folder, check=True)
    subprocess.run(
        ["gcc", "-O2", "-march=native", "-w", "-std=c11", "m.c", "-o", "m", "-lpthread", "-latomic"],
        cwd=folder, check=True,
    )  # fmt: skip
    text, used = measured(["./m"], folder)
    states, steps = int(_number(r"(\d+) states", text)), int(_number(r"(\d+) rules fired", text))
    return {"states": states, "fired": steps, "bytes_a_state": used["megabytes"] * 1_048_576 / states, **used}


def _number(pattern: str, text: str) -> float:
    found = re.findall(pattern, text)
    if not found:
        raise SystemExit(f"no {pattern} in: {text[-300:]}")
    return float(found[-1])


def _exported(language: str, options: list[str], path: Path) -> None:
    command = [*PSCI, "export", language, *options, "-o", str(path)]
    subprocess.run(command, check=True)


def compiled(options: list[str], folder: Path) -> dict[str, Any]:
    """Our search in C, with one thread, as the others have one."""
    one = ["taskset", "-c", "0"] if shutil.which("taskset") else []
    command = [*one, *PSCI, "explore", *options, "--engine", "compiled", "--json"]
    text, used = measured(command, folder)
    found = json.loads(text[text.find("{") :])
    details = found["details"]
    return {
        "states": found["states"], "fired": details["fired"], "distinct": found["distinct"],
        "labelled": found["transitions"], "bytes_a_state": details["bytes_of_table"] / details["stored"],
        "cpu_seconds": details["cpu_seconds"], "megabytes": used["megabytes"],
    }  # fmt: skip


def compare(quick: bool, folder: Path, most: int, one_by_one: int) -> list[dict[str, Any]]:
    """Every tool on the same models."""
    tools: list[tuple[str, Callable[[list[str], Path], dict[str, Any]]]] = [("compiled", compiled)]
    tools += [("Spin", spin)] if shutil.which("spin") else []
    tools += [("Rumur", rumur)] if shutil.which("rumur") else []
    rows = []
    for name, options in COMPARED[: 2 if quick else None]:
        found: dict[str, dict[str, Any]] = {}
        for tool, run in tools:
            if tool != "Rumur" or found["compiled"]["states"] <= RUMUR_STATES:
                found[tool] = run(options, folder)
        for row in found.values():
            row["fired_a_second"] = round(row["fired"] / max(row["cpu_seconds"], 0.001))
        counts = {(row["states"], row["fired"]) for row in found.values()}
        if len(counts) != 1:
            raise SystemExit(f"{name}: the tools count differently: {found}")
        symbolic = explored(options, folder)
        if symbolic["states"] != found["compiled"]["states"]:
            raise SystemExit(f"{name}: the diagrams count differently: {symbolic}")
        rows.append({"model": name, "options": options, "symbolic": symbolic, **found})
        print(json.dumps(rows[-1]), file=sys.stderr)
    return rows


def scale(quick: bool, folder: Path, most: int, one_by_one: int) -> dict[str, list[dict[str, Any]]]:
    """From 1 to 192 cores of a KVM guest with diagrams; with and without symmetry in C as far as that goes."""
    sizes = [n for n in SCALED[: 4 if quick else None] if n <= most]
    reduced_sizes = [n for n in REDUCED[: 2 if quick else None] if n <= one_by_one]
    guest = ["--profile", "kvm-guest"]
    symbolic = [{"cpus": n, **explored(["--cpus", str(n), *guest], folder)} for n in sizes]
    reduced = [{"cpus": n, **explored(["--cpus", str(n), *guest, "--symmetry"], folder)} for n in reduced_sizes]
    plain = [
        {"cpus": n, **explored(["--cpus", str(n), *guest, "--engine", "compiled"], folder)} for n in reduced_sizes[:4]
    ]
    return {"symbolic": symbolic, "symmetry": reduced, "plain": plain}


def budgets(quick: bool, folder: Path, most: int, one_by_one: int) -> list[dict[str, Any]]:
    """What has to be done within some time."""
    rows = []
    for name, options, limit in () if quick else BUDGETS:
        rows.append({"what": name, "options": options, "budget_seconds": limit, **explored(options, folder)})
        print(json.dumps(rows[-1]), file=sys.stderr)
    return rows


PARTS: dict[str, Callable[[bool, Path, int, int], Any]] = {"compared": compare, "scaling": scale, "budgets": budgets}


def page(figures: dict[str, Any]) -> str:
    """The figures as a page of the documents."""
    lines = [
        "# What exploring costs",
        "",
        "Written by `python benchmarks/explorer.py FILE.json --page docs/exploring-costs.md`; do not edit.",
        "Seconds are those of processors. Rates are of distinct transitions: steps of the grouped model, as each tool",
        f"counts them. Machine: {figures['machine']}, {figures['processors']} processors, Python {figures['python']}.",
        "",
    ]
    if "budgets" in figures:
        lines += ["## Budgets", "", *_table(
            ("command", "states", "seconds", "budget", "MB"),
            ((f"`psci explore {' '.join(r['options'])}`", _short(r["states"]), f"{r['cpu_seconds']:.0f}",
              f"{r['budget_seconds']:.0f}", r["megabytes"]) for r in figures["budgets"]),
        )]  # fmt: skip
    if "compared" in figures:
        lines += [
            "## The same model in every tool", "",
            "All tools find the same numbers of states and of steps; the script fails where they do not.", "",
        ]  # fmt: skip
        rows = []
        for row in figures["compared"]:
            base = row.get("Spin", {}).get("fired_a_second")
            for tool in ("compiled", "Spin", "Rumur"):
                if tool in row:
                    one = row[tool]
                    ratio = f"{one['fired_a_second'] / base:.1f}" if base else ""
                    rows.append((
                        row["model"], tool, f"{one['states']:,}", f"{one['fired']:,}", f"{one['cpu_seconds']:.2f}",
                        f"{one['fired_a_second'] / 1e6:.2f}", ratio, f"{one['bytes_a_state']:.0f}",
                    ))  # fmt: skip
        head = ("model", "tool", "states", "distinct transitions", "seconds", "million/s", "× Spin", "bytes a state")
        lines += _table(head, rows)
    if "scaling" in figures:
        scaling = figures["scaling"]
        lines += ["## Cores of a KVM guest, with diagrams", "", *_table(
            ("cores", "states", "labelled transitions", "distinct", "nodes", "seconds", "MB"),
            ((r["cpus"], _short(r["states"]), _short(r["transitions"]), _short(r["distinct"]), f"{r['nodes']:,}",
              f"{r['cpu_seconds']:.1f}", r["megabytes"]) for r in scaling["symbolic"]),
        )]  # fmt: skip
        plain = {r["cpus"]: r for r in scaling["plain"]}
        lines += ["## The same one by one, with and without symmetry", "", *_table(
            ("cores", "states", "kept with symmetry", "seconds with", "seconds without"),
            ((r["cpus"], _short(r["states"]), f"{r['stored']:,}", f"{r['cpu_seconds']:.1f}",
              f"{plain[r['cpus']]['cpu_seconds']:.1f}" if r["cpus"] in plain else "") for r in scaling["symmetry"]),
        )]  # fmt: skip
    return "\n".join(lines).rstrip() + "\n"


def _table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> list[str]:
    head = list(head)
    lines = [f"| {' | '.join(head)} |", f"| {' | '.join('---' for _ in head)} |"]
    return [*lines, *(f"| {' | '.join(map(str, row))} |" for row in rows), ""]


def _short(value: int | None) -> str:
    if value is None:
        return ""
    text = str(value)
    return f"{value:,}" if len(text) <= 18 else f"{text[0]}.{text[1:4]}e{len(text) - 1}"


def main() -> None:
    """Measure, print, and write what the command line says."""
    parser = argparse.ArgumentParser(description="What exploring costs.")
    parser.add_argument("file", nargs="?", type=Path)
    parser.add_argument("--page", type=Path)
    parser.add_argument("--quick", action="store_true", help="only the small models")
    parser.add_argument("--part", action="append", choices=PARTS, help="measure only this; the rest is kept")
    parser.add_argument("--most", type=int, default=SCALED[-1], help="scale up to so many cores")
    parser.add_argument(
        "--one-by-one", type=int, default=REDUCED[-1], help="...and one state after the other up to these"
    )
    chosen = parser.parse_args()
    known = json.loads(chosen.file.read_text(encoding="utf-8")) if chosen.file and chosen.file.exists() else {}
    figures = {
        **known, "benchmark": "explorer", "machine": platform.machine(), "processors": len(os.sched_getaffinity(0)),
        "python": platform.python_version(),
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        for part in chosen.part or PARTS:
            figures[part] = PARTS[part](chosen.quick, Path(folder), chosen.most, chosen.one_by_one)
            if chosen.file:
                chosen.file.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(figures, indent=2))
    if chosen.page:
        chosen.page.write_text(page(figures), encoding="utf-8")


if __name__ == "__main__":
    main()
