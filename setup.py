"""The packages: each folder of the house is one inside `psci`, and so is every folder in it that holds modules.

They are found, not listed, so that a new room cannot be missing from the wheel. What else there is to say about the
distribution stands in pyproject.toml.
"""

from setuptools import find_packages, setup

FOLDERS = ("model", "properties", "explorer", "proofs", "oracle", "host", "graphs", "front", "cli")


def packages() -> list[str]:
    """The name of every package."""
    return ["psci", *(name for folder in FOLDERS for name in (f"psci.{folder}", *_inside(folder)))]


def package_dir() -> dict[str, str]:
    """The folder of each package that does not lie below its parent's folder."""
    return {"psci": "src/psci", **{f"psci.{folder}": folder for folder in FOLDERS}}


def _inside(folder: str) -> list[str]:
    return [f"psci.{folder}.{name}" for name in sorted(find_packages(folder))]


if __name__ == "__main__":
    setup(packages=packages(), package_dir=package_dir())
