"""`psci check`, `psci diff`, `psci rules` and `psci readings`: what they print, their documents, their statuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from psci.cli import main
from psci.explorer.amendments import read_amendments
from psci.model.symbols.readings import READINGS
from psci.model.tables.codes import ALREADY_ON, DENIED
from psci.model.tables.versions import V0_2, V1_1, V1_2, V1_3, V1_3_ALPHA

SCHEMAS = Path(main.__file__).with_name("schemas")
ALONE = ("--jobs", "1")
AMENDMENT = """
from psci.explorer.amendments import amend, remove
from psci.model.calls.cpu_off import CPU_OFF
from psci.model.tables.codes import ALREADY_ON

off = amend(CPU_OFF)


@off.must_refuse(ALREADY_ON, cites=("CPU_OFF-3",))
def trusted_os_resident(m, s, call):
    "A uniprocessor Trusted OS is resident on the calling core."
    return m.up_trusted_os()


remove("CPU_ON.on_pending")
"""


def valid(text: str, schema: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(text)
    jsonschema.validate(document, json.loads((SCHEMAS / schema).read_text(encoding="utf-8")))
    return document


@pytest.fixture
def amendment(tmp_path: Path) -> Path:
    path = tmp_path / "mine.py"
    path.write_text(AMENDMENT, encoding="utf-8")
    return path


def test_the_prototypes_that_differ_from_the_text_of_1_3(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["check", "prototype", "--json", *ALONE]) == 1
    document = valid(capsys.readouterr().out, "check.json")
    assert {finding["id"] for finding in document["findings"]} >= {
        "prototype.SYSTEM_SUSPEND.ALREADY_ON.never",
        "prototype.SYSTEM_SUSPEND.DENIED.unlisted",
        "prototype.SYSTEM_SUSPEND.SUCCESS.unlisted",
        "prototype.AARCH32.NOT_SUPPORTED.unlisted",
    }


def test_one_finding_in_full_is_ready_to_be_mailed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["check", "prototype.SYSTEM_SUSPEND.SUCCESS.unlisted", *ALONE]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[:3] == [
        "prototype.SYSTEM_SUSPEND.SUCCESS.unlisted",
        "",
        "SYSTEM_SUSPEND: the text yields SUCCESS, and the prototype does not list it",
    ]
    assert "From boot:" in lines
    assert max(map(len, lines)) <= 80


def test_an_unknown_id_says_what_is_near(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["check", "prototype.SYSTEM_SUSPEND.SUCCES", *ALONE]) == 2
    assert "did you mean prototype.SYSTEM_SUSPEND.SUCCESS.unlisted" in capsys.readouterr().err


def test_an_unknown_kind_lists_the_kinds(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["check", "gaps"]) == 2
    assert "the kinds are gap, conflict, order" in capsys.readouterr().err


@pytest.mark.parametrize("suffix", [".html", ".md"])
def test_a_report_has_the_run_and_the_rules(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"report{suffix}"
    assert main.run(["check", "reading.suspend-return", "--report", str(path), *ALONE]) == 0
    text = path.read_text(encoding="utf-8")
    assert "reading.suspend-return.never" in text
    assert "SYSTEM_SUSPEND(entry_point_address=0x40000000, context_id=0x11)" in text
    assert "A wakeup is pending" in text
    assert ("<svg" in text) is (suffix == ".html")


def test_a_report_of_another_format_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["check", "prototype", "--report", "report.pdf"]) == 2
    assert capsys.readouterr().err == "psci: --report report.pdf: the name ends in .html or .md\n"


# ---- amendments


def test_an_amended_code_is_a_finding(amendment: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["check", "prototype.CPU_OFF.ALREADY_ON.unlisted", "--amend", str(amendment), *ALONE]) == 1
    assert "the prototype does not list it" in capsys.readouterr().out.replace("\n", " ")


def test_the_difference_that_an_amendment_makes(amendment: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["diff", "--amend", str(amendment), "--json"]) == 0
    classes = valid(capsys.readouterr().out, "diff.json")["classes"]
    found = [(one["subject"], one["only_first"], one["only_second"]) for one in classes]
    assert ("CPU_ON", ["ON_PENDING"], ["no rule answers"]) in found
    assert ("CPU_OFF", ["DENIED"], ["ALREADY_ON"]) in found


def wrong(body: str, more: str = "cites=()", code: str = "DENIED") -> str:
    """An amendment with a rule of this body, whose decorator stands in line 6."""
    return (
        "from psci.explorer.amendments import amend\n"
        "from psci.model.calls.cpu_on import CPU_ON\n"
        "from psci.model.language.rules import when\n"
        "from psci.model.tables.codes import DENIED; from psci.model.tables.versions import V1_2\n"
        "on = amend(CPU_ON)\n"
        f"@on.must_refuse({code}, {more})\n"
        "def mine(m, s, call):\n"
        "    'Mine.'\n"
        f"    {body}\n"
    )


WRONG = {
    "x = = 1": "mine.py:1: invalid syntax",
    "from psci.explorer.amendments import remove\nremove('CPU_ON.on_pendin')": "mine.py:2: no rule 'CPU_ON.on_pendin'",
    "from psci.model.calls.cpu_on import CPU_OM": "mine.py:1: ImportError: cannot import name 'CPU_OM'",
    "x = 1": "mine.py: the file changes nothing",
    "import sys\nsys.exit()": "mine.py:2: the file ends the program",
    "from psci.explorer.amendments import amend\namend('CPU_ON')": "mine.py:2: amend takes a call that there is",
    wrong("return call.target_cpu"): "mine.py:6: expected Bool, got u64: target_cpu",
    wrong("return s.powr[call.caller] == 'ON'"): "no attribute 'powr': did you mean power",
    wrong("return when(True).then(s.but(powr='ON'))"): "mine.py:9: there is no field 'powr'; there are system",
    wrong("return True", "cites=('CPU_ON-99',)"): "mine.py:6: CPU_ON.mine cites CPU_ON-99, and there is no such fact",
    wrong("return True", "cites='MINE-1'"): "mine.py:6: CPU_ON.mine: cites is a tuple of facts: cites=('MINE-1',)",
    wrong("return True", "cites=(), since='1.3'"): "mine.py:6: CPU_ON.mine: from 1.3 until 1.3 are no versions",
    wrong("return True", "cites=()", "-3"): "mine.py:6: CPU_ON.mine: -3 is no return code",
    "from psci.explorer.amendments import amend\n"
    "from psci.model.calls.cpu_on import CPU_ON\n"
    "from psci.model.tables.codes import DENIED\n"
    "on = amend(CPU_ON)\n"
    "@on.must_refuse(DENIED, cites=())\n"
    "def mine(m, s, call):\n"
    "    'Mine.'\n"
    "    return call.target == 0\n": "mine.py:8: the call has no argument 'target'",
}


@pytest.mark.parametrize("text", WRONG)
def test_an_error_in_an_amendment_is_one_line_with_its_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    path = tmp_path / "mine.py"
    path.write_text(text, encoding="utf-8")
    assert main.run(["check", "prototype", "--amend", str(path)]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert WRONG[text] in error


def test_a_missing_amendment_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["explore", "--amend", "nowhere.py"]) == 2
    assert capsys.readouterr().err.startswith("psci: nowhere.py: no such file")


def test_a_changed_rule_stays_as_it_was_in_versions_that_are_not_named(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(wrong("return True", "cites=('MINE-1',), since=V1_2, until=V1_2, name='already_on'"), "utf-8")
    amended = read_amendments(path)
    found = [(r.since, r.until, r.code) for r in amended.rules["CPU_ON"] if r.name == "CPU_ON.already_on"]
    assert found == [(V0_2, V1_1, ALREADY_ON), (V1_2, V1_2, DENIED), (V1_3_ALPHA, V1_3, ALREADY_ON)]


def test_what_psci_features_answers_can_be_amended(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "mine.py"
    path.write_text(
        "from psci.explorer.amendments import amend\n"
        "from psci.model.calls.system_off2 import SYSTEM_OFF2\n"
        "@amend(SYSTEM_OFF2).features(cites=('FEAT-5',))\n"
        "def flags(m):\n    return 0\n",
        encoding="utf-8",
    )
    assert main.run(["check", "conflict.OFF2-10", "--amend", str(path), *ALONE]) == 1
    assert "PSCI_FEATURES(psci_func_id=0x84000015) -> 0" in capsys.readouterr().out.replace("\n", " ")


def test_one_dead_rule_is_shown_by_its_id(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "mine.py"
    path.write_text(wrong("return True", "cites=('CPU_ON-4',)"), encoding="utf-8")
    assert main.run(["check", "dead.CPU_ON.accepted", "--amend", str(path), *ALONE]) == 1
    assert "no reachable state uses the rule" in capsys.readouterr().out


# ---- differences


def test_what_1_3_adds_is_what_its_change_list_says(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["diff", "1.2", "1.3", "--json"]) == 0
    document = valid(capsys.readouterr().out, "diff.json")
    assert {one["subject"] for one in document["classes"]} == {"PSCI_VERSION", "PSCI_FEATURES", "SYSTEM_OFF2"}
    assert document["unseen"] == []
    assert all(one["listed"] for one in document["classes"])


def test_what_became_of_the_alpha(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["diff", "1.3-alpha", "1.3", "--json"]) == 0
    classes = valid(capsys.readouterr().out, "diff.json")["classes"]
    off2 = [(one["only_first"], one["only_second"]) for one in classes if one["subject"] == "SYSTEM_OFF2"]
    # type 1 is unknown to the alpha, and the alpha may take a cookie
    assert (["INVALID_PARAMETERS"], ["does not return"]) in off2
    assert (["does not return"], []) in off2


def test_a_rule_that_is_gone_leaves_a_call_without_an_answer(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "mine.py"
    path.write_text("from psci.explorer.amendments import remove\nremove('MEM_PROTECT.switched')\n", "utf-8")
    assert main.run(["diff", "--amend", str(path), "--json"]) == 0
    (only,) = valid(capsys.readouterr().out, "diff.json")["classes"]
    assert (only["subject"], only["only_first"], only["only_second"]) == ("MEM_PROTECT", ["0"], ["no rule answers"])
    assert only["consequences"] == ["By mine.py no rule says how MEM_PROTECT ends here."]


def test_two_options_of_a_reading(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["diff", "--reading", "frozen-core=resumes", "frozen-core=already-on", "--json"]) == 0
    classes = valid(capsys.readouterr().out, "diff.json")["classes"]
    assert ("CPU_ON", 5) in [(one["subject"], len(one["steps"])) for one in classes]


def test_a_comparison_needs_two_sides(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["diff", "1.2"]) == 2
    assert capsys.readouterr().err.startswith("psci: give two versions (psci diff 1.2 1.3)")


# ---- rules and readings


@pytest.mark.parametrize("asked", [[], ["6.6"], ["CPU_ON"], ["CPU_ON.accepted"], ["DENIED"], ["frozen-core"]])
def test_rules_fit_80_columns(capsys: pytest.CaptureFixture[str], asked: list[str]) -> None:
    assert main.run(["rules", *asked]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if len(line) > 80 and " " in line.strip()] == []


def test_a_section_lists_the_rules_that_rest_on_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["rules", "6.6", "--json"]) == 0
    names = {rule["name"] for rule in json.loads(capsys.readouterr().out)["rules"]}
    assert {"CPU_ON.already_on", "CPU_ON.on_pending", "START.initialised"} <= names
    assert "SYSTEM_OFF2.hibernate" not in names


def test_a_reading_lists_the_rules_that_it_decides(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["rules", "suspend-return", "--json"]) == 0
    names = [rule["name"] for rule in json.loads(capsys.readouterr().out)["rules"]]
    assert names == ["SYSTEM_SUSPEND.early_return"]


def test_the_readings_keep_to_their_schema(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["readings", "--json"]) == 0
    readings = valid(capsys.readouterr().out, "readings.json")["readings"]
    assert [reading["name"] for reading in readings] == list(READINGS)


def test_an_unknown_reading_says_what_is_near(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["readings", "frozen"]) == 2
    assert capsys.readouterr().err.startswith("psci: no reading 'frozen': did you mean frozen-")
