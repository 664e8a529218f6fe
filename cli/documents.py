"""The tables of `docs/` that are read off the rules: `python -m psci.cli.documents [DIRECTORY]` writes them anew."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from psci.cli.specification.facts_covered import CHECKED, KINDS, OUT_OF_SCOPE, OUTSIDE, account, counts
from psci.model.calls import CALLS
from psci.model.return_codes import NO_RETURN, VALUE, table
from psci.model.symbols.readings import READINGS
from psci.model.tables.codes import CODES
from psci.model.tables.facts import FACTS
from psci.model.tables.versions import V0_1, V0_2, V1_3, VERSIONS, Version
from psci.properties import PROPERTIES, area
from psci.properties.language import Property
from psci.properties.runs.overlap import REASONS as OVERLAP_REASONS
from psci.properties.runs.overlap import duties_over_time, survives

NOTE = "<!-- Made by `python -m psci.cli.documents`; changes belong in the rules. -->"


def functions() -> Iterator[str]:
    """Every function: ids, and in which versions it is mandatory or optional."""
    yield "# Functions by version"
    yield ""
    yield NOTE
    yield ""
    yield "M: mandatory. O: may be absent (Table 17). Version 0.1 takes its ids from the device tree."
    yield ""
    yield _row("function", "section", "SMC32", "SMC64", *(version.name for version in VERSIONS))
    yield _row(*("---",) * (4 + len(VERSIONS)))
    for call in CALLS:
        presence = (
            ("O" if call.optional else "M") if call.exists_in(version) else "" for version in VERSIONS
        )  # fmt: skip
        yield _row(call.name, call.section, _id(call.fid32), _id(call.fid64), *presence)


def return_codes() -> Iterator[str]:
    """What each function can return, by version."""
    yield "# Return codes by function"
    yield ""
    yield NOTE
    yield ""
    yield (
        "What the rules let each function come to, under the default of every [reading](readings.md): `●` in every"
        " version that has the function and the code, otherwise the versions. NOT_SUPPORTED includes the absence of"
        " an optional function; left out is that an AArch32 caller of any SMC64 id gets it (RET-3)."
    )
    yield ""
    columns = (*(code.name for code in CODES), VALUE, NO_RETURN)
    yield _row("function", *(name.replace("_", " ") for name in columns))
    yield _row(*("---",) * (1 + len(columns)))
    tables = {version: table(version) for version in VERSIONS}
    for call in CALLS:
        there = [version for version in VERSIONS if call.exists_in(version)]
        cells = []
        for name in columns:
            code = next((code for code in CODES if code.name == name), None)
            able = [v for v in there if code is None or code.since <= v <= code.until]
            found = [version for version in able if name in tables[version][call.name]]
            cells.append("" if not found else "●" if found == able else _span(found))
        yield _row(call.name, *cells)


def readings() -> Iterator[str]:
    """Every reading: the question, the options, the facts that meet there."""
    yield "# Readings"
    yield ""
    yield NOTE
    yield ""
    yield (
        "Where DEN0022 can be read in two ways, both are options of a named switch. A trace chooses by `reading` in its"
        " first event, a profile by its field of the same name, a command by `--reading NAME=OPTION`. The first option"
        " is the default; an open reading has none: the oracle finds out what an implementation does, and holds it "
        "to it. So it does with a reading that is *tried*: proofs and explored machines are under its default, and a "
        "trace for which nobody chooses is blamed under none of its options. A default that still blames says why."
    )
    for reading in READINGS.values():
        yield ""
        yield f"## {reading.name}"
        yield ""
        yield reading.question + (" (open)" if reading.open else " (tried)" if reading.tried else "")
        yield ""
        for option, meaning in reading.meanings.items():
            mark = " (default)" if option == reading.default else ""
            yield f"- `{option}`{mark}: {meaning}"
        yield ""
        if reading.strict:
            yield f"Why the default: {reading.strict}"
            yield ""
        given_up = f" Claimed under the default only: {', '.join(reading.gives_up)}." if reading.gives_up else ""
        yield f"Facts: {', '.join(reading.cites)}.{given_up}"
    yield ""
    yield "## Settled without a switch"
    yield ""
    yield from (f"- {line}" for line in SETTLED)


SETTLED = (
    "Two refusals apply at once (RET-11): either code is allowed, in every call; `migrate-order` and `osi- "
    "mixed` are the"
    " two places where facts speak for one of them.",
    "AFFINITY_INFO for levels above 0 (AFF-7): an implementation may answer or refuse, but always the same for a level;"
    " the profile says which, else the oracle finds out.",
    "A wakeup event for a core that is OFF (CPU_OFF-7): implementation defined, a field of the profile "
    "(`stray_wakeup`).",
    "SYSTEM_OFF2 of type 0 (OFF2-4): issue F and F.b differ, and are two versions.",
    "The cold-boot primary was not powered up by a CPU_ON call, so by the letter of PC-5 it would vote for the deepest"
    " state; while it runs it allows only Run (PC-6), and after a CPU_OFF it is OFF like any other.",
    "PSCI_SET_SUSPEND_MODE to OS-initiated mode where that is not supported: no fact names the code, so"
    " NOT_SUPPORTED, INVALID_PARAMETERS and DENIED are all allowed (FEAT-11 speaks of the converse).",
    "An SMC32 call from AArch64 with bits above 31 (SMC-5): the caller broke a duty, no error has to be reported, and"
    " nothing is promised, whatever else is wrong with the call.",
    "Firmware policy (CPU_ON-9) is state: DENIED may come and go for a core that is OFF; a profile may declare that it"
    " never changes (`policy_denies`).",
    "A function id outside PSCI's two ranges of 32 ids belongs to another service (SMC-9): it is counted, not judged."
    " Bit 16 is SMCCC's hint; an implementation knows it or does not, in all calls alike.",
    "CPU_DEFAULT_SUSPEND does not count as a use of CPU_SUSPEND for the mode (DSUSP-8), although DSUSP-2 makes "
    "it equivalent.",
)
"""Places that look like readings, and what settles them."""


def coverage() -> Iterator[str]:
    """What becomes of every fact."""
    entries = account()
    yield "# Coverage of the facts"
    yield ""
    yield NOTE
    yield ""
    found = counts(entries)
    yield f"Of {len(FACTS)} facts " + ", ".join(f"{found[kind]} are {kind}" for kind in KINDS) + "."
    yield ""
    yield "## Out of scope"
    yield ""
    yield _row("subject", "why", "facts")
    yield _row("---", "---", "---")
    for subject in OUTSIDE:
        yield _row(subject.name, subject.reason, ", ".join(subject.facts.split()))
    yield ""
    yield "## Every fact"
    yield ""
    yield _row("fact", "binds", "section", "what becomes of it")
    yield _row(*("---",) * 4)
    for id, entry in entries.items():
        sections = ", ".join(entry.fact.sections)
        where = ", ".join(entry.where)
        how = {OUT_OF_SCOPE: f"out of scope: {where}", CHECKED: f"checked: {where}"}.get(entry.kind, where)
        yield _row(id, " ".join(entry.fact.modalities), sections, how)


def properties() -> Iterator[str]:
    """Every property: what it says, what it is given, and why it holds when calls overlap."""
    yield "# What is proved"
    yield ""
    yield NOTE
    yield ""
    yield (
        f"{len(PROPERTIES)} properties, each with a proof or a run that shows it (`psci prove`). Steps and states are "
        "proved by induction, for three cores and for any number of cores on any tree of power domains."
    )
    yield ""
    yield "## When calls overlap"
    yield ""
    yield " ".join((sys.modules[duties_over_time.__module__].__doc__ or "").split())
    yield ""
    yield _row("kind", "why its claims hold when calls overlap")
    yield _row("---", "---")
    for kind, reason in OVERLAP_REASONS.items():
        yield _row(kind.value, reason)
    yield ""
    over_time = [prop for prop in PROPERTIES if duties_over_time(prop)]
    yield f"{len(over_time)} of {len(PROPERTIES)} need a duty of callers over time:"
    yield ""
    for prop in over_time:
        yield f"- {prop.name}: {survives(prop).partition(': ')[2]}"
    groups: dict[str, list[Property]] = {}
    for prop in PROPERTIES:
        groups.setdefault(area(prop), []).append(prop)
    for title, group in groups.items():
        yield ""
        yield f"## {title}"
        yield ""
        yield _row("property", "kind", "what it says", "given", "facts")
        yield _row(*("---",) * 5)
        for prop in group:
            given = " ".join(fact.sentence for fact in prop.given)
            yield _row(f"{prop.name} {prop.title}", prop.kind.value, prop.sentence, given, ", ".join(prop.cites))


DOCUMENTS: Mapping[str, Callable[[], Iterator[str]]] = {
    "functions.md": functions,
    "return-codes.md": return_codes,
    "readings.md": readings,
    "coverage.md": coverage,
    "properties.md": properties,
}
"""The generated documents, by file name."""


def text(name: str) -> str:
    """The text of a generated document."""
    return "\n".join(DOCUMENTS[name]()) + "\n"


def main() -> None:
    """Write every document into the directory that the command line names, or into `docs`."""
    directory = Path(sys.argv[1] if len(sys.argv) > 1 else "docs")
    for name in DOCUMENTS:
        (directory / name).write_text(text(name), encoding="utf-8")
        print(directory / name)


def _row(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |"


def _id(fid: int | None) -> str:
    return "" if fid is None else f"0x{fid:08X}"


def _span(found: list[Version]) -> str:
    if found == [V0_1]:
        return "0.1"
    late = [version for version in found if version >= V0_2]
    text = f"≥ {late[0]}" if late[-1] == V1_3 else f"{late[0]} to {late[-1]}" if len(late) > 1 else str(late[0])
    return f"0.1, {text}" if V0_1 in found and late != found else text


if __name__ == "__main__":
    main()
