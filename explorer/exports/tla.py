"""TLA+: a module with one action for each command, and the cores of an orbit as a set."""

from __future__ import annotations

from psci.explorer.exports.templates import Quantifiers, Templates
from psci.explorer.exports.text import Operators, header, sources
from psci.explorer.lowering.formulas import Formulas, Role
from psci.explorer.lowering.lower import Lowered

_OPERATORS = Operators("/\\", "\\/", "=", "#", "TRUE", "FALSE")


def _every(name: str, type_: str, other: str, body: str) -> str:
    said = f"({other}) => ({body})" if other else body
    return f"(\\A {name} \\in {type_} : ({said}))"


def _some(name: str, type_: str, other: str, body: str) -> str:
    said = f"{other} /\\ ({body})" if other else body
    return f"(\\E {name} \\in {type_} : ({said}))"


_QUANTIFIERS = Quantifiers(_every, _some, lambda name, index: f"{name}[{index}]")


def tla(lowered: Lowered, goal: int = Formulas.FALSE, goal_name: str = "", module: str = "PSCI") -> str:
    """The model in TLA+; with a goal, `Never` says that it is never reached."""
    templates = Templates(lowered, _OPERATORS, _QUANTIFIERS)
    declared = templates.declared()
    lines = [f"---- MODULE {module} ----", "EXTENDS Naturals", ""]
    lines += [f"\\* {line}".rstrip() for line in header(lowered, "TLA+")]
    lines.append("")
    lines += [f"{name} == {number}" for name, number in templates.names.constants()]
    lines.append("")
    for orbit, members in enumerate(lowered.members):
        if not templates.is_alone(orbit):
            lines.append(f"{templates.type_of(orbit)} == {{{', '.join(map(str, members))}}}")
    lines += ["", "VARIABLES", "  " + ",\n  ".join(declared), "", f"vars == <<{', '.join(declared)}>>", "", "TypeOK =="]
    for name, (over, variable) in declared.items():
        values = f"0..{len(lowered.domain(variable)) - 1}"
        set_ = values if over is None else f"[{templates.type_of(over)} -> {values}]"
        lines.append(f"  /\\ {name} \\in {set_}")
    lines += ["", "Init =="]
    for name, (over, variable) in declared.items():
        first = templates.names.value(variable, lowered.first(variable))
        lines.append(
            f"  /\\ {name} = " + (first if over is None else f"[c \\in {templates.type_of(over)} |-> {first}]")
        )
    calls = []
    for number, command in enumerate(lowered.commands):
        roles = templates.roles_of(command)
        parameters = ", ".join(templates.name_of(role) for role in roles)
        head = f"Step{number}({parameters})" if roles else f"Step{number}"
        lines += ["", *(f"\\* {line}" for line in sources(command)), f"{head} =="]
        lines += [
            f"  /\\ {templates.name_of(role)} # {templates.name_of(Role(role.orbit, before))}"
            for role in roles
            for before in range(role.number)
        ]
        lines.append(f"  /\\ {templates.formula(command.guard)}")
        single, rest = templates.loose(command)
        new: dict[str, list[str]] = {}
        for variable, number_of_value in single:
            base, bracket, index = templates.shown(variable).partition("[")
            here = templates.value(variable, number_of_value)
            new.setdefault(base, []).append(f"![{index[:-1]}] = {here}" if bracket else here)
        for base, parts in new.items():
            text = f"[{base} EXCEPT {', '.join(parts)}]" if parts[0].startswith("!") else parts[0]
            new[base] = [text]
        for orbit, set_of_others in rest.items():
            role = Role(orbit, command.named[orbit])
            for variable, number_of_value in set_of_others:
                base = templates.shown(variable).partition("[")[0]
                before = new.get(base, [base])[0]
                other = templates.other(role, command.named[orbit])
                here = templates.value(variable, number_of_value)
                kept = f"IF {other} THEN {here} ELSE ({before})[{templates.name_of(role)}]" if other else here
                new[base] = [f"[{templates.name_of(role)} \\in {templates.type_of(orbit)} |-> {kept}]"]
        lines += [f"  /\\ {base}' = {parts[0]}" for base, parts in new.items()]
        unchanged = [name for name in declared if name not in new]
        if unchanged:
            lines.append(f"  /\\ UNCHANGED <<{', '.join(unchanged)}>>")
        chosen = "".join(f"\\E {templates.name_of(role)} \\in {templates.type_of(role.orbit)} : " for role in roles)
        calls.append(f"  \\/ {chosen}{head}")
    lines += ["", "Next ==", *calls, "", "Spec == Init /\\ [][Next]_vars"]
    if goal != Formulas.FALSE:
        lines += ["", f"\\* {goal_name}", f"Never == ~({templates.formula(goal)})"]
    return "\n".join([*lines, "", "====", ""])
