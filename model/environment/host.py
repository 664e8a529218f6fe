"""What a host does to the cores of a caller-visible system beside PSCI (DEN0022 4.4).

User space of a hypervisor can start a vCPU, or stop it, with no call of any core. Where it does, the rules of 6.6 bind
it not, and what is claimed of cores that start by CPU_ON alone is claimed of a host that leaves them alone.
"""

from psci.model.declare import Move
from psci.model.environment.cores import CORE_AT_HAND
from psci.model.language.effects import each
from psci.model.language.rules import when
from psci.model.power.domains import node_after_off, node_after_wakeup

HOST_START = Move("HOST_START", "4.4", silent=False, core=CORE_AT_HAND)
HOST_STOP = Move("HOST_STOP", "4.4", silent=False, core=CORE_AT_HAND)


@HOST_START.happens(cites=("SYS-1", "RET-13"))
def started_by_the_host(m, s, move):
    """The host lets a core run, wherever it likes, whatever the core did before."""
    up = s.system.is_in("RUNNING", "SUSPENDED")
    return when((m.host_power == "AT_WILL") & up).then(
        s.but(
            system="RUNNING",
            power={move.core: "ON"},
            activity={move.core: "RUNNING"},
            default_suspended={move.core: False},
            undescribed={move.core: False},
            node=each(node_after_wakeup(m, s, move.core)),
        )
    )


@HOST_STOP.happens(cites=("SYS-1", "RET-13"))
def stopped_by_the_host(m, s, move):
    """The host takes a core away: it is OFF, as after a CPU_OFF, and the nodes above it follow."""
    return when((m.host_power == "AT_WILL") & (s.system != "DOWN")).then(
        s.but(
            power={move.core: "OFF"},
            activity={move.core: "STOPPED"},
            rested={move.core: True},
            slept={move.core: True},
            default_suspended={move.core: False},
            undescribed={move.core: False},
            node=each(node_after_off(m, s, move.core)),
            dozed=each(lambda node: s.dozed[node] | m.below(move.core, node)),
        )
    )
