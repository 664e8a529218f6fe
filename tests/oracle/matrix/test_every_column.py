"""Every implementation that the suites hold runs here for a moment, and is judged by what it answers."""

from __future__ import annotations

import pytest

from psci.host.requirements import CannotRun, Missing
from psci.model.events import CallEvent, ReturnEvent
from psci.oracle import peers
from psci.oracle.campaign.judging import Judge
from psci.oracle.checker.report import Verdict
from psci.oracle.matrix.columns import request_of
from psci.oracle.peers.quirks import amended
from psci.oracle.profiles.asking import inferred, questions


@pytest.mark.peer
@pytest.mark.parametrize("family", ["kvm", "qemu", "tfa", "xen"])
def test_each_column_answers_and_nothing_new_is_seen(family: str) -> None:
    missing: list[str] = []
    try:
        labels = peers.family(family).offered()
    except Missing as error:
        pytest.skip(f"REAL PEER NOT TESTED: {family}: {error}")
    for label in labels:
        request = request_of(label)
        try:
            peer = peers.open_peer(request)
        except CannotRun as error:
            missing.append(f"{label}: {error}")
            continue
        try:
            (trace,) = peer.run([questions(2, request.psci)])
        finally:
            peer.close()
        asked = sum(isinstance(event, CallEvent) for event in trace)
        assert asked > 15 and sum(isinstance(event, ReturnEvent) for event in trace) == asked, label
        quirks = peers.family(family).quirks().of(peer.version)
        judgement = Judge(amended(quirks), psci=request.psci, profile=inferred(trace)).judge(trace)
        # The QEMU of the oldest suite answers what it does not know with an undefined instruction.
        if label.partition("+")[0] != "qemu:5.2":
            assert judgement.verdict is Verdict.CONFORMS, (label, judgement.report.findings[:1])
    if missing:
        pytest.skip(f"REAL PEER NOT TESTED: {len(missing)} of {len(labels)}: {'; '.join(missing)}")
