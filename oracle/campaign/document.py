"""What came out of a campaign, as the JSON document that `psci fuzz --json` prints; and several of them as one."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from psci.oracle.campaign.campaign import CampaignResult, FoundDeviation
from psci.oracle.campaign.judging import DeviationKey
from psci.oracle.campaign.keeping import Keeper
from psci.oracle.campaign.reproducing import Reproduced, race_of
from psci.oracle.campaign.saved import as_document

_MOST_PAIRS = 20


def document(
    result: CampaignResult,
    peer: str,
    command: str,
    made: Mapping[DeviationKey, Reproduced],
    keeper: Keeper,
    first_verdict: float | None,
) -> dict[str, Any]:
    """The document of one campaign.

    Args:
        result: what it saw.
        peer: how the peer was named.
        command: the command that does the same again.
        made: its deviations, as far as they were run again.
        keeper: where they were written.
        first_verdict: seconds from the start of the command.
    """
    rules = list(result.in_reach)
    exercised = {name: result.exercised[name] for name in rules if result.exercised[name]}
    observations = {key for key, reproduced in made.items() if reproduced.is_observation}
    document = {
        "status": 0,
        "peer": peer,
        "version": result.version,
        "psci": result.psci,
        "command": command,
        "seed": result.plan.seed,
        "programs": result.programs,
        "calls": result.calls,
        "events": result.events,
        "seconds": round(result.seconds, 3),
        "calls_per_second": _rate(result.calls, result.seconds),
        "seconds_to_first_verdict": None if first_verdict is None else round(first_verdict, 2),
        "share_of_time": {
            "peer": _share(result.running, result.seconds),
            "checking": _share(result.checking, result.seconds),
            "generating": _share(result.generating, result.seconds),
        },
        "peak_memory_mib": peak_memory_mib(),
        "verdicts": {verdict.value: count for verdict, count in result.verdicts.items()},
        "rules_exercised": exercised,
        "rules_never_exercised": [name for name in rules if name not in exercised],
        "rules_in_reach": len(rules),
        "permissions": dict(result.permissions_used),
        "profiles": [dict(profile) for profile in result.profiles],
        "quirks": [
            {
                "name": quirk.name,
                "facts": list(quirk.rule.cites),
                "reason": quirk.reason,
                "count": result.permissions[quirk.name],
                "conditions": result.situations[quirk.name],
                "stale": quirk in result.stale_quirks,
            }
            for quirk in result.plan.quirks
        ],
        "overlap": {
            "calls": result.overlap.calls,
            "share": _share(result.overlap.calls, result.calls),
            "pairs": {f"{a} with {b}": n for (a, b), n in result.overlap.pairs.most_common(_MOST_PAIRS)},
            "distinct_pairs": len(result.overlap.pairs),
        },
        "deviations": [
            _deviation(found, made.get(key), keeper) for key, found in result.found.items() if key not in observations
        ],
        "observations": [
            {**_deviation(found, made.get(key), keeper), "race": race_of(found)}
            for key, found in result.found.items()
            if key in observations
        ],
        "unsaved": [as_document(lost) for lost in keeper.lost],
        "consequential": result.consequential,
        "repeated": {"programs": result.repeated, "only_slow": result.slow},
        "died": result.died,
        "problems": [*result.problems, *keeper.problems],
        "interrupted": result.interrupted,
        "gave_up": result.gave_up,
    }
    document["status"] = status(document)
    return document


def _deviation(found: FoundDeviation, made: Reproduced | None, keeper: Keeper) -> dict[str, Any]:
    key = found.deviation.key
    file = keeper.files.get(key)
    steps = None if made is None else sum(len(life) for life in made.program.lives)
    return {
        "what": key.what,
        "observed": key.observed,
        "rules": list(key.rules),
        "facts": list(found.deviation.cites),
        "count": found.count,
        "text": list(found.deviation.finding.lines()),
        "file": str(file) if file else None,
        "seen": {"times": made.rate.seen, "of": made.rate.of} if made else None,
        "steps": steps,
        "replay": f"psci replay {shlex.quote(str(file))}" if file else None,
    }


def status(document: Mapping[str, Any]) -> int:
    """The exit status that a document means: what was seen once and never again does not fail a run."""
    if document["interrupted"]:
        return 130
    if document["deviations"]:
        return 1
    return 3 if document["gave_up"] or document["problems"] or not document["calls"] else 0


def merged(documents: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """One document for parts of a campaign that ran beside each other, or one after the other: see `after`."""
    first = documents[0]
    calls = _sum(documents, "calls")
    seconds = max(document["seconds"] for document in documents)
    reached = list(dict.fromkeys(n for d in documents for n in (*d["rules_exercised"], *d["rules_never_exercised"])))
    exercised = _counts(document["rules_exercised"] for document in documents)
    firsts = [d["seconds_to_first_verdict"] for d in documents if d["seconds_to_first_verdict"] is not None]
    pairs = Counter(_counts(document["overlap"]["pairs"] for document in documents))
    found = {
        **first,
        "version": next((d["version"] for d in documents if d["version"]), ""),
        "psci": next((d["psci"] for d in documents if d["psci"]), ""),
        "programs": _sum(documents, "programs"),
        "calls": calls,
        "events": _sum(documents, "events"),
        "seconds": seconds,
        "calls_per_second": _rate(calls, seconds),
        "seconds_to_first_verdict": min(firsts, default=None),
        "share_of_time": {
            name: round(sum(d["share_of_time"][name] for d in documents) / len(documents), 3)
            for name in first["share_of_time"]
        },
        "peak_memory_mib": _sum(documents, "peak_memory_mib"),
        "verdicts": _counts(document["verdicts"] for document in documents),
        "rules_exercised": {name: exercised[name] for name in reached if name in exercised},
        "rules_never_exercised": [name for name in reached if name not in exercised],
        "rules_in_reach": len(reached),
        "permissions": _counts(document["permissions"] for document in documents),
        "profiles": max((document["profiles"] for document in documents), key=len),
        "quirks": _quirks(documents),
        "overlap": {
            "calls": sum(d["overlap"]["calls"] for d in documents),
            "share": _share(sum(d["overlap"]["calls"] for d in documents), calls),
            "pairs": dict(pairs.most_common(_MOST_PAIRS)),
            "distinct_pairs": max(d["overlap"]["distinct_pairs"] for d in documents),
        },
        "consequential": _sum(documents, "consequential"),
        "repeated": {name: sum(d["repeated"][name] for d in documents) for name in first["repeated"]},
        "died": _lists(documents, "died"),
        "problems": list(dict.fromkeys(_lists(documents, "problems"))),
        "unsaved": _lists(documents, "unsaved"),
        "interrupted": any(document["interrupted"] for document in documents),
        "gave_up": any(document["gave_up"] for document in documents),
    }
    found["deviations"] = _same_together(_lists(documents, "deviations"))
    known = {_key(deviation) for deviation in found["deviations"]}
    twice = Counter(_key(observation) for observation in _lists(documents, "observations"))
    observations = _same_together(_lists(documents, "observations"))
    # What two parts of a campaign saw is not an accident any more.
    found["deviations"] += [
        {name: value for name, value in o.items() if name != "race"}
        for o in observations
        if twice[_key(o)] > 1 and _key(o) not in known
    ]
    found["observations"] = [o for o in observations if twice[_key(o)] == 1 and _key(o) not in known]
    found["status"] = status(found)
    return found


def after(before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    """One document for a campaign that was interrupted, and what came of it when it was resumed."""
    found = merged([before, now])
    seconds = before["seconds"] + now["seconds"]
    found |= {"seconds": round(seconds, 3), "calls_per_second": _rate(found["calls"], seconds)}
    found |= {"interrupted": now["interrupted"], "gave_up": now["gave_up"], "peak_memory_mib": now["peak_memory_mib"]}
    found["status"] = status(found)
    return found


def _key(deviation: Mapping[str, Any]) -> tuple[Any, ...]:
    return deviation["what"], deviation["observed"], tuple(deviation["rules"])


def _same_together(deviations: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Each deviation once, with the shortest program that shows it."""
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for deviation in deviations:
        known = found.get(_key(deviation))
        if known is None:
            found[_key(deviation)] = dict(deviation)
            continue
        count = known["count"] + deviation["count"]
        if (deviation["steps"] or 1 << 20) < (known["steps"] or 1 << 20):
            known.update(deviation)
        known["count"] = count
    return list(found.values())


def _quirks(documents: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for quirk in _lists(documents, "quirks"):
        known = found.setdefault(quirk["name"], {**quirk, "count": 0, "conditions": 0, "stale": True})
        known["count"] += quirk["count"]
        known["conditions"] += quirk["conditions"]
        known["stale"] &= quirk["stale"]
    return list(found.values())


def _lists(documents: Sequence[Mapping[str, Any]], name: str) -> list[Any]:
    return [item for document in documents for item in document[name]]


def _sum(documents: Sequence[Mapping[str, Any]], name: str) -> int:
    return sum(document[name] for document in documents)


def _counts(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    found: Counter[str] = Counter()
    for count in counts:
        found.update(count)
    return dict(found)


def _rate(calls: int, seconds: float) -> float | None:
    """Calls per second; None where too little time went by to say."""
    return round(calls / seconds, 1) if seconds >= 0.001 else None


def _share(part: float, whole: float) -> float:
    return round(part / whole, 3) if whole else 0.0


def peak_memory_mib() -> int:
    """The most memory that this process held."""
    import resource
    import sys

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak // (1024 if sys.platform != "darwin" else 1 << 20)


__all__ = ["after", "document", "merged", "status"]
