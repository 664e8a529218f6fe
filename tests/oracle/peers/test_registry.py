"""A peer is a folder and one registration, also where the folder is somebody else's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from psci.oracle import peers
from psci.oracle.peers import UnknownPeer, registry

PROJECT = """\
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"

[project]
name = "toy-psci"
version = "1"

[project.entry-points."psci.peers"]
toy = "toy_psci:FAMILY"
"""
MODULE = '''\
"""A peer of somebody else: the reference of version 1.1, under another name."""

from psci.oracle.peers import Family
from psci.oracle.reference.peer import ModelPeer


class Toy(Family):
    name = "toy"
    peers = {"toy": "a toy, which lives outside of the project"}

    def open(self, request, times):
        return ModelPeer(request.psci or "1.1")


FAMILY = Toy()
'''


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the distribution was installed into."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("target")
    (source / "pyproject.toml").write_text(PROJECT, encoding="utf-8")
    (source / "toy_psci.py").write_text(MODULE, encoding="utf-8")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    done = subprocess.run([*command, "--target", str(target), str(source)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return target


def psci(installed: Path, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    command = [sys.executable, "-c", "from psci.cli.main import main; main()", *arguments]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)


def test_a_peer_of_another_distribution_is_listed_and_fuzzed(installed: Path, tmp_path: Path) -> None:
    listed = json.loads(psci(installed, "peers", "--json", cwd=tmp_path).stdout)
    assert {"toy": "a toy, which lives outside of the project"}.items() <= {
        peer["name"]: peer["what"] for peer in listed["peers"]
    }.items()
    done = psci(installed, "fuzz", "toy", "--calls", "60", "--seed", "1", "--json", cwd=tmp_path)
    document = json.loads(done.stdout)
    assert (done.returncode, document["status"], document["deviations"]) == (0, 0, [])
    assert document["calls"] >= 60


def test_a_registration_that_cannot_be_loaded_is_one_line(tmp_path: Path) -> None:
    info = tmp_path / "broken_psci-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: broken-psci\nVersion: 1\n", encoding="utf-8")
    (info / "entry_points.txt").write_text("[psci.peers]\nbroken = nowhere_at_all:FAMILY\n", encoding="utf-8")
    done = psci(tmp_path, "fuzz", "broken", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (
        2,
        "psci: nowhere_at_all:FAMILY, registered as the peer broken, cannot be loaded: "
        "No module named 'nowhere_at_all'\n",
    )


@pytest.mark.parametrize(
    ("files", "complaint"),
    [
        ({"quirks.py": ""}, "has no QUIRKS: make one with psci.oracle.peers.quirks.Quirks"),
        ({"profile.json": "{"}, "is no JSON"),
        ({"profile.json": "[]"}, "is not a JSON object"),
    ],
)
def test_a_package_that_is_not_as_it_should_be_is_one_line(
    files: dict[str, str], complaint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = f"odd_psci_{len(complaint)}"
    (tmp_path / package).mkdir()
    for name, text in {"__init__.py": "", **files}.items():
        (tmp_path / package / name).write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    odd = type("Odd", (type(peers.family("model")),), {"name": "odd", "package": package})()
    with pytest.raises(UnknownPeer, match=complaint) as caught:
        odd.profile(), odd.quirks()
    assert "\n" not in str(caught.value)


def test_our_own_are_registered_in_the_same_way() -> None:
    assert {"kvm", "model", "qemu"} <= set(registry.registered())


def test_what_a_request_cannot_mean_is_refused() -> None:
    def refused(name: str, **options: str) -> str:
        with pytest.raises(UnknownPeer) as refusal:
            peers.request_for(name, **options)
        return str(refusal.value)

    assert refused("kvm:6") == f"unknown peer 'kvm:6': choose one of {', '.join(peers.names())}"
    assert refused("kvm:SERIES").startswith("unknown peer 'kvm:SERIES': choose one of ")
    assert refused("model", kernel="Image") == "model has no --kernel: it is for kvm"
    assert refused("qemu:smc", conduit="hvc") == "--conduit hvc: qemu:smc is called by smc; name qemu instead"
    assert refused("kvm:6.12", conduit="smc") == "--conduit smc: a guest of KVM calls PSCI by hvc"
    assert refused("qemu", conduit="svc") == "unknown conduit 'svc': choose hvc or smc"


def test_a_series_of_kernels_is_a_peer() -> None:
    assert peers.request_for("kvm:6.12").family == "kvm"
