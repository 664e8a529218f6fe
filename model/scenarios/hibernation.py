"""Hibernation from end to end: a guest, the implementation it calls, the host below, and the next boot (DEN0022 5.11).

The calls are those of the rules, taken by the stepper: nothing of SYSTEM_OFF2 is said again here. What this
module adds is what DEN0022 leaves to others: how clients of each draft choose and call the function, what
hosts do with a machine that is down, and how an operating system decides between its image and a clean boot.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, NamedTuple

from psci.model import events
from psci.model.calls.cpu_off import CPU_OFF
from psci.model.calls.cpu_on import CPU_ON
from psci.model.calls.psci_features import PSCI_FEATURES
from psci.model.calls.system_off import SYSTEM_OFF
from psci.model.calls.system_off2 import HIBERNATE_OFF, HIBERNATE_OFF_DEFAULT, SYSTEM_OFF2
from psci.model.environment import BOOT, ENTER, GO_DOWN, START
from psci.model.events import Event
from psci.model.language.rules import Completion, Modality
from psci.model.language.terms import Value
from psci.model.machine import Key, Machine
from psci.model.specification import SPECIFICATION, Specification
from psci.model.step import Invocation, Outcome, Stepper, accepts
from psci.model.tables.versions import V1_2, V1_3, V1_3_ALPHA, V1_3_BETA, V1_3_F, Version

ENTRY_POINT, CONTEXT_ID = 0x4000_0000, 0x2A
BIT_31 = 1 << 31
KEEP, CHANGE, CHANGE_AND_SIGN = "keep", "change", "change_signature"
"""What a host does to the machine's environment while it is down; the last also changes the FACS hardware signature."""
DISASTER, RESUMES, MAY_RESUME, CLEAN, AWAKE = "disaster", "resumes", "may resume", "boots cleanly", "stays awake"
VERDICTS = (DISASTER, MAY_RESUME, CLEAN, RESUMES, AWAKE)
"""What can come of a scenario: some run resumes an image on a changed machine; every run resumes it; some runs do,
and no run is a disaster; none does; the guest does not hibernate."""


@dataclass(frozen=True, slots=True)
class Client:
    """How an operating system finds out about SYSTEM_OFF2, and which type it passes."""

    name: str
    sentence: str
    types: tuple[int, ...]
    """What it passes; the next one where one is refused. Empty: it never calls the function."""
    reads_bitmap: bool = True
    """It wants bit 0 of the PSCI_FEATURES answer; else any answer that is not negative will do."""

    def takes(self, answer: int) -> bool:
        """Whether the client hibernates by SYSTEM_OFF2 after this answer of PSCI_FEATURES (u32)."""
        if not self.types or answer & BIT_31:
            return False
        return bool(answer & 1) or not self.reads_bitmap


@dataclass(frozen=True, slots=True)
class HibernatingImplementation:
    """Which rules answer, and how it uses the freedom that they leave."""

    name: str
    sentence: str
    version: Version
    beta_type: int | None = None
    """The value of HIBERNATE_OFF, where the version leaves that open."""
    refuses_by: tuple[str, ...] = ()
    """The permissions to refuse (rules) that it makes use of."""
    rules: Specification = SPECIFICATION
    """Those of PSCI, unless it is broken."""

    @property
    def machine(self) -> Machine:
        """Two cores, and SYSTEM_OFF2 wherever the version has it."""
        declared: dict[str | Key, Value] = {
            "checks_upper_halves": False, "policy": "ALLOWS", "disabled": False, "trusted_os": "MP_OR_NONE",
        }  # fmt: skip
        declared["has", SYSTEM_OFF2.key] = SYSTEM_OFF2.exists_in(self.version)
        if self.beta_type is not None:
            declared["beta_hibernate_type"] = self.beta_type
        return Machine(self.version, (0, 1), declared=declared, unusable=())

    @property
    def first_event(self) -> events.MachineEvent:
        """The machine, as the first event of a trace."""
        functions = {SYSTEM_OFF2.name: True} if SYSTEM_OFF2.exists_in(self.version) else {}
        beta = {} if self.beta_type is None else {"beta-type": ("alpha", "final")[self.beta_type]}
        return events.MachineEvent(
            psci=self.version.name, cpus=(0, 1), profile={"functions": functions}, reading=beta or None, conduit="hvc"
        )


@dataclass(frozen=True, slots=True)
class HostPolicy:
    """What the host does between power-off and the next boot."""

    name: str
    sentence: str
    after_hibernation: tuple[str, ...]
    after_off: tuple[str, ...] = (KEEP, CHANGE)
    """After SYSTEM_OFF nothing is promised (facts, section 5), so an ordinary host changes what it likes."""
    tells: bool = True
    """It tells hibernation from power-off."""
    owes: str = ""
    """What it has promised for hibernation: to keep the environment, or to sign its change; empty: nothing."""


