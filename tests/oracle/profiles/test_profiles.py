"""Profiles are checked data: what is shipped is good, what contradicts itself is refused with one line."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner

from psci.cli.implementations.profile import command
from psci.model.errors import InputError
from psci.model.events import CallEvent, MachineEvent, ReturnEvent
from psci.oracle import check, profiles
from psci.oracle.peers.program import CallStep
from psci.oracle.profiles import inference
from psci.oracle.profiles.declaration import machine_from

COMPOSITES = ("001", "002", "003", "022", "023", "033", "222", "223", "233", "333")
MOBILE = profiles.named("mobile")


def one_state(**fields: Any) -> dict[str, Any]:
    return {"states": [{"power_state": "0x1", "core": "standby", "levels": {}, "last_in_level": 0, **fields}]}


def test_six_profiles_are_shipped_and_all_are_good() -> None:
    found = {name: profiles.check(profiles.named(name)) for name in profiles.shipped()}
    assert {name: (m.version.name, len(m.cores), len(m.tree.names)) for name, m in found.items()} == {
        "minimal": ("0.2", 4, 1), "mobile": ("1.1", 4, 3), "server": ("1.3", 8, 5), "kvm-guest": ("1.3", 4, 1),
        "xen-guest": ("1.1", 4, 1), "tfa-board": ("1.1", 4, 2),
    }  # fmt: skip


def test_the_mobile_profile_has_the_ten_composites_at_every_level_of_the_last_core() -> None:
    words = [int(state["power_state"], 0) for state in MOBILE["states"]]
    assert {f"{word & 0xFFF:03x}" for word in words} == set(COMPOSITES)
    assert sorted(word >> 12 & 0xF for word in words if word & 0xFFF == 0x003) == [0, 1, 2]
    assert [word >> 12 & 0xF for word in words if word & 0xFFF == 0x333] == [2]


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        pytest.param({"psci": "1.4"}, "unknown PSCI version '1.4'", id="unknown version"),
        pytest.param({"colour": 1}, "profile: there is no field 'colour'", id="unknown field"),
        pytest.param({"power_state_format": "big"}, "power_state_format: one of original, extended", id="format"),
        pytest.param({"states": ["1"]}, "states[0]: cannot be '1'", id="not hexadecimal"),
        pytest.param({"cores": []}, "cores: ", id="no cores"),
        pytest.param({"topology": {"clusters": [["0x0", "0x1"], ["0x1", "0x100", "0x101"]]}},
                     "topology: core 0x1 is in cluster0 and in cluster1", id="a core in two clusters"),
        pytest.param({"topology": {"clusters": [["0x0", "0x1"], ["0x100"]]}},
                     "topology: core 0x101 is in no cluster", id="homeless"),
        pytest.param({"topology": {"clusters": [2, 3]}}, "topology: the clusters have 5 cores", id="sizes"),
        pytest.param({"functions": {"CPU_ON": False}},
                     "functions: CPU_ON is mandatory in version 1.1 (RET-6)", id="RET-6"),
        pytest.param({"functions": {"SYSTEM_OFF2": True}},
                     "functions: SYSTEM_OFF2 is not a function of version 1.1", id="newer"),
        pytest.param({"functions": {"CPU_SLEEP": True}},
                     "functions: there is no function 'CPU_SLEEP'", id="no function"),
        pytest.param({"functions": {"PSCI_STAT_COUNT": True, "PSCI_STAT_RESIDENCY": False}},
                     "functions: PSCI_STAT_RESIDENCY and PSCI_STAT_COUNT: both or neither (RET-7)", id="RET-7"),
        pytest.param({"functions": {"MEM_PROTECT": True, "MEM_PROTECT_CHECK_RANGE": False}},
                     "functions: MEM_PROTECT and MEM_PROTECT_CHECK_RANGE: both or neither (RET-8)", id="RET-8"),
        pytest.param({"functions": {"MIGRATE": True, "MIGRATE_INFO_UP_CPU": False}},
                     "functions: MIGRATE needs MIGRATE_INFO_UP_CPU (RET-9)", id="RET-9"),
        pytest.param({"functions": {"MIGRATE_INFO_TYPE": False}},
                     "trusted_os: up_migratable needs MIGRATE_INFO_TYPE", id="RET-10"),
        pytest.param({"functions": {"PSCI_SET_SUSPEND_MODE": False}},
                     "os_initiated: it needs PSCI_SET_SUSPEND_MODE (FEAT-11)", id="FEAT-11"),
        pytest.param({"psci": "0.2", "functions": {}},
                     "power_state_format: version 0.2 has the original format only", id="PSTATE-4"),
        pytest.param({"states": [{"power_state": "0x1", "core": "standby"}]},
                     "states[0].last_in_level: in OS-initiated mode every power_state tells it", id="PSTATE-7"),
        pytest.param(one_state(levels={"3": "run"}), "states[0].levels: no power domain is at level 3", id="no level"),
        pytest.param(one_state(last_in_level=3),
                     "states[0].last_in_level: no power domain is at level 3", id="no such last"),
        pytest.param(one_state(power_state="0x80000001"),
                     "states[0].power_state: 0x80000001 has reserved bits", id="PSTATE-10"),
        pytest.param(one_state(power_state="0x40000001"),
                     "states[0].power_state: StateType of 0x40000001", id="PSTATE-5"),
        pytest.param(one_state(levels={"1": "retention"}, last_in_level=1),
                     "states[0].levels: level 1 in retention is deeper", id="PD-5"),
        pytest.param({"states": ["0x1", "0x1"], "os_initiated": False},
                     "states[1]: 0x1 is the same power_state", id="PSTATE-6"),
        pytest.param({"unusable": [["0x2", "0x1"]]}, "unusable[0]: 0x2 is above 0x1", id="range"),
        pytest.param({"trusted_os_home": "0x7"}, "trusted_os_home: 0x7 is not one of the cores", id="home"),
        pytest.param({"policy_denies": ["0x7"]}, "policy_denies: 0x7 is not one of the cores", id="policy"),
        pytest.param({"reading": {"mood": "good"}}, "reading: unknown 'mood'", id="reading"),
        pytest.param({"reading": {"vendor-bit": "good"}},
                     "reading: vendor-bit is one of selector, reserved", id="option"),
        pytest.param({"boot_core": "0x9"}, "boot_core: 0x9 is not one of cores", id="boot core"),
    ],
)  # fmt: skip
def test_a_contradiction_is_refused_with_the_field(fields: dict[str, Any], line: str) -> None:
    with pytest.raises(InputError) as refused:
        profiles.check({**MOBILE, **fields})
    assert str(refused.value).startswith(line)
    assert "\n" not in str(refused.value)


def test_a_trace_may_name_a_shipped_profile() -> None:
    first = MachineEvent(psci="1.1", cpus=(0, 1, 0x100, 0x101), profile="mobile")
    machine = machine_from(first)
    assert (machine.tree.names, machine.value("osi_supported", ())) == (("system", "cluster0", "cluster1"), True)
    with pytest.raises(InputError, match="unknown 'phone': choose one of kvm-guest, minimal"):
        machine_from(MachineEvent(psci="1.1", cpus=(0,), profile="phone"))


def test_a_named_profile_judges() -> None:
    first = MachineEvent(psci="1.1", cpus=(0, 1, 0x100, 0x101), profile="mobile")
    suspend = [first, CallEvent(cpu=0, fn=0x8400_0001, args=(0x4000_0999, 0x4000_0000, 0)), ReturnEvent(cpu=0, x0=0)]
    assert len(check(suspend).findings) == 1


def test_a_profile_is_inferred_from_answers() -> None:
    answers = {
        (inference.PSCI_VERSION, 0, 0): 0x1_0001,
        (inference.PSCI_FEATURES, inference.PSCI_FEATURES, 0): 0,
        (inference.PSCI_FEATURES, inference.CPU_SUSPEND, 0): 0b11,
        (inference.PSCI_FEATURES, 0x8400_000F, 0): 0,
        (inference.MIGRATE_INFO_TYPE, 0, 0): 0xFFFF_FFFF,
        (inference.AFFINITY_INFO, 0, 1): 0,
        (inference.AFFINITY_INFO, 0, 2): 0xFFFF_FFFE,
        (inference.AFFINITY_INFO, 0, 3): 0xFFFF_FFFE,
    }
    trace: list[Any] = [MachineEvent(psci="1.1", cpus=(0, 1))]
    for step in inference.questions(2).lives[0]:
        assert isinstance(step, CallStep)
        fn, args = step.fn, tuple(int(str(argument)) for argument in step.args)
        x1, x2 = (*args, 0, 0)[:2]
        trace += [CallEvent(cpu=0, fn=fn, args=args), ReturnEvent(cpu=0, x0=answers.get((fn, x1, x2), 0xFFFF_FFFF))]
    profile = inference.inferred("one", [trace])
    profiles.check(profile)
    assert (profile["psci"], profile["power_state_format"], profile["os_initiated"]) == ("1.1", "extended", True)
    assert [name for name, there in profile["functions"].items() if there] == ["PSCI_SET_SUSPEND_MODE"]
    assert (profile["trusted_os"], profile["affinity_levels"]) == ("mp_or_none", [1])


def test_the_command_shows_lists_and_checks(tmp_path: Any) -> None:
    runner = CliRunner()
    shown = runner.invoke(command, ["show", "minimal"], standalone_mode=False)
    assert json.loads(shown.output) == profiles.named("minimal")
    listed = runner.invoke(command, ["show"], standalone_mode=False)
    assert [line.split()[0] for line in listed.output.splitlines()] == sorted(profiles.shipped())
    file = tmp_path / "mine.json"
    file.write_text(shown.output, encoding="utf-8")
    checked = runner.invoke(command, ["check", str(file), "--json"], standalone_mode=False)
    assert json.loads(checked.output)["cores"] == 4
