"""Which function ids a VMM must take over, for any number of cores.

The claim is a simulation. Let *s* be a state of the wanted machine, and *k* the state that the kernel has at
the same moment: they agree on everything, but the kernel need not know that the system is going down after
a system call that it did not serve. Then whatever the kernel's rules allow a call to do in *k*, the wanted
version's rules allow in *s*: the same completion, result and effect, and the states after it agree again. A
call that the VMM serves needs no query: it is served by the wanted version's own rules, on the same state.

One query for each rule of each call that is left to the kernel, and for the moves by which cores begin to
run; cores and tree are uninterpreted, so the proof holds for any number of cores.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from psci.model.calls import UNKNOWN
from psci.model.declare import Call, Move
from psci.model.environment import ENTER, START, WAKEUP
from psci.model.language.terms import App, subterms
from psci.model.scenarios.filter import terms_of
from psci.model.specification import Specification
from psci.model.tables.versions import Version
from psci.proofs.encoding.queries import Query, SolverAnswer, SolverVerdict, solve
from psci.proofs.encoding.steps import Translated, Translations
from psci.proofs.encoding.unbounded import Unbounded
from psci.proofs.methods.simulation import Proviso, Sides, Simulation
from psci.properties.helpers import REACHABLE

AskSolver = Callable[[Query], SolverAnswer]
BEGIN_TO_RUN = (START, WAKEUP, ENTER)
UNKNOWN_TO_THE_KERNEL = ("system", "asked")
"""The fields that a system call of the VMM changes and that the kernel does not see."""


ERRATA = Proviso("errata", "APPLIED", "version 0.2 is judged with the errata of issue C")
PROVISOS = (
    Proviso("policy", "ALLOWS", "no policy keeps a core from the guest"),
    Proviso("address_unusable", False, "no address is known to be unusable as an entry point"),
    Proviso("unused_entry", "IGNORED", "an entry point that is not used is not looked at"),
    ERRATA,
    Proviso("affinity_level_supported", True, "AFFINITY_INFO answers for every affinity level"),
    Proviso("mode", "PLATFORM_COORDINATED", "nobody switches to OS-initiated mode"),
    Proviso("system_stop", "DRAIN", "after a system call the other cores may go on until they are stopped"),
)


def plainly(query: Query) -> SolverAnswer:
    """What the first solver says, without a smaller core."""
    return solve(query, minimise=False)


@dataclass(frozen=True)
class LeftToKernel:
    """A function id, or a move, that is left to the kernel."""

    owner: str
    fid: int | None
    provided: tuple[Proviso, ...]
    answers: tuple[tuple[str, SolverAnswer], ...]
    """The kernel's rules, and what the solver said of each."""
    alike: int = 0
    """Rules that kernel and VMM read the same; they need no query."""


@dataclass(frozen=True)
class Forced:
    """A function id that must be forwarded."""

    owner: str
    fid: int
    offered: bool
    rules: tuple[str, ...]
    """The kernel's rules whose outcome the wanted version does not allow."""


@dataclass(frozen=True)
class Sufficiency:
    """Which ids must be forwarded, and the proof that these are enough."""

    forced: tuple[Forced, ...]
    left: tuple[LeftToKernel, ...]
    undecided: tuple[LeftToKernel, ...]
    """Where the solver gave up; then nothing is proved."""

    @property
    def ids(self) -> frozenset[int]:
        """The ids that must be forwarded."""
        return frozenset(forced.fid for forced in self.forced)

    @property
    def provisos(self) -> tuple[Proviso, ...]:
        """What the whole proof rests on."""
        return tuple(p for p in PROVISOS if any(p in left.provided for left in self.left))

    @property
    def queries(self) -> int:
        """How many queries were proved."""
        return sum(len(left.answers) for left in self.left)

    @property
    def alike(self) -> int:
        """How many rules need no query, because kernel and VMM read them the same."""
        return sum(left.alike for left in self.left)

    @property
    def seconds(self) -> float:
        """The solver's time for them."""
        return sum(answer.seconds for left in self.left for _, answer in left.answers)


