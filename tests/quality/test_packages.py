"""What setup.py finds is what the folders hold, and the wheel brings all of it."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from house import MAPPED, ROOT, files, folder, listed, modules

NOT_PACKAGED = ("README.md",)
"""Files that are written for people who look at a folder; a wheel may leave them out."""


def mapped_folders() -> list[Path]:
    return [ROOT / place for place in MAPPED.values()]


def packaged_files() -> dict[str, Path]:
    """Every file that the wheel must hold, by its name in the wheel."""
    names = {package.replace(".", "/"): folder(package) for package in listed()}
    found = {}
    for inside, place in names.items():
        for path in files():
            if path.parent == place:
                found[f"{inside}/{path.name}"] = path
    return found


def test_the_listed_packages_are_the_folders_that_hold_modules() -> None:
    held = {
        path.parent for path in files() if path.suffix == ".py" for home in mapped_folders() if home in path.parents
    }
    assert held == {folder(package) for package in listed()}


def test_every_package_has_an_init() -> None:
    assert [package for package in listed() if not (folder(package) / "__init__.py").is_file()] == []


def test_no_package_is_called_like_a_folder_of_the_root() -> None:
    assert [package for package in listed() if package.split(".")[0] != "psci"] == []


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel, built from a copy: a build takes up the traces that earlier ones left in its folder."""
    home = tmp_path_factory.mktemp("wheel")
    copy = home / "copy"
    for path in files():
        target = copy / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        str(home),
        ".",
    ]
    done = subprocess.run(command, cwd=copy, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (built,) = home.glob("*.whl")
    return zipfile.ZipFile(built)


def test_the_wheel_holds_every_module_and_data_file(wheel: zipfile.ZipFile) -> None:
    brought = {name for name in wheel.namelist() if ".dist-info/" not in name}
    missing = {name for name in packaged_files() if name not in brought and not name.endswith(NOT_PACKAGED)}
    assert missing == set()
    assert brought - set(packaged_files()) == set()


def test_the_wheel_holds_data_files_below_the_packages(wheel: zipfile.ZipFile) -> None:
    below = [path for path in files() if any(home in path.parents for home in mapped_folders())]
    held = set(packaged_files().values())
    assert [str(path.relative_to(ROOT)) for path in below if path not in held] == []


def test_the_wheel_is_typed_and_installs_one_top_level_package(wheel: zipfile.ZipFile) -> None:
    assert "psci/py.typed" in wheel.namelist()
    assert {name.split("/")[0] for name in wheel.namelist() if ".dist-info/" not in name} == {"psci"}


def test_the_wheel_brings_the_license(wheel: zipfile.ZipFile) -> None:
    assert [name for name in wheel.namelist() if name.endswith("/licenses/LICENSE")]


def test_importing_model_at_the_root_says_what_to_write_instead() -> None:
    done = subprocess.run([sys.executable, "-c", "import model"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stderr.splitlines()[-1] == (
        "ImportError: the folder `model` is the package `psci.model`: write `import psci.model`"
    )


def test_every_module_can_be_found_under_its_name() -> None:
    names = [name for name, _ in modules()]
    program = "import importlib.util, sys; print([n for n in sys.argv[1:] if not importlib.util.find_spec(n)])"
    done = subprocess.run([sys.executable, "-c", program, *names], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
