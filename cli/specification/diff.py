"""`psci diff`: what differs between two versions, two readings, or the rules and amended rules, from boot."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from psci.cli.console import working
from psci.cli.specification.choices import amend_option, chosen_reading, specification_with
from psci.cli.specification.findings_text import paragraph, run_lines, steps_of
from psci.explorer.consistency.differences import ClassOf, Comparison, SideOf, compare
from psci.explorer.consistency.findings import FindingKind, RulesFinding
from psci.model.errors import InputError
from psci.model.tables.versions import VERSIONS, Version, version
from psci.properties.revisions import CHANGES, Change


@click.command()
@click.argument("sides", metavar="V1 V2", nargs=-1)
@click.option("--reading", "reading_words", nargs=2, metavar="R=A R=B", help="Compare two options of one reading.")
@amend_option
@click.option("--version", "version_name", metavar="V", default="1.3", show_default=True, help="Version of both sides.")
@click.option("--cpus", default=2, show_default=True, type=click.IntRange(2, 3), help="Most cores of a machine.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document (schema: diff.json).")
def command(
    sides: tuple[str, ...], reading_words: tuple[str, str] | None, amend_file: Path | None, version_name: str,
    cpus: int, as_json: bool,
) -> int:  # fmt: skip
    """Compare two versions (V1 V2), two readings, or the rules with amended ones, in lockstep from boot.

    Exit status: 0 they differ only as the change lists of DEN0022 say, or as was asked for; 1 a difference between two
    versions that no change explains, or a listed change that makes no difference.
    """
    first, second = sides_of(sides, reading_words, amend_file, version(version_name))
    with working("comparing both from boot ..."):
        done = compare(first, second, cpus)
    changes = listed_changes(first, second)
    if as_json:
        click.echo(json.dumps(document(done, changes), indent=2))
    else:
        click.echo("\n".join(_lines(done, changes)))
    return int(bool(changes) and bool(unexplained(done, changes) or unseen(done, changes)))


def sides_of(
    names: tuple[str, ...], reading_words: tuple[str, str] | None, amend_file: Path | None, both: Version
) -> tuple[SideOf, SideOf]:
    """The two sides that a command line asks for.

    Raises:
        InputError: it asks for none, or for several comparisons.
    """
    if (len(names) == 2) + (reading_words is not None) + (amend_file is not None) != 1 or len(names) not in (0, 2):
        raise InputError("give two versions (psci diff 1.2 1.3), or --reading R=a R=b, or --amend FILE")
    if reading_words is not None:
        one, other = (chosen_reading(word) for word in reading_words)
        if one[0] != other[0]:
            raise InputError(f"--reading: {one[0]} and {other[0]} are two readings; compare two options of one")
        if one == other:
            raise InputError(f"--reading: both sides are {one[0]}={one[1]}")
        return SideOf("=".join(one), both, readings=(one,)), SideOf("=".join(other), both, readings=(other,))
    if amend_file is not None:
        amended = specification_with(amend_file)
        return SideOf(f"PSCI {both}", both), SideOf(amend_file.name, both, amended)
    if names[0] == names[1]:
        raise InputError(f"both sides are {names[0]}")
    return SideOf(names[0], version(names[0])), SideOf(names[1], version(names[1]))


def listed_changes(first: SideOf, second: SideOf) -> list[tuple[Version, Change]]:
    """What the issues between two versions changed, by their own lists; nothing for other sides."""
    low, high = sorted((first.version, second.version))
    return [(step, change) for step in VERSIONS if low < step <= high for change in CHANGES.get(step, ())]


def explained_by(one: ClassOf, changes: list[tuple[Version, Change]]) -> list[tuple[Version, Change]]:
    """The changes that name a rule of a class."""
    rules = (*one.difference.first_rules, *one.difference.second_rules)
    return [(v, c) for v, c in changes if any(_names(c, rule) for rule in rules)]


def _names(change: Change, rule: str) -> bool:
    owner, _, own = rule.partition(".")
    of_function = owner in change.functions or any(own.startswith(f"{name}_") for name in change.functions)
    return change.names(rule, newer=True) or change.names(rule, newer=False) or of_function


def unexplained(done: Comparison, changes: list[tuple[Version, Change]]) -> list[ClassOf]:
    """Differences that no listed change explains."""
    return [one for one in done.classes if not explained_by(one, changes)]


def unseen(done: Comparison, changes: list[tuple[Version, Change]]) -> list[tuple[Version, Change]]:
    """Listed changes without a difference; one that a later draft took back makes none."""
    seen = [found for one in done.classes for found in explained_by(one, changes)]
    taken_back = {name for _, c in changes for name in c.functions if not any(
        call.name == name and (call.exists_in(done.first.version) is not call.exists_in(done.second.version))
        for call in done.second.specification.calls)}  # fmt: skip
    ends = {rule.name for side in (done.first, done.second) for owner in side.specification.rules
            for rule in side.specification.of(owner, side.version)}  # fmt: skip
    return [
        (v, c)
        for v, c in changes
        if (v, c) not in seen
        and not (c.functions and set(c.functions) <= taken_back)
        and not _within_new(c, changes)
        and (c.functions or any(c.names(rule, newer) for rule in ends for newer in (True, False)))
    ]


def _within_new(change: Change, changes: list[tuple[Version, Change]]) -> bool:
    """Whether a change is about functions that are new between the two versions anyway."""
    new = {name for _, other in changes for name in other.functions}
    rules = (*change.newer, *change.older)
    return bool(rules) and all(
        rule.partition(".")[0] in new or any(rule.partition(".")[2].startswith(name) for name in new) for rule in rules
    )


def _lines(done: Comparison, changes: list[tuple[Version, Change]]) -> Iterator[str]:
    first, second = done.first.name, done.second.name
    count = len(done.classes)
    yield f"{first} against {second}: {count} class{'' if count == 1 else 'es'} of difference"
    for number, one in enumerate(done.classes, start=1):
        yield ""
        yield from _class_lines(number, one, done, changes)
    yield ""
    for version_, change in unseen(done, changes):
        yield from paragraph(f"listed for {version_} and not seen: {', '.join(change.cites)}")
    if changes and not unseen(done, changes):
        yield from paragraph(f"Every change that is listed between {first} and {second} is seen above.")
    proofs = [f"REFINES-{v}" for v in dict.fromkeys(v for v, _ in changes)]
    if proofs:
        yield from paragraph(f"That there is no other, for any number of cores: psci prove {' '.join(proofs)}")
    yield from paragraph(f"Compared: {'; '.join(done.extents)}.")


def _class_lines(number: int, one: ClassOf, done: Comparison, changes: list[tuple[Version, Change]]) -> Iterator[str]:
    difference = one.difference
    yield from paragraph(f"{number}. {difference.subject} (noticed by {difference.noticed_by})")
    for name, words in ((done.first.name, difference.first), (done.second.name, difference.second)):
        if words:
            yield from paragraph(f"   only {name}: {' or '.join(words)}", 6)
    if difference.common:
        yield from paragraph(f"   both: {' or '.join(difference.common)}", 6)
    cites = dict.fromkeys(cite for _, change in explained_by(one, changes) for cite in change.cites)
    if changes:
        yield from paragraph(f"   {'listed: ' + ', '.join(cites) if cites else 'no list of changes has it'}", 6)
    yield f"   on {done.first.name if difference.side == 0 else done.second.name}, from boot:"
    for line in run_lines(as_finding(one), one.specification):
        yield f"   {line}"
    for sentence in one.consequences():
        yield from paragraph(f"   {sentence}", 3)


def as_finding(one: ClassOf) -> RulesFinding:
    """A class of difference as a finding, to show its run."""
    rules = (*one.difference.first_rules, *one.difference.second_rules)
    return RulesFinding(
        FindingKind.READING, one.difference.subject, (one.id,), one.id, rules=rules, declared=one.declared,
        machine=one.machine, run=one.run,
    )  # fmt: skip


def document(done: Comparison, changes: list[tuple[Version, Change]]) -> dict[str, Any]:
    """The JSON document of the command (schema: diff.json)."""
    return {
        "first": done.first.name,
        "second": done.second.name,
        "classes": [
            {
                "id": one.id,
                "subject": one.difference.subject,
                "noticed_by": one.difference.noticed_by,
                "only_first": list(one.difference.first),
                "only_second": list(one.difference.second),
                "both": list(one.difference.common),
                "first_rules": list(one.difference.first_rules),
                "second_rules": list(one.difference.second_rules),
                "listed": list(dict.fromkeys(c for _, change in explained_by(one, changes) for c in change.cites)),
                "declared": one.declared,
                "side": one.difference.side,
                "steps": steps_of(one.machine, one.run, one.specification),
                "consequences": list(one.consequences()),
            }
            for one in done.classes
        ],
        "unseen": [list(change.cites) for _, change in unseen(done, changes)],
        "compared": done.extents,
    }
