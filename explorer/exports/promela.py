"""Promela, for Spin: one process, one option of its loop for each command.

Spin drops variables that it thinks unused and merges steps unless it is told not to: `spin -o1 -o2 -o3 -a`, and the
verifier is compiled with -DNOREDUCE. Its numbers of states and transitions are then ours.
"""

from __future__ import annotations

from psci.explorer.exports.text import Names, Operators, header, infix, sources
from psci.explorer.lowering.concrete import Concrete
from psci.explorer.lowering.formulas import Formulas

_OPERATORS = Operators("&&", "||", "==", "!=")


def promela(model: Concrete, goal: int = Formulas.FALSE, goal_name: str = "") -> str:
    """The model in Promela; with a goal (a formula of the model), reaching it fails an assertion."""
    lowered = model.lowered
    names = Names(lowered)
    lines = ["/*", *(f" * {line}".rstrip() for line in header(lowered, "Promela")), " *"]
    lines += [
        " * spin -o1 -o2 -o3 -a FILE && cc -O2 -DNOREDUCE -DSAFETY -DNOCLAIM -o pan pan.c && ./pan -E -m10000000 -w26",
        " */",
        "",
        *(f"#define {name} {number}" for name, number in names.constants()),
        "",
    ]
    doc = ""
    for variable in model.variables:
        if names.doc(variable) != doc:
            doc = names.doc(variable)
            lines.append(f"/* {doc} */")
        bits = (len(lowered.domain(variable)) - 1).bit_length()
        first = names.value(variable, lowered.first(variable))
        lines.append(f"unsigned {names.single(variable)} : {bits} = {first};")
    lines += ["", "active proctype psci()", "{", "  do"]
    for action in model.actions:
        guard = infix(model.formulas, action.guard, names, _OPERATORS)
        steps = "; ".join(f"{names.single(v)} = {names.value(v, n)}" for v, n in action.assigned)
        # the roles that a command takes; an orbit of one core has its role in every command
        taken = [core for role, core in action.cores.items() if not lowered.orbits.alone[role.orbit]]
        who = ", ".join(f"core {core}" for core in taken)
        lines += [f"  /* {line} */" for line in sources(action.command, who)]
        lines.append(f"  :: d_step {{ {guard} -> {steps} }}")
    if goal != Formulas.FALSE:
        lines.append(f"  /* {goal_name or 'the goal'} is reached */")
        lines.append(f"  :: d_step {{ {infix(model.formulas, goal, names, _OPERATORS)} -> assert(false) }}")
    return "\n".join([*lines, "  od", "}", ""])
