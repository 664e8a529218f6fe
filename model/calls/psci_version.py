"""PSCI_VERSION: which version of PSCI is implemented (DEN0022 5.1.1, 5.3)."""

from psci.model.declare import Call
from psci.model.language.rules import Completion, always
from psci.model.tables.versions import V0_2

PSCI_VERSION = Call("PSCI_VERSION", "5.1.1", fid32=0x8400_0000, since=V0_2)


@PSCI_VERSION.succeeds(Completion.RETURNS, cites=("VERSION-1", "VERSION-2", "VERSION-5"))
def version(m, s, call):
    """The major version is in bits [31:16], the minor version in bits [15:0]."""
    return always.returning(m.psci_version)
