"""The pytest plugin: sequences of PSCI calls, run on a peer and judged, in anybody's tests.

    pytest --psci-peer qemu --psci-peer "exec:./my-psci"

A test that takes the fixture `psci_peer` runs once for each peer that was named, and is skipped where none was:

    def test_a_core_starts_once(psci_peer):
        judged = psci_peer.run([[psci_peer.call(0, "CPU_ON", 1, psci_peer.entry(1), 7)] * 2])
        judged.conforms()
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from psci.oracle.campaign.judging import Judge, Judgement
    from psci.oracle.peers import Peer
    from psci.oracle.peers.program import ArgumentValue, CallStep, EntrySlot, Program, ProgramStep, WakeStep

_OPTION = "--psci-peer"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that names peers."""
    group = parser.getgroup("psci", "PSCI (Arm DEN0022)")
    group.addoption(
        _OPTION, action="append", default=[], metavar="PEER",
        help="an implementation to run the tests on that take `psci_peer`, as in `psci fuzz`; may be repeated",
    )  # fmt: skip


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test that takes a peer once for each that was named."""
    if "psci_peer" in metafunc.fixturenames:
        names = metafunc.config.getoption(_OPTION)
        skipped = pytest.param(None, marks=pytest.mark.skip(reason=f"no peer was named: pytest {_OPTION} PEER"))
        metafunc.parametrize("psci_peer", names or [skipped], indirect=True, scope="session")


@pytest.fixture(scope="session")
def psci_peer(request: pytest.FixtureRequest) -> Iterator[PeerUnderTest]:
    """The implementation that was named with `--psci-peer`."""
    from psci.host.requirements import CannotRun
    from psci.model.errors import InputError

    try:
        peer = PeerUnderTest(request.param)
    except (CannotRun, InputError) as error:
        pytest.fail(str(error), pytrace=False)
    try:
        yield peer
    finally:
        peer.close()


@dataclass(slots=True)
class JudgedRun:
    """What the oracle says of one run."""

    judgement: Judgement

    def conforms(self) -> None:
        """Fail the test, with the findings as text, unless the rules explain everything that was seen.

        Raises:
            AssertionError: an answer, an entry or a silence that no rule of DEN0022 allows.
        """
        __tracebackhide__ = True
        found = [*self.judgement.deviations, *self.judgement.unanswered]
        if found:
            raise AssertionError("\n".join(line for deviation in found for line in deviation.finding.lines()))

    @property
    def verdict(self) -> str:
        """The worst verdict of its events, such as `conforms` or `deviates`."""
        return self.judgement.verdict.value

    @property
    def deviations(self) -> list[str]:
        """What deviates, one short text each."""
        return [str(deviation.key) for deviation in self.judgement.deviations]

    @property
    def events(self) -> tuple[Any, ...]:
        """The trace."""
        return self.judgement.trace


@dataclass(slots=True)
class PeerUnderTest:
    """A peer that runs sequences, and the oracle that judges them."""

    name: str
    _peer: Peer = field(init=False)
    _judges: dict[int, Judge] = field(default_factory=dict)

    def __post_init__(self) -> None:
        from psci.oracle import peers

        self._peer = peers.open_peer(peers.request_for(self.name))

    def call(self, cpu: int, function: str | int, *args: ArgumentValue, turn: int | None = None) -> CallStep:
        """A call of one core; calls of the same turn overlap.

        Args:
            cpu: the index of the calling core.
            function: the name of a function, whose widest id is taken, or a function id.
            args: x1, x2, ...
            turn: when; default: after the step before.
        """
        from psci.model.errors import InputError
        from psci.model.specification import SPECIFICATION
        from psci.oracle.peers.program import CallStep

        if isinstance(function, str):
            call = next((call for call in SPECIFICATION.calls if call.name == function.upper()), None)
            if call is None:
                raise InputError(f"unknown function {function!r}: choose one of `psci rules`")
            function = call.ids()[-1]
        return CallStep(turn=-1 if turn is None else turn, cpu=cpu, fn=function, args=tuple(args))

    def wake(self, target: int, *, by: int | None = 0, turn: int | None = None) -> WakeStep:
        """A wakeup for a core, sent by another one; `by=None`: by the outside, once nothing else happens."""
        from psci.oracle.peers.program import WakeStep

        cpu = target if by is None else by
        return WakeStep(turn=-1 if turn is None else turn, cpu=cpu, target=target, late=by is None)

    def entry(self, slot: int) -> EntrySlot:
        """The address of a piece of code that reports where it was entered; each slot is another address."""
        from psci.oracle.peers.program import EntrySlot

        return EntrySlot(slot)

    def run(self, lives: Sequence[Sequence[ProgramStep]], cpus: int = 4) -> JudgedRun:
        """Run sequences, each on a machine that was just booted, and judge what happened.

        Args:
            lives: the steps of each life of the machine.
            cpus: how many cores it has.

        Raises:
            PeerDied: the implementation crashed, or hung.
        """
        from psci.oracle.peers.program import Program

        return self.judge(Program(cpus=cpus, lives=tuple(tuple(_in_turns(life)) for life in lives)))

    def judge(self, program: Program) -> JudgedRun:
        """Run a whole program and judge what happened; for programs of `psci.oracle.generating.generator`."""
        from psci.oracle.campaign.judging import entries_of

        trace = self._run(program)
        return JudgedRun(self._judge(program.cpus).judge(trace, entries_of(program, trace)))

    def close(self) -> None:
        """End the implementation."""
        self._peer.close()

    def _run(self, program: Program) -> tuple[Any, ...]:
        (trace,) = self._peer.run([program])
        return trace

    def _judge(self, cpus: int) -> Judge:
        if cpus not in self._judges:
            from psci.oracle import peers
            from psci.oracle.campaign.judging import Judge
            from psci.oracle.peers.quirks import amended
            from psci.oracle.profiles.asking import declared_in, inferred, questions

            asked = self._run(questions(cpus))
            family = peers.family(self.name)
            profile = {**inferred(asked), **declared_in(asked), **family.profile()}
            self._judges[cpus] = Judge(amended(family.quirks().of(self._peer.version)), profile=profile)
        return self._judges[cpus]


def _in_turns(life: Sequence[ProgramStep]) -> Iterator[ProgramStep]:
    from dataclasses import replace

    turn = -1
    for step in life:
        turn = turn + 1 if step.turn < 0 else step.turn
        yield replace(step, turn=turn)
