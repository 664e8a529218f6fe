"""The stub is built once per content of its sources, or a clear line says why not."""

from __future__ import annotations

import stat
import struct
from pathlib import Path

import pytest

from psci.host.packages import Packages
from psci.host.requirements import Missing
from psci.oracle.peers.peer import PeerError
from psci.oracle.peers.stub import build, layout


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    try:
        return build.image(Packages().find, cache=tmp_path_factory.mktemp("cache")).read_bytes()
    except Missing as missing:
        pytest.skip(str(missing))


def program(path: Path, text: str) -> Path:
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def test_the_image_has_an_arm64_header_that_tells_its_size(image: bytes) -> None:
    text_offset, image_size, flags = struct.unpack_from("<3Q", image, 8)
    assert (text_offset, image_size, flags & 1) == (layout.TEXT_OFFSET, layout.IMAGE_SIZE, 0)
    assert image[56:60] == b"ARM\x64"
    assert len(image) < 0x10_0000


def test_every_entry_slot_is_a_branch_with_link_to_the_same_place(image: bytes) -> None:
    words = struct.unpack_from(f"<{layout.SLOTS}I", image, layout.SLOTS_OFFSET)
    targets = {4 * (slot + (word & 0x3FF_FFFF)) for slot, word in enumerate(words)}
    assert {word >> 26 for word in words} == {0b100101}
    assert len(targets) == 1


def test_a_switch_changes_only_the_config_word(image: bytes) -> None:
    switched = build.configured(image, layout.Config.MMU)
    assert [i for i, (a, b) in enumerate(zip(image, switched, strict=True)) if a != b] == [layout.CONFIG_OFFSET]


def test_the_second_build_is_the_first_ones_file(image: bytes, tmp_path: Path) -> None:
    first = build.image(Packages().find, cache=tmp_path)
    before = first.stat()
    assert build.image(Packages().find, cache=tmp_path) == first
    assert first.stat().st_mtime_ns == before.st_mtime_ns
    assert [path.name for path in tmp_path.iterdir()] == [first.name]
    assert first.read_bytes() == image


def test_a_missing_assembler_is_one_line_with_a_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Missing, match=r"^aarch64-linux-gnu-as is not on this machine: run `psci peers install`"):
        build.image(cache=tmp_path / "cache")
    assert build.requirement(cache=tmp_path / "cache").found is None


def test_a_failing_assembler_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = program(tmp_path / "tool", "echo 'bad instruction' >&2; exit 1\n")
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(PeerError, match="tool failed with status 1: bad instruction"):
        build.image(lambda name: tool, cache=tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_cache_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(PeerError, match="the stub cannot be built in"):
        build.image(lambda name: Path("/bin/true"), cache=tmp_path / "file" / "cache")
