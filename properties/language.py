"""How a property is written: a claim about every step, or about every reachable state, as terms.

A claim reads the state before a step (`s`), the state after it (`t`), the machine (`m`), and the step:
which call or move it is, its arguments and its outcome. What a claim has to remember of the past it
keeps in history variables of its own (`h`, and `g` after the step). These follow invocations and
outcomes only, never the state, so that a property cannot be true because it repeats a rule.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, TypeAlias

from psci.model.declare import Call, Move
from psci.model.language.effects import NOTHING, Effect, New, assign
from psci.model.language.rules import RESULT, CallTerms, Completion, Rule
from psci.model.language.sorts import BOOL, Sort
from psci.model.language.terms import FALSE, TRUE, Function, Term, fields_read, lift
from psci.model.symbols.machine import MACHINE, MachineTerms
from psci.model.symbols.state import FIELDS


class ClaimKind(enum.Enum):
    """What a property says."""

    STEP = "step"
    """Every step from a reachable state satisfies the claim."""
    INVARIANT = "invariant"
    """Every reachable state satisfies the claim."""
    WITNESS = "witness"
    """Some reachable step satisfies the claim: what must be possible is, by a run that shows it."""
    LIVENESS = "liveness"
    """On every fair run something happens in the end (`psci.properties.runs.responses`)."""
    EXPLORED = "explored"
    """The claim is about what comes of a whole scenario; it is decided by exploring every one."""
    TOTAL = "total"
    """Every call of a running core, in every reachable state, has an answer that is more than a permission."""
    REFINEMENT = "refinement"
    """The claim is about two versions, or two halves of an implementation (`psci.properties.revisions`)."""


class StateView:
    """Fields of a state as attributes: `s.power[core]`, `s.system`."""

    def __init__(self, fields: Mapping[str, Function]) -> None:
        self._fields = fields

    def __getattr__(self, name: str) -> Any:
        fields: Mapping[str, Function] = self.__dict__.get("_fields", {})
        if name not in fields:
            raise AttributeError(f"there is no field {name!r}; there are {', '.join(fields)}")
        function = fields[name]
        return function if function.domain else function()

    def has(self, name: str) -> bool:
        """Whether there is such a field."""
        return name in self._fields

    def but(self, **changes: New) -> Effect:
        """These fields with some of them changed; the rest stays as it was."""
        return Effect(tuple(assign(self._fields[name], new) for name, new in changes.items()))


def primed(function: Function) -> Function:
    """The symbol for a field in the state after a step."""
    return Function(f"{function.name}'", function.domain, function.range, "state", function.doc)


BEFORE = StateView({field.name: field for field in FIELDS})
AFTER = StateView({field.name: primed(field) for field in FIELDS})


@dataclass(frozen=True)
class Step:
    """One step as a property sees it: what was invoked, and how that ended."""

    owner: Call | Move
    completion: Completion | None
    """How the call ends for its caller; None for a move."""

    @property
    def name(self) -> str:
        """The call or move."""
        return self.owner.name

    @property
    def call(self) -> CallTerms:
        """The call and its arguments."""
        assert isinstance(self.owner, Call), self.owner.name
        return self.owner.terms

    @property
    def is_call(self) -> bool:
        """Whether a core makes a call; otherwise the environment moves."""
        return isinstance(self.owner, Call)

    @property
    def core(self) -> Term:
        """The core at hand: the caller, or the core that moves."""
        if isinstance(self.owner, Call):
            return self.owner.terms.caller
        assert self.owner.core is not None, self.owner.name
        return self.owner.core

    @property
    def node(self) -> Term:
        """The power domain that moves."""
        assert isinstance(self.owner, Move) and self.owner.node is not None, self.name
        return self.owner.node

    @property
    def result(self) -> Term:
        """What the call returns (64 bits)."""
        return RESULT

    def seen(self, name: str) -> Term:
        """What the event that witnesses a move says."""
        assert isinstance(self.owner, Move)
        return next(parameter for parameter in self.owner.parameters if parameter.name == name)()

    def ends(self, *completions: Completion) -> Term:
        """The call ends in one of these ways."""
        return TRUE if self.completion in completions else FALSE

    def returns(self, code: int = 0) -> Term:
        """The call returns this signed number."""
        return (self.ends(Completion.RETURNS)) & (code == RESULT) if self.is_call else FALSE


def step_of(owner: Call | Move, rule: Rule) -> Step:
    """The step that a rule makes, as a property sees it."""
    return Step(owner, rule.completion if isinstance(owner, Call) else None)


@dataclass(frozen=True)
class History:
    """What a property remembers: its variables, their values before the first boot, and how they follow steps."""

    fields: tuple[Function, ...]
    initially: Callable[[StateView], Effect]
    follows: Callable[[MachineTerms, StateView, Step], Effect]

    @cached_property
    def view(self) -> StateView:
        """The variables before a step."""
        return StateView({_short(field.name): field for field in self.fields})

    @cached_property
    def view_after(self) -> StateView:
        """The variables after a step."""
        return StateView({_short(field.name): primed(field) for field in self.fields})

    def effect(self, step: Step) -> Effect:
        """How the variables change in a step."""
        return self.follows(MACHINE, self.view, step)

    def start(self) -> Effect:
        """The variables before the first boot."""
        return self.initially(self.view)


NO_HISTORY = History((), lambda _h: NOTHING, lambda _m, _h, _step: NOTHING)


def remembered(property_name: str, name: str, *domain: Sort, of: Sort, doc: str) -> Function:
    """A history variable of a property."""
    return Function(f"{property_name}.{name}", domain, of, "state", doc)


def _short(name: str) -> str:
    return name.rpartition(".")[2]


Claim: TypeAlias = Callable[..., Any]
"""Of a step property: (m, s, t, h, g, step); of an invariant: (m, s, h); what they return is a term.

