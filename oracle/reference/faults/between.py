"""Faults between rules: entries and contexts, what a core is taken for, locks, wakeups, ids, clusters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from psci.model.language.rules import Completion
from psci.model.step import Invocation, Outcome
from psci.model.tables.codes import ALREADY_ON, DENIED, NOT_SUPPORTED, ON_PENDING
from psci.oracle.reference.faults.fault import Fault, Faulty, succeeded
from psci.oracle.reference.implementation import STUCK, Deciding

ALL_32 = 0xFFFF_FFFF
SLEEPS = ("STANDBY", "RETENTION", "POWERDOWN")

ENTRIES = "context or entry dropped, or another one's"
PENDING = "pending never set or never cleared"
TAKEN = "suspended taken for off, and the like"
WIDTHS = "narrowing forgotten, or too much"
IDS = "one of two ids forgotten"
CLUSTERS = "own cluster only"
LAST = "last-core test wrong"
LOCKS = "lock missing"
AFTER = "nothing restored after a refusal"
GOING = "others not stopped"
STALE = "stale answers and wakeups"


# ---- entries and contexts


class DropsContexts(Faulty):
    """x0 is 0 at every entry."""

    def entry(self, core: int) -> tuple[int, int] | None:
        found = super().entry(core)
        return None if found is None else (found[0], 0)


class TruncatesContexts(Faulty):
    """Only 32 bits of a context id arrive."""

    def entry(self, core: int) -> tuple[int, int] | None:
        found = super().entry(core)
        return None if found is None else (found[0], found[1] & ALL_32)


class ExtendsContexts(Faulty):
    """A context id is kept in a signed word of 32 bits."""

    def entry(self, core: int) -> tuple[int, int] | None:
        found = super().entry(core)
        if found is None:
            return None
        low = found[1] & ALL_32
        return found[0], low | 0xFFFF_FFFF_0000_0000 if low >> 31 else low


class DropsBit0OfContexts(Faulty):
    """Bit 0 of a context id is used for something else."""

    def entry(self, core: int) -> tuple[int, int] | None:
        found = super().entry(core)
        return None if found is None else (found[0], found[1] & ~1)


class AlignsEntries(Faulty):
    """The low bits of an entry point are dropped."""

    def entry(self, core: int) -> tuple[int, int] | None:
        found = super().entry(core)
        return None if found is None else (found[0] & ~3, found[1])


class TruncatesEntries(Faulty):
    """Only 32 bits of an entry point are kept."""

    def entry(self, core: int) -> tuple[int, int] | None:
        found = super().entry(core)
        return None if found is None else (found[0] & ALL_32, found[1])


class Starting(Faulty):
    """Remembers where cores were started."""

    def prepare(self) -> None:
        self.started: list[tuple[int, int, int]] = []
        """Core, entry and context of every CPU_ON that was accepted."""

    def call(self, invocation: Invocation) -> Outcome:
        outcome = super().call(invocation)
        target = self.target(invocation)
        if self.name_of(invocation) == "CPU_ON" and target is not None and succeeded(outcome):
            self.started.append((target, self.state.entry[target], self.state.context[target]))
        return outcome

    def boot(self) -> None:
        super().boot()
        self.started.clear()


class SwapsContexts(Starting):
    """A core is entered with the context id of the CPU_ON before."""

    def entry(self, core: int) -> tuple[int, int] | None:
        found = super().entry(core)
        return found if found is None or len(self.started) < 2 else (found[0], self.started[-2][2])


class StartsWhereItFirstDid(Starting):
    """A core always starts where it was started first."""

    def entry(self, core: int) -> tuple[int, int] | None:
        found = super().entry(core)
        first = next((where for where in self.started if where[0] == core), None)
        return found if found is None or first is None or self._resumes(core) else (first[1], found[1])

    def _resumes(self, core: int) -> bool:
        return (self.state.entry[core], self.state.context[core]) not in [where[1:] for where in self.started]


class OneMailbox(Starting):
    """All cores find their entry in one mailbox."""

    def entry(self, core: int) -> tuple[int, int] | None:
        found = super().entry(core)
        return found if found is None or not self.started else self.started[-1][1:]


class FourthStart(Starting):
    """From the fourth start on, the mailbox of the third is used."""

    def entry(self, core: int) -> tuple[int, int] | None:
        found = super().entry(core)
        return found if found is None or len(self.started) < 4 else self.started[2][1:]


class ResumesAtItsStart(Starting):
    """A core that wakes up is entered where it was started."""

    def entry(self, core: int) -> tuple[int, int] | None:
        found = super().entry(core)
        last = next((where for where in reversed(self.started) if where[0] == core), None)
        return found if found is None or last is None else last[1:]


class ResumesWithoutContext(Faulty):
    """A core that wakes up has 0 in x0."""

    def prepare(self) -> None:
        self._slept: set[int] = set()

    def call(self, invocation: Invocation) -> Outcome:
        outcome = super().call(invocation)
        if outcome.completion is Completion.WAITS:
            self._slept.add(invocation.caller)
        return outcome

    def entry(self, core: int) -> tuple[int, int] | None:
        found = super().entry(core)
        return found if found is None or core not in self._slept else (found[0], 0)

    def entered(self, core: int) -> None:
        super().entered(core)
        self._slept.discard(core)


class EntersTwice(Faulty):
    """A core that runs is entered again."""

    def prepare(self) -> None:
        self._again: dict[int, tuple[int, int]] = {}

    def entry(self, core: int) -> tuple[int, int] | None:
        return super().entry(core) or (self._again.get(core) if self.state.activity[core] == "RUNNING" else None)

    def entered(self, core: int) -> None:
        found = super().entry(core)
        super().entered(core)
        if found is None:
            self._again.pop(core, None)
        else:
            self._again[core] = found


class LosesEntries(Faulty):
    """A core that was turned on never runs."""

    def entry(self, core: int) -> tuple[int, int] | None:
        return None


class StartsNeighbour(Faulty):
    """CPU_ON starts the core beside the one that was named, where that is off."""

    def call(self, invocation: Invocation) -> Outcome:
        target = self.target(invocation)
        if self.name_of(invocation) == "CPU_ON" and target is not None and self.state.power[target] == "OFF":
            other = (target + 1) % len(self.machine.cores)
            if self.state.power[other] == "OFF":
                return super().call(invocation._replace(x1=self.machine.cores[other]))
        return super().call(invocation)


# ---- what a core is taken for


class OffUntilItRuns(Faulty):
    """A core that was turned on counts as OFF until it runs."""

    def call(self, invocation: Invocation) -> Outcome:
        target = self.target(invocation)
        name = self.name_of(invocation)
        if target is None or self.state.power[target] != "ON_PENDING" or name not in ("CPU_ON", "AFFINITY_INFO"):
            return super().call(invocation)
        if name == "AFFINITY_INFO":
            return self.answer(invocation, 1) if not invocation.x2 & ALL_32 else super().call(invocation)
        self.put("power", target, "OFF")
        return super().call(invocation)


class PendingForEver(Faulty):
    """A core that was turned on stays ON_PENDING for those who ask."""

    def prepare(self) -> None:
        self._pending: set[int] = set()

    def call(self, invocation: Invocation) -> Outcome:
        name, target = self.name_of(invocation), self.target(invocation)
        if target in self._pending and self.state.power[target or 0] == "ON":
            if name == "AFFINITY_INFO" and not invocation.x2 & ALL_32:
                return self.answer(invocation, 2)
            if name == "CPU_ON":
                return self.refused(invocation, ON_PENDING)
        outcome = super().call(invocation)
        if name == "CPU_ON" and target is not None and succeeded(outcome):
            self._pending.add(target)
        return outcome

    def boot(self) -> None:
        super().boot()
        self._pending.clear()


class SuspendedIsOff(Faulty):
    """AFFINITY_INFO shows a suspended core as OFF."""

    def call(self, invocation: Invocation) -> Outcome:
        target = self.target(invocation)
        asked = self.name_of(invocation) == "AFFINITY_INFO" and target is not None and not invocation.x2 & ALL_32
        if asked and self.state.activity[target] in SLEEPS:
            return self.answer(invocation, 1)
        return super().call(invocation)


class RestartsSuspended(Faulty):
    """CPU_ON starts a suspended core anew."""

    def call(self, invocation: Invocation) -> Outcome:
        target = self.target(invocation)
        if self.name_of(invocation) == "CPU_ON" and target is not None and self.state.activity[target] in SLEEPS:
            self.put("power", target, "OFF")
            self.put("activity", target, "STOPPED")
        return super().call(invocation)


class SuspendsBesideSleepers(Faulty):
    """SYSTEM_SUSPEND counts suspended cores as off."""

    taken: ClassVar[tuple[str, ...]] = SLEEPS

    def call(self, invocation: Invocation) -> Outcome:
        if self.name_of(invocation) != "SYSTEM_SUSPEND":
            return super().call(invocation)
        before = self.state
        for core, activity in enumerate(before.activity):
            if core != invocation.caller and self._is_taken(core, activity):
                self.put("power", core, "OFF")
        outcome = self.chosen(invocation)
        self.state = outcome.state._replace(power=before.power)
        return outcome

    def _is_taken(self, core: int, activity: str) -> bool:
        return activity in SLEEPS


class SuspendsBesidePending(SuspendsBesideSleepers):
    """SYSTEM_SUSPEND does not see cores that are about to start."""

    def _is_taken(self, core: int, activity: str) -> bool:
        return bool(self.state.power[core] == "ON_PENDING")


class SuspendsBesideOthers(SuspendsBesideSleepers):
    """SYSTEM_SUSPEND does not care about other cores."""

    def _is_taken(self, core: int, activity: str) -> bool:
        return True


class SuspendsBesideOtherClusters(SuspendsBesideSleepers):
    """SYSTEM_SUSPEND looks at the caller's cluster only."""

    def call(self, invocation: Invocation) -> Outcome:
        self._own = self.machine.cores[invocation.caller] >> 8
        return super().call(invocation)

    def _is_taken(self, core: int, activity: str) -> bool:
        return bool(self.machine.cores[core] >> 8 != self._own)