def sufficiency(
    kernel: Version, want: Version, offered: Sequence[Call], translations: Translations | None = None,
    ask: AskSolver = plainly, only_owner: str | None = None,
) -> Sufficiency:  # fmt: skip
    """Find the ids that must be forwarded, and prove that the rest can be left to the kernel.

    Args:
        kernel: the kernel's version.
        want: the wanted version.
        offered: the functions that the VMM serves.
        translations: the rules, for any number of cores; those of the specification where none are given.
        ask: the solver.
        only_owner: the name of the only call or move that is asked about.
    """
    translations = translations or Translations(Unbounded())
    forced: list[Forced] = []
    left: list[LeftToKernel] = []
    undecided: list[LeftToKernel] = []
    for owner, fid in _owners(translations.specification):
        if only_owner not in (None, owner.name):
            continue
        if owner in offered:
            assert fid is not None
            failing = _failing(left_to_the_kernel(translations.of(owner), fid, kernel, want, offered, (), ask))
            forced.append(Forced(owner.name, fid, True, failing))
            continue
        found = _with_provisos(translations.of(owner), fid, kernel, want, offered, ask)
        verdicts = {answer.verdict for _, answer in found.answers}
        if SolverVerdict.REFUTED in verdicts and fid is not None:
            forced.append(Forced(owner.name, fid, False, _failing(found)))
        elif verdicts <= {SolverVerdict.PROVED}:
            left.append(found)
        else:
            undecided.append(found)
    return Sufficiency(tuple(forced), tuple(left), tuple(undecided))


def _owners(specification: Specification) -> Iterator[tuple[Call | Move, int | None]]:
    for call in specification.calls:
        for fid in call.ids():
            yield call, fid
    yield UNKNOWN, None
    for move in BEGIN_TO_RUN:
        yield move, None


def _failing(left: LeftToKernel) -> tuple[str, ...]:
    return tuple(rule for rule, answer in left.answers if answer.verdict is not SolverVerdict.PROVED)


def _with_provisos(
    translated: Translated, fid: int | None, kernel: Version, want: Version, offered: Sequence[Call], ask: AskSolver
) -> LeftToKernel:
    """Try with no proviso, then with all that the rules mention, less those that are not needed."""

    def tried(provided: tuple[Proviso, ...]) -> LeftToKernel:
        return left_to_the_kernel(translated, fid, kernel, want, offered, provided, ask)

    plain = tried(())
    mentioned = tuple(proviso for proviso in PROVISOS if _mentions(translated, proviso.symbol))
    if not _failing(plain) or not mentioned or _failing(found := tried(mentioned)):
        return plain
    for proviso in mentioned:
        fewer = tried(tuple(other for other in found.provided if other is not proviso))
        found = fewer if not _failing(fewer) else found
    return found


def _mentions(translated: Translated, symbol: str) -> bool:
    rules = translated.specification.rules[translated.owner.name]
    terms = (sub for rule in rules for term in terms_of(rule) for sub in subterms(term))
    return any(isinstance(term, App) and term.function.name == symbol for term in terms)


def left_to_the_kernel(
    translated: Translated, fid: int | None, kernel: Version, want: Version, offered: Sequence[Call],
    provided: tuple[Proviso, ...] = (), ask: AskSolver = plainly,
) -> LeftToKernel:  # fmt: skip
    """Whether every outcome of the kernel's rules is one of the wanted version's.

    Args:
        translated: the call, or a move of the kernel's cores, for any number of cores.
        fid: the function id; None for a move and for ids of no function.
        kernel: the kernel's version.
        want: the wanted version.
        offered: the functions that the VMM serves.
        provided: what is assumed of the machine.
        ask: the solver.
    """
    sides = Sides(kernel, want, tuple(offered), UNKNOWN_TO_THE_KERNEL, provided)
    questions = list(Simulation(translated, sides, REACHABLE).queries(fid))
    answers = tuple((rule.name, ask(query)) for rule, query in questions if query is not None)
    return LeftToKernel(translated.owner.name, fid, provided, answers, len(questions) - len(answers))


__all__ = ["PROVISOS", "Forced", "LeftToKernel", "Proviso", "Sufficiency", "left_to_the_kernel", "sufficiency"]
