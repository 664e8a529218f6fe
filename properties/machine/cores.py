"""What the life of a core keeps to: the states of DEN0022 6.6, and where a core begins to run (5.6, 6.4)."""

from __future__ import annotations

from typing import Any

from psci.model.language.effects import NOTHING, Effect, each
from psci.model.language.rules import ISA, Completion
from psci.model.language.sorts import BOOL, CORE, U64
from psci.model.language.terms import FALSE, TRUE, Const, choose, conjunction, every, implies
from psci.model.symbols.machine import MachineTerms
from psci.properties.language import (
    History,
    StateView,
    Step,
    always_true,
    invariant,
    remembered,
    safety,
)
from psci.properties.machine.states import states_fit_together
from psci.properties.words import in_instance, powerdown

LOW_HALF = Const(0xFFFF_FFFF, U64)
ALL = Const(0xFFFF_FFFF_FFFF_FFFF, U64)
ENTRY_CALLS = ("CPU_SUSPEND", "CPU_DEFAULT_SUSPEND", "SYSTEM_SUSPEND")
"""The calls whose caller may be entered again at an entry point that it gave."""


@safety(
    "PROP-2", "edges", cites=("PROP-2", "SM-1", "SM-5", "SM-6", "SM-7"), lemmas=(states_fit_together,),
)  # fmt: skip
def edges(m: Any, s: Any, t: Any, h: Any, g: Any, step: Step) -> Any:
    """A core changes its state only as Figure 9 says: OFF by its own CPU_OFF, ON_PENDING by CPU_ON, ON by starting."""
    if step.name == "BOOT":
        return every(CORE, lambda core: (t.power[core] == "ON") == (core == step.core)) & every(
            CORE, lambda core: t.power[core] != "ON_PENDING"
        )

    def edge(core: Any) -> Any:
        stays = t.power[core] == s.power[core]
        off, pending, on = FALSE, FALSE, FALSE
        if step.name == "CPU_OFF":
            off = step.ends(Completion.NEVER) & (core == step.core) & (s.power[core] == "ON") & (t.power[core] == "OFF")
        if step.name == "CPU_ON":
            named = m.mpidr(core) == step.call.target_cpu
            startable = (s.power[core] == "OFF") | (s.activity[core] == "FROZEN")
            pending = step.returns(0) & named & startable & (t.power[core] == "ON_PENDING")
        if step.name == "AFFINITY_INFO":
            # on the way down no edge of Figure 9 is left to take: a core that has stopped is seen OFF for good
            stopped = (s.system == "GOING") & (s.activity[core] == "STOPPED") & (s.power[core] == "ON")
            off = step.returns(1) & stopped & (t.power[core] == "OFF")
        if step.name == "START":
            on = (core == step.core) & (s.power[core] == "ON_PENDING") & (t.power[core] == "ON")
        return stays | off | pending | on

    return every(CORE, edge)


# ---- entry points

DUE = remembered("PROP-4", "due", CORE, of=BOOL, doc="The core was given an entry point that it has not used.")
ENTRY = remembered("PROP-4", "entry", CORE, of=U64, doc="The entry point that it was given last.")
CONTEXT = remembered("PROP-4", "context", CORE, of=U64, doc="The context id that it was given last.")
WIDE = remembered("PROP-4", "wide", CORE, of=BOOL, doc="An SMC64 call gave them.")
ISA_OF = remembered("PROP-4", "isa", CORE, of=ISA, doc="The execution state of the caller that gave them.")


def _nothing_given(h: StateView) -> Effect:
    return h.but(
        due=each(lambda core: False), entry=each(lambda core: 0), context=each(lambda core: 0),
        wide=each(lambda core: False), isa=each(lambda core: "AARCH64"),
    )  # fmt: skip


def _entries(m: MachineTerms, h: StateView, step: Step) -> Effect:
    """An accepted CPU_ON gives its target an entry point; a suspend call that waits gives its caller one."""
    if step.name == "BOOT":
        return _nothing_given(h)
    if step.name == "ENTER":
        return h.but(due={step.core: False})
    if step.name == "CPU_ON" and step.completion is Completion.RETURNS:
        accepted = step.returns(0)
        return _gives(h, step, lambda core: accepted & (m.mpidr(core) == step.call.target_cpu))
    if step.name in ENTRY_CALLS and step.completion is Completion.WAITS:
        return _gives(h, step, lambda core: core == step.core)
    return NOTHING