CLIENTS = (
    Client("before 1.3", "Knows SYSTEM_OFF only, and hibernates with it.", ()),
    Client(
        "alpha", "Asks whether the function is there, and passes type 0.", (HIBERNATE_OFF_DEFAULT,), reads_bitmap=False
    ),
    Client("beta, type 0", "Reads the bitmap, and passes type 0.", (HIBERNATE_OFF_DEFAULT,)),
    Client("beta, type 1", "Reads the bitmap, and passes type 1.", (HIBERNATE_OFF,)),
    Client("F", "Reads the bitmap, and passes type 1, as issue F wants it.", (HIBERNATE_OFF,)),
    Client("F.b, type 1", "Reads the bitmap, and names the type.", (HIBERNATE_OFF,)),
    Client("F.b, type 0", "Reads the bitmap, and leaves the type to the implementation.", (HIBERNATE_OFF_DEFAULT,)),
    Client("Linux", "Wants bit 0 of the bitmap, and passes type 0 (OFF2-21).", (HIBERNATE_OFF_DEFAULT,)),
    Client(
        "tries both",
        "Takes any answer that is not negative; passes type 1, and type 0 where 1 is refused.",
        (HIBERNATE_OFF, HIBERNATE_OFF_DEFAULT),
        reads_bitmap=False,
    ),
)
IMPLEMENTATIONS = (
    HibernatingImplementation("1.2", "Has no SYSTEM_OFF2.", V1_2),
    HibernatingImplementation("alpha", "Accepts type 0 only; its PSCI_FEATURES answer is any flags.", V1_3_ALPHA),
    HibernatingImplementation(
        "beta, type 0", "The beta, read with the type value of the alpha.", V1_3_BETA, beta_type=0
    ),
    HibernatingImplementation("beta, type 1", "The beta, read with the type value of F.", V1_3_BETA, beta_type=1),
    HibernatingImplementation(
        "F, refuses 0",
        "Accepts type 1, and refuses type 0, as issue F allows.",
        V1_3_F,
        refuses_by=("SYSTEM_OFF2.default_type_reserved",),
    ),
    HibernatingImplementation("F, takes 0", "Accepts types 0 and 1.", V1_3_F),
    HibernatingImplementation("F.b", "Accepts types 0 and 1, as F.b wants it; KVM is one.", V1_3),
)
HOSTS = (
    HostPolicy("preserves", "Keeps the environment after hibernation (OFF2-14).", (KEEP,), owes=KEEP),
    HostPolicy(
        "signs",
        "Changes it after hibernation, and the hardware signature with it (OFF2-25).",
        (CHANGE_AND_SIGN,),
        owes=CHANGE_AND_SIGN,
    ),
    HostPolicy(
        "signs always",
        "Keeps the environment after hibernation, and never changes it without the signature.",
        (KEEP,),
        (KEEP, CHANGE_AND_SIGN),
        owes=KEEP,
    ),
    HostPolicy("changes", "Changes it after hibernation, and not the signature.", (CHANGE,)),
    HostPolicy("ignores the flag", "A VMM that takes hibernation for power-off.", (), tells=False),
)


@dataclass(frozen=True, slots=True)
class Scenario:
    """Who meets whom, and whether a firmware update is pending when the guest hibernates."""

    client: Client
    implementation: HibernatingImplementation
    host: HostPolicy
    update: bool = False
    """A firmware update is pending; it will change what the OS sees of the firmware."""
    update_signs: bool = True
    """The update changes the hardware signature too."""
    heeds_update: bool = True
    """The client does not hibernate while an update is pending (OFF2-16)."""


class Image(NamedTuple):
    """What the guest left on its disk."""

    signature: int
    platform: int
    """The environment that the image fits; no guest can read this number."""


class ScenarioWorld(NamedTuple):
    """The state of everybody. `platform` and `signature` count the changes of the environment and of FACS."""

    psci: Any
    phase: str = "runs"
    """Of the guest: runs, asked, quiesced, written, called; then down, prepared, and an end."""
    left: tuple[int, ...] = ()
    """The types that it will pass to SYSTEM_OFF2, if need be one after the other; none: it uses SYSTEM_OFF."""
    image: Image | None = None
    platform: int = 0
    signature: int = 0
    told: str = ""
    """What the host took the end of the machine for: off or hibernate."""
    update: bool = False

    @property
    def is_disaster(self) -> bool:
        """The guest goes on from an image that does not fit the machine."""
        return self.phase == "resumed" and self.image is not None and self.image.platform != self.platform


class ScenarioStep(NamedTuple):
    """One step of one of the parties."""

    actor: str
    """guest, implementation, host or firmware."""
    text: str
    seen: tuple[Event, ...]
    """What a trace shows of it."""
    cites: tuple[str, ...]
    after: ScenarioWorld


