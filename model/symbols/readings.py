"""Where DEN0022 can be read in two ways: each place is a switch with a name, a default and the facts that meet there.

The first option is the default. An *open* reading has none: an implementation may do either, but always the same, and
the oracle finds out which. So it does with a reading that is *tried*: proofs and explored machines are under its
default, and an implementation is blamed under none of its options.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from psci.model.language.sorts import Enumeration
from psci.model.language.terms import App, Function, Term, Value
from psci.model.symbols.machine import MACHINE


@dataclass(repr=False, frozen=True, slots=True)
class Reading:
    """One switch."""

    name: str
    symbol: str
    """The symbol of the machine that the rules read."""
    question: str
    options: Mapping[str, Value]
    """Each option's name and the value of the symbol; the default first."""
    meanings: Mapping[str, str]
    """Each option in a sentence."""
    cites: tuple[str, ...]
    """The facts that meet here."""
    open: bool = False
    gives_up: tuple[str, ...] = ()
    """The properties that are claimed under the default only."""
    tried: bool = False
    """DEN0022 says both: where a trace is judged and nobody chooses, each option is tried, always the same."""
    strict: str = ""
    """Why the default blames an implementation that another option would not blame, where it does."""

    @property
    def default(self) -> str | None:
        """The option that holds where nobody chooses, or None for an open reading."""
        return None if self.open else next(iter(self.options))

    def __repr__(self) -> str:
        options = (f"  {name}{self._note(name)}: {meaning}" for name, meaning in self.meanings.items())
        return "\n".join([f"{self.name}: {self.question}", *options, f"  facts: {', '.join(self.cites)}"])

    def _repr_markdown_(self) -> str:
        options = (f"- **{name}**{self._note(name)}: {meaning}" for name, meaning in self.meanings.items())
        return "\n".join([f"**{self.name}**: {self.question}", "", *options, "", f"Facts: {', '.join(self.cites)}"])

    def _note(self, option: str) -> str:
        return " (default)" if option == self.default else ""


def _row(
    name: str, symbol: Term | Function, cites: str, question: str, *meanings: str,
    options: Mapping[str, Value] | None = None, gives_up: str = "", tried: bool = False,
    strict: str = "",
) -> Reading:  # fmt: skip
    function = symbol.function if isinstance(symbol, App) else symbol
    assert isinstance(function, Function)
    if options is None:
        assert isinstance(function.range, Enumeration)
        options = {value.lower().replace("_", "-"): value for value in function.range.values}
    return Reading(
        name, function.name, question, options, dict(zip(options, meanings, strict=True)), tuple(cites.split()),
        open=not isinstance(function.range, Enumeration), gives_up=tuple(gives_up.split()), tried=tried,
        strict=strict,
    )  # fmt: skip


