"""A call of an imaginary PSCI 1.4 takes one new file and one line of the list of calls."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

from house import ROOT

NEW_FILE = '''"""CPU_BLINK: blink the calling core's lamp (DEN0022 5.1.23)."""

from psci.model.declare import Call
from psci.model.tables.codes import INVALID_PARAMETERS, SUCCESS
from psci.model.language.rules import Completion, always, u32
from psci.model.language.terms import U32, Const
from psci.model.tables.versions import V1_3

CPU_BLINK = Call(
    "CPU_BLINK", "5.1.23", fid32=0x8400_001D, fid64=0xC400_001D, since=V1_3, optional=True, arguments=(u32("times"),)
)


@CPU_BLINK.features(cites=("FEAT-2",))
def flags(m):
    """Bit 2: the lamp is blue."""
    return Const(0b100, U32)


@CPU_BLINK.must_refuse(INVALID_PARAMETERS, cites=("RET-1",))
def too_often(m, s, call):
    """More than three times."""
    return call.times > 3


@CPU_BLINK.succeeds(Completion.RETURNS, SUCCESS, cites=("RET-1",))
def blinked(m, s, call):
    """The lamp blinked."""
    return always
'''
PROGRAM = """
import json
from psci.model.return_codes import table
from psci.model.machine import Machine
from psci.model.step import Invocation, Stepper
from psci.model.tables.versions import V1_2, V1_3

def answers(version, fn, x1, isa="AARCH64", there=True):
    declared = {"has": there, "checks_upper_halves": False, "features_hides_smc64": False}
    stepper = Stepper(Machine(version, (0, 1), declared=declared, unusable=()))
    outcomes = stepper.allowed(stepper.initial(), Invocation(0, fn, x1, isa=isa)).outcomes
    return sorted(outcome.value & 0xFFFFFFFF for outcome in outcomes)

print(json.dumps({
    "features": answers(V1_3, 0x8400000A, 0xC400001D),
    "features absent": answers(V1_3, 0x8400000A, 0xC400001D, there=False),
    "features before": answers(V1_2, 0x8400000A, 0xC400001D),
    "twice": answers(V1_3, 0x8400001D, 2),
    "four times": answers(V1_3, 0x8400001D, 4),
    "absent": answers(V1_3, 0x8400001D, 4, there=False),
    "from AArch32": answers(V1_3, 0xC400001D, 2, isa="AARCH32"),
    "column": sorted(table(V1_3)["CPU_BLINK"]),
    "before": "CPU_BLINK" in table(V1_2),
}))
"""


def test_one_file_and_one_line_make_a_call(tmp_path: Path) -> None:
    package = tmp_path / "psci"
    package.mkdir()
    shutil.copytree(ROOT / "model", package / "model", ignore=shutil.ignore_patterns("__pycache__"))
    (package / "__init__.py").write_text("", encoding="utf-8")
    (package / "model" / "calls" / "cpu_blink.py").write_text(NEW_FILE, encoding="utf-8")
    listing = package / "model" / "calls" / "__init__.py"
    text = listing.read_text(encoding="utf-8")
    text = text.replace("FILES = (\n", 'FILES = (\n    "cpu_blink",\n')
    listing.write_text(text, encoding="utf-8")
    command, paths = [sys.executable, "-c", PROGRAM], {"PYTHONPATH": str(tmp_path)}
    done = subprocess.run(command, cwd=tmp_path, env=paths, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    not_supported, invalid = 0xFFFF_FFFF, 0xFFFF_FFFE
    assert json.loads(done.stdout) == {
        "features": [4],
        "features absent": [not_supported],
        "features before": [not_supported],
        "twice": [0],
        "four times": [invalid],
        "absent": [not_supported],
        "from AArch32": [not_supported],
        "column": ["INVALID_PARAMETERS", "NOT_SUPPORTED", "SUCCESS"],
        "before": False,
    }