def _gives(h: StateView, step: Step, to: Any) -> Effect:
    call = step.call
    return h.but(
        due=each(lambda core: to(core) | h.due[core]),
        entry=each(lambda core: choose(to(core), call.entry_point_address, h.entry[core])),
        context=each(lambda core: choose(to(core), call.context_id, h.context[core])),
        wide=each(lambda core: choose(to(core), call.wide, h.wide[core])),
        isa=each(lambda core: choose(to(core), call.isa, h.isa[core])),
    )


ENTRIES = History((DUE, ENTRY, CONTEXT, WIDE, ISA_OF), _nothing_given, _entries)


@always_true(
    "ENTRIES", "what-was-given-is-kept", history=ENTRIES, lemmas=(states_fit_together,),
    cites=("PROP-4", "CPU_ON-17", "CPU_ON-21", "CPU_SUSPEND-20"),
)  # fmt: skip
def what_was_given_is_kept(m: Any, s: Any, h: Any) -> Any:
    """A core that is starting, powered down or about to be entered holds the entry point it was given last."""

    def holds(core: Any) -> Any:
        will_be_entered = (s.power[core] == "ON_PENDING") | s.activity[core].is_in("POWERDOWN", "ENTERING")
        given = (
            h.due[core]
            & (s.entry[core] == h.entry[core])
            & (s.context[core] == h.context[core])
            & (s.entry_wide[core] == h.wide[core])
            & (s.entry_isa[core] == h.isa[core])
        )
        return implies(will_be_entered, given)

    return every(CORE, holds)


@safety(
    "PROP-4", "entry-and-context", about=("ENTER",), history=ENTRIES, lemmas=(what_was_given_is_kept,),
    cites=("PROP-4", "CPU_ON-17", "CPU_ON-21", "CPU_ON-22", "CPU_SUSPEND-20", "CPU_SUSPEND-29", "ENTRY-11", "ENTRY-13"),
)  # fmt: skip
def entry_and_context(m: Any, s: Any, t: Any, h: Any, g: Any, step: Step) -> Any:
    """A core that is entered runs at the entry point, and with the context id, that the last accepted call gave it."""
    core = step.core
    thumb = (h.isa[core] == "AARCH32") & h.entry[core].bit(0)
    at_entry = step.seen("pc") == choose(thumb, h.entry[core] - 1, h.entry[core])
    whole = h.wide[core] | ((m.context_width == "CALLER") & (h.isa[core] == "AARCH64"))
    seen = choose(whole, ALL, LOW_HALF) & step.seen("x0")
    no_context_id_in_0_1 = m.psci_version == 0
    return at_entry & ((seen == h.context[core]) | no_context_id_in_0_1)


@safety(
    "ENTRY-ONCE", "entry-once", about=("ENTER",), history=ENTRIES, lemmas=(what_was_given_is_kept,),
    cites=("PROP-4", "CPU_ON-17", "SM-8", "CPU_SUSPEND-5"),
)  # fmt: skip
def entry_once(m: Any, s: Any, t: Any, h: Any, g: Any, step: Step) -> Any:
    """An entry point is used once: a core is entered only after a call gave it one that it has not used."""
    return h.due[step.core]


@safety(
    "ENTRY-OWN", "entry-is-nobody-elses", cites=("CPU_SUSPEND-20", "CPU_ON-17", "RET-12"),
    lemmas=(states_fit_together,),
)  # fmt: skip
def entry_is_nobody_elses(m: Any, s: Any, t: Any, h: Any, g: Any, step: Step) -> Any:
    """What a core left behind before it went to sleep is not touched by anyone until it is entered again."""
    if step.name == "BOOT":
        return TRUE

    def kept(core: Any) -> Any:
        same = (
            (t.entry[core] == s.entry[core])
            & (t.context[core] == s.context[core])
            & (t.entry_wide[core] == s.entry_wide[core])
            & (t.entry_isa[core] == s.entry_isa[core])
        )
        return implies(s.activity[core].is_in("POWERDOWN", "ENTERING"), same)

    return every(CORE, kept)


@always_true(
    "CONTEXTS", "contexts-fit-their-calls", cites=("CPU_ON-22", "CPU_SUSPEND-29", "ENTRY-13", "SMC-2"),
)  # fmt: skip
def contexts_fit_their_calls(m: Any, s: Any, h: Any) -> Any:
    """An entry point and a context id that an SMC32 call left have 32 bits."""

    def narrow(core: Any) -> Any:
        return (s.entry[core] >> 32 == 0) & (s.context[core] >> 32 == 0)

    return every(CORE, lambda core: s.entry_wide[core] | narrow(core))


