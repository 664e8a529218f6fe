"""What calls may answer: only listed codes, always the same, and nothing changed by a refusal (5.2.2, 5.3, 5.16)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from psci.model.calls import CALLS
from psci.model.calls.psci_features import SMCCC_VERSION
from psci.model.declare import Call
from psci.model.language.effects import NOTHING, Effect
from psci.model.language.rules import ISA, RESULT, Completion
from psci.model.language.sorts import BOOL, U32, U64
from psci.model.language.terms import FALSE, TRUE, Term, choose, conjunction, disjunction, equal, every, extend, implies
from psci.model.symbols.machine import MachineTerms
from psci.model.symbols.state import FIELDS
from psci.properties.language import AFTER, BEFORE, History, StateView, Step, invariant, remembered, safety
from psci.properties.words import V0_1, V0_2, V1_0, V1_1, V1_3, has_smc64, osi_possible, present, uniprocessor

NOT_SUPPORTED, INVALID_PARAMETERS, DENIED, ALREADY_ON, ON_PENDING = -1, -2, -3, -4, -5
INTERNAL_FAILURE, NOT_PRESENT, DISABLED, INVALID_ADDRESS = -6, -7, -8, -9


# ---- PROP-1


def unchanged() -> Term:
    """Every field is what it was."""
    return conjunction(*(_same(field.name) for field in FIELDS))


def _same(name: str) -> Term:
    before, after = getattr(BEFORE, name), getattr(AFTER, name)
    if isinstance(before, Term):
        return equal(after, before)
    domain = before.domain
    if len(domain) == 1:
        return every(domain[0], lambda place: after[place] == before[place])
    return every(domain[0], lambda one: every(domain[1], lambda two: after[one, two] == before[one, two]))


@safety("PROP-1", "a-refusal-changes-nothing", cites=("PROP-1", "RET-12", "CPU_SUSPEND-14"))
def refusal_changes_nothing(m: Any, s: Any, t: Any, h: Any, g: Any, step: Step) -> Any:
    """A call that returns an error changes no field of the state."""
    if step.completion is not Completion.RETURNS:
        return TRUE
    return implies(RESULT.bit(63), unchanged())


# ---- PROP-11


@dataclass(frozen=True)
class Codes:
    """What a function may return (facts, table 1.4)."""

    codes: Mapping[int, tuple[int, int]]
    """Each code with the first and last version that lists it."""
    values: Any = None
    """Other results, as a condition on the result; None where there are none."""


def _since(version: int) -> tuple[int, int]:
    return version, V1_3


ALWAYS = _since(V0_1)
DRAFT_CODES = (-10, -11, -12)
VENDOR_CODES = {code: _since(V1_1) for code in range(INVALID_ADDRESS, NOT_SUPPORTED)}

RETURNED: Mapping[str, Codes] = {
    "PSCI_VERSION": Codes({}, lambda r: ~r.bit(31)),
    "CPU_SUSPEND": Codes(
        {
            0: ALWAYS, INVALID_PARAMETERS: ALWAYS, DENIED: ALWAYS, INVALID_ADDRESS: _since(V1_0),
            NOT_SUPPORTED: (V0_1, V0_1),
        }
    ),
    "CPU_OFF": Codes({DENIED: ALWAYS, INVALID_PARAMETERS: (V0_1, V0_1), NOT_SUPPORTED: (V0_1, V0_1)}),
    "CPU_ON": Codes(
        {
            0: ALWAYS, INVALID_PARAMETERS: ALWAYS, DENIED: ALWAYS, ALREADY_ON: _since(V0_2), ON_PENDING: _since(V0_2),
            INTERNAL_FAILURE: _since(V0_2), INVALID_ADDRESS: _since(V1_0), NOT_SUPPORTED: (V0_1, V0_1),
        }
    ),
    "AFFINITY_INFO": Codes({INVALID_PARAMETERS: ALWAYS, DISABLED: ALWAYS, NOT_PRESENT: (V0_2, V0_2)}, lambda r: r <= 2),
    "MIGRATE": Codes(
        {
            0: ALWAYS, NOT_SUPPORTED: ALWAYS, INVALID_PARAMETERS: ALWAYS, DENIED: ALWAYS,
            INTERNAL_FAILURE: _since(V0_2), NOT_PRESENT: _since(V0_2),
        }
    ),
    "MIGRATE_INFO_TYPE": Codes({}, lambda r: r <= 2),
    "MIGRATE_INFO_UP_CPU": Codes({}, lambda r: TRUE),
    "SYSTEM_OFF": Codes({}),
    "SYSTEM_RESET": Codes({}),
    "PSCI_FEATURES": Codes({NOT_SUPPORTED: ALWAYS}, lambda r: r < 1 << 31),
    "CPU_FREEZE": Codes({DENIED: ALWAYS}),
    "CPU_DEFAULT_SUSPEND": Codes({0: ALWAYS, INVALID_ADDRESS: ALWAYS}),
    "NODE_HW_STATE": Codes({INVALID_PARAMETERS: ALWAYS, NOT_SUPPORTED: ALWAYS}, lambda r: r <= 2),
    "SYSTEM_SUSPEND": Codes({0: ALWAYS, DENIED: ALWAYS, ALREADY_ON: ALWAYS, INVALID_ADDRESS: ALWAYS}),
    "PSCI_SET_SUSPEND_MODE": Codes({0: ALWAYS, NOT_SUPPORTED: ALWAYS, INVALID_PARAMETERS: ALWAYS, DENIED: ALWAYS}),
    "PSCI_STAT_RESIDENCY": Codes({}, lambda r: TRUE),
    "PSCI_STAT_COUNT": Codes({}, lambda r: TRUE),
    "SYSTEM_RESET2": Codes(
        {INVALID_PARAMETERS: ALWAYS, **VENDOR_CODES}, lambda r: r.bit(63) & (r < -256)
    ),
    "MEM_PROTECT": Codes({}, lambda r: r <= 1),
    "MEM_PROTECT_CHECK_RANGE": Codes({0: ALWAYS, DENIED: ALWAYS}),
    "SYSTEM_OFF2": Codes({INVALID_PARAMETERS: ALWAYS}),
    "UNKNOWN": Codes({NOT_SUPPORTED: ALWAYS}),
    # two functions of one draft, of which little is known
    "CLEAN_INV_MEMREGION": Codes(
        dict.fromkeys((0, INVALID_PARAMETERS, DENIED, INVALID_ADDRESS, *DRAFT_CODES), ALWAYS)
    ),
    "CLEAN_INV_MEMREGION_ATTRIBUTES": Codes({INVALID_PARAMETERS: ALWAYS}, lambda r: ~r.bit(31)),
}  # fmt: skip
"""Table 1.4; NOT_SUPPORTED for an absent function or an SMC64 id from AArch32 is not repeated in each row."""


def _in_versions(m: MachineTerms, span: tuple[int, int]) -> Term:
    first, last = span
    return (m.psci_version >= first) & (m.psci_version <= last)


@safety("PROP-11", "only-listed-codes", cites=("PROP-11", "RET-1", "RET-2", "RET-14", "RESET2-14"))
def only_listed_codes(m: Any, s: Any, t: Any, h: Any, g: Any, step: Step) -> Any:
    """Every result is listed in table 1.4 for the function and the version, or says that the function is absent."""
    if step.completion is not Completion.RETURNS:
        return TRUE
    row = RETURNED[step.name]
    listed = [equal(RESULT, code) & _in_versions(m, span) for code, span in row.codes.items()]
    others = FALSE if row.values is None else row.values(RESULT)
    return disjunction(others, _absent(m, step), _mixed_widths(m, step), *listed)


def _absent(m: MachineTerms, step: Step) -> Term:
    """NOT_SUPPORTED by RET-3, RET-4 or RET-14: no such function, or an SMC64 id from AArch32."""
    assert isinstance(step.owner, Call)
    missing = TRUE if step.name == "UNKNOWN" else ~present(m, step.owner)
    if step.owner.fid64 is not None:
        missing = missing | (step.call.wide & ~has_smc64(m, step.owner))
    return (RESULT == NOT_SUPPORTED) & (missing | (step.call.wide & (step.call.isa == "AARCH32")))


def there_with(m: MachineTerms, call: Call, fid: int) -> Term:
    """The function is there, and has this id."""
    return present(m, call) & has_smc64(m, call) if fid == call.fid64 else present(m, call)


def _mixed_widths(m: MachineTerms, step: Step) -> Term:
    """INVALID_PARAMETERS: id and caller differ in width in 0.2 (SMC-8), or an argument is too long (SMC-19)."""
    differ = (m.psci_version <= V0_2) & (step.call.wide == (step.call.isa == "AARCH32"))
    assert isinstance(step.owner, Call)
    too_long = m.checks_upper_halves(step.owner.key) & step.call.wide
    return (RESULT == INVALID_PARAMETERS) & (differ | too_long)


# ---- PROP-12

WATCHED = remembered("PROP-12", "watched", of=U32, doc="Some function id, always the same.")
THERE = remembered("PROP-12", "there", of=BOOL, doc="Whether the machine has the function with that id.")
REPORTED = remembered("PROP-12", "reported", of=BOOL, doc="PSCI_FEATURES has reported that id.")


def _features(m: MachineTerms, h: StateView, step: Step) -> Effect:
    """PSCI_FEATURES reports an id when it returns a non-negative value for it."""
    if step.name != "PSCI_FEATURES" or step.completion is not Completion.RETURNS:
        return NOTHING
    return h.but(reported=h.reported | (~RESULT.bit(63) & (step.call.psci_func_id == h.watched)))


REPORTS = History((WATCHED, REPORTED, THERE), lambda h: h.but(reported=False), _features)
OTHER_REASONS = ("MIGRATE", "PSCI_SET_SUSPEND_MODE", "NODE_HW_STATE", "PSCI_FEATURES", "UNKNOWN")
"""Functions that answer NOT_SUPPORTED also for other reasons than that they are absent (FEAT-10, MODE-2, HWSTATE-3)."""


@invariant
def there_means_that_the_machine_has_it(m: Any, s: Any, h: Any, step: Step) -> Any:
    """A name for a long term: whether the machine has the function with the watched id."""
    there = {fid: there_with(m, call, fid) for call in CALLS for fid in call.ids()}
    there[SMCCC_VERSION] = m.has(SMCCC_VERSION)
    return conjunction(*(implies(h.watched == fid, h.there == has_it) for fid, has_it in there.items()))


@invariant
def what_was_reported_is_there(m: Any, s: Any, h: Any) -> Any:
    """What PSCI_FEATURES, a function of 1.0, reported is implemented."""
    return implies(h.reported, (m.psci_version >= V1_0) & implies(_known(h.watched), h.there))


@safety(
    "PROP-12", "features-keep-their-word", history=REPORTS, helpers=(what_was_reported_is_there,),
    given=(there_means_that_the_machine_has_it,),
    cites=("PROP-12", "FEAT-2", "FEAT-10", "RET-5", "RESET2-14"),
)  # fmt: skip
def features_keep_their_word(m: Any, s: Any, t: Any, h: Any, g: Any, step: Step) -> Any:
    """A function that PSCI_FEATURES reported is never answered as absent."""
    if not isinstance(step.owner, Call) or step.completion is not Completion.RETURNS or step.name in OTHER_REASONS:
        return TRUE
    narrow = FALSE if step.owner.fid32 is None else h.watched == step.owner.fid32
    called = narrow if step.owner.fid64 is None else choose(step.call.wide, h.watched == step.owner.fid64, narrow)
    hidden = step.call.wide & (step.call.isa == "AARCH32")
    value = step.name in ("PSCI_STAT_RESIDENCY", "PSCI_STAT_COUNT", "MIGRATE_INFO_UP_CPU", "SYSTEM_RESET2")
    # PSCI_FEATURES came with 1.0; in 0.1 NOT_SUPPORTED is listed without saying when
    reported = h.reported & called & ~hidden & (m.psci_version >= V1_0)
    return TRUE if value else implies(reported, RESULT != NOT_SUPPORTED)


MODE_REFUSED = remembered("FEAT-11", "refused", of=BOOL, doc="PSCI_SET_SUSPEND_MODE returned NOT_SUPPORTED.")


def _mode(m: MachineTerms, h: StateView, step: Step) -> Effect:
    if step.name != "PSCI_SET_SUSPEND_MODE" or step.completion is not Completion.RETURNS:
        return NOTHING
    return h.but(refused=h.refused | (RESULT == NOT_SUPPORTED))


MODE_HISTORY = History((MODE_REFUSED,), lambda h: h.but(refused=False), _mode)


@invariant
def what_was_refused_is_unsupported(m: Any, s: Any, h: Any) -> Any:
    """Where PSCI_SET_SUSPEND_MODE returned NOT_SUPPORTED it is absent, or OS-initiated mode is not supported."""
    return implies(h.refused, ~m.osi_supported | ~m.has(0x8400_000F))


@safety(
    "FEAT-11", "osi-flag-keeps-its-word", about=("PSCI_FEATURES",), history=MODE_HISTORY,
    helpers=(what_was_refused_is_unsupported,), cites=("PROP-12", "FEAT-11", "FEAT-3", "MODE-2"),
)  # fmt: skip
def osi_flag_keeps_its_word(m: Any, s: Any, t: Any, h: Any, g: Any, step: Step) -> Any:
    """Once PSCI_SET_SUSPEND_MODE returned NOT_SUPPORTED, the flags of CPU_SUSPEND do not promise OS-initiated mode."""
    asked = step.call.psci_func_id.is_in(0x8400_0001, 0xC400_0001)
    return implies(h.refused & asked & ~RESULT.bit(63), ~RESULT.bit(0))


@safety("NO-CLAIM", "no-claim-beyond-the-version", about=("PSCI_FEATURES",), cites=("FEAT-2", "RET-5", "RET-6"))
def no_claim_beyond_the_version(m: Any, s: Any, t: Any, h: Any, g: Any, step: Step) -> Any:
    """PSCI_FEATURES reports no function that the version does not define."""
    reports = ~RESULT.bit(63)
    defined = disjunction(
        step.call.psci_func_id == SMCCC_VERSION,
        *(
            (step.call.psci_func_id == fid) & (m.psci_version >= (call.since.number or 0))
            for call in CALLS
            for fid in call.ids()
        ),
    )
    return implies(reports, defined)


# ---- PROP-18

TYPE_SEEN = remembered("PROP-18", "type_seen", of=BOOL, doc="MIGRATE_INFO_TYPE has answered since boot.")
TYPE = remembered("PROP-18", "type", of=U64, doc="What it answered.")
VERSION_SEEN = remembered("PROP-18", "version_seen", of=BOOL, doc="PSCI_VERSION has answered since boot.")
VERSION = remembered("PROP-18", "version", of=U64, doc="What it answered.")
FUNCTION = remembered("PROP-18", "function", of=U32, doc="Some function id, always the same.")
ASKER = remembered("PROP-18", "asker", of=ISA, doc="Some execution state of callers, always the same.")
FLAGS_SEEN = remembered("PROP-18", "flags_seen", of=BOOL, doc="PSCI_FEATURES has answered for these since boot.")
EXPECTED = remembered("PROP-18", "expected", of=U64, doc="What the machine's declarations say of that id.")
FLAGS = remembered("PROP-18", "flags", of=U64, doc="What it answered.")


def _about_watched(h: StateView, step: Step) -> Any:
    return (step.call.psci_func_id == h.function) & (step.call.isa == h.asker)


def _constants(m: MachineTerms, h: StateView, step: Step) -> Effect:
    if step.name == "BOOT":
        return h.but(type_seen=False, version_seen=False, flags_seen=False)
    if step.completion is not Completion.RETURNS:
        return NOTHING
    if step.name == "MIGRATE_INFO_TYPE":
        return h.but(type_seen=TRUE, type=RESULT)
    if step.name == "PSCI_VERSION":
        return h.but(version_seen=TRUE, version=RESULT)
    if step.name == "PSCI_FEATURES":
        here = _about_watched(h, step)
        return h.but(flags_seen=h.flags_seen | here, flags=choose(here, RESULT, h.flags))
    return NOTHING


CONSTANTS = History(
    (TYPE_SEEN, TYPE, VERSION_SEEN, VERSION, FUNCTION, ASKER, EXPECTED, FLAGS_SEEN, FLAGS),
    lambda h: h.but(type_seen=False, version_seen=False, flags_seen=False),
    _constants,
)
DRAFT_FLAGS = (0x8400_0015, 0xC400_0015, 0x8400_0017, 0xC400_0016)
"""Functions whose flags a draft does not define: only whether they are reported is constant."""


@invariant
def expected_is_what_the_machine_declares(m: Any, s: Any, h: Any, step: Step) -> Any:
    """A name for a long term: the answer of PSCI_FEATURES for the watched id and execution state."""
    flags = [implies(h.function == fid, _declared_flags(m, h, call, fid)) for call in CALLS for fid in call.ids()]
    smccc = implies(h.function == SMCCC_VERSION, _present(m, h, m.has(SMCCC_VERSION), h.expected == 0))
    return conjunction(*flags, smccc, implies(~_known(h.function), h.expected == NOT_SUPPORTED))


@invariant
def answers_come_from_the_machine(m: Any, s: Any, h: Any) -> Any:
    """What was answered is what the machine declares."""
    migratable = choose(m.trusted_os == "UP_MIGRATABLE", h.type == 0, h.type == 1)
    kind = choose(uniprocessor(m), migratable, h.type == 2)
    kind = choose(m.has(0x8400_0006), kind, h.type == NOT_SUPPORTED)
    version = choose(m.has(0x8400_0000), h.version == extend(m.psci_version), h.version == NOT_SUPPORTED)
    flags = choose(h.function.is_in(*DRAFT_FLAGS), h.flags.bit(63) == h.expected.bit(63), h.flags == h.expected)
    return implies(h.type_seen, kind) & implies(h.version_seen, version) & implies(h.flags_seen, flags)


def _known(function: Any) -> Any:
    return function.is_in(SMCCC_VERSION, *(fid for call in CALLS for fid in call.ids()))


def _present(m: MachineTerms, h: StateView, there: Term, flags: Term) -> Term:
    answered = m.has(0x8400_000A) & there
    return choose(answered, flags, h.expected == NOT_SUPPORTED)


def _declared_flags(m: MachineTerms, h: StateView, call: Call, fid: int) -> Term:
    there = there_with(m, call, fid)
    if fid == call.fid64:
        there = there & ~((h.asker == "AARCH32") & m.features_hides_smc64)
    flags = h.expected == 0
    if call.name == "CPU_SUSPEND":
        osi = osi_possible(m)
        flags = (h.expected.bit(1) == m.extended_state_id) & (h.expected.bit(0) == osi) & (h.expected < 4)
    if fid in DRAFT_FLAGS:
        flags = ~h.expected.bit(63)
    return _present(m, h, there, flags)


@safety(
    "PROP-18", "constant-answers", about=("MIGRATE_INFO_TYPE", "PSCI_VERSION", "PSCI_FEATURES"), history=CONSTANTS,
    helpers=(answers_come_from_the_machine,),
    given=(expected_is_what_the_machine_declares,),
    cites=("PROP-18", "MIG_TYPE-2", "FEAT-9", "TOS-2", "VERSION-5"),
)  # fmt: skip
def constant_answers(m: Any, s: Any, t: Any, h: Any, g: Any, step: Step) -> Any:
    """MIGRATE_INFO_TYPE, PSCI_VERSION and PSCI_FEATURES answer the same, whenever and wherever they are asked."""
    if step.name == "MIGRATE_INFO_TYPE":
        return implies(h.type_seen, h.type == RESULT)
    if step.name == "PSCI_VERSION":
        return implies(h.version_seen, h.version == RESULT)
    same = choose(h.function.is_in(*DRAFT_FLAGS), RESULT.bit(63) == h.flags.bit(63), h.flags == RESULT)
    return implies(h.flags_seen & _about_watched(h, step), same)
