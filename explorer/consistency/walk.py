"""One walk from boot, breadth first: each state is put to all questions, so that what is found first is shortest."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from psci.explorer.abstraction.cone import cone
from psci.explorer.abstraction.registers import Abstraction
from psci.explorer.consistency.findings import Did, FindingKind, RulesFinding, did
from psci.explorer.consistency.judgements import FindingGroup, judged
from psci.explorer.consistency.settings import ENDS, ONE_WIDTH, DeclaredSetting, symbols_of
from psci.explorer.goals.goal import Goal
from psci.explorer.search import explore
from psci.explorer.system import MoveAction, Product, State
from psci.model.calls import UNKNOWN
from psci.model.environment import BOOT, STOP, WAKEUP
from psci.model.language.rules import Modality
from psci.model.language.terms import fields_read
from psci.model.specification import Specification
from psci.model.step import Invocation


@dataclass
class _Seen:
    """The first state in which a group was met."""

    state: State
    judgement: FindingGroup
    subject: str
    asked: Did | None


class Walk:
    """All states of one setting, as far as they matter for some calls and moves, and what was noticed in them."""

    def __init__(
        self, setting: DeclaredSetting, specification: Specification, owners: Collection[str], *,
        abstraction: Abstraction = ONE_WIDTH, without: frozenset[str] = ENDS, limit: int = 5_000,
    ) -> None:  # fmt: skip
        self.setting = setting
        self._whole = specification
        self.owners = tuple(owners)
        self.limit = limit
        machine = setting.machine
        left_out = without - set(owners)
        # what a boot leaves is seen by the software that boots, though no call asks for it
        interest = {"memory", "platform"} if BOOT.name in owners else ()
        inside = cone(specification, machine, interest, left_out, keep=owners, queries=False).specification
        self.product = Product(machine, inside, abstraction, frozenset())
        self.used: set[str] = set()
        """The names of the rules that some state uses."""
        self.alone: set[str] = set()
        """The names of refusals that somewhere say what no other of the same code says."""
        self._seen: dict[tuple[str, FindingKind, tuple[str, ...]], _Seen] = {}
        self._judged: dict[Any, tuple[FindingGroup, ...]] = {}
        self._asked = self._invocations()

    def findings(self) -> Iterator[RulesFinding]:
        """Walk, and say what was found."""
        done = explore(self.product, Goal("walk", "", of_state=self._look), limit=self.limit)
        numbers = {state: number for number, state in enumerate(done.states)}
        count = len(self.setting.machine.cores)
        extent = "all" if done.complete else "the first"
        searched = f"{extent} {len(done.states):,} states of {count} cores"
        for (subject, kind, causes), seen in self._seen.items():
            way = did(done.path_to(numbers[seen.state]))
            yield RulesFinding(
                kind, subject, causes, self._title(seen.judgement), rules=seen.judgement.rules,
                declared=self.setting.differs, machine=self.setting.machine,
                run=way if seen.asked is None else (*way, seen.asked), searched=searched,
            )  # fmt: skip

    def _title(self, judgement: FindingGroup) -> str:
        """The title, with sentences that stand by themselves."""
        title, specification = judgement.title, self._whole
        for owner in dict.fromkeys(name.partition(".")[0] for name in judgement.rules):
            for rule in specification.rules.get(owner, ()):
                if rule.name in judgement.rules:
                    title = title.replace(rule.text, specification.sentence(rule))
        return title

    def _invocations(self) -> list[list[tuple[Invocation, str, Any]]]:
        """For each core what it is asked, with the fields on which the answer depends."""
        found: list[list[tuple[Invocation, str, Any]]] = []
        for calls in self.product.invocations:
            row = []
            for invocation in calls:
                call, _ = self.product.stepper.function(invocation.fn)
                name = (call or UNKNOWN).name
                if name in self.owners:
                    row.append((invocation, name, self._reader(name)))
            found.append(row)
        return found

    def _reader(self, name: str) -> Any:
        rules = self.product.specification.rules[name]
        read = set().union(*(fields_read(r.guard, *(() if r.value is None else (r.value,))) for r in rules))
        return attrgetter(*sorted(read)) if read else lambda state: None

    def _look(self, state: State) -> bool:
        for core in self.product.callers(state):
            for invocation, name, read in self._asked[core]:
                key = invocation, read(state)
                if key not in self._judged:
                    self._judged[key] = self._judge(state, invocation, name)
                    for judgement in self._judged[key]:
                        place = name, judgement.kind, judgement.causes
                        if place not in self._seen:
                            self._seen[place] = _Seen(state, judgement, name, Did(invocation, None))
        self._look_at_moves(state)
        return False

    def _judge(self, state: State, invocation: Invocation, name: str) -> tuple[FindingGroup, ...]:
        allowed = self.product.stepper.allowed(state, invocation)
        refusals = [o for o in allowed.outcomes if o.rule.modality is Modality.MUST_REFUSE]
        self.used |= {outcome.rule.name for outcome in allowed.outcomes}
        self.used |= {rule.name for rule in allowed.broken}
        self.alone |= {one.rule.name for one in refusals if sum(o.value == one.value for o in refusals) == 1}
        rules = self._whole.of(name, self.setting.machine.version)
        return tuple(group for group in judged(allowed, name, rules) if not self._asks_what_we_know(group))

    def _asks_what_we_know(self, group: FindingGroup) -> bool:
        """Whether a permission is there because nobody told us what a power_state means: no question to an author."""
        rules = self.product.specification.rules[group.rules[0].partition(".")[0]] if group.rules else ()
        return group.kind is FindingKind.CHOICE and any(
            rule.name == group.rules[0] and rule.modality is Modality.MAY_REFUSE and "described" in symbols_of([rule])
            for rule in rules
        )

    def _look_at_moves(self, state: State) -> None:
        moves: dict[tuple[str, int], list[Any]] = {}
        silent = False
        for transition in self.product.moves(state):
            action = transition.action
            assert isinstance(action, MoveAction)
            self.used.add(transition.rule.name)
            if action.name in self.owners:
                moves.setdefault((action.name, action.place), []).append(transition)
            silent |= action.name not in ("BOOT", "LOSE_POWER", "SIGNAL", "GO_DOWN")
        for (name, _), found in moves.items():
            for judgement in _choices_of(found):
                place = name, judgement.kind, judgement.causes
                self._seen.setdefault(place, _Seen(state, judgement, name, None))
        if state.system == "RUNNING" and not silent and "RUNNING" not in state.activity:
            self._nobody_left(state)

    def _nobody_left(self, state: State) -> None:
        frozen = "CPU_FREEZE" if "FROZEN" in state.activity else "CPU_OFF"
        if frozen in self.owners:
            title = "no core is left that could start another, and nothing refuses the last one"
            place = frozen, FindingKind.GAP, ("nobody-left",)
            rules = self.product.specification.rules[frozen]
            names = tuple(rule.name for rule in rules if rule.modality is not Modality.GATE)
            judgement = FindingGroup(FindingKind.GAP, ("nobody-left",), title, names)
            self._seen.setdefault(place, _Seen(state, judgement, frozen, None))


def _choices_of(found: list[Any]) -> Iterator[FindingGroup]:
    """A witnessed move that may have several outcomes: by several rules, or with several things that are seen."""
    name = found[0].action.name
    if name in (WAKEUP.name, STOP.name):
        return
    by_event: dict[Any, list[Any]] = {}
    for transition in found:
        by_event.setdefault(transition.action, []).append(transition)
    for transitions in by_event.values():
        names = tuple(sorted({t.rule.name for t in transitions}))
        if len(names) > 1 and len({t.target for t in transitions}) > 1:
            texts = " Or: ".join(dict.fromkeys(t.rule.text for t in transitions))
            yield FindingGroup(FindingKind.CHOICE, tuple(name.partition(".")[2] for name in names), texts, names)
    kinds = {t.action.parameters for t in found if t.action.parameters and isinstance(t.action.parameters[0], str)}
    if len(kinds) > 1 and len({t.target for t in found}) > 1:
        words = " or ".join(sorted(str(kind[0]) for kind in kinds))
        rules = tuple(sorted({t.rule.name for t in found}))
        yield FindingGroup(
            FindingKind.ORDER,
            ("two-at-once",),
            f"{words}: asked for by two cores, and nothing says which happens",
            rules,
        )
