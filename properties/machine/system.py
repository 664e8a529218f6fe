"""What an accepted system call promises: no caller code until the next boot, and a clean boot (4.4, 5.10)."""

from __future__ import annotations

from typing import Any

from psci.model.language.effects import NOTHING, Effect, each
from psci.model.language.rules import RESULT, Completion
from psci.model.language.sorts import BOOL, CORE, NODE, blank
from psci.model.language.terms import TRUE, App, Term, choose, conjunction, every, implies, lift, some
from psci.model.symbols.machine import MachineTerms
from psci.model.symbols.state import ACTIVITY, FIELDS, KIND, POWER
from psci.properties.language import History, StateView, Step, invariant, remembered, safety
from psci.properties.machine.states import states_fit_together

TERMINAL_CALLS = ("SYSTEM_OFF", "SYSTEM_RESET", "SYSTEM_OFF2", "SYSTEM_RESET2")

ACCEPTED = remembered("PROP-13", "accepted", CORE, of=BOOL, doc="The core's system call was accepted in this life.")
DOWN = remembered("PROP-13", "down", of=BOOL, doc="The outside saw the system go down, and no boot since.")
GOING = remembered("PROP-13", "going", of=BOOL, doc="Some system call was accepted, and no boot since.")


def _nothing_accepted(h: StateView) -> Effect:
    return h.but(accepted=each(lambda core: False), down=False, going=False)


def _before_the_first_boot(h: StateView) -> Effect:
    return h.but(accepted=each(lambda core: False), down=True, going=False)


def _system_calls(m: MachineTerms, h: StateView, step: Step) -> Effect:
    """A system call that does not return was accepted; a boot forgets it."""
    if step.name in TERMINAL_CALLS and step.completion is Completion.NEVER:
        return h.but(accepted={step.core: True}, going=True)
    if step.name in ("GO_DOWN", "LOSE_POWER"):
        return h.but(down=True)
    if step.name == "BOOT":
        return _nothing_accepted(h)
    return NOTHING


SYSTEM_CALLS = History((ACCEPTED, DOWN, GOING), _before_the_first_boot, _system_calls)


@invariant
def accepted_calls_are_remembered(m: Any, s: Any, h: Any) -> Any:
    """The system is down when that was seen, and going down when some core's system call was accepted."""
    accepted = every(CORE, lambda core: h.accepted[core] == (s.asked[core] != "NONE"))
    going = implies(h.going, some(CORE, lambda core: h.accepted[core]) & s.system.is_in("GOING", "DOWN"))
    return accepted & going & (h.down == (s.system == "DOWN"))


@invariant
def no_core_runs_when_all_stop_at_once(m: Any, s: Any, h: Any) -> Any:
    """Where a system call stops all cores at once, no core does anything after it."""
    stopped = every(CORE, lambda core: s.activity[core] == "STOPPED")
    return implies(h.going & (m.system_stop == "AT_ONCE"), stopped)


@safety(
    "PROP-13", "silence-after-a-system-call", history=SYSTEM_CALLS,
    cites=("PROP-13", "SYS-3", "SYS-4", "OFF-3", "OFF2-7", "OFF2-13", "RESET-2", "RESET2-1"),
    helpers=(accepted_calls_are_remembered, no_core_runs_when_all_stop_at_once), lemmas=(states_fit_together,),
)  # fmt: skip
def silence(m: Any, s: Any, t: Any, h: Any, g: Any, step: Step) -> Any:
    """After an accepted system call its caller does not run before the next boot, nor does anyone once it is down."""
    if step.is_call or step.name == "ENTER":
        at_once = h.going & (m.system_stop == "AT_ONCE")
        return ~h.accepted[step.core] & ~h.down & ~at_once
    if step.name == "BOOT":
        return (
            h.down
            & (t.system == "RUNNING")
            & every(CORE, lambda core: (t.power[core] == "ON") == (core == step.core))
            & every(CORE, lambda core: implies(core != step.core, t.power[core] == "OFF"))
        )
    return TRUE


# ---- suspend to RAM

SUSPENDER = remembered("PROP-10", "suspender", of=CORE, doc="The core whose SYSTEM_SUSPEND was accepted last.")
ASLEEP = remembered("PROP-10", "asleep", of=BOOL, doc="That suspend has not ended.")


def _suspends(m: MachineTerms, h: StateView, step: Step) -> Effect:
    """A SYSTEM_SUSPEND that waits was accepted; its caller is entered when it ends, unless a boot comes first."""
    if step.name == "SYSTEM_SUSPEND" and step.completion is Completion.WAITS:
        return h.but(suspender=step.core, asleep=True)
    if step.name in ("ENTER", "BOOT"):
        return h.but(asleep=False)
    return NOTHING


