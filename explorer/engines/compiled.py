"""Explicit search in C: shortest ways, diameter, symmetry, every processor."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
from dataclasses import dataclass
from functools import cached_property, partial
from importlib import resources
from pathlib import Path
from typing import Any

from psci.explorer.engines.c_model import CModel
from psci.explorer.engines.cache import cache_folder
from psci.explorer.engines.question import EngineAnswer, Progress, ReachabilityQuestion
from psci.explorer.lowering.concrete import Concrete
from psci.explorer.lowering.formulas import Formulas, Variable
from psci.explorer.lowering.lower import Lowered
from psci.host.children import die_with
from psci.model.errors import InputError

COMPILERS = ("cc", "gcc", "clang")
OPTIONS = ("-std=gnu11", "-march=native", "-pthread", "-w")
FAST = "-O3"


def compiler() -> str | None:
    """The C compiler that there is, or None."""
    chosen = os.environ.get("CC")
    return next((found for name in ([chosen] if chosen else COMPILERS) if name and (found := shutil.which(name))), None)


@dataclass(frozen=True)
class CompiledProgram:
    """A compiled search, and how its states are packed."""

    model: CModel
    path: Path

    @property
    def kept(self) -> Path:
        """Where an interrupted search goes on from."""
        return self.path.with_suffix(".states")


class Compiled:
    """A lowered model as a program."""

    def __init__(self, lowered: Lowered, *, symmetric: bool = False, optimisation: str = FAST) -> None:
        self.lowered = lowered
        self.symmetric = symmetric
        self.options = (*OPTIONS, optimisation)

    @cached_property
    def concrete(self) -> Concrete:
        """The model for single cores."""
        return Concrete(self.lowered)

    def program(self, goal: int = Formulas.FALSE) -> CompiledProgram:
        """The program that searches, built unless it is there already.

        Raises:
            InputError: there is no C compiler, or it fails.
        """
        model = CModel(self.concrete, goal, self.symmetric)
        text = model.text()
        source = (resources.files(__package__) / "search.c").read_text(encoding="utf-8")
        digest = hashlib.sha256("\n".join((*self.options, source, text)).encode()).hexdigest()[:24]
        path = cache_folder() / f"search-{digest}"
        if not path.exists():
            self._build(path, source, text)
        return CompiledProgram(model, path)

    def _build(self, path: Path, source: str, text: str) -> None:
        found = compiler()
        if found is None:
            raise InputError("--engine compiled needs a C compiler (cc, gcc or clang, or CC): there is none here")
        folder = path.with_name(f"{path.name}.{os.getpid()}")
        folder.mkdir(exist_ok=True)
        try:
            (folder / "search.c").write_text(source, encoding="utf-8")
            (folder / "model.h").write_text(text, encoding="utf-8")
            result = subprocess.run(
                [found, *self.options, "-o", "search", "search.c"],
                cwd=folder,
                capture_output=True,
                text=True,
                check=False,
            )
            if result.returncode:
                raise InputError(f"{found} fails: {' '.join(result.stderr.split())[:200]}")
            (folder / "search").rename(path)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def run(
        self, program: CompiledProgram, *, threads: int | None = None, limit: int = 0, levels: bool = False,
        counting: bool = True, resumable: bool = False,
    ) -> dict[str, Any]:  # fmt: skip
        """Run a program; what it printed, with `interrupted` where it was."""
        many = threads or len(os.sched_getaffinity(0))
        kept = str(program.kept) if resumable else "-"
        words = [str(program.path), str(many), str(limit), str(int(levels)), str(int(counting)), kept]
        with subprocess.Popen(
            words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            preexec_fn=partial(die_with, os.getpid()),  # noqa: PLW1509  # nothing but two system calls
        ) as process:  # fmt: skip
            try:
                out, errors = process.communicate()
            except KeyboardInterrupt:
                # the program got the signal too, or gets it now; it saves what it has
                process.send_signal(signal.SIGINT)
                out, errors = process.communicate()
        if process.returncode not in (0, 130):
            raise MemoryError(" ".join(errors.split()) or f"the search ended with {process.returncode}")
        found: dict[str, Any] = json.loads(out)
        found["interrupted"] = process.returncode == 130
        if not found["interrupted"]:
            program.kept.unlink(missing_ok=True)
        return found


@dataclass(frozen=True)
class CompiledSearch:
    """The engine."""

    symmetric: bool = False
    threads: int | None = None
    counting: bool = True
    optimisation: str = FAST
    """How much time the compiler takes for a faster search."""
    name = "compiled"

    def answer(self, question: ReachabilityQuestion, progress: Progress) -> EngineAnswer:
        """Answer a question.

        Raises:
            InputError: there is no C compiler.
        """
        lowered = question.lowered
        # exchanging cores must not change what is looked for
        compiled = Compiled(lowered, symmetric=self.symmetric and question.is_symmetric, optimisation=self.optimisation)
        goal = compiled.concrete.formula(question.goal_formula(), question.spoken_of)
        progress("compiling")
        program = compiled.program(goal)
        progress("searching")
        looking = goal != Formulas.FALSE
        found = compiled.run(
            program, threads=self.threads, limit=question.limit or 0, levels=looking, counting=self.counting,
            resumable=not looking,
        )  # fmt: skip
        steps = None
        if found["found"]:
            steps = question.steps(_concrete_way(compiled, program.model, found["way"]))
        return EngineAnswer(
            "compiled", found.get("states", found["stored"]), found.get("transitions"), found.get("distinct"),
            found["depth"], found["seconds"], found["complete"], steps, found["interrupted"],
            details=(
                ("stored", found["stored"]), ("fired", found["fired"]), ("cpu_seconds", found["cpu_seconds"]),
                ("bytes_of_table", found["bytes_of_table"]), ("bytes_of_levels", found["bytes_of_levels"]),
            ),
        )  # fmt: skip


def _concrete_way(compiled: Compiled, model: CModel, way: list[list[int]]) -> list[dict[Variable, int]]:
    """A way of states that stand for others, as a way of states that follow each other."""
    states = [compiled.concrete.initial()]
    for words in way[1:]:
        following = (step for _, step in compiled.concrete.successors(states[-1]))
        states.append(next(state for state in following if list(model.canonical(state)) == words))
    return states