@cache
def _stepper(implementation: HibernatingImplementation) -> Stepper:
    return Stepper(implementation.machine, implementation.rules)


@dataclass(frozen=True)
class Hibernation:
    """The moves of a scenario: from a running guest to its next life."""

    scenario: Scenario

    @property
    def stepper(self) -> Stepper:
        """The rules of the implementation."""
        return _stepper(self.scenario.implementation)

    @cached_property
    def opening(self) -> tuple[Event, ...]:
        """What leads to the first state: the machine boots, and both cores run."""
        call = events.CallEvent(cpu=0, fn=CPU_ON.fid64 or 0, args=(1, ENTRY_POINT, CONTEXT_ID))
        entered = events.EnterEvent(cpu=1, pc=ENTRY_POINT, x0=CONTEXT_ID)
        return (self.scenario.implementation.first_event, call, events.ReturnEvent(cpu=0, x0=0), entered)

    def initial(self) -> ScenarioWorld:
        """Both cores run, and nobody has thought of hibernation."""
        start = Invocation(0, CPU_ON.fid64 or 0, 1, ENTRY_POINT, CONTEXT_ID)
        state = self._outcomes(start, self.stepper.initial())[0].state
        ((_, state),) = self.stepper.move(START.name, state, 1)
        ((_, state),) = self.stepper.move(ENTER.name, state, 1, (ENTRY_POINT, CONTEXT_ID))
        return ScenarioWorld(state, update=self.scenario.update)

    def successors(self, world: ScenarioWorld) -> Iterator[ScenarioStep]:
        """Every next step."""
        match world.phase:
            case "runs":
                yield from self._ask(world)
            case "asked":
                yield from self._quiesce(world)
            case "quiesced":
                yield self._write(world)
            case "written":
                yield from self._turn_off(world)
            case "called":
                yield from self._go_down(world)
            case "down":
                yield from self._host_acts(world)
            case "prepared":
                yield from self._boot(world)

    # ---- the guest

    def _ask(self, world: ScenarioWorld) -> Iterator[ScenarioStep]:
        if world.update and self.scenario.heeds_update:
            text = "a firmware update is pending: does not hibernate, and goes on running"
            yield ScenarioStep("guest", text, (), ("OFF2-16",), world._replace(phase="stays awake"))
            return
        if not self.scenario.client.types:
            text = "does not know SYSTEM_OFF2"
            yield ScenarioStep("guest", text, (), (), world._replace(phase="asked"))
            return
        call = Invocation(0, PSCI_FEATURES.key, SYSTEM_OFF2.fid64 or 0)
        for outcome in self._outcomes(call, world.psci):
            for answer in (outcome.value,) if outcome.value is not None else _flags(outcome):
                word = answer & 0xFFFF_FFFF
                left = self.scenario.client.types if self.scenario.client.takes(word) else ()
                text = f"asks PSCI_FEATURES for SYSTEM_OFF2: {_answer(word)}; will use {'it' if left else 'SYSTEM_OFF'}"
                seen = (events.CallEvent(cpu=0, fn=call.fn, args=(call.x1,)), events.ReturnEvent(cpu=0, x0=word))
                yield ScenarioStep("guest", text, seen, outcome.rule.cites, world._replace(phase="asked", left=left))

    def _quiesce(self, world: ScenarioWorld) -> Iterator[ScenarioStep]:
        for outcome in self._outcomes(Invocation(1, CPU_OFF.key), world.psci):
            seen = (events.CallEvent(cpu=1, fn=CPU_OFF.key),)
            text = "quiesces its devices; core 0x1 calls CPU_OFF"
            yield ScenarioStep("guest", text, seen, ("OFF2-15",), world._replace(phase="quiesced", psci=outcome.state))

    @staticmethod
    def _write(world: ScenarioWorld) -> ScenarioStep:
        image = Image(world.signature, world.platform)
        text = f"writes its image to disk, with the hardware signature ({image.signature})"
        return ScenarioStep("guest", text, (), ("OFF2-15", "OFF2-17"), world._replace(phase="written", image=image))

    def _turn_off(self, world: ScenarioWorld) -> Iterator[ScenarioStep]:
        args: tuple[int, ...]
        if world.left:
            call = Invocation(0, SYSTEM_OFF2.fid64 or 0, world.left[0], 0)
            name, args = f"SYSTEM_OFF2(type {world.left[0]}, cookie 0)", (call.x1, call.x2)
        else:
            call, name, args = Invocation(0, SYSTEM_OFF.key), "SYSTEM_OFF", ()
        made = events.CallEvent(cpu=0, fn=call.fn, args=args)
        for outcome in self._outcomes(call, world.psci):
            cites = outcome.rule.cites
            if outcome.completion is Completion.NEVER:
                after = world._replace(phase="called", psci=outcome.state)
                yield ScenarioStep("guest", f"calls {name}: accepted", (made,), cites, after)
            else:
                assert outcome.value is not None
                after = world._replace(left=world.left[1:])
                going_on = f"will try type {after.left[0]}" if after.left else "falls back on SYSTEM_OFF"
                text = f"calls {name}: {_answer(outcome.value & 0xFFFF_FFFF)}; {going_on}"
                yield ScenarioStep("guest", text, (made, events.ReturnEvent(cpu=0, x0=outcome.value)), cites, after)

    # ---- the implementation, the host and the firmware

    def _go_down(self, world: ScenarioWorld) -> Iterator[ScenarioStep]:
        for kind, event in (("OFF", "off"), ("HIBERNATE", "hibernate")):
            for rule, state in self.stepper.move(GO_DOWN.name, world.psci, parameters=(kind,)):
                told = event if self.scenario.host.tells else "off"
                missed = "" if told == event else ", which the host takes for off"
                after = world._replace(phase="down", psci=state, told=told)
                text = f"stops all cores and reports {event}{missed}"
                yield ScenarioStep("implementation", text, (events.SystemEvent(event=event),), rule.cites, after)

    def _host_acts(self, world: ScenarioWorld) -> Iterator[ScenarioStep]:
        host = self.scenario.host
        for action in host.after_hibernation if world.told == "hibernate" else host.after_off:
            platform = world.platform + (action != KEEP)
            signature = world.signature + (action == CHANGE_AND_SIGN)
            seen = [events.HostEvent(action=KEEP if action == KEEP else CHANGE)]
            seen += [events.HostEvent(action=CHANGE_AND_SIGN)] if action == CHANGE_AND_SIGN else []
            cites = ("OFF2-14", "OFF2-25") if world.told == "hibernate" else ("OFF2-18",)
            after = world._replace(phase="prepared", platform=platform, signature=signature)
            yield ScenarioStep("host", _ACTION_TEXT[action], tuple(seen), cites, after)

    def _boot(self, world: ScenarioWorld) -> Iterator[ScenarioStep]:
        if world.update:
            signs = self.scenario.update_signs
            signature = ", and changes the hardware signature" if signs else "; the hardware signature stays"
            text = f"applies the update{signature}"
            seen = (events.HostEvent(action=CHANGE), *((events.HostEvent(action=CHANGE_AND_SIGN),) if signs else ()))
            after = world._replace(update=False, platform=world.platform + 1, signature=world.signature + signs)
            yield ScenarioStep("firmware", text, seen, ("OFF2-16",), after)
            return
        ((rule, state),) = self.stepper.move(BOOT.name, world.psci, 0)
        assert world.image is not None
        fits = world.image.signature == world.signature
        phase, cause = ("resumed", "image") if fits else ("booted cleanly", "cold")
        decision = "equals the image's: resumes it" if fits else "is not the image's: discards it, and boots cleanly"
        text = f"boots; the hardware signature ({world.signature}) {decision}"
        seen = (events.BootEvent(cpu=0, cause=cause),)
        yield ScenarioStep("guest", text, seen, (*rule.cites, "OFF2-17"), world._replace(phase=phase, psci=state))

    # ---- the rules

    def _outcomes(self, call: Invocation, state: Any) -> list[Outcome]:
        """What this implementation does, of what the rules allow."""
        found = self.stepper.allowed(state, call).outcomes
        taken = [outcome for outcome in found if outcome.rule.name in self.scenario.implementation.refuses_by]
        return taken or [outcome for outcome in found if outcome.rule.modality is not Modality.MAY_REFUSE]


_ACTION_TEXT = {
    KEEP: "keeps memory map, devices and firmware interfaces",
    CHANGE: "changes the environment; the hardware signature stays",
    CHANGE_AND_SIGN: "changes the environment, and the hardware signature with it",
}


def _flags(outcome: Outcome) -> tuple[int, ...]:
    """Answers to choose from where the rule leaves them open: no flags, and bit 0."""
    return tuple(word for word in (0, 1) if accepts(outcome, word, wide=False))


def _answer(word: int) -> str:
    names = {0xFFFF_FFFF: "NOT_SUPPORTED", 0xFFFF_FFFE: "INVALID_PARAMETERS"}
    return names.get(word, f"{word:#x}")


__all__ = [
    "CLIENTS",
    "HOSTS",
    "IMPLEMENTATIONS",
    "VERDICTS",
    "Client",
    "HibernatingImplementation",
    "Hibernation",
    "HostPolicy",
    "Image",
    "Scenario",
    "ScenarioStep",
    "ScenarioWorld",
]  # fmt: skip