SUSPENDS = History((SUSPENDER, ASLEEP), lambda h: h.but(asleep=False), _suspends)


@invariant
def only_the_suspender_is_not_off(m: Any, s: Any, h: Any) -> Any:
    """While the system is suspended, or was and its caller has not been entered, all other cores are OFF."""
    others_off = every(CORE, lambda core: implies(core != h.suspender, s.power[core] == "OFF"))
    up = s.system.is_in("RUNNING", "SUSPENDED")
    waits = choose(
        s.system == "SUSPENDED", s.activity[h.suspender] == "POWERDOWN", s.activity[h.suspender] == "ENTERING"
    )
    woken = waits & (s.power[h.suspender] == "ON")
    return implies(h.asleep & up, others_off & woken) & implies(s.system == "SUSPENDED", h.asleep)


@safety(
    "PROP-10", "alone-when-suspended", history=SUSPENDS, about=("SYSTEM_SUSPEND", "WAKEUP", "ENTER"),
    helpers=(only_the_suspender_is_not_off,), lemmas=(states_fit_together,),
    cites=("PROP-10", "SYSSUSP-3", "SYSSUSP-4", "SYSSUSP-5", "SYSSUSP-7", "SYSSUSP-12", "SYS-6"),
)  # fmt: skip
def alone_when_suspended(m: Any, s: Any, t: Any, h: Any, g: Any, step: Step) -> Any:
    """SYSTEM_SUSPEND is accepted only when all other cores are OFF; after it they still are, and its caller resumes."""
    others_off = every(CORE, lambda core: implies(core != step.core, t.power[core] == "OFF"))
    if step.name == "SYSTEM_SUSPEND":
        return implies(step.ends(Completion.WAITS), others_off)
    resumes = h.asleep & s.system.is_in("RUNNING", "SUSPENDED")
    return implies(resumes, others_off & (step.core == h.suspender))


# ---- memory protection, and what survives

ON = remembered("PROP-14", "on", of=BOOL, doc="MEM_PROTECT was switched on last, and no boot switched it off.")
KNOWN = remembered("PROP-14", "known", of=BOOL, doc="No reset that may have been warm left it open whether it is on.")
CAUSE = remembered("PROP-14", "cause", of=KIND, doc="Why the system went down, until it boots.")


def _memory(m: MachineTerms, h: StateView, step: Step) -> Effect:
    """MEM_PROTECT that does not refuse switches; the outside sees why the system goes down; most boots switch off."""
    if step.name == "MEM_PROTECT" and step.completion is Completion.RETURNS:
        refused = RESULT.bit(63)
        return h.but(on=choose(refused, h.on, step.call.enable != 0), known=h.known | ~refused)
    if step.name == "GO_DOWN":
        return h.but(cause=step.seen("kind_seen"))
    if step.name == "LOSE_POWER":
        # a machine that is off has no power to lose
        return h.but(cause=choose(h.cause.is_in("OFF", "HIBERNATE"), h.cause, "POWER_LOSS"))
    if step.name == "BOOT":
        kept = (h.cause == "WARM_RESET") & (m.warm_protection == "KEPT")
        # a warm reset that may have fallen back to a cold one leaves it open
        known = ~kept | (h.known & (~h.on | m.reset_keeps_warm))
        return h.but(on=kept & h.on & m.reset_keeps_warm, known=known, cause="NONE")
    return NOTHING


MEMORY = History((ON, KNOWN, CAUSE), lambda h: h.but(on=False, known=True, cause="NONE"), _memory)


@invariant
def the_cause_is_remembered(m: Any, s: Any, h: Any) -> Any:
    """The system is down for the reason that was seen, and only then is there one."""
    return implies(s.system == "DOWN", s.kind == h.cause) & ((s.system == "DOWN") | (h.cause == "NONE"))


@invariant
def protection_is_remembered(m: Any, s: Any, h: Any) -> Any:
    """Memory is protected as MEM_PROTECT said last, where that is known."""
    return implies(h.known, s.memory_protected == h.on)


