"""How a PSCI function is declared: its ids, arguments, PSCI_FEATURES answer and rules."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from psci.model.language.effects import Effect
from psci.model.language.rules import Argument, CallTerms, Case, Completion, Modality, Rule, when
from psci.model.language.sorts import U32, U64
from psci.model.language.terms import FALSE, Const, Function, SortError, Term, Var, lift
from psci.model.symbols.machine import MACHINE, MachineTerms
from psci.model.symbols.state import STATE, StateTerms
from psci.model.tables.codes import Code
from psci.model.tables.versions import V0_1, V1_3, Version

Cites: TypeAlias = tuple[str, ...]
"""The ids of the facts that a rule rests on."""
Body: TypeAlias = Callable[[MachineTerms, StateTerms, CallTerms], Term | Case | bool]
Attach: TypeAlias = Callable[[Body], Body]


def rule_from(
    owner: str, name: str, text: str | None, modality: Modality, completion: Completion, code: Code | None,
    case: Term | Case | bool, cites: Cites, since: Version, until: Version,
) -> Rule:  # fmt: skip
    """The rule that a decorated function wrote.

    Raises:
        SortError: it has no sentence, or what its decorator says is no code, no version, or no tuple of facts.
    """
    _check(f"{owner}.{name}", code, cites, since, until)
    case = case if isinstance(case, Case) else when(case)
    if code is not None:
        case = replace(case, value=Const(code.word(64), U64))
    if not text:
        raise SortError(f"{owner}.{name} has no sentence")
    return Rule(
        f"{owner}.{name}", modality, case.guard, completion, case.value, case.constraint, case.effect,
        cites, since, until, " ".join(text.split()), code,
    )  # fmt: skip


def _check(name: str, code: object, cites: object, since: object, until: object) -> None:
    """Refuse what a decorator cannot mean: rules are also written by people whom no type checker tells."""
    if not isinstance(code, Code | None):
        raise SortError(f"{name}: {code!r} is no return code of psci.model.tables.codes")
    if not (isinstance(since, Version) and isinstance(until, Version)):
        raise SortError(f"{name}: from {since} until {until} are no versions of psci.model.tables.versions")
    if until < since:
        raise SortError(f"{name}: it holds since {since}, which is after {until}")
    if isinstance(cites, str):
        raise SortError(f"{name}: cites is a tuple of facts: cites=({cites!r},)")


@dataclass(frozen=True, slots=True)
class FeaturesAnswer:
    """What PSCI_FEATURES says of an implemented function: flags (u32), or None where any non-negative value will do."""

    flags: Term | None
    cites: Cites
    since: Version
    until: Version


@dataclass(eq=False)
class Call:
    """One PSCI function.

    `optional` functions may be absent (Table 17); `arguments` are those of x1, x2, x3 in order.
    A function that is there `together_with` another is there if and only if that one is; one that is
    `required_by` another is there if that one is. `own_rule_on_widths` says where a rule of the
    function's own takes the place of RET-3.
    """

    name: str
    section: str
    fid32: int | None
    fid64: int | None = None
    since: Version = V0_1
    until: Version = V1_3
    optional: bool = False
    arguments: tuple[Argument, ...] = ()
    together_with: Call | None = None
    required_by: Call | None = None
    presence_cites: Cites = ()
    own_rule_on_widths: Term = FALSE
    when_refused: Callable[[MachineTerms, StateTerms], Effect] | None = None
    """What a refusal changes all the same, by a reading of the function's own."""
    rules: list[Rule] = field(default_factory=list)
    declared_answers: list[FeaturesAnswer] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.terms = CallTerms(self.arguments)

    def __str__(self) -> str:
        return self.name

    def ids(self) -> tuple[int, ...]:
        """The function ids, SMC32 first."""
        return tuple(fid for fid in (self.fid32, self.fid64) if fid is not None)

    @property
    def key(self) -> int:
        """The id by which profiles and rules say whether the function is there: SMC32 where it has one."""
        return self.ids()[0] if self.together_with is None else self.together_with.key

    def is_present(self, m: MachineTerms) -> Term:
        """The function is implemented."""
        own = m.has(self.key)
        if self.required_by is None:
            return own
        # the other function may be older than this one
        return own | (m.has(self.required_by.key) & (m.psci_version >= (self.since.number or 0)))

    def exists_in(self, version: Version) -> bool:
        """Whether this version defines the function."""
        return self.since <= version <= self.until

    def gate(
        self, code: Code, *, cites: Cites, since: Version = V0_1, until: Version = V1_3, name: str | None = None
    ) -> Attach:
        """The code is the only outcome where the condition holds."""
        return self._attach(Modality.GATE, Completion.RETURNS, code, cites, since, until, name)

    def must_refuse(
        self, code: Code | None, *, cites: Cites, since: Version = V0_1, until: Version = V1_3, name: str | None = None
    ) -> Attach:
        """The call must be refused where the condition holds; another refusal that applies may win.

        Without a code the rule leaves a choice of codes.
        """
        return self._attach(Modality.MUST_REFUSE, Completion.RETURNS, code, cites, since, until, name)

    def may_refuse(
        self, code: Code | None, *, cites: Cites, since: Version = V0_1, until: Version = V1_3, name: str | None = None
    ) -> Attach:
        """The code is permitted where the condition holds; None where the rule leaves a choice of codes."""
        return self._attach(Modality.MAY_REFUSE, Completion.RETURNS, code, cites, since, until, name)

    def succeeds(
        self, completion: Completion, code: Code | None = None, *,
        cites: Cites, since: Version = V0_1, until: Version = V1_3, name: str | None = None,
    ) -> Attach:  # fmt: skip
        """A success, open wherever nothing must be refused and the condition holds."""
        return self._attach(Modality.SUCCEEDS, completion, code, cites, since, until, name)

    def may_succeed(
        self, completion: Completion, code: Code | None = None, *,
        cites: Cites, since: Version = V0_1, until: Version = V1_3, name: str | None = None,
    ) -> Attach:  # fmt: skip
        """A success that is permitted beside the plain one; its use is counted."""
        return self._attach(Modality.MAY_SUCCEED, completion, code, cites, since, until, name)

    def caller_must(self, *, cites: Cites, since: Version = V0_1, until: Version = V1_3, frees: bool = False) -> Attach:
        """A duty of the caller, written as the condition under which it is broken.

        Where it is broken nothing is promised, unless the call must be refused; with `frees` not even then.
        """
        return self._attach(Modality.CALLER_MUST, Completion.RETURNS, None, cites, since, until, None, frees)

    def features(
        self, *, cites: Cites, since: Version = V0_1, until: Version = V1_3
    ) -> Callable[[Callable[[MachineTerms], Term | None]], None]:
        """What PSCI_FEATURES answers for the function where it is implemented (u32); None where the draft is silent."""

        def attach(body: Callable[[MachineTerms], Term | None]) -> None:
            flags = body(MACHINE)
            self.declared_answers.append(
                FeaturesAnswer(None if flags is None else lift(flags, U32), cites, since, until)
            )

        return attach

    def answers(self) -> tuple[FeaturesAnswer, ...]:
        """The PSCI_FEATURES answers by version; 0 for a call that declares none (Table 11)."""
        return tuple(self.declared_answers) or (FeaturesAnswer(Const(0, U32), ("FEAT-2", "FEAT-5"), V0_1, V1_3),)

    def _attach(
        self, modality: Modality, completion: Completion, code: Code | None,
        cites: Cites, since: Version, until: Version, name: str | None, frees: bool = False,
    ) -> Attach:  # fmt: skip
        def attach(body: Body) -> Body:
            case = body(MACHINE, STATE, self.terms)
            rule = rule_from(
                self.name, name or body.__name__, body.__doc__, modality, completion, code, case, cites, since, until
            )
            duty = modality is Modality.CALLER_MUST
            if not duty and completion is Completion.RETURNS and rule.value is None and rule.constraint is None:
                raise SortError(f"{rule.name} returns, but does not say what")
            self.rules.append(replace(rule, frees=frees))
            return body

        return attach


@dataclass(eq=False)
class Move:
    """A move that no call makes: of one core (`core`), of one power domain (`node`), or of the machine.

    A `silent` move may happen at any time unseen; any other is witnessed by an event of a trace.
    """

    name: str
    section: str
    silent: bool
    core: Var | None = None
    node: Var | None = None
    parameters: tuple[Function, ...] = ()
    """What the witnessing event says, as symbols for the rules."""
    rules: list[Rule] = field(default_factory=list)

    def happens(self, *, cites: Cites, since: Version = V0_1, until: Version = V1_3) -> Callable[[MoveBody], MoveBody]:
        """One way in which the move happens."""

        def attach(body: MoveBody) -> MoveBody:
            case = body(MACHINE, STATE, self)
            self.rules.append(
                rule_from(
                    self.name, body.__name__, body.__doc__, Modality.SUCCEEDS, Completion.NEVER, None, case,
                    cites, since, until,
                )
            )  # fmt: skip
            return body

        return attach


MoveBody: TypeAlias = Callable[[MachineTerms, StateTerms, Move], Case]