Of a property of scenarios: what came of one; what it returns is a bool.
"""


@dataclass(frozen=True)
class Invariant:
    """A helper: true of every reachable state, and strong enough to carry a proof from step to step."""

    name: str
    sentence: str
    claim: Claim

    def term(self, history: History = NO_HISTORY) -> Term:
        """The invariant over the state before a step."""
        return of_state(self.claim, history)


_WITHOUT_MEMORY: dict[Claim, Term] = {}


@cache
def of_state(claim: Claim, history: History) -> Term:
    """What a claim says of the state before a step: the same term each time, so that it is translated once.

    A claim that reads nothing of the history is the same term with every history.
    """
    said = lift(claim(MACHINE, BEFORE, history.view), BOOL)
    remembers = fields_read(said).intersection(field.name for field in history.fields)
    return said if remembers else _WITHOUT_MEMORY.setdefault(claim, said)


@cache
def of_step(claim: Claim, history: History, step: Step) -> Term:
    """What a claim says of a step and the states before and after it: the same term each time."""
    return lift(claim(MACHINE, BEFORE, AFTER, history.view, history.view_after, step), BOOL)


@cache
def given_of(claim: Claim, history: History, step: Step) -> Term:
    """What is given of a step, and the state before it: the same term each time."""
    return lift(claim(MACHINE, BEFORE, history.view, step), BOOL)


@dataclass(repr=False, frozen=True)
class Property:
    """Something that must hold of PSCI, whatever the calls and however they interleave."""

    name: str
    title: str
    sentence: str
    cites: tuple[str, ...]
    kind: ClaimKind
    claim: Claim
    history: History = NO_HISTORY
    helpers: tuple[Invariant, ...] = ()
    """Invariants that are proved together with it, in one induction."""
    lemmas: tuple[Property, ...] = ()
    """Properties of states, with proofs of their own, that are assumed of the state before a step."""
    lemmas_after: tuple[Property, ...] = ()
    """The same, assumed of the state after a step as well."""
    without: tuple[str, ...] = ()
    """Lemmas that were taken away, to see what the property is without them."""
    follows: bool = False
    """It follows from its lemmas in every single state, so that no step needs to be looked at."""
    about: tuple[str, ...] = ()
    """The calls and moves that the claim speaks about; none listed means all."""
    given: tuple[Invariant, ...] = ()
    """What is assumed of the machine, or of the callers, beside what is assumed of everybody: (m, s, h, step)."""

    def __repr__(self) -> str:
        return f"{self.name} ({self.kind.value}): {self.sentence}\n  facts: {', '.join(self.cites)}"

    def _repr_markdown_(self) -> str:
        return f"**{self.name}** ({self.kind.value}): {self.sentence}\n\nFacts: {', '.join(self.cites)}"

    def assumed(self, step: Step) -> tuple[tuple[str, Term], ...]:
        """What is assumed of a step, by name: what the property is given, and so what its lemmas are given."""
        given = dict.fromkeys((*self.given, *(fact for lemma in self.all_lemmas() for fact in lemma.given)))
        return tuple((fact.name, given_of(fact.claim, self.history, step)) for fact in given)

    def rests_on(self) -> frozenset[str]:
        """The names of the property and of its lemmas, also of those that were taken away."""
        return frozenset((self.name, *self.without, *(lemma.name for lemma in self.all_lemmas())))

    def all_lemmas(self) -> tuple[Property, ...]:
        """The lemmas, and the lemmas of these, each once and before what rests on it."""
        found: dict[str, Property] = {}
        for lemma in (*self.lemmas, *self.lemmas_after):
            found.update({rests.name: rests for rests in lemma.all_lemmas()})
            found[lemma.name] = lemma
        return tuple(found.values())

    def of_step(self, step: Step) -> Term:
        """The claim about a step; true where it says nothing about such steps, which show no possibility either."""
        if self.kind not in (ClaimKind.STEP, ClaimKind.WITNESS) or (self.about and step.name not in self.about):
            return FALSE if self.kind is ClaimKind.WITNESS else TRUE
        return of_step(self.claim, self.history, step)

    def of_state(self) -> Term:
        """The claim about a state; true for a property of steps."""
        return of_state(self.claim, self.history) if self.kind is ClaimKind.INVARIANT else TRUE


_DECLARED: dict[str, Property] = {}


def declare(prop: Any) -> Any:
    """Enter a property into the list of all properties, so that nothing that is declared can be left unproved.

    Raises:
        ValueError: it has no sentence, or its name or title is taken.
    """
    if not prop.sentence:
        raise ValueError(f"{prop.name} has no sentence")
    if any(prop.name == other.name or prop.title == other.title for other in _DECLARED.values()):
        raise ValueError(f"{prop.name} {prop.title}: another property has this name or title")
    _DECLARED[prop.name] = prop
    return prop


def declared() -> tuple[Property, ...]:
    """Every property that was declared so far, those that others rest on before these."""
    return tuple(_DECLARED.values())


def safety(
    name: str, title: str, *, cites: tuple[str, ...], history: History = NO_HISTORY,
    helpers: tuple[Invariant, ...] = (), lemmas: tuple[Property, ...] = (), about: tuple[str, ...] = (),
    given: tuple[Invariant, ...] = (), listed: bool = True,
) -> Callable[[Claim], Property]:  # fmt: skip
    """A property of every step; the function's docstring is its sentence.

    With `listed` false it is a claim that nobody says is kept (`psci.properties.claims`), and is not proved.
    """
    return _maker(
        name,
        title,
        cites,
        ClaimKind.STEP,
        listed,
        history=history,
        helpers=helpers,
        lemmas=lemmas,
        about=about,
        given=given,
    )


def always_true(
    name: str, title: str, *, cites: tuple[str, ...], history: History = NO_HISTORY,
    helpers: tuple[Invariant, ...] = (), lemmas: tuple[Property, ...] = (), lemmas_after: tuple[Property, ...] = (),
    given: tuple[Invariant, ...] = (), listed: bool = True,
) -> Callable[[Claim], Property]:  # fmt: skip
    """A property of every reachable state; with `listed` false, a claim as in `safety`."""
    return _maker(
        name, title, cites, ClaimKind.INVARIANT, listed, history=history, helpers=helpers, lemmas=lemmas,
        lemmas_after=lemmas_after, given=given,
    )  # fmt: skip


def consequence(
    name: str, title: str, *, cites: tuple[str, ...], lemmas: tuple[Property, ...]
) -> Callable[[Claim], Property]:
    """A property of every reachable state that other such properties imply."""
    return _maker(name, title, cites, ClaimKind.INVARIANT, lemmas=lemmas, follows=True)


def possible(
    name: str, title: str, *, cites: tuple[str, ...], about: tuple[str, ...], history: History = NO_HISTORY
) -> Callable[[Claim], Property]:
    """A step that some run from boot must be able to make."""
    return _maker(name, title, cites, ClaimKind.WITNESS, about=about, history=history)


def total(
    name: str, title: str, *, cites: tuple[str, ...], lemmas: tuple[Property, ...] = ()
) -> Callable[[Claim], Property]:
    """Every call that satisfies the claim, (m, s, h, step), has an answer that is more than a permission."""
    return _maker(name, title, cites, ClaimKind.TOTAL, lemmas=lemmas)


def _maker(
    name: str, title: str, cites: tuple[str, ...], kind: ClaimKind, listed: bool = True, **more: Any
) -> Callable[[Claim], Property]:  # fmt: skip
    def make(claim: Claim) -> Property:
        made = Property(name, title, sentence_of(claim), cites, kind, claim, **more)
        if listed:
            declare(made)
        return made

    return make


def sentence_of(claim: Claim) -> str:
    """The docstring of a claim, on one line."""
    return " ".join((claim.__doc__ or "").split())


def invariant(claim: Claim) -> Invariant:
    """A helper invariant; the function's name and docstring are its name and sentence."""
    return Invariant(claim.__name__.replace("_", "-"), sentence_of(claim), claim)
