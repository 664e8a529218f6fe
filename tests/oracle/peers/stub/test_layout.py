"""The shared memory has one description, and nothing in it overlaps."""

from __future__ import annotations

import itertools

import pytest

from psci.oracle.peers.stub import layout


def test_regions_of_the_exchange_area_do_not_overlap() -> None:
    regions = [(0, layout.HEADER_SIZE)]
    regions += [(layout.core_offset(i), layout.CORE_SIZE) for i in range(layout.MAX_CORES + 1)]
    regions += [(layout.steps_offset(i), layout.STEPS_SIZE) for i in range(layout.MAX_CORES)]
    regions += [(layout.log_offset(i), layout.LOG_SIZE) for i in range(layout.MAX_CORES + 1)]
    assert all(a + size <= b for (a, size), (b, _) in itertools.pairwise(sorted(regions)))
    assert max(start + size for start, size in regions) <= layout.EXCHANGE_SIZE


@pytest.mark.parametrize(("prefix", "end"), [("H_", layout.HEADER_SIZE), ("C_", layout.CORE_SIZE)])
def test_fields_are_distinct_and_inside(prefix: str, end: int) -> None:
    fields = [value for name, value in layout.symbols().items() if name.startswith(prefix)]
    assert len(set(fields)) == len(fields)
    assert all(0 <= field < end and field % 4 == 0 for field in fields)


def test_the_exchange_area_follows_from_where_the_image_is() -> None:
    assert layout.exchange_address(0x4008_0000) == 0x4100_0000
    assert layout.exchange_address(0x6008_0000) == 0x6100_0000
    assert layout.exchange_address(0x8_0000) == 0x100_0000


def test_the_image_claims_the_exchange_area() -> None:
    image = 0x4008_0000
    assert image + layout.IMAGE_SIZE == layout.exchange_address(image) + layout.EXCHANGE_SIZE


def test_every_slot_is_another_address() -> None:
    addresses = {layout.slot_address(0x4008_0000, slot) for slot in range(layout.SLOTS)}
    assert len(addresses) == layout.SLOTS == 4096
    assert min(addresses) == 0x4008_1000
    with pytest.raises(ValueError, match="slots 0 to 4095"):
        layout.slot_address(0x4008_0000, 4096)


def test_the_assembler_gets_the_enumerations_by_name() -> None:
    symbols = layout.symbols()
    assert symbols["KIND_RETURN"] == layout.RecordKind.RETURN
    assert symbols["STATUS_IN_SILENT_CALL"] == layout.Status.IN_SILENT_CALL
    assert symbols["GIC_V2"] == layout.Gic.V2