_M = MACHINE
# fmt: off
_ROWS = (
    # ---- callers and function ids
    _row(
        "errata", _M.errata, "SMC-8 REV-6 AFF-10 REV-5 MIG_TYPE-4 REV-4",
        "Is version 0.2 judged with the errata that issue C published for it?",
        "Yes: an AArch32 caller of an SMC64 id gets NOT_SUPPORTED, AFFINITY_INFO has no NOT_PRESENT, and "
        "MIGRATE_INFO_TYPE is optional.",
        "No, as issue B says: any mismatch of widths gives INVALID_PARAMETERS, AFFINITY_INFO may answer "
        "NOT_PRESENT, and MIGRATE_INFO_TYPE is compulsory.",
        strict="Issue C published the errata for 0.2 as such; what issue B alone says is chosen by whoever "
        "judges by issue B.",
    ),
    _row(
        "upper-halves", _M.checks_upper_halves, "SMC-19",
        "Are bits [63:32] of the 32-bit arguments of an SMC64 call looked at? Each function may differ, where "
        "nobody chooses.",
        "No, they are ignored.", "Yes: where they are not zero the argument is invalid.",
        options={"ignored": False, "checked": True},
    ),
    _row(
        "migrate-width", _M.migrate_width, "MIGRATE-13 RET-3 SMC-4 SMC-5",
        "Which rule binds MIGRATE when the caller's registers are not as wide as the function id says?",
        "The rule for all functions: NOT_SUPPORTED for AArch32 with the SMC64 id, no refusal for AArch64 with "
        "the SMC32 id.",
        "The sentence of 5.8.2: INVALID_PARAMETERS in both cases.",
        tried=True,
    ),
    _row(
        "realm-callers", _M.realm_callers, "OFF-9 SMC-3 CPU_OFF-4 SMC-14",
        "Section 5 lets Realm callers in, 5.10.1 says that every function is called from the Normal world only.",
        "A Realm caller is answered as a Normal one.", "What a Realm caller gets is not stated.",
        tried=True,
    ),
    _row(
        "both-ids", _M.both_ids, "RET-4 RET-6 FEAT-2",
        "A function that has an SMC32 and an SMC64 id: is it there with both?",
        "Yes.", "The SMC64 id may be missing.",
        strict="Table 17 makes functions mandatory, and a prototype lists both of a function's ids.",
    ),
    # ---- refusals
    _row(
        "migrate-target", _M.migrate_target, "MIGRATE-10 FREEZE-7 TOS-6 PROP-9",
        "MIGRATE to a core that is frozen.",
        "It is refused: a uniprocessor Trusted OS is on no frozen core.",
        "It is a core that was not turned off by CPU_OFF.",
        strict="A uniprocessor Trusted OS would be on a core that makes no calls (PROP-9).",
    ),
    _row(
        "migrate-to-self", _M.migrate_to_self, "MIGRATE-4 MIGRATE-7 RET-11",
        "MIGRATE to the caller, where the Trusted OS is already.",
        "It succeeds, or is refused.", "It succeeds.",
    ),
    _row(
        "failed-call", _M.failed_call, "RET-12 PROP-1",
        "Does a call that returns an error leave everything as it was?",
        "Yes.",
        "No: a CPU_ON that answers ON_PENDING may have replaced entry point and context id, and a MIGRATE that answers "
        "INTERNAL_FAILURE may have moved the Trusted OS.",
        gives_up="PROP-1 ENTRIES RESIDENT",
        strict="The core starts as the CPU_ON asked that returned SUCCESS (CPU_ON-7, CPU_ON-17); of other "
        "calls nothing is seen.",
    ),
    _row(
        "migrate-order", _M.migrate_order, "MIGRATE-2 MIGRATE-5 TOS-1 RET-11",
        "MIGRATE on a core where a Trusted OS that cannot be migrated is not resident: two refusals apply.",
        "Either code may be returned, because no order is stated.",
        "DENIED: whether it can be migrated is looked at first.",
        "NOT_PRESENT: where it is resident is looked at first.",
    ),
    _row(
        "disabled-core", _M.disabled_core, "AFF-8",
        "AFFINITY_INFO of a core that is physically disabled: 5.7.1 calls the code possible, 5.7.2 says it is "
        "returned.",
        "DISABLED, or the state of the core.", "DISABLED.",
    ),
    _row(
        "undefined-reset", _M.undefined_reset, "RESET2-5 RESET2-3",
        "SYSTEM_RESET2 with a reserved architectural type: 5.13.4 says that INVALID_PARAMETERS \"can also apply\".",
        "It must be refused so.", "It may be refused so, or taken as a reset that the implementation defines.",
        tried=True,
    ),
    _row(
        "vendor-bit", _M.vendor_bit, "RESET2-17 RESET2-2",
        "Bit 31 of reset_type: 5.13.1 has it as a selector, 5.1.12 also as reserved and to be zero.",
        "It selects a vendor-specific reset.", "A reset_type that has it set is undefined.",
    ),
    _row(
        "suspend-refusal", _M.suspend_refusal, "SYSSUSP-4",
        "SYSTEM_SUSPEND while another core is not OFF: the text says DENIED, the prototype lists ALREADY_ON "
        "and no DENIED.",
        "DENIED.", "DENIED or ALREADY_ON.",
        tried=True,
    ),
    _row(
        "suspend-return", _M.suspend_return, "SYSSUSP-9 SYSSUSP-2 CPU_SUSPEND-7",
        "Can SYSTEM_SUSPEND return SUCCESS because a wakeup event is pending?",
        "Yes, as CPU_SUSPEND can, to which it is equivalent.", "No: 5.1.19 says that success does not return.",
    ),
    # ---- cores
    _row(
        "frozen-core", _M.frozen_core, "CPU_ON-18 FREEZE-4 CPU_ON-6 SM-2",
        "CPU_ON for a frozen core: 5.17 says that it resumes, 5.6.2 with 6.6 that a core that never called "
        "CPU_OFF is ON.",
        "It is accepted and the core resumes.", "ALREADY_ON.",
        tried=True,
    ),
    _row(
        "power-on-failure", _M.power_on_failure, "SM-15 SM-6 SM-14 CPU_ON-8",
        "A core whose CPU_ON was accepted cannot be powered up after all.",
        "That cannot happen: the failure has to be reported by the CPU_ON itself.",
        "The core may go from ON_PENDING back to OFF.",
        gives_up="PROP-2 PROP-3 PROP-15",
        strict="Figure 9 has no edge from ON_PENDING to OFF (SM-6).",
    ),
    _row(
        "context-width", _M.context_width, "CPU_ON-12 CPU_ON-22 CPU_SUSPEND-29 ENTRY-13",
        "What decides how much of x0 is the context id when a core is entered?",
        "The function id: 64 bits after an SMC64 call, 32 after an SMC32 call.", "The caller's execution state.",
    ),
    _row(
        "mixed-entry", _M.mixed_entry, "SMC-17 ENTRY-2 ENTRY-5 ENTRY-11 CPU_ON-15",
        "An AArch32 caller below an AArch64 Exception level gives an entry point with bit 0 set.",
        "It asks for T32, because the caller is AArch32.",
        "It is an address like any other, because the core is entered in the execution state of that Exception level.",
        gives_up="PROP-4 ENTERS-END",
        tried=True,
    ),
    _row(
        "frozen-affinity", _M.frozen_affinity, "AFF-2 AFF-13 CPU_ON-18 FREEZE-4",
        "AFFINITY_INFO of a frozen core: it never called CPU_OFF, and yet a CPU_ON for it is accepted.",
        "ON, or OFF as CPU_ON sees it.", "ON.",
    ),
    _row(
        "frozen-resume", _M.frozen_resume, "CPU_ON-18 CPU_ON-7 CPU_ON-6 SM-6",
        "A frozen core from the CPU_ON that was accepted until it runs: what does a second CPU_ON find?",
        "A core that is ON_PENDING, or ON.", "A core that is ON all the time: ALREADY_ON.",
        "A core that is ON_PENDING, as one that was OFF.",
    ),
    _row(
        "disabled-instance", _M.disabled_instance, "AFF-8 AFF-3",
        "AFFINITY_INFO of an instance of which some cores are physically disabled and the others are OFF.",
        "DISABLED is possible.", "DISABLED is possible only where all cores are disabled.",
    ),
    _row(
        "disabled-start", _M.disabled_start, "CPU_ON-8 CPU_ON-2 AFF-8 SM-14",
        "CPU_ON for a core that is physically disabled.",
        "It is refused, because the core cannot be powered up.",
        "It may be accepted too, and the core stays ON_PENDING.",
        strict="5.7.2 has the core exist but be disabled, and a CPU_ON that succeeds starts a core (CPU_ON-1).",
    ),
    # ---- power domains
    _row(
        "shallower-node", _M.shallower_node, "PC-3 PC-8 CPU_SUSPEND-6",
        "Platform-coordinated: 4.2.3.1 has the deepest state that all votes allow chosen for a node, 5.4.6 expects it.",
        "The node may be shallower.", "It is as deep as the votes allow.",
    ),
    _row(
        "partial-downgrade", _M.partial_downgrade, "CPU_SUSPEND-6 OSI-4 OSI-3",
        "OS-initiated: may a request be downgraded for the nodes above the core alone?",
        "Yes: the nodes may be shallower than was asked.", "No: it is obeyed as a whole, or the core is in standby.",
    ),
    _row(
        "older-request", _M.older_request, "OSI-3 PROP-8 OSI-8",
        "OS-initiated: a core wakes up and sleeps again without a request for the node. Does an older request of a "
        "core that slept all the time hold again?",
        "It may.", "No: the wakeup cancelled it.",
    ),
    _row(
        "claim-alone", _M.claim_alone, "OSI-6 OSI-5 CPU_SUSPEND-11",
        "OS-initiated: the caller wrongly says that it is the last core of a node that it asks to keep running.",
        "The request may be refused.", "It is refused (6.3).",
        "It is not: 5.4.5 speaks of low-power states above the core.",
    ),
    _row(
        "low-claim", _M.low_claim, "OSI-2 OSI-5 OSI-6",
        "OS-initiated: a low-power state is asked for at a level of which the caller does not say that it is the last "
        "core.",
        "The request may be refused.", "The claim is not looked at.",
    ),
    _row(
        "idle-inside", _M.idle_inside, "CPU_SUSPEND-14 OSI-19 PD-3 OSI-4",
        "OS-initiated: a node inside the requested one was left running, though all its cores are down.",
        "The request is refused, or the node inside goes down with it.", "It is refused.",
        "The node inside goes down with it.",
    ),
    _row(
        "frozen-in-osi", _M.frozen_in_osi, "FREEZE-2 FREEZE-10 OSI-14 CPU_SUSPEND-11",
        "OS-initiated: a core inside the requested node is frozen.",
        "It counts as running, or as down.", "It counts as running.", "It counts as down.",
    ),
    _row(
        "default-in-osi", _M.default_in_osi, "DSUSP-3 DSUSP-9 OSI-14 CPU_SUSPEND-11",
        "OS-initiated: a core inside the requested node is suspended by CPU_DEFAULT_SUSPEND.",
        "It counts as running, or by its state.", "It counts as running.", "It counts by its state.",
    ),
    _row(
        "check-and-wakeup", _M.check_and_wakeup, "CPU_SUSPEND-7 CPU_SUSPEND-14 OSI-6",
        "OS-initiated: a wakeup is pending when an inconsistent request is made. Which is looked at first?",
        "Either: the request is refused, or ends early.", "Whether the request is consistent.",
    ),
    _row(
        "unused-entry", _M.unused_entry, "CPU_SUSPEND-3 CPU_SUSPEND-10 CPU_SUSPEND-6 DSUSP-5",
        "An unusable entry point that is not used, because the state is standby, or becomes so by a downgrade.",
        "It may be refused, or not.",
        "It is refused if a powerdown state is asked for, and only then.",
    ),
    _row(
        "mode-groups", _M.mode_groups, "MODE-10 MODE-3 FREEZE-10",
        "To OS-initiated mode: cores that are ON_PENDING or frozen are in none of the groups of 5.21.2.",
        "The call may be DENIED.", "It is DENIED.",
    ),
    _row(
        "same-mode", _M.same_mode, "MODE-6 MODE-13 MODE-3 MODE-5",
        "PSCI_SET_SUSPEND_MODE with the mode that is set: are its conditions looked at?",
        "They may be.", "No: the call succeeds.",
    ),
    _row(
        "mode-history", _M.mode_history, "MODE-13 MODE-4",
        "To OS-initiated mode: how far back does a use of CPU_SUSPEND count?",
        "To the last change of mode, or the boot (5.21.2).", "To the boot (5.21.3 states no limit).",
        tried=True,
    ),
    _row(
        "refused-suspend", _M.refused_suspend, "MODE-4 MODE-13 RET-12",
        "To OS-initiated mode: does a CPU_SUSPEND that was refused count as one that was called?",
        "No.", "Yes, by the letter of 5.21.2.",
        gives_up="PROP-1",
        tried=True,
    ),
    _row(
        "osi-mixed", _M.osi_mixed, "CPU_SUSPEND-9 CPU_SUSPEND-27 CPU_SUSPEND-14 OSI-19 RET-11",
        "An OS-initiated request that conflicts with running cores and with ones in a too shallow state.",
        "Either code may be returned.",
        "INVALID_PARAMETERS (5.4.5 by its letter).",
        "DENIED (what implementations do).",
    ),
    _row(
        "vote-counting", _M.vote_counting, "PC-9 PC-3 PC-8",
        "Platform-coordinated mode: when are the votes for a node counted?",
        "When a core below it goes down.", "At any later time while its cores stay down.",
    ),
    _row(
        "stay-since-boot", _M.stay_since_boot, "STAT-7 STAT-9 STAT-10",
        "Do statistics count the time that a core, or a node, was OFF between the boot and its first CPU_ON?",
        "They may, once it came up.", "No: that is not a stay that a call began.",
    ),
    _row(
        "unreported-node", _M.unreported_node, "HWSTATE-3 HWSTATE-4 FEAT-10",
        "Can NODE_HW_STATE be NOT_SUPPORTED for one node alone?",
        "Yes, where its power controller does not report that node.", "No.",
    ),
    _row(
        "stat-update", _M.stat_update, "STAT-10 STAT-6",
        "Do statistics count the first stay of a suspended or frozen core while it lasts?",
        "They may.", "They do not: they are updated at the exit.",
    ),
    # ---- what survives
    _row(
        "hibernate-overwrite", _M.hibernate_overwrite, "MEMP-12 MEMP-6 MEMP-7",
        "Is protected memory overwritten at the boot after SYSTEM_OFF2, of which 5.14 does not speak?",
        "It may be, as after SYSTEM_OFF.", "It is not.", "It is, as after a loss of power.",
    ),
    _row(
        "warm-protection", _M.warm_protection, "MEMP-3 MEMP-8 RESET2-16",
        "Is memory protection still on after a warm reset?",
        "No: it is off by default at every boot.", "Yes: only an overwrite turns it off.",
        tried=True,
    ),
    _row(
        "reset-cores", _M.reset_cores, "RESET2-9 SYS-3 SM-3",
        "After a warm or vendor-specific reset: what are the cores that do not boot?",
        "OFF, as after a cold boot.", "What they were, though they have stopped.",
        gives_up="PROP-2 PROP-5 PROP-8 PROP-9 PROP-13 ENTRIES LIMITS SURVIVORS",
        tried=True,
    ),
    _row(
        "reset-mode", _M.reset_mode, "MODE-1 RESET2-9",
        "After a warm or vendor-specific reset: which suspend mode holds?",
        "Platform-coordinated, as after every boot.", "The one that held before.",
        gives_up="SURVIVORS MODE-SWITCH",
        tried=True,
    ),
    _row(
        "reset-residency", _M.reset_residency, "TOS-2 RESET2-9",
        "After a warm or vendor-specific reset: where is a uniprocessor Trusted OS?",
        "Where it is set up at a cold boot.", "Where it was.",
        gives_up="PROP-9 RESIDENT SURVIVORS",
        tried=True,
    ),
    _row(
        "reset-statistics", _M.reset_statistics, "STAT-9 RESET2-9",
        "After a warm or vendor-specific reset: what do the statistics say?",
        "Zero, as after a cold boot.", "They go on.",
        gives_up="STAT-ZERO SURVIVORS",
        tried=True,
    ),
    _row(
        "fallback-memory", _M.fallback_memory, "MEMP-6 MEMP-8 RESET2-10",
        "A warm reset fell back to a cold one while memory was protected.",
        "Memory is overwritten, as after SYSTEM_RESET.", "It need not be: what was asked for was warm.",
    ),
    # ---- system calls and drafts
    _row(
        "cannot-now", _M.cannot_now, "OFF-1 RESET-1 OFF2-7 SYSSUSP-1",
        "A platform that cannot power off, reset or suspend the system at this moment.",
        "That does not occur: no code exists for it.", "The call returns INTERNAL_FAILURE.",
        gives_up="PROP-11",
        strict="The calls return no code for it (OFF-1, RESET-1, OFF2-7).",
    ),
    _row(
        "warm-reset", _M.resets_warm, "RESET2-3 RESET2-5",
        "SYSTEM_RESET2 is there for vendor-specific resets. Need there be a warm reset?",
        "There is one.", "There is none, and reset_type 0 has INVALID_PARAMETERS.",
        options={"there": True, "absent": False},
    ),
    _row(
        "system-stop", _M.system_stop, "SYS-4",
        "How long may other cores run caller code after a system call was accepted?",
        "Until each is stopped: no deadline is given.", "Not at all.",
    ),
    _row(
        "host-power", _M.host_power, "SYS-1 RET-13 SM-6",
        "The caller-visible system is a machine view. Does a host start and stop its cores beside PSCI?",
        "No: cores start by CPU_ON, and stop by CPU_OFF.", "Yes, at any time, as user space can with a vCPU.",
        gives_up="PROP-2 PROP-9 PROP-10 PROP-15 LIMITS STAT-ZERO RETRY-ENDS ENTERS-END SLEEPS-END",
        strict="A trace tells what the host does (`host`), and is judged with it.",
    ),
    _row(
        "beta-type", _M.beta_hibernate_type, "OFF2-3 OFF2-5 REV-12",
        "Which value does HIBERNATE_OFF have in the 1.3 beta?",
        "0, as in the alpha.", "1, as in the final version.",
        options={"alpha": 0, "final": 1},
    ),
)
# fmt: on

READINGS: Mapping[str, Reading] = {reading.name: reading for reading in _ROWS}
"""Every reading, by its name."""
TRIED = frozenset(reading.symbol for reading in READINGS.values() if reading.tried)
"""The symbols of the readings that are tried."""
