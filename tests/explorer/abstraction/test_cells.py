"""The data abstraction follows from the rules: one invocation for each cell that they distinguish."""

from __future__ import annotations

from psci.explorer.abstraction.cells import Cells
from psci.explorer.abstraction.machines import small
from psci.explorer.abstraction.registers import PLAIN, Abstraction
from psci.model.calls.cpu_on import CPU_ON
from psci.model.calls.cpu_suspend import CPU_SUSPEND
from psci.model.calls.system_off2 import SYSTEM_OFF2
from psci.model.declare import Call
from psci.model.language.rules import Completion, native, u32
from psci.model.specification import SPECIFICATION, specification_of
from psci.model.step import Invocation
from psci.model.tables.codes import DENIED, SUCCESS

WIDE, NARROW = 0xC400_0003, 0x8400_0003


def registers(call: Call, abstraction: Abstraction = PLAIN) -> list[tuple[int, int, int]]:
    cells = Cells(small(2), SPECIFICATION, abstraction).of(call, 0)
    return [(cell.x1, cell.x2, cell.x3) for cell in cells]


def test_cpu_on_names_each_core_and_none_with_a_usable_and_an_unusable_entry_in_both_widths() -> None:
    assert Cells(small(2), SPECIFICATION, PLAIN).of(CPU_ON, 0) == (
        Invocation(0, WIDE, 0x0, 0x4000_0000, 0x11),
        Invocation(0, WIDE, 0x0, 0xF000_0000, 0x11),
        Invocation(0, WIDE, 0x1, 0x4000_0000, 0x11),
        Invocation(0, WIDE, 0x1, 0xF000_0000, 0x11),
        Invocation(0, WIDE, 0xFF_FFFF, 0x4000_0000, 0x11),
        Invocation(0, WIDE, 0xFF_FFFF, 0xF000_0000, 0x11),
        Invocation(0, NARROW, 0x0, 0x4000_0000, 0x11),
        Invocation(0, NARROW, 0x1, 0x4000_0000, 0x11),
    )


def test_more_tokens_are_more_cells() -> None:
    one = registers(CPU_ON)
    two = registers(CPU_ON, Abstraction(entry_points=2, contexts=2))
    assert set(one) < set(two)
    assert {(x2, x3) for x1, x2, x3 in two if x1 == 1 and x2 < 0xF000_0000} == {
        (entry, context) for entry in (0x4000_0000, 0x4001_0000) for context in (0x11, 0x22)
    }


def test_power_states_are_the_declared_ones_an_undeclared_and_a_malformed_one() -> None:
    words = {x1 for x1, _, _ in registers(CPU_SUSPEND)}
    assert words >= {0x0000_0000, 0x0001_0000, 0x0101_0000}
    others = words - {0x0000_0000, 0x0001_0000, 0x0101_0000}
    malformed = {word for word in others if word & 0xFCFE_0000}
    assert malformed
    assert others - malformed


def test_a_type_and_a_cookie_have_a_cell_for_each_value_that_is_treated_alike() -> None:
    # types 0 and 1 are both HIBERNATE_OFF in F.b; the cookie is zero or not
    assert registers(SYSTEM_OFF2) == [(0, 0, 0), (0, 1, 0), (2, 0, 0), (2, 1, 0)]


def test_a_call_that_nobody_has_written_yet_gets_its_cells_from_its_rules() -> None:
    imagined = Call("IMAGINED", "5.9.9", fid32=0x8400_00F0, fid64=0xC400_00F0, arguments=(u32("level"), native("word")))

    @imagined.must_refuse(DENIED, cites=("RET-1",))
    def too_high(m, s, call):
        """The level is above 5."""
        return call.level > 5

    @imagined.succeeds(Completion.RETURNS, SUCCESS, cites=("RET-1",))
    def fine(m, s, call):
        """Bit 7 of the word is set."""
        return call.word.bit(7)

    specification = specification_of((*SPECIFICATION.calls, imagined), SPECIFICATION.moves)
    cells = Cells(small(1), specification, PLAIN).of(imagined, 0)
    seen = {(cell.x1 > 5, bool(cell.x2 & 0x80)) for cell in cells}
    assert seen == {(False, False), (False, True), (True, False)}
    assert len(cells) == 3