class RemembersOn(Faulty):
    """CPU_ON takes a core for ON that ever was."""

    def prepare(self) -> None:
        self._seen: set[int] = set()

    def call(self, invocation: Invocation) -> Outcome:
        target = self.target(invocation)
        if self.name_of(invocation) == "CPU_ON" and target in self._seen:
            return self.refused(invocation, ALREADY_ON)
        outcome = super().call(invocation)
        if self.name_of(invocation) == "CPU_ON" and succeeded(outcome) and target is not None:
            self._seen.add(target)
        return outcome


class NeverAloneAgain(Faulty):
    """SYSTEM_SUSPEND is refused once another core was on, also after that went off."""

    def prepare(self) -> None:
        self._several = False

    def call(self, invocation: Invocation) -> Outcome:
        self._several |= sum(power != "OFF" for power in self.state.power) > 1
        if self.name_of(invocation) == "SYSTEM_SUSPEND" and self._several:
            return self.refused(invocation, DENIED)
        return super().call(invocation)

    def boot(self) -> None:
        super().boot()
        self._several = False


class NotOneself(Faulty):
    """AFFINITY_INFO takes the caller for OFF."""

    def call(self, invocation: Invocation) -> Outcome:
        oneself = self.target(invocation) == invocation.caller and not invocation.x2 & ALL_32
        if self.name_of(invocation) == "AFFINITY_INFO" and oneself:
            return self.answer(invocation, 1)
        return super().call(invocation)


