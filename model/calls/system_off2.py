"""SYSTEM_OFF2: power the system off in a way that the type selects; today hibernate (DEN0022 5.1.10, 5.11)."""

from psci.model.calls.going_down import goes_down
from psci.model.declare import Call
from psci.model.language.rules import Completion, always, native, u32
from psci.model.language.terms import U32, Const
from psci.model.tables.codes import INTERNAL_FAILURE, INVALID_PARAMETERS
from psci.model.tables.versions import V1_3_ALPHA, V1_3_BETA, V1_3_F

SYSTEM_OFF2 = Call(
    "SYSTEM_OFF2", "5.1.10", fid32=0x8400_0015, fid64=0xC400_0015, since=V1_3_ALPHA, optional=True,
    presence_cites=("OFF2-1", "OFF2-9"), arguments=(u32("type"), native("cookie")),
)  # fmt: skip

HIBERNATE_OFF_DEFAULT = 0x0
HIBERNATE_OFF = 0x1


@SYSTEM_OFF2.features(cites=("FEAT-2", "REV-12"), until=V1_3_ALPHA)
def flags_of_the_alpha(m):
    """The alpha does not say that the answer is a bitmap."""
    return None


@SYSTEM_OFF2.features(cites=("FEAT-4", "OFF2-10", "OFF2-26"), since=V1_3_BETA)
def flags(m):
    """A bitmap of hibernate types: bit 0 is HIBERNATE_OFF and must be set."""
    return Const(0b1, U32)


@SYSTEM_OFF2.must_refuse(INVALID_PARAMETERS, cites=("OFF2-5", "OFF2-8"), until=V1_3_ALPHA)
def type_unknown_to_the_alpha(m, s, call):
    """In the alpha HIBERNATE_OFF is 0 and there is no other type."""
    return call.type != HIBERNATE_OFF_DEFAULT


@SYSTEM_OFF2.must_refuse(INVALID_PARAMETERS, cites=("OFF2-5", "OFF2-8"), since=V1_3_BETA, until=V1_3_BETA)
def type_unknown_to_the_beta(m, s, call):
    """The beta has one type, and it is not certain which value it has."""
    return call.type != m.beta_hibernate_type


@SYSTEM_OFF2.must_refuse(INVALID_PARAMETERS, cites=("OFF2-2", "OFF2-5", "OFF2-8"), since=V1_3_F)
def type_unknown(m, s, call):
    """The type selects no hibernate type that this version defines."""
    return ~call.type.is_in(HIBERNATE_OFF, HIBERNATE_OFF_DEFAULT)


@SYSTEM_OFF2.may_refuse(INVALID_PARAMETERS, cites=("OFF2-4",), since=V1_3_F, until=V1_3_F)
def default_type_reserved(m, s, call):
    """Issue F reserves type 0 and allows it to be refused; F.b takes it as HIBERNATE_OFF."""
    return call.type == HIBERNATE_OFF_DEFAULT


@SYSTEM_OFF2.may_refuse(INVALID_PARAMETERS, cites=("OFF2-6", "OFF2-8"), until=V1_3_BETA)
def cookie_set_in_a_draft(m, s, call):
    """Whether the drafts check the cookie is not certain."""
    return call.cookie != 0


@SYSTEM_OFF2.must_refuse(INVALID_PARAMETERS, cites=("OFF2-6", "OFF2-8"), since=V1_3_F)
def cookie_set(m, s, call):
    """The cookie is reserved and must be zero."""
    return call.cookie != 0


@SYSTEM_OFF2.may_refuse(INTERNAL_FAILURE, cites=("OFF2-7", "OFF2-11"))
def impossible_now(m, s, call):
    """The platform cannot do it now, and says so; no fact has a code for that."""
    return m.cannot_now == "MAY_BE_TOLD"


@SYSTEM_OFF2.succeeds(
    Completion.NEVER, cites=("OFF2-3", "OFF2-4", "OFF2-7", "OFF2-11", "OFF2-13", "OFF2-14", "SYS-4", "OFF2-19")
)
def hibernate(m, s, call):
    """Power is removed from the caller-visible system, and what the next boot needs is kept."""
    return always.then(goes_down(m, s, call, "HIBERNATE"))
