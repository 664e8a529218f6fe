"""Launchers for programs that were unpacked beside each other: each uses its own loader and libraries."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

_LAUNCHER = """\
#!/bin/sh
{settings}exec "{loader}"{argv0} --library-path "{libraries}" "{program}"{options} "$@"
"""

_KNOWS_NAMES = b"--argv0"


def write_launchers(tree: Path, home: Path, names: Iterable[str]) -> None:
    """Write a launcher for each program of these names in `tree`, which will be moved to `home`."""
    loaders = sorted(tree.glob("lib*/ld-linux*.so.*")) + sorted(tree.glob("lib/*/ld-linux*.so.*"))
    loaders += sorted(tree.glob("usr/lib*/ld-linux*.so.*")) + sorted(tree.glob("usr/lib/*/ld-linux*.so.*"))
    programs = [tree / "usr/bin" / name for name in names if (tree / "usr/bin" / name).exists()]
    if not programs or not loaders:
        return
    (tree / "launch").mkdir()
    libraries = [tree / "lib", tree / "usr/lib", *tree.glob("lib/*-linux-gnu"), *tree.glob("usr/lib/*-linux-gnu")]
    # Some libraries (pulseaudio, blas) keep private folders.
    libraries += sorted({path.parent for path in tree.glob("usr/lib/*-linux-gnu/*/lib*.so.*")})
    loader = _inside(tree, loaders[0])
    for program in programs:
        text = _LAUNCHER.format(
            settings=_settings(tree, home),
            # Loaders of old suites cannot be told a name.
            argv0=f' --argv0 "{program.name}"' if _KNOWS_NAMES in loader.read_bytes() else "",
            loader=_moved(loader, tree, home),
            libraries=":".join(_moved(path, tree, home) for path in libraries if path.is_dir()),
            program=_moved(program.resolve(), tree, home),
            options=f' -L "{home}/usr/share/qemu"' if program.name.startswith("qemu-system") else "",
        )
        launcher = tree / "launch" / program.name
        launcher.write_text(text, encoding="utf-8")
        launcher.chmod(0o755)


def _settings(tree: Path, home: Path) -> str:
    folders = {"QEMU_MODULE_DIR": "usr/lib/*-linux-gnu/qemu", "GVBINDIR": "usr/lib/*-linux-gnu/graphviz"}
    found = {name: next(iter(tree.glob(pattern)), None) for name, pattern in folders.items()}
    return "".join(f'export {name}="{_moved(path, tree, home)}"\n' for name, path in found.items() if path)


def _inside(tree: Path, path: Path) -> Path:
    """The file that a link of a package leads to, in the tree: old packages have links from the root."""
    while path.is_symlink():
        target = path.readlink()
        path = tree / target.relative_to("/") if target.is_absolute() else path.parent / target
    return path.resolve()


def _moved(path: Path, tree: Path, home: Path) -> str:
    return str(home / path.relative_to(tree.resolve()) if path.is_relative_to(tree.resolve()) else path)