# ---- widths and ids


class NarrowsTargets(Faulty):
    """The target of an SMC64 CPU_ON is read with 32 bits."""

    names: ClassVar[tuple[str, ...]] = ("CPU_ON",)

    def call(self, invocation: Invocation) -> Outcome:
        if self.name_of(invocation) in self.names and self.wide(invocation):
            invocation = invocation._replace(x1=invocation.x1 & ALL_32)
        return super().call(invocation)


class NarrowsQuestions(NarrowsTargets):
    """The target of an SMC64 AFFINITY_INFO is read with 32 bits."""

    names = ("AFFINITY_INFO",)


class MasksTargets(Faulty):
    """Bits of target_cpu that must be zero are ignored."""

    def call(self, invocation: Invocation) -> Outcome:
        if self.name_of(invocation) == "CPU_ON":
            invocation = invocation._replace(x1=invocation.x1 & 0xFF_00FF_FFFF)
        return super().call(invocation)


class NarrowsCookies(Faulty):
    """The cookie of an SMC64 SYSTEM_OFF2 is read with 32 bits."""

    def call(self, invocation: Invocation) -> Outcome:
        if self.name_of(invocation) == "SYSTEM_OFF2":
            invocation = invocation._replace(x2=invocation.x2 & ALL_32)
        return super().call(invocation)


