"""What is asked of the allowed outcomes of one call in one state: does a rule answer, and is there one answer?"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from psci.explorer.consistency.findings import FindingKind, cause
from psci.model.language.rules import Completion, Modality, Rule
from psci.model.step import Allowed, Outcome, accepts
from psci.model.tables.codes import CODES, Code, code_named

NO_RETURN, WAITS, ANY_VALUE = "does not return", "waits", "any value"
VENDOR_ERROR = (1 << 64) - 257
"""A value that no code of Table 5 has (5.13.5)."""
_SUCCESS = (Modality.SUCCEEDS, Modality.MAY_SUCCEED)


@dataclass(frozen=True, slots=True)
class FindingGroup:
    """A group that an observation belongs to, and the rules that make it."""

    kind: FindingKind
    causes: tuple[str, ...]
    title: str
    rules: tuple[str, ...]


def judged(allowed: Allowed, subject: str, rules: Iterable[Rule] = ()) -> Iterator[FindingGroup]:
    """The groups to which a call in a state belongs.

    Args:
        allowed: what the call may do.
        subject: its name.
        rules: all its rules.
    """
    if allowed.broken and not allowed.obliged:
        for duty in allowed.broken:
            names = (duty.name, *(outcome.rule.name for outcome in allowed.outcomes))
            yield FindingGroup(
                FindingKind.GAP,
                (cause(duty),),
                f"nothing is promised to a caller that breaks a duty: {duty.text}",
                names,
            )
        return
    if allowed.gap:
        names = tuple(outcome.rule.name for outcome in allowed.outcomes)
        what = "only permissions apply" if names else "no rule applies"
        yield FindingGroup(FindingKind.GAP, ("no-answer",), f"{subject}: no rule says how the call ends; {what}", names)
        return
    obliged = {(cause(rule), rule.code) for rule in rules if rule.modality is Modality.MUST_REFUSE}
    yield from _orders(allowed, obliged)
    yield from _choices(allowed)


def _orders(allowed: Allowed, obliged: Collection[tuple[str, Code | None]]) -> Iterator[FindingGroup]:
    """Obligatory refusals, or gates, whose codes differ; also one that is a permission by some reading only.

    Args:
        allowed: what the call may do.
        obliged: cause and code of what must be refused somewhere.
    """
    modalities = (Modality.MUST_REFUSE, Modality.GATE)
    refusals = [o for o in allowed.outcomes if o.rule.modality in modalities]
    if refusals:
        by_reading = [o for o in allowed.outcomes if o.rule.modality is Modality.MAY_REFUSE]
        refusals += [o for o in by_reading if o.value is not None and (cause(o.rule), o.rule.code) in obliged]
    for i, one in enumerate(refusals):
        if one.value is None and len(codes_of(one)) > 1:
            codes = " or ".join(codes_of(one))
            title = f"{codes}: the call must be refused, and nothing says with which code"
            yield FindingGroup(FindingKind.ORDER, (cause(one.rule), "own-choice"), title, (one.rule.name,))
        for other in refusals[i + 1 :]:
            if one.value is not None and other.value is not None and one.value != other.value:
                facts = tuple(sorted((cause(one.rule), cause(other.rule))))
                if facts[0] == facts[1]:
                    continue
                title = f"{answer(one)} or {answer(other)}: both apply, and no rule orders them"
                yield FindingGroup(FindingKind.ORDER, facts, title, (one.rule.name, other.rule.name))


def _choices(allowed: Allowed) -> Iterator[FindingGroup]:
    """Permissions beside what is otherwise promised, several successes, and values that are left open."""
    promised = [o for o in allowed.outcomes if o.rule.modality in (Modality.MUST_REFUSE, Modality.SUCCEEDS)]
    for outcome in allowed.outcomes:
        rule = outcome.rule
        others = [
            o for o in promised if o.rule is not rule and (answer(o) != answer(outcome) or o.state != outcome.state)
        ]
        if rule.modality in (Modality.MAY_REFUSE, Modality.MAY_SUCCEED) and others:
            alike = any(answer(o) == answer(outcome) for o in others)
            besides = " or ".join(dict.fromkeys(_told(o, alike) for o in others))
            title = f"{_told(outcome, alike)} is permitted beside {besides}: {rule.text}"
            yield FindingGroup(FindingKind.CHOICE, _own(rule), title, (rule.name, *(o.rule.name for o in others)))
        elif rule.modality is Modality.SUCCEEDS:
            plain = [o for o in others if o.rule.modality is Modality.SUCCEEDS]
            if plain:
                pair = (outcome, *plain)
                title = " or ".join(dict.fromkeys(_told(o, True) for o in pair)) + ": both are successes"
                names = tuple(sorted(o.rule.name for o in pair))
                yield FindingGroup(FindingKind.CHOICE, tuple(name.partition(".")[2] for name in names), title, names)
        if outcome.completion is Completion.RETURNS and outcome.value is None and rule.modality in _SUCCESS:
            yield FindingGroup(
                FindingKind.CHOICE, (*_own(rule), "value"), f"the value is left open: {rule.text}", (rule.name,)
            )


def _own(rule: Rule) -> tuple[str, ...]:
    return (rule.name.partition(".")[2],)


def _told(outcome: Outcome, by_rule: bool) -> str:
    return f"{answer(outcome)} ({short(outcome.rule)})" if by_rule else answer(outcome)


def short(rule: Rule) -> str:
    """A rule's own name."""
    return rule.name.partition(".")[2].replace("_", " ")


def answer(outcome: Outcome) -> str:
    """How a call ends, in a word or two."""
    if outcome.completion is Completion.NEVER:
        return NO_RETURN
    if outcome.completion is Completion.WAITS:
        return WAITS
    if outcome.value is None:
        return " or ".join((*numbers_of(outcome), *codes_of(outcome))) or ANY_VALUE
    return named(outcome)


def named(outcome: Outcome) -> str:
    """A fixed answer by the name of its code, or as a number."""
    if outcome.rule.code is not None:
        return outcome.rule.code.name
    assert outcome.value is not None
    number = outcome.value - (1 << 64) if outcome.value >> 63 else outcome.value
    known = code_named(number)
    return known.name if known is not None and number < 0 else f"{number:#x}" if number > 9 else str(number)


def codes_of(outcome: Outcome) -> tuple[str, ...]:
    """The codes among the answers that a rule leaves to the implementation; none where it leaves any value at all."""
    free = outcome._replace(value=None)
    if outcome.rule.constraint is None or accepts(free, 0x1000, wide=True):
        return ()
    named = [code.name for code in CODES if accepts(free, _word(code), wide=True)]
    return (*named, *(["a value below -256"] if accepts(free, VENDOR_ERROR, wide=True) else []))


def numbers_of(outcome: Outcome) -> tuple[str, ...]:
    """The small numbers among the answers that a rule leaves to the implementation; none where it leaves any value."""
    free = outcome._replace(value=None)
    if outcome.rule.constraint is None or accepts(free, 0x1000, wide=True):
        return ()
    return tuple(str(number) for number in range(1, 10) if accepts(free, number, wide=True))


def _word(code: Code) -> int:
    return code.word(64)
