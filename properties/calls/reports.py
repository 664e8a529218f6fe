"""What calls tell is so: AFFINITY_INFO, the codes of CPU_ON, where the Trusted OS is, what was never used.

A call is decided in one step, and what it returns is compared with the state of that step. So calls that overlap
answer as if each were made at one moment between its invocation and its return: that is what linearizable means.
"""

from __future__ import annotations

from typing import Any

from psci.model.declare import Call
from psci.model.language.effects import NOTHING, Effect
from psci.model.language.rules import RESULT, Completion
from psci.model.language.sorts import CORE
from psci.model.language.terms import TRUE, Term, choose, conjunction, every, implies, some
from psci.model.symbols.machine import MachineTerms
from psci.model.tables.codes import ALREADY_ON, DENIED, INTERNAL_FAILURE, INVALID_ADDRESS, ON_PENDING
from psci.properties.language import History, StateView, Step, invariant, remembered, safety
from psci.properties.machine.states import states_fit_together
from psci.properties.words import V0_1, V1_0, has_smc64, hosts, in_instance, present, refused, uniprocessor


@safety(
    "AFFINITY", "affinity-info-tells-the-state", about=("AFFINITY_INFO",), lemmas=(states_fit_together,),
    cites=("AFF-2", "AFF-3", "AFF-4", "AFF-5", "AFF-11", "AFF-13", "AFF-15", "SM-1", "SYS-4"),
)  # fmt: skip
def affinity_info_tells_the_state(m: Any, s: Any, t: Any, h: Any, g: Any, step: Step) -> Any:
    """AFFINITY_INFO says of an instance, at every level, what its cores are at that moment: ON before ON_PENDING."""
    if step.completion is not Completion.RETURNS:
        return TRUE
    belongs = in_instance(m, step.call)

    def one(power: str) -> Any:
        return some(CORE, lambda core: belongs(core) & (s.power[core] == power))

    def off(core: Term) -> Any:
        stopped = (s.system == "GOING") & (s.activity[core] == "STOPPED")
        # by a reading a frozen core, which a CPU_ON brings back, reads as one that is OFF
        frozen = (s.activity[core] == "FROZEN") & (m.frozen_affinity == "EITHER") & (m.frozen_core == "RESUMES")
        return implies(belongs(core), (s.power[core] == "OFF") | stopped | frozen)

    on, pending = one("ON"), one("ON_PENDING") & ~one("ON")
    all_off = some(CORE, belongs) & every(CORE, off)
    told = choose(RESULT == 0, on, choose(RESULT == 1, all_off, (RESULT == 2) & pending))
    return refused(RESULT) | ((step.call.lowest_affinity_level <= 3) & told)


@safety(
    "ON-CODES", "cpu-on-tells-the-state", about=("CPU_ON",), lemmas=(states_fit_together,),
    cites=("CPU_ON-1", "CPU_ON-6", "CPU_ON-7", "CPU_ON-8", "CPU_ON-9", "CPU_ON-18", "SM-7", "AFF-13"),
)  # fmt: skip
def cpu_on_tells_the_state(m: Any, s: Any, t: Any, h: Any, g: Any, step: Step) -> Any:
    """Each code of CPU_ON says what its target is; after SUCCESS the target is on its way up."""
    if step.completion is not Completion.RETURNS:
        return TRUE

    def target(test: Any) -> Any:
        return some(CORE, lambda core: (m.mpidr(core) == step.call.target_cpu) & test(core))

    def was_down(core: Term) -> Any:
        return (s.power[core] == "OFF") | ((s.activity[core] == "FROZEN") & (m.psci_version >= V1_0))

    def comes_up(core: Term) -> Any:
        return (t.power[core] == "ON_PENDING") | (t.activity[core] == "ENTERING")

    return conjunction(
        implies(step.returns(0), target(lambda core: was_down(core) & comes_up(core))),
        implies(step.returns(ALREADY_ON.number), target(lambda core: s.power[core] == "ON")),
        implies(step.returns(ON_PENDING.number), target(lambda core: s.power[core] == "ON_PENDING")),
        implies(
            step.returns(INTERNAL_FAILURE.number),
            target(lambda core: (s.power[core] == "OFF") | (s.activity[core] == "FROZEN")),
        ),
        implies(step.returns(INVALID_ADDRESS.number), m.address_unusable(step.call.entry_point_address)),
        implies(step.returns(DENIED.number) & (m.psci_version != V0_1), target(lambda core: TRUE)),
    )


# ---- the Trusted OS

AT = remembered("RESIDENT", "at", of=CORE, doc="Where the Trusted OS was put last: by the boot, or by MIGRATE.")


def _put(m: MachineTerms, h: StateView, step: Step) -> Effect:
    """A boot sets it up at its home; a MIGRATE that returns SUCCESS moves it to the core that the call names."""
    if step.name == "BOOT":
        return h.but(at=m.trusted_os_home)
    if step.name == "MIGRATE" and step.completion is Completion.RETURNS:
        return h.but(at=choose(step.returns(0), m.core_of(step.call.target_cpu), h.at))
    return NOTHING


@invariant
def it_is_where_it_was_put(m: Any, s: Any, h: Any) -> Any:
    """While the system is up the Trusted OS is resident where it was put last."""
    there = every(CORE, lambda core: hosts(m, s, core) == (core == h.at))
    return implies(s.system != "DOWN", there)


@safety(
    "RESIDENT", "the-trusted-os-is-where-it-was-put", about=("MIGRATE", "MIGRATE_INFO_UP_CPU", "CPU_OFF", "CPU_FREEZE"),
    history=History((AT,), lambda h: NOTHING, _put), helpers=(it_is_where_it_was_put,), lemmas=(states_fit_together,),
    cites=("MIGRATE-1", "MIGRATE-2", "MIGRATE-12", "MIG_CPU-1", "TOS-2", "CPU_OFF-3", "FREEZE-7"),
)  # fmt: skip
def the_trusted_os_is_where_it_was_put(m: Any, s: Any, t: Any, h: Any, g: Any, step: Step) -> Any:
    """MIGRATE succeeds only on the core where the Trusted OS was put, which MIGRATE_INFO_UP_CPU tells; it stays on."""
    here, one_core = h.at == step.core, uniprocessor(m)
    if step.name == "MIGRATE":
        on_a_core = some(CORE, lambda core: m.mpidr(core) == step.call.target_cpu)
        succeeds = step.returns(0)
        return implies(succeeds, here & on_a_core & (m.trusted_os == "UP_MIGRATABLE"))
    if step.name == "MIGRATE_INFO_UP_CPU":
        assert isinstance(step.owner, Call)
        absent = ~present(m, step.owner)
        hidden = step.call.wide & ((step.call.isa == "AARCH32") | ~has_smc64(m, step.owner))
        mixed = (m.psci_version < V1_0) & (step.call.wide == (step.call.isa == "AARCH32"))
        told = step.ends(Completion.RETURNS) & one_core & ~absent & ~hidden & ~mixed
        return implies(told, m.mpidr(h.at) == RESULT)
    stays = ~(one_core & here) | (m.psci_version == V0_1)
    return implies(step.ends(Completion.NEVER), stays)