class ExtendsErrorsByZeros(Faulty):
    """Errors of SMC64 calls are 32 bits wide."""

    def result(self, value: int, wide: bool) -> int:
        return value & ALL_32 if value >> 63 else value


class Forgets(Faulty):
    """An id is not in the table."""

    ids: ClassVar[tuple[int, ...]] = ()

    def call(self, invocation: Invocation) -> Outcome:
        return self.refused(invocation, NOT_SUPPORTED) if invocation.fn in self.ids else super().call(invocation)


def forgetting_ids(*ids: int) -> type[Forgets]:
    """An implementation that does not know some ids."""
    return type("ForgetsIds", (Forgets,), {"ids": ids})


# ---- clusters


class OwnCluster(Faulty):
    """AFFINITY_INFO above level 0 looks at the caller's cluster only."""

    def call(self, invocation: Invocation) -> Outcome:
        level = invocation.x2 & ALL_32
        if self.name_of(invocation) == "AFFINITY_INFO" and level == 1:
            own = self.machine.cores[invocation.caller] & ~0xFF
            invocation = invocation._replace(x1=own)
        return super().call(invocation)


class LevelIgnored(Faulty):
    """AFFINITY_INFO answers every level as level 0."""

    def call(self, invocation: Invocation) -> Outcome:
        if self.name_of(invocation) == "AFFINITY_INFO" and invocation.x2 & ALL_32 in (1, 2, 3):
            invocation = invocation._replace(x2=0)
        return super().call(invocation)


class Aff0Only(Faulty):
    """CPU_ON looks for the target by Aff0, in the first cluster."""

    def call(self, invocation: Invocation) -> Outcome:
        if self.name_of(invocation) == "CPU_ON" and self.target(invocation) is not None:
            invocation = invocation._replace(x1=invocation.x1 & 0xFF)
        return super().call(invocation)


# ---- locks


class NoLock(Faulty):
    """Calls of these functions check, then another core may act, then they do what the check allowed."""

    names: ClassVar[tuple[str, ...]] = ()

    def deciding(self, invocation: Invocation) -> Iterator[Deciding]:
        if self.name_of(invocation) not in self.names:
            yield self.call(invocation)
            return
        before = self.state
        outcome = self.chosen(invocation)
        yield None
        self.state = _written(before, outcome.state, self.state)
        yield outcome._replace(state=self.state)


def without_lock(*names: str) -> type[NoLock]:
    """An implementation without a lock in these functions."""
    return type("WithoutLock", (NoLock,), {"names": names})


def _written(before: Any, after: Any, now: Any) -> Any:
    """What a call writes, that was worked out in the state before, written into the state of now."""
    changes: dict[str, Any] = {}
    for field, old, new, current in zip(now._fields, before, after, now, strict=True):
        if old != new:
            per_core = isinstance(new, tuple)
            changes[field] = (
                tuple(n if o != n else c for o, n, c in zip(old, new, current, strict=True)) if per_core else new
            )
    return now._replace(**changes)


class PendingBeforeEntry(Faulty):
    """CPU_ON marks the target ON_PENDING first, and stores entry and context a moment later."""

    def deciding(self, invocation: Invocation) -> Iterator[Deciding]:
        target = self.target(invocation)
        if self.name_of(invocation) != "CPU_ON" or target is None or self.state.power[target] != "OFF":
            yield self.call(invocation)
            return
        before = self.state
        outcome = self.call(invocation)
        later = {name: getattr(self.state, name)[target] for name in ("entry", "context", "entry_wide")}
        for name in later:
            self.put(name, target, getattr(before, name)[target])
        yield None
        for name, value in later.items():
            self.put(name, target, value)
        yield outcome._replace(state=self.state)


class OffBeforeItStops(Faulty):
    """CPU_OFF marks the core OFF, and stops it a moment later, even if it was turned on meanwhile."""

    def deciding(self, invocation: Invocation) -> Iterator[Deciding]:
        outcome = self.call(invocation)
        if self.name_of(invocation) != "CPU_OFF" or succeeded(outcome) is False or outcome.value is not None:
            yield outcome
            return
        self.put("activity", invocation.caller, "RUNNING")
        yield None
        self.put("activity", invocation.caller, "STOPPED")
        self.put("power", invocation.caller, "OFF")
        yield outcome._replace(state=self.state)


