"""Rules of an author's own: a file that adds, changes or removes rules, without touching the library.

An amendment file reads like a rule file:

    from psci.explorer.amendments import amend, remove
    from psci.model.calls.cpu_on import CPU_ON
    from psci.model.tables.codes import DENIED

    on = amend(CPU_ON)

    @on.must_refuse(DENIED, cites=("MINE-1",))
    def not_itself(m, s, call):
        '''A core cannot start itself.'''
        return call.target_cpu == m.mpidr(call.caller)

    remove("CPU_ON.on_pending")

A rule with the name of one that exists takes its place, in the versions that the new one names. `on.features` says
what PSCI_FEATURES answers for a function, as in a rule file. Facts of your own may be cited by ids whose first part no
fact of DEN0022 has (`MINE-1`).
"""

from __future__ import annotations

import difflib
import runpy
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from pathlib import Path

from psci.model.calls.psci_features import PSCI_FEATURES, implemented
from psci.model.declare import Call, Move
from psci.model.errors import InputError
from psci.model.language.rules import Rule
from psci.model.specification import SPECIFICATION, Specification
from psci.model.tables.facts import FACTS
from psci.model.tables.versions import VERSIONS


class AmendmentError(InputError):
    """An amendment file is wrong; the message names the file, the line and what to do."""


@dataclass
class Amendments:
    """What a file changes."""

    written: list[Call | Move] = field(default_factory=list)
    """Copies of calls and moves, with the rules that the file writes."""
    removed: list[str] = field(default_factory=list)

    def applied(self, specification: Specification = SPECIFICATION) -> Specification:
        """The rules with these changes.

        Raises:
            AmendmentError: a rule that is to be removed does not exist.
        """
        for name in dict.fromkeys(self.removed):
            specification = _without(specification, name)
        for rule in self.rules():
            specification = _with(specification, rule)
        return specification

    def rules(self) -> Iterator[Rule]:
        """The rules that are written, and those of PSCI_FEATURES that its new answers make."""
        for owner in self.written:
            yield from owner.rules
            if isinstance(owner, Call) and owner.declared_answers:
                features = replace(PSCI_FEATURES, rules=[], declared_answers=[])
                for answer in owner.declared_answers:
                    implemented(features, owner, answer)
                yield from features.rules


_OPEN: ContextVar[Amendments | None] = ContextVar("amendments", default=None)


def amend(owner: Call) -> Call:
    """The call, to write rules for it in an amendment file: `must_refuse`, `may_refuse`, `succeeds`, ..."""
    if owner not in SPECIFICATION.calls:
        raise AmendmentError("amend takes a call that there is, such as CPU_ON of psci.model.calls.cpu_on")
    copied = replace(owner, rules=[], declared_answers=[])
    _collecting().written.append(copied)
    return copied


def amend_move(owner: Move) -> Move:
    """The move of the environment, to write rules for it in an amendment file with `happens`."""
    if owner not in SPECIFICATION.moves:
        raise AmendmentError("amend_move takes a move that there is, such as START of psci.model.environment")
    copied = replace(owner, rules=[])
    _collecting().written.append(copied)
    return copied


def remove(*names: str) -> None:
    """Drop rules, of all versions, by their names (`CPU_ON.on_pending`)."""
    for name in names:
        _exists(SPECIFICATION, str(name))
        _collecting().removed.append(name)


def read_amendments(path: Path, specification: Specification = SPECIFICATION) -> Specification:
    """The rules as a file of amendments changes them.

    Raises:
        AmendmentError: the file cannot be read or run, or changes nothing; one line with file and line.
    """
    if not path.is_file():
        raise AmendmentError(f"{path}: no such file; an amendment file is Python, see psci.explorer.amendments")
    with _collected() as found:
        try:
            runpy.run_path(str(path))
        except SyntaxError as error:
            raise AmendmentError(f"{error.filename or path}:{error.lineno or 1}: {error.msg}") from None
        except (Exception, SystemExit) as error:
            raise AmendmentError(f"{path}:{_line(error, path)}: {_said(error)}") from None
        written = list(found.rules())
    _refuse_misspelt(path, written)
    if not found.removed and not written:
        raise AmendmentError(f"{path}: the file changes nothing: write a rule with amend(CALL), or remove('CALL.rule')")
    return found.applied(specification)


@contextmanager
def _collected() -> Iterator[Amendments]:
    found = Amendments()
    token = _OPEN.set(found)
    try:
        yield found
    finally:
        _OPEN.reset(token)


def _collecting() -> Amendments:
    found = _OPEN.get()
    if found is None:
        raise AmendmentError("amend and remove work in a file that is read with --amend (psci.explorer.amendments)")
    return found


def _refuse_misspelt(path: Path, rules: Iterable[Rule]) -> None:
    """Refuse an id that looks like one of a fact and is none."""
    families = {fact.family for fact in FACTS.values()}
    for rule in rules:
        for cite in rule.cites:
            if cite not in FACTS and cite.rpartition("-")[0] in families:
                lines = path.read_text(encoding="utf-8").splitlines()
                place = next((number for number, line in enumerate(lines, start=1) if f"{cite}" in line), 1)
                raise AmendmentError(f"{path}:{place}: {rule.name} cites {cite}, and there is no such fact")


def _line(error: BaseException, path: Path) -> int:
    """The last line of the file that was at work; that of a rule is where its condition went wrong."""
    frames = traceback.extract_tb(error.__traceback__)
    here = [frame.lineno for frame in frames if Path(frame.filename) == path]
    return here[-1] or 1 if here else 1


def _said(error: BaseException) -> str:
    if isinstance(error, SystemExit):
        return "the file ends the program"
    text = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, AttributeError) and error.obj is not None and error.name is not None:
        text += _near(error.name, [name for name in dir(error.obj) if not name.startswith("_")])
    return (
        text
        if isinstance(error, InputError | ValueError | TypeError | AttributeError)
        else f"{type(error).__name__}: {text}"
    )


def _exists(specification: Specification, name: str) -> tuple[str, list[Rule]]:
    owner = name.partition(".")[0]
    if owner not in specification.rules:
        raise AmendmentError(f"no call or move {owner!r}{_near(owner, specification.rules)}")
    rules = [rule for rule in specification.rules[owner] if rule.name == name]
    if not rules:
        raise AmendmentError(f"no rule {name!r}{_near(name, [rule.name for rule in specification.rules[owner]])}")
    return owner, rules


def _near(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(known), n=3, cutoff=0.5)
    return f": did you mean {', '.join(close)}?" if close else ""


def _without(specification: Specification, name: str) -> Specification:
    owner, gone = _exists(specification, name)
    kept = tuple(rule for rule in specification.rules[owner] if rule not in gone)
    return replace(specification, rules={**specification.rules, owner: kept})


def _with(specification: Specification, rule: Rule) -> Specification:
    """The rules with one more, in the place of one of the same name; that one stays in versions that are not named."""
    owner = rule.name.partition(".")[0]
    rules: list[Rule] = []
    placed = False
    for old in specification.rules[owner]:
        if old.name != rule.name or old.until < rule.since or rule.until < old.since:
            rules.append(old)
            continue
        if old.since < rule.since:
            rules.append(replace(old, until=VERSIONS[rule.since.rank - 1]))
        if not placed:
            rules.append(rule)
            placed = True
        if rule.until < old.until:
            rules.append(replace(old, since=VERSIONS[rule.until.rank + 1]))
    return replace(specification, rules={**specification.rules, owner: (*rules, *(() if placed else (rule,)))})


__all__ = ["AmendmentError", "Amendments", "amend", "amend_move", "read_amendments", "remove"]
