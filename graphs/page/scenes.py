"""The guided tour: six scenes, each a way through the rules with a sentence for every step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from psci.model.calls import CALLS
from psci.model.calls.system_off2 import HIBERNATE_OFF, SYSTEM_OFF2
from psci.model.tables.versions import V1_3

ENTRY, CONTEXT = "0x40000000", "0x2a"
STANDBY, POWERDOWN, CLUSTER = "0x0", "0x10000", "0x1010000"
"""Values of power_state that the machines of the scenes know: see `psci.explorer.abstraction.machines`."""
PERMITTED_OSI = "0x1"


@dataclass(frozen=True)
class SceneStep:
    """One step: a call by a core, or a move of the environment, and the rule by which it goes on."""

    say: str
    rule: str
    caller: int | None = None
    fn: str | None = None
    args: tuple[str, ...] = ()
    move: str | None = None
    place: int = 0
    parameters: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Scene:
    """A way from a cold boot."""

    id: str
    title: str
    intro: str
    setup: str
    cores: int
    steps: tuple[SceneStep, ...]
    version: int = V1_3.rank


def call(say: str, caller: int, rule: str, *args: str) -> SceneStep:
    """A call; its function is the one that the rule belongs to, with the SMC64 id where there is one."""
    function = next(c for c in CALLS if c.name == rule.partition(".")[0])
    return SceneStep(say, rule, caller=caller, fn=hex(function.fid64 or function.ids()[0]), args=args)


def move(say: str, rule: str, place: int = 0, *parameters: Any) -> SceneStep:
    """A move that no call makes."""
    return SceneStep(say, rule, move=rule.partition(".")[0], place=place, parameters=parameters)


def _started(core: int) -> Iterator[SceneStep]:
    """A core is turned on by core 0 and runs."""
    yield call(f"Core 0 turns core {core} on.", 0, "CPU_ON.accepted", hex(core), ENTRY, CONTEXT)
    yield move(f"Core {core} starts, unseen.", "START.initialised", core)
    yield move(f"Core {core} runs its first instruction.", "ENTER.entered", core, ENTRY, CONTEXT)


SCENES = (
    Scene(
        "start", "Start a core", "One core boots. It turns the other on, which takes a while, and looks.",
        "declared", 2,
        (
            call("Which PSCI is this? The answer is 1.3.", 0, "PSCI_VERSION.version"),
            call("Core 0 turns core 1 on. SUCCESS only says that the request was accepted: core 1 is ON_PENDING.",
                 0, "CPU_ON.accepted", "0x1", ENTRY, CONTEXT),
            call("Core 0 asks again while core 1 is on its way. It is told so.",
                 0, "CPU_ON.on_pending", "0x1", "0x50000000", "0x0"),
            move("Core 1 initialises. Nobody sees this, but from here on it is ON.", "START.initialised", 1),
            move("Core 1 runs its first instruction, at the entry point, with the context id in x0.",
                 "ENTER.entered", 1, ENTRY, CONTEXT),
            call("A further CPU_ON is refused: the core is ON.", 0, "CPU_ON.already_on", "0x1", ENTRY, CONTEXT),
        ),
    ),
    Scene(
        "race", "Two callers race", "Two cores want to start a third. Exactly one of them may be told SUCCESS.",
        "declared", 3,
        (
            *_started(1),
            call("Core 1 comes first: core 2 is ON_PENDING, with the entry point that core 1 gave.",
                 1, "CPU_ON.accepted", "0x2", "0x60000000", "0x1"),
            call("Core 0 comes second and must be refused. QEMU 7.2 says SUCCESS here, and takes the later entry.",
                 0, "CPU_ON.on_pending", "0x2", "0x70000000", "0x2"),
            move("Core 2 starts.", "START.initialised", 2),
            call("Had core 0 come now, its answer would have been ALREADY_ON: core 2 is ON, though it has run nothing.",
                 0, "CPU_ON.already_on", "0x2", "0x70000000", "0x2"),
            move("Core 2 is entered where the first caller said.", "ENTER.entered", 2, "0x60000000", "0x1"),
        ),
    ),
    Scene(
        "suspend", "Suspend and wake", "A core sleeps in two ways: standby returns, powerdown is entered.",
        "declared", 2,
        (
            call("Standby: the call does not return yet.", 0, "CPU_SUSPEND.standby", STANDBY, "0x0", "0x0"),
            move("A wakeup event ends it, and the call returns SUCCESS.", "WAKEUP.standby_ends", 0),
            call("Powerdown: the state of the core is lost, so it says where to go on.",
                 0, "CPU_SUSPEND.powerdown", POWERDOWN, ENTRY, CONTEXT),
            move("A wakeup event arrives: the core is about to be entered.", "WAKEUP.powerdown_ends", 0),
            move("It goes on at its entry point. The call itself never returns.", "ENTER.entered", 0, ENTRY, CONTEXT),
            call("A powerdown request may be answered with SUCCESS at once, because a wakeup is pending.",
                 0, "CPU_SUSPEND.early_return", POWERDOWN, ENTRY, CONTEXT),
        ),
    ),
    Scene(
        "hibernate", "Hibernate and resume",
        "The guest says that it will be back, and the next boot finds its platform.",
        "declared", 2,
        (
            call("Is SYSTEM_OFF2 there, and which types does it take?",
                 0, "PSCI_FEATURES.SYSTEM_OFF2_implemented", hex(SYSTEM_OFF2.key)),
            call("The guest has written its memory to disk, and turns the machine off with type 1, HIBERNATE_OFF.",
                 0, "SYSTEM_OFF2.hibernate", hex(HIBERNATE_OFF), "0x0"),
            move("Core 1 is off and the caller has stopped. The outside sees the machine hibernate.",
                 "GO_DOWN.system_call_completes", 0, "HIBERNATE"),
            move("The machine boots again: memory map, devices and firmware interfaces are those of the life before.",
                 "BOOT.boot_after_hibernation", 0),
        ),
    ),
    Scene(
        "osi", "OSI: the last man", "In OS-initiated mode the last core to sleep decides for its cluster.",
        "clusters", 4,
        (
            call("From now on the operating system coordinates its cores itself.",
                 0, "PSCI_SET_SUSPEND_MODE.mode_changed", PERMITTED_OSI),
            *_started(1),
            call("Core 1 asks for the whole cluster, but core 0 of it runs. That must be refused.",
                 1, "CPU_SUSPEND.others_running", CLUSTER, ENTRY, CONTEXT),
            call("So core 1 asks for itself only.", 1, "CPU_SUSPEND.powerdown", POWERDOWN, ENTRY, CONTEXT),
            call("Core 0 is the last man, and takes the cluster down with it.",
                 0, "CPU_SUSPEND.powerdown", CLUSTER, ENTRY, CONTEXT),
            move("A wakeup for core 1 brings the cluster back.", "WAKEUP.powerdown_ends", 1),
        ),
    ),
    Scene(
        "filter", "The SMCCC filter",
        "KVM answers as PSCI 1.1; its filter forwards four ids to a VMM, and together they are 1.3.",
        "filter", 2,
        (
            call("PSCI_VERSION is forwarded: the VMM says 1.3.", 0, "PSCI_VERSION.version"),
            call("PSCI_FEATURES is forwarded, too, or the guest would be told that SYSTEM_OFF2 is absent.",
                 0, "PSCI_FEATURES.SYSTEM_OFF2_implemented", hex(SYSTEM_OFF2.key)),
            *_started(1),
            call("CPU_ON stays in the kernel, by the rules of 1.1, which are the same here.",
                 1, "CPU_ON.already_on", "0x0", ENTRY, CONTEXT),
            call("SYSTEM_OFF2 reaches the VMM, which turns the machine off.",
                 0, "SYSTEM_OFF2.hibernate", hex(HIBERNATE_OFF), "0x0"),
            move("Core 1 may go on until it is stopped.", "STOP.stopped", 1),
            move("The machine is down, and it hibernates.", "GO_DOWN.system_call_completes", 0, "HIBERNATE"),
        ),
    ),
)  # fmt: skip


def as_json() -> list[dict[str, Any]]:
    """The scenes as the page reads them."""
    return [asdict(scene) for scene in SCENES]