# ---- one start for each time a core is off

STARTED = remembered("PROP-3", "started", CORE, of=BOOL, doc="A CPU_ON for the core succeeded since it was last off.")


def _starts(m: MachineTerms, h: StateView, step: Step) -> Effect:
    """A CPU_ON that returns SUCCESS starts its target; CPU_OFF, CPU_FREEZE, the host and an answer OFF end that."""
    if step.name == "BOOT":
        return h.but(started=each(lambda core: core == step.core))
    if step.name == "CPU_ON" and step.completion is Completion.RETURNS:
        accepted = step.returns(0)
        named = each(lambda core: h.started[core] | (accepted & (m.mpidr(core) == step.call.target_cpu)))
        return h.but(started=named)
    if step.name == "HOST_STOP" or (step.name in ("CPU_OFF", "CPU_FREEZE") and step.completion is Completion.NEVER):
        return h.but(started={step.core: False})
    if step.name == "AFFINITY_INFO" and step.completion is Completion.RETURNS:
        seen_off = in_instance(m, step.call)
        return h.but(started=each(lambda core: h.started[core] & ~(step.returns(1) & seen_off(core))))
    return NOTHING


STARTS = History((STARTED,), lambda h: h.but(started=each(lambda core: False)), _starts)


@invariant
def a_core_that_can_be_started_was_not(m: Any, s: Any, h: Any) -> Any:
    """A core that is OFF or frozen has not been started since it became so."""
    return every(
        CORE, lambda core: implies((s.power[core] == "OFF") | (s.activity[core] == "FROZEN"), ~h.started[core])
    )


@safety(
    "PROP-3", "one-start", about=("CPU_ON",), history=STARTS,
    helpers=(a_core_that_can_be_started_was_not,), lemmas=(states_fit_together,),
    cites=("PROP-3", "CPU_ON-16", "SM-7", "CPU_ON-18"),
)  # fmt: skip
def one_start(m: Any, s: Any, t: Any, h: Any, g: Any, step: Step) -> Any:
    """CPU_ON succeeds at most once for each time that its target is off or frozen."""
    return every(
        CORE, lambda core: implies(step.returns(0) & (m.mpidr(core) == step.call.target_cpu), ~h.started[core])
    )


# ---- how calls end


@safety(
    "COMPLETIONS", "calls-end-as-they-say", lemmas=(states_fit_together,),
    cites=("CPU_SUSPEND-1", "CPU_SUSPEND-4", "CPU_OFF-1", "CPU_OFF-2", "FREEZE-2", "DSUSP-2", "SYSSUSP-7", "SYS-4"),
)  # fmt: skip
def calls_end_as_they_say(m: Any, s: Any, t: Any, h: Any, g: Any, step: Step) -> Any:
    """A caller whose call returns goes on, one whose call waits sleeps, and one that never returns has stopped."""
    if not step.is_call:
        return TRUE
    activity = t.activity[step.core]
    match step.completion:
        case Completion.RETURNS:
            return activity == "RUNNING"
        case Completion.WAITS:
            return activity.is_in("STANDBY", "RETENTION", "POWERDOWN")
    return activity.is_in("STOPPED", "FROZEN")


# ---- standby

OWN_FIELDS = ("power", "entry", "context", "entry_wide", "entry_isa", "asked")


@safety(
    "PROP-17", "standby-is-transparent", about=("CPU_SUSPEND", "WAKEUP"), cites=("PROP-17", "CPU_SUSPEND-4", "SMC-12")
)
def standby_is_transparent(m: Any, s: Any, t: Any, h: Any, g: Any, step: Step) -> Any:
    """A standby state, and its end, change nothing of the caller but that it waits and then goes on."""
    core = step.core
    unchanged = conjunction(*(getattr(t, name)[core] == getattr(s, name)[core] for name in OWN_FIELDS))
    if step.name == "WAKEUP":
        asleep = s.activity[core].is_in("STANDBY", "RETENTION")
        return implies(asleep, unchanged & (t.activity[core] == "RUNNING"))
    waits = step.ends(Completion.WAITS) & ~powerdown(m, step.call.power_state)
    return implies(waits, unchanged & t.activity[core].is_in("STANDBY", "RETENTION"))
