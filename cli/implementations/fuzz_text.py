"""What `psci fuzz` and `psci replay` say to a person, from their JSON documents."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from psci.oracle.campaign.ktap import ReportStatus, TestReport


def lines(document: Mapping[str, Any]) -> Iterator[str]:
    """The report of a campaign."""
    yield f"{document['peer']}: {document['version']}"
    first = document["seconds_to_first_verdict"]
    rate = document["calls_per_second"]
    yield (
        f"PSCI {document['psci']}, {document['calls']:,} calls in {document['seconds']:.1f} s"
        + (f" ({rate:,.0f} calls/s)" if rate is not None else "")
        + f", seed {document['seed']}"
        + (f", first verdict {first:.1f} s after the command" if first is not None else "")
    )
    exercised, total = len(document["rules_exercised"]), document["rules_in_reach"]
    overlap = document["overlap"]
    yield f"rules exercised: {exercised} of the {total} that this peer can show"
    yield (
        f"calls that overlapped a call of another core: {overlap['calls']:,} ({overlap['share']:.0%}),"
        f" in {overlap['distinct_pairs']} pairs of functions"
    )
    share = document["share_of_time"]
    yield f"time: peer {share['peer']:.0%}, checking {share['checking']:.0%}, generating {share['generating']:.0%}"
    yield from _counts("only a permission explained", document["permissions"])
    yield from _quirks(document["quirks"])
    for text in document["died"][:3]:
        yield f"the peer died and was started again: {text}"
    for text in document["problems"][:3]:
        yield f"could not be judged: {text}"
    if document["interrupted"]:
        yield "interrupted: this is what there was"
    for lost in document["unsaved"]:
        yield f"could not be written anywhere: {json.dumps(lost)}"
    yield from _observations(document["observations"])
    yield from _deviations(document["deviations"])


def reports(document: Mapping[str, Any]) -> list[TestReport]:
    """A campaign as tests: each rule that explained an answer, each known deviation, and each new one, which fails."""
    found = [TestReport(name, ReportStatus.OK, (f"seen {n} times",)) for name, n in document["rules_exercised"].items()]
    found += [
        TestReport(quirk["name"], ReportStatus.XFAIL, (f"{quirk['reason']} Facts: {', '.join(quirk['facts'])}.",))
        for quirk in document["quirks"]
        if quirk["count"]
    ]
    for deviation in document["deviations"]:
        name = f"{deviation['what']} {deviation['observed']}"
        lines = (*deviation["text"], *([deviation["replay"]] if deviation["replay"] else []))
        found.append(TestReport(name, ReportStatus.NOT_OK, lines))
    found += [
        TestReport(f"{seen['what']} {seen['observed']}", ReportStatus.SKIP, ("seen once, and not again",))
        for seen in document["observations"]
    ]
    return found


def _counts(title: str, counts: Mapping[str, int]) -> Iterator[str]:
    if counts:
        yield f"{title}: " + ", ".join(f"{name} x{count}" for name, count in counts.items())


def _quirks(quirks: list[Mapping[str, Any]]) -> Iterator[str]:
    used = [quirk for quirk in quirks if quirk["count"]]
    if used:
        yield f"known deviations (quirks) seen: {len(used)} of {len(quirks)}"
        for quirk in used:
            yield f"  {quirk['name']} ({', '.join(quirk['facts'])}) x{quirk['count']}"
    for quirk in quirks:
        if quirk["stale"]:
            yield (
                f"  STALE: {quirk['name']} was not seen although its condition was met {quirk['conditions']} times;"
                " remove it from the quirks of this version"
            )


def _observations(observations: list[Mapping[str, Any]]) -> Iterator[str]:
    for seen in observations:
        race = f"; in flight together: {', '.join(seen['race'])}" if seen["race"] else ""
        tried = seen["seen"]["of"] if seen["seen"] else 0
        yield f"seen once, and not in {tried} more runs: {seen['what']} {seen['observed']}{race}"
        if seen["replay"]:
            yield f"    {seen['replay']}"


def _deviations(deviations: list[Mapping[str, Any]]) -> Iterator[str]:
    if not deviations:
        yield "new deviations: none"
        return
    yield f"new deviations: {len(deviations)}"
    for deviation in deviations:
        seen = deviation["seen"]
        rate = f", shows in {seen['times']} of {seen['of']} runs" if seen else ""
        rate += f" of {deviation['steps']} steps" if seen and seen["times"] else ""
        yield f"  {deviation['what']} {deviation['observed']} x{deviation['count']}{rate}"
        yield f"    rules: {', '.join(deviation['rules'])}; facts: {', '.join(deviation['facts'])}"
        if deviation["replay"]:
            yield f"    {deviation['replay']}"
