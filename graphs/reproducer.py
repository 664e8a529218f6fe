"""A finding as a text to mail: what happened, against which rules, the timeline, versions, and how to see it again."""

from __future__ import annotations

import shlex
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path

from psci.graphs.timeline import terminal, verdict
from psci.model.errors import InputError
from psci.model.events import Event
from psci.model.specification import SPECIFICATION
from psci.model.tables.facts import FACTS
from psci.oracle.campaign.saved import SavedDeviation

WIDTH = 96
KERNEL_BUILD = "make -s Image && psci replay {file} --kernel arch/arm64/boot/Image"
QEMU_BUILD = "make -s && psci replay {file} --qemu build/qemu-system-aarch64"


def reproducer(saved: SavedDeviation, trace: Sequence[Event], file: Path, psci_version: str) -> str:
    """The text.

    Args:
        saved: the finding.
        trace: what its program did.
        file: where it is saved.
        psci_version: the version of this package.
    """
    return "\n".join(_lines(saved, trace, file, psci_version)) + "\n"


def _lines(saved: SavedDeviation, trace: Sequence[Event], file: Path, psci_version: str) -> Iterator[str]:
    yield f"{saved.peer['name']}: {saved.key.what} {saved.key.observed}"
    yield ""
    yield f"Under test: {saved.version}"
    yield f"Judged by: PSCI {saved.psci} (Arm DEN0022), psci-model {psci_version}"
    yield f"Seen: in {saved.rate.seen} of {saved.rate.of} runs"
    yield ""
    yield "What happened"
    yield ""
    # The first line of a finding names its event; what it starts from may be a whole machine line.
    yield from (part for line in saved.text if not line.startswith("event 0:") for part in _wrapped(line))
    yield ""
    yield "The rules"
    for name in saved.key.rules:
        yield ""
        yield from _rule(name)
    if trace:
        yield ""
        yield "The timeline"
        yield ""
        yield from terminal(trace, WIDTH, _notes(trace)).splitlines()
    yield ""
    yield "To see it again"
    yield ""
    name = shlex.quote(file.name)
    yield f"    psci replay {name}"
    for what, command in _bisecting(saved, name):
        yield ""
        yield f"To find the change in {what} that brought it (the status of psci replay is what git bisect wants:"
        yield "0 conforms, 1 deviates; 125 leaves a commit out that does not build or cannot be judged):"
        yield ""
        yield f"    git bisect run sh -c {shlex.quote(command)}"


def _wrapped(line: str) -> list[str]:
    return textwrap.wrap(line, WIDTH, subsequent_indent="    ", break_on_hyphens=False) or [""]


def _rule(name: str) -> Iterator[str]:
    try:
        rule = SPECIFICATION.rule(name)
    except KeyError:
        # where no call is judged, the facts themselves are broken
        fact = FACTS.get(name)
        where = ", ".join(fact.sections) if fact else ""
        yield f"  {name}" + (f" (DEN0022 {where})" if where else "")
        return
    yield from textwrap.wrap(f"{name}: {rule.text}", WIDTH, initial_indent="  ", subsequent_indent="    ")
    places = dict.fromkeys(section for cite in rule.cites if cite in FACTS for section in FACTS[cite].sections)
    where = f"; DEN0022 {', '.join(places)}" if places else ""
    yield from textwrap.wrap(f"{', '.join(rule.cites)}{where}", WIDTH, initial_indent="    ", subsequent_indent="    ")


def _notes(trace: Sequence[Event]) -> dict[int, list[str]]:
    try:
        return verdict(trace)
    except InputError:
        # an implementation that crashed, or said what is no trace: the timeline stands without notes
        return {}


def _bisecting(saved: SavedDeviation, name: str) -> Iterator[tuple[str, str]]:
    """What is built at each commit, and how the finding is then looked for."""
    replay = {"kvm": ("Linux", KERNEL_BUILD), "qemu": ("QEMU", QEMU_BUILD)}.get(saved.peer["name"].partition(":")[0])
    if replay is None:
        replay = ("the implementation", "make -s && psci replay {file}")
    what, command = replay
    build, _, run = command.format(file=name).partition(" && ")
    yield what, f"{build} || exit 125; {run}; status=$?; [ $status -le 1 ] || exit 125; exit $status"


__all__ = ["reproducer"]
