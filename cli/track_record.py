"""The page of every deviation that is known: `python -m psci.cli.track_record [REPOSITORY]` writes it anew."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psci.model.events import Event
from psci.oracle import peers
from psci.oracle.campaign import saved
from psci.oracle.campaign.judging import Judge, Judgement, alike
from psci.oracle.campaign.saved import SavedDeviation
from psci.oracle.peers.quirks import Quirk, amended
from psci.oracle.peers.registry import registered
from psci.oracle.traces.file import event_from

PAGE = "docs/track-record.md"
FINDINGS = "tests/regression"
NOTE = "<!-- Made by `python -m psci.cli.track_record`; changes belong in the quirks and in the saved findings. -->"


@dataclass(frozen=True, slots=True)
class Recorded:
    """A saved finding, judged again now by the trace that it holds."""

    path: str
    saved: SavedDeviation
    still: bool
    """The current rules call it a deviation of the same kind."""
    quirks: tuple[str, ...]
    """The listed deviations that explain it."""
    unexplained: tuple[str, ...]
    """What deviates in its trace although those are allowed for."""


def recorded(repository: Path) -> list[Recorded]:
    """Every saved finding of the repository, judged again."""
    plain = Judge()
    listed: dict[tuple[str, ...], Judge] = {}
    found = []
    for path in sorted((repository / FINDINGS).glob("*/*.json")):
        document = saved.read(path)
        quirks = peers.family(document.peer["name"]).quirks().of(document.version)
        judge = listed.setdefault(tuple(quirk.name for quirk in quirks), Judge(amended(quirks)))
        found.append(_judged(path, repository, document, quirks, plain, judge))
    return found


def _judged(
    path: Path, repository: Path, found: SavedDeviation, quirks: Sequence[Quirk], by_rules: Judge, by_both: Judge
) -> Recorded:
    trace = trace_of(path)
    plain, listed = by_rules.judge(trace), by_both.judge(trace)
    used = tuple(quirk.name for quirk in quirks if listed.report.permissions[quirk.name])
    if not used and not _all(listed):
        # a call that gives no answer leaves nothing to count: the condition was met, and that explains the silence
        used = tuple(quirk.name for quirk in quirks if listed.situations[quirk.name])
    return Recorded(
        path=path.relative_to(repository).as_posix(),
        saved=found,
        still=any(alike(deviation.key, found.key) for deviation in _all(plain)),
        quirks=used,
        unexplained=tuple(str(deviation.key) for deviation in _all(listed)),
    )


def _all(judgement: Judgement) -> list[Any]:
    return [*judgement.deviations, *judgement.unanswered]


def trace_of(path: Path) -> tuple[Event, ...]:
    """What the program of a saved finding did."""
    return tuple(event_from(line) for line in json.loads(path.read_bytes())["trace"])


def page(repository: Path) -> Iterator[str]:
    """The lines of the page."""
    found = recorded(repository)
    known = {name: list(peers.family(name).quirks()) for name in registered()}
    total = sum(map(len, known.values()))
    yield "# Track record"
    yield ""
    yield NOTE
    yield ""
    yield (
        f"{total} deviations of real implementations from DEN0022 are known, and {len(found)} small programs that show"
        " them are kept. Each kept trace is judged again by the current rules when this page is made, and by a test."
    )
    yield ""
    yield "A deviation stands here only where no reading of DEN0022 allows it. `psci replay FILE` runs a program again."
    for peer, quirks in known.items():
        if quirks:
            yield ""
            yield f"## {peer}"
            yield from _of_peer(quirks, [one for one in found if one.saved.peer["name"].partition(":")[0] == peer])


def _of_peer(quirks: list[Quirk], found: list[Recorded]) -> Iterator[str]:
    for quirk in quirks:
        yield ""
        yield f"### {quirk.name}"
        yield ""
        yield f"{quirk.rule.text} Why: {quirk.reason}"
        yield ""
        yield f"- breaks: {', '.join(quirk.rule.cites)}"
        yield f"- seen in versions that match `{quirk.seen_in}`" + ("" if quirk.always else ", in a race")
        for one in found:
            if quirk.name in one.quirks:
                verdict = "still a deviation" if one.still else "NO DEVIATION by the current rules"
                rate = one.saved.rate
                yield (
                    f"- `{one.path}`: {one.saved.key.what} {one.saved.key.observed}, in {rate.seen} of {rate.of} runs"
                    f" of {one.saved.version}, found by `{one.saved.command}`; judged again: {verdict}"
                )


def text(repository: Path) -> str:
    """The text of the page."""
    return "\n".join(page(repository)) + "\n"


def main() -> None:
    """Write the page into the repository that the command line names, or into the one in this folder."""
    repository = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
    (repository / PAGE).write_text(text(repository), encoding="utf-8")
    print(repository / PAGE)


if __name__ == "__main__":
    main()
