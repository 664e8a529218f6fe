"""Murphi, for Rumur: a ruleset for each command, over the cores that it is about; with symmetry, over scalarsets."""

from __future__ import annotations

from psci.explorer.exports.templates import Quantifiers, Templates
from psci.explorer.exports.text import Operators, header, sources, title
from psci.explorer.lowering.formulas import Formulas, Role
from psci.explorer.lowering.lower import Lowered

_OPERATORS = Operators("&", "|", "=", "!=")
_QUANTIFIERS = Quantifiers(
    lambda name, type_, other, body: (
        f"(forall {name}: {type_} do {f'({other}) -> ' if other else ''}({body}) endforall)"
    ),
    lambda name, type_, other, body: f"(exists {name}: {type_} do {f'{other} & ' if other else ''}({body}) endexists)",
    lambda name, index: f"{name}[{index}]",
)


def murphi(lowered: Lowered, goal: int = Formulas.FALSE, goal_name: str = "", symmetric: bool = False) -> str:
    """The model in Murphi; with a goal (a formula that names no core), that it is never reached is an invariant."""
    templates = Templates(lowered, _OPERATORS, _QUANTIFIERS)
    lines = [f"-- {line}".rstrip() for line in header(lowered, "Murphi")]
    lines += ["", "const"]
    lines += [f"  {name}: {number};" for name, number in templates.names.constants()]
    orbits = [orbit for orbit in range(len(lowered.members)) if not templates.is_alone(orbit)]
    if orbits:
        lines += ["", "type"]
        for orbit in orbits:
            size = len(lowered.members[orbit])
            lines.append(f"  {templates.type_of(orbit)}: {f'scalarset({size})' if symmetric else f'0..{size - 1}'};")
    lines += ["", "var"]
    declared = templates.declared()
    doc = ""
    for name, (over, variable) in declared.items():
        if templates.names.doc(variable) != doc:
            doc = templates.names.doc(variable)
            lines.append(f"  -- {doc}")
        array = "" if over is None else f"array [{templates.type_of(over)}] of "
        lines.append(f"  {name}: {array}0..{len(lowered.domain(variable)) - 1};")
    lines += ["", "startstate begin"]
    for name, (over, variable) in declared.items():
        first = templates.names.value(variable, lowered.first(variable))
        if over is None:
            lines.append(f"  {name} := {first};")
        else:
            lines.append(f"  for c: {templates.type_of(over)} do {name}[c] := {first}; endfor;")
    lines += ["end;"]
    for number, command in enumerate(lowered.commands):
        roles = templates.roles_of(command)
        single, rest = templates.loose(command)
        lines += ["", *(f"-- {line}" for line in sources(command))]
        different = [
            f"{templates.name_of(role)} != {templates.name_of(Role(role.orbit, before))}"
            for role in roles
            for before in range(role.number)
        ]
        guard = " & ".join([*different, templates.formula(command.guard)])
        if roles:
            cores = "; ".join(f"{templates.name_of(role)}: {templates.type_of(role.orbit)}" for role in roles)
            lines.append(f"ruleset {cores} do")
        lines += [f'rule "{number}: {title(command)}"', f"  {guard}", "==> begin"]
        lines += [f"  {templates.shown(v)} := {templates.value(v, n)};" for v, n in single]
        for orbit, values in rest.items():
            role = Role(orbit, command.named[orbit])
            here = templates.name_of(role)
            sets = " ".join(f"{templates.shown(v)} := {templates.value(v, n)};" for v, n in values)
            other = templates.other(role, command.named[orbit])
            body = f"if {other} then {sets} endif;" if other else sets
            lines.append(f"  for {here}: {templates.type_of(orbit)} do {body} endfor;")
        lines += ["end;", *(["endruleset;"] if roles else [])]
    if goal != Formulas.FALSE:
        lines += ["", f'invariant "{goal_name or "the goal is never reached"}" !({templates.formula(goal)});']
    return "\n".join([*lines, ""])