@safety(
    "PROP-14", "memory-protection", about=("BOOT", "MEM_PROTECT"), history=MEMORY,
    helpers=(the_cause_is_remembered, protection_is_remembered), lemmas=(states_fit_together,),
    cites=("PROP-14", "MEMP-2", "MEMP-5", "MEMP-6", "MEMP-8", "MEMP-13", "RESET2-16"),
)  # fmt: skip
def memory_protection(m: Any, s: Any, t: Any, h: Any, g: Any, step: Step) -> Any:
    """Protected memory is overwritten at a boot after a cold or vendor reset or a loss of power; MEM_PROTECT tells.

    What is known of protection goes on from life to life, through any number of warm resets that keep it.
    """
    if step.name == "MEM_PROTECT":
        return implies(step.ends(Completion.RETURNS) & ~RESULT.bit(63), implies(h.known, (RESULT == 1) == h.on))
    dangerous = h.cause.is_in("RESET", "VENDOR_RESET", "POWER_LOSS")
    warm = (h.cause == "WARM_RESET") & m.reset_keeps_warm
    return implies(h.on & h.known & dangerous, t.memory == "OVERWRITTEN") & implies(warm, t.memory == "PRESERVED")


@safety(
    "MEMORY", "what-memory-holds", about=("BOOT",), history=MEMORY,
    helpers=(the_cause_is_remembered, protection_is_remembered), lemmas=(states_fit_together,),
    cites=("MEMP-3", "MEMP-6", "MEMP-7", "MEMP-12", "RESET2-7", "RESET2-10"),
)  # fmt: skip
def what_memory_holds(m: Any, s: Any, t: Any, h: Any, g: Any, step: Step) -> Any:
    """Nothing of a life is promised to the next but after a warm reset, and only protected memory is overwritten."""
    warm = h.cause == "WARM_RESET"
    preserved = implies(t.memory == "PRESERVED", warm)
    overwritten = implies((t.memory == "OVERWRITTEN") & h.known, h.on)
    hibernated = (h.cause == "HIBERNATE") & h.known & h.on
    never = implies(hibernated & (m.hibernate_overwrite == "NEVER"), t.memory != "OVERWRITTEN")
    always = implies(hibernated & (m.hibernate_overwrite == "ALWAYS"), t.memory == "OVERWRITTEN")
    cold = (t.memory != "PRESERVED") | (m.warm_protection == "OFF")
    off = implies(cold, ~t.memory_protected)
    kept = implies(~cold & h.known, t.memory_protected == h.on)
    return (t.memory != "OWN") & preserved & overwritten & never & always & off & kept


@safety(
    "HIBERNATE", "hibernation-keeps-the-platform", about=("BOOT",), history=MEMORY,
    helpers=(the_cause_is_remembered,), lemmas=(states_fit_together,),
    cites=("OFF2-13", "OFF2-14", "OFF2-18", "OFF2-20", "SYS-3"),
)  # fmt: skip
def hibernation_keeps_the_platform(m: Any, s: Any, t: Any, h: Any, g: Any, step: Step) -> Any:
    """The boot after SYSTEM_OFF2 finds the platform of the life before, and no other boot is promised that."""
    return (t.platform == "KEPT") == (h.cause == "HIBERNATE")


SURVIVES = ("memory", "memory_protected", "platform")
"""The fields in which a boot may still show what was before; everything else is listed below."""


@safety(
    "SURVIVORS",
    "only-documented-survivors",
    about=("BOOT",),
    cites=("SYS-3", "SM-5", "RESET-4", "MODE-1", "STAT-9"),
)
def only_documented_survivors(m: Any, s: Any, t: Any, h: Any, g: Any, step: Step) -> Any:
    """After a boot the boot core runs, all others are OFF, the mode is platform-coordinated, and all else is blank."""
    boots = step.core
    set_up = {
        "system": t.system == "RUNNING",
        "resident": t.resident == boots,
        "power": every(CORE, lambda core: t.power[core] == choose(core == boots, lift("ON", POWER), "OFF")),
        "activity": every(
            CORE, lambda core: t.activity[core] == choose(core == boots, lift("RUNNING", ACTIVITY), "STOPPED")
        ),
        "rested": every(CORE, lambda core: t.rested[core] == (core != boots)),
        "node": every(NODE, lambda node: (t.node[node] == "RUN") == m.below(boots, node)),
    }
    blank = [blank_value(getattr(t, field.name)) for field in FIELDS if field.name not in (*SURVIVES, *set_up)]
    return conjunction(*set_up.values(), *blank)


def blank_value(of: Any) -> Term:
    """A field has its first value everywhere."""
    function = of.function if isinstance(of, App) else of
    sort = function.range
    zero = blank(sort)
    assert zero is not None

    def build(index: tuple[Any, ...]) -> Any:
        if len(index) == len(function.domain):
            return function(*index) == lift(zero, sort)
        return every(function.domain[len(index)], lambda place: build((*index, place)))

    return lift(build(()), BOOL)
