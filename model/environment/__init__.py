"""The moves that no call makes: silent ones that may happen unseen, and ones that a trace witnesses."""

from psci.model.declare import Move
from psci.model.environment.cores import ENTER, SIGNAL, START, WAKEUP
from psci.model.environment.host import HOST_START, HOST_STOP
from psci.model.environment.nodes import LOOK, REEVALUATE
from psci.model.environment.system import BOOT, GO_DOWN, LOSE_POWER, STOP

MOVES: tuple[Move, ...] = (
    START,
    WAKEUP,
    STOP,
    REEVALUATE,
    ENTER,
    SIGNAL,
    GO_DOWN,
    LOSE_POWER,
    BOOT,
    LOOK,
    HOST_START,
    HOST_STOP,
)

__all__ = [
    "BOOT", "ENTER", "GO_DOWN", "HOST_START", "HOST_STOP", "LOOK", "LOSE_POWER", "MOVES", "REEVALUATE", "SIGNAL",
    "START", "STOP", "WAKEUP",
]  # fmt: skip
