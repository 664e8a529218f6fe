"""The state of the caller-visible system: what calls read and change (facts, section 0; DEN0022 4, 6.6)."""

from __future__ import annotations

from psci.model.language.effects import Effect, New, assign
from psci.model.language.rules import ISA
from psci.model.language.sorts import BOOL, CORE, NODE, U64, Enumeration, Sort
from psci.model.language.terms import Function, Term, lift
from psci.model.symbols.machine import LOCAL_STATE

POWER = Enumeration("Power", ("OFF", "ON_PENDING", "ON"))
ACTIVITY = Enumeration(
    "Activity", ("STOPPED", "ENTERING", "RUNNING", "STANDBY", "RETENTION", "POWERDOWN", "FROZEN")
)  # fmt: skip
STOPPED, ENTERING, RUNNING, STANDBY, RETENTION, POWERDOWN, FROZEN = (lift(name, ACTIVITY) for name in ACTIVITY.values)
SYSTEM = Enumeration("System", ("RUNNING", "GOING", "SUSPENDED", "DOWN"))
KIND = Enumeration("Kind", ("NONE", "OFF", "HIBERNATE", "RESET", "WARM_RESET", "VENDOR_RESET", "POWER_LOSS"))
"""Why a system is down."""
MODE = Enumeration("Mode", ("PLATFORM_COORDINATED", "OS_INITIATED"))
PC, OSI = lift("PLATFORM_COORDINATED", MODE), lift("OS_INITIATED", MODE)
MEMORY = Enumeration("Memory", ("OWN", "PRESERVED", "OVERWRITTEN", "NOT_PROMISED"))
"""What caller-visible main memory holds: what the OS of this life wrote, or what became of the last life's content."""
PLATFORM = Enumeration("Platform", ("KEPT", "NOT_PROMISED"))
"""Whether memory map, devices and firmware interfaces are those of the life before (OFF2-14)."""


def _field(name: str, *domain: Sort, of: Sort, doc: str) -> Function:
    return Function(name, domain, of, "state", doc)


class StateTerms:
    """The fields of the state before a step; a rule's `s`."""

    system = _field("system", of=SYSTEM, doc="Whether the system runs, is on its way down, suspended or down.")()
    kind = _field("kind", of=KIND, doc="Why the system is down, once it is.")()
    mode = _field("mode", of=MODE, doc="The suspend mode of the whole system.")()
    suspend_used = _field(
        "suspend_used", of=BOOL, doc="Some core called CPU_SUSPEND since boot or the last mode change."
    )()
    suspend_ever = _field("suspend_ever", of=BOOL, doc="Some core called CPU_SUSPEND since boot.")()
    migrated = _field("migrated", of=BOOL, doc="A uniprocessor Trusted OS was migrated since it was set up.")()
    resident = _field("resident", of=CORE, doc="The core that a uniprocessor Trusted OS was migrated to, if it was.")()
    memory_protected = _field("memory_protected", of=BOOL, doc="MEM_PROTECT is on.")()
    memory = _field("memory", of=MEMORY, doc="What caller-visible main memory holds.")()
    platform = _field("platform", of=PLATFORM, doc="Whether this life found the platform of the last one.")()
    power = _field("power", CORE, of=POWER, doc="What AFFINITY_INFO reports for the core (6.6).")
    activity = _field("activity", CORE, of=ACTIVITY, doc="What the core does: only an ON core runs or is suspended.")
    default_suspended = _field("default_suspended", CORE, of=BOOL, doc="The core suspended by CPU_DEFAULT_SUSPEND.")
    undescribed = _field("undescribed", CORE, of=BOOL, doc="The core sleeps in a state that no profile describes.")
    rested = _field("rested", CORE, of=BOOL, doc="The core was OFF or in a low-power state since boot.")
    slept = _field("slept", CORE, of=BOOL, doc="The core was in a low-power state since boot.")
    entry = _field("entry", CORE, of=U64, doc="Where the core is entered next.")
    context = _field("context", CORE, of=U64, doc="The context id that the core is entered with.")
    entry_wide = _field("entry_wide", CORE, of=BOOL, doc="Entry and context were left by an SMC64 call.")
    entry_isa = _field("entry_isa", CORE, of=ISA, doc="The execution state of the caller that left entry and context.")
    asked = _field("asked", CORE, of=KIND, doc="The system call that the core made and that was accepted.")
    wake = _field("wake", CORE, of=BOOL, doc="A wakeup event is pending for the core.")
    vote = _field("vote", CORE, NODE, of=LOCAL_STATE, doc="The state that a suspended core asked for a node above it.")
    node = _field("node", NODE, of=LOCAL_STATE, doc="The local state of a power-domain node.")
    dozed = _field("dozed", NODE, of=BOOL, doc="The node was in a low-power state since boot.")

    def but(self, **changes: New) -> Effect:
        """This state with these fields changed.

        A field of the whole system takes a value; a field of each core takes `{core: value}` or `each(...)`.

        Raises:
            AttributeError: there is no such field.
        """
        for name in changes.keys() - FIELD_BY_NAME.keys():
            raise AttributeError(f"there is no field {name!r}; there are {', '.join(FIELD_BY_NAME)}")
        return Effect(tuple(assign(FIELD_BY_NAME[name], new) for name, new in changes.items()))


STATE = StateTerms()
FIELDS: tuple[Function, ...] = tuple(
    symbol if isinstance(symbol, Function) else symbol.function  # type: ignore[attr-defined]  # nullary fields are Apps
    for symbol in vars(StateTerms).values()
    if isinstance(symbol, Function | Term)
)
FIELD_BY_NAME = {field.name: field for field in FIELDS}