# ---- after a refusal


class StaysSuspending(Faulty):
    """After a refused SYSTEM_SUSPEND no core can be turned on."""

    def prepare(self) -> None:
        self._suspending = False

    def call(self, invocation: Invocation) -> Outcome:
        name = self.name_of(invocation)
        if name == "CPU_ON" and self._suspending:
            return self.refused(invocation, ALREADY_ON)
        outcome = super().call(invocation)
        self._suspending |= name == "SYSTEM_SUSPEND" and not succeeded(outcome)
        return outcome

    def boot(self) -> None:
        super().boot()
        self._suspending = False


class StaysAsleep(Faulty):
    """A core whose CPU_SUSPEND was refused is shown as OFF."""

    def prepare(self) -> None:
        self._refused: set[int] = set()

    def call(self, invocation: Invocation) -> Outcome:
        name, target = self.name_of(invocation), self.target(invocation)
        if name == "AFFINITY_INFO" and target in self._refused and not invocation.x2 & ALL_32:
            return self.answer(invocation, 1)
        outcome = super().call(invocation)
        if name == "CPU_SUSPEND":
            (self._refused.discard if succeeded(outcome) else self._refused.add)(invocation.caller)
        return outcome


class LockKept(Faulty):
    """After a CPU_ON that was refused, the next call about that core never comes back."""

    def prepare(self) -> None:
        self._locked: set[int] = set()

    def deciding(self, invocation: Invocation) -> Iterator[Deciding]:
        target = self.target(invocation)
        name = self.name_of(invocation)
        while name == "CPU_ON" and target in self._locked:
            yield STUCK
        outcome = self.call(invocation)
        if name == "CPU_ON" and target is not None and not succeeded(outcome):
            self._locked.add(target)
        yield outcome

    def boot(self) -> None:
        super().boot()
        self._locked.clear()


# ---- system calls, wakeups, stale answers


class RunsOn(Faulty):
    """A core runs on after the system went down."""

    def survivors(self, running: Sequence[int]) -> Sequence[int]:
        return running[:1]


class CachesAffinityInfo(Faulty):
    """AFFINITY_INFO gives its first answer for ever."""

    def prepare(self) -> None:
        self._answers: dict[Invocation, Outcome] = {}

    def call(self, invocation: Invocation) -> Outcome:
        if self.name_of(invocation) != "AFFINITY_INFO":
            return super().call(invocation)
        key = invocation._replace(caller=0)
        if key not in self._answers:
            self._answers[key] = super().call(invocation)
        return self._answers[key]._replace(state=self.state)


class OneStepBehind(Faulty):
    """AFFINITY_INFO tells what was true before the last call of anybody."""

    def prepare(self) -> None:
        self._power = self.state.power

    def call(self, invocation: Invocation) -> Outcome:
        if self.name_of(invocation) == "AFFINITY_INFO":
            now = self.state
            self.state = now._replace(power=self._power)
            outcome = self.chosen(invocation)
            self.state = now
            return outcome._replace(state=now)
        self._power = self.state.power
        return super().call(invocation)


class StandbyIsEntered(Faulty):
    """A core that wakes from standby is entered, as from powerdown."""

    def call(self, invocation: Invocation) -> Outcome:
        outcome = super().call(invocation)
        if self.name_of(invocation) == "CPU_SUSPEND" and self.state.activity[invocation.caller] == "STANDBY":
            self.put("activity", invocation.caller, "POWERDOWN")
        return outcome


class StandbyReturnsOne(Faulty):
    """A call that waited returns 1."""

    def waited(self) -> int:
        return 1


class ModeKept(Faulty):
    """PSCI_SET_SUSPEND_MODE says SUCCESS and keeps the mode."""

    def call(self, invocation: Invocation) -> Outcome:
        mode = self.state.mode
        outcome = super().call(invocation)
        if self.name_of(invocation) == "PSCI_SET_SUSPEND_MODE":
            self.state = self.state._replace(mode=mode)
        return outcome


class KindsMixed(Faulty):
    """One kind of system call is done as another."""

    kinds: ClassVar[tuple[str, str]] = ("", "")

    def call(self, invocation: Invocation) -> Outcome:
        outcome = super().call(invocation)
        wanted, done = self.kinds
        asked = tuple(done if kind == wanted else kind for kind in self.state.asked)
        self.state = self.state._replace(asked=asked)
        return outcome


def mixing(wanted: str, done: str) -> type[KindsMixed]:
    """An implementation that does one kind of system call as another."""
    return type("Mixing", (KindsMixed,), {"kinds": (wanted, done)})


BETWEEN_FAULTS: tuple[Fault, ...] = (
    Fault("drops-contexts", "x0 is 0 at every entry.", ENTRIES, kind=DropsContexts),
    Fault("truncates-contexts", "A 64-bit context id is cut to 32 bits.", ENTRIES, kind=TruncatesContexts),
    Fault("extends-contexts", "A context id is kept in a signed word of 32 bits.", ENTRIES, kind=ExtendsContexts),
    Fault("drops-bit-0-of-contexts", "Bit 0 of a context id is dropped.", ENTRIES, kind=DropsBit0OfContexts),
    Fault("aligns-entries", "The low bits of an entry point are dropped.", ENTRIES, kind=AlignsEntries),
    Fault("truncates-entries", "An entry point is cut to 32 bits.", ENTRIES, kind=TruncatesEntries),
    Fault("swaps-contexts", "A core gets the context id of another CPU_ON.", ENTRIES, kind=SwapsContexts),
    Fault("starts-where-it-first-did", "A core always starts where it was started first.", ENTRIES,
          kind=StartsWhereItFirstDid),
    Fault("one-mailbox", "All cores find their entry in one mailbox.", ENTRIES, kind=OneMailbox),
    Fault("fourth-start", "From the fourth start on, the mailbox of the third is used.", ENTRIES, kind=FourthStart),
    Fault("resumes-at-its-start", "A core that wakes up is entered where it was started.", ENTRIES,
          kind=ResumesAtItsStart),
    Fault("resumes-without-context", "A core that wakes up has 0 in x0.", ENTRIES, kind=ResumesWithoutContext),
    Fault("enters-twice", "A core that runs is entered again.", ENTRIES, kind=EntersTwice),
    Fault("loses-entries", "A core that was turned on never runs.", PENDING, kind=LosesEntries),
    Fault("starts-neighbour", "CPU_ON starts the core beside the one that was named.", ENTRIES, kind=StartsNeighbour),
    Fault("off-until-it-runs", "A core that was turned on counts as OFF until it runs.", PENDING, kind=OffUntilItRuns),
    Fault("pending-for-ever", "A core that was turned on stays ON_PENDING for those who ask.", PENDING,
          kind=PendingForEver),
    Fault("suspended-is-off", "AFFINITY_INFO shows a suspended core as OFF.", TAKEN, kind=SuspendedIsOff),
    Fault("restarts-suspended", "CPU_ON starts a suspended core anew.", TAKEN, kind=RestartsSuspended),
    Fault("suspends-beside-sleepers", "SYSTEM_SUSPEND counts suspended cores as off.", TAKEN,
          kind=SuspendsBesideSleepers),
    Fault("suspends-beside-pending", "SYSTEM_SUSPEND does not see cores that are about to start.", LAST,
          kind=SuspendsBesidePending),
    Fault("suspends-beside-others", "SYSTEM_SUSPEND does not care about other cores.", LAST, kind=SuspendsBesideOthers),
    Fault("suspends-beside-other-clusters", "SYSTEM_SUSPEND looks at the caller's cluster only.", CLUSTERS,
          kind=SuspendsBesideOtherClusters, clusters=True),
    Fault("never-alone-again", "SYSTEM_SUSPEND is refused once another core was on.", LAST, kind=NeverAloneAgain),
    Fault("remembers-on", "CPU_ON takes a core for ON that ever was.", TAKEN, kind=RemembersOn),
    Fault("not-oneself", "AFFINITY_INFO takes the caller for OFF.", TAKEN, kind=NotOneself),
    Fault("narrows-targets", "The target of an SMC64 CPU_ON is read with 32 bits.", WIDTHS, kind=NarrowsTargets),
    Fault("narrows-questions", "The target of an SMC64 AFFINITY_INFO is read with 32 bits.", WIDTHS,
          kind=NarrowsQuestions),
    Fault("masks-targets", "Bits of target_cpu that must be zero are ignored.", WIDTHS, kind=MasksTargets),
    Fault("narrows-cookies", "The cookie of an SMC64 SYSTEM_OFF2 is read with 32 bits.", WIDTHS, kind=NarrowsCookies),
    Fault("zero-extends", "Errors of SMC64 calls are 32 bits wide.", WIDTHS, kind=ExtendsErrorsByZeros),
    Fault("forgets-smc64-suspend", "CPU_SUSPEND has no SMC64 id.", IDS, kind=forgetting_ids(0xC400_0001)),
    Fault("forgets-smc32-on", "CPU_ON has no SMC32 id.", IDS, kind=forgetting_ids(0x8400_0003)),
    Fault("forgets-smc64-affinity", "AFFINITY_INFO has no SMC64 id.", IDS, kind=forgetting_ids(0xC400_0004)),
    Fault("forgets-smc32-reset2", "SYSTEM_RESET2 has no SMC32 id.", IDS, kind=forgetting_ids(0x8400_0012)),
    Fault("forgets-smc64-off2", "SYSTEM_OFF2 has no SMC64 id.", IDS, kind=forgetting_ids(0xC400_0015)),
    Fault("own-cluster", "AFFINITY_INFO above level 0 looks at the caller's cluster only.", CLUSTERS, kind=OwnCluster,
          clusters=True),
    Fault("level-ignored", "AFFINITY_INFO answers every level as level 0.", CLUSTERS, kind=LevelIgnored, clusters=True),
    Fault("aff0-only", "CPU_ON looks for the target by Aff0 alone.", CLUSTERS, kind=Aff0Only, clusters=True),
    Fault("no-lock-on", "CPU_ON checks and acts without a lock.", LOCKS, kind=without_lock("CPU_ON")),
    Fault("no-lock-system-suspend", "SYSTEM_SUSPEND looks at the others without a lock.", LOCKS,
          kind=without_lock("SYSTEM_SUSPEND")),
    Fault("no-lock-anywhere", "No call has a lock.", LOCKS,
          kind=without_lock("CPU_ON", "CPU_OFF", "CPU_SUSPEND", "SYSTEM_SUSPEND", "PSCI_SET_SUSPEND_MODE", "MIGRATE")),
    Fault("pending-before-entry", "A target is ON_PENDING before its entry is stored.", LOCKS, kind=PendingBeforeEntry),
    Fault("off-before-it-stops", "A core is OFF before it stops, and stops although it was turned on.", LOCKS,
          kind=OffBeforeItStops),
    Fault("stays-suspending", "After a refused SYSTEM_SUSPEND no core can be turned on.", AFTER, kind=StaysSuspending),
    Fault("stays-asleep", "A core whose CPU_SUSPEND was refused is shown as OFF.", AFTER, kind=StaysAsleep),
    Fault("lock-kept", "After a refused CPU_ON the next one for that core hangs.", AFTER, kind=LockKept),
    Fault("runs-on", "A core runs on after the system went down.", GOING, kind=RunsOn),
    Fault("caches-affinity-info", "AFFINITY_INFO answers from a stale copy.", STALE, kind=CachesAffinityInfo),
    Fault("one-step-behind", "AFFINITY_INFO tells what was true before the last call.", STALE, kind=OneStepBehind),
    Fault("standby-is-entered", "A core that wakes from standby is entered.", STALE, kind=StandbyIsEntered),
    Fault("standby-returns-one", "A call that waited returns 1.", STALE, kind=StandbyReturnsOne),
    Fault("hibernate-is-off", "SYSTEM_OFF2 turns the system off for good.", GOING, kind=mixing("HIBERNATE", "OFF")),
    Fault("reset-is-off", "SYSTEM_RESET turns the system off.", GOING, kind=mixing("RESET", "OFF")),
    Fault("off-is-reset", "SYSTEM_OFF resets the system.", GOING, kind=mixing("OFF", "RESET")),
    Fault("mode-kept", "PSCI_SET_SUSPEND_MODE says SUCCESS and keeps the mode.", AFTER, kind=ModeKept),
)  # fmt: skip
"""Wrong between their rules."""


__all__ = ["BETWEEN_FAULTS"]
