"""The lowered model as C: packed states, their successors, and what is counted of them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from psci.explorer.lowering.concrete import Concrete, GroundCommand, ValueNumbers
from psci.explorer.lowering.formulas import Formulas, Variable
from psci.model.language.sorts import CORE

_WORD = 64


@dataclass
class Layout:
    """Where the bits of each variable are.

    The variables of one core stand together, and the blocks of the cores of an orbit are alike, so that
    exchanging two cores exchanges two blocks. Two bits of the last word are left to the search.
    """

    words: int = 1
    place: dict[Variable, tuple[int, int, int]] = field(default_factory=dict)
    """Word, lowest bit and width of each variable."""
    blocks: dict[int, tuple[int, int, int]] = field(default_factory=dict)
    """The same for everything of one core, where it fits a word."""
    at: int = 0

    def put(self, variables: Sequence[tuple[Variable, int]]) -> tuple[int, int, int]:
        """Give bits to variables of these widths, together in one word where they fit."""
        width = sum(bits for _, bits in variables)
        if width <= _WORD and self.at % _WORD + width > _WORD:
            self.at += -self.at % _WORD
        start = self.at
        for variable, bits in variables:
            if self.at % _WORD + bits > _WORD:
                self.at += -self.at % _WORD
            self.place[variable] = (self.at // _WORD, self.at % _WORD, bits)
            self.at += bits
        self.words = max(self.words, -(-self.at // _WORD))
        return start // _WORD, start % _WORD, width


def layout(model: Concrete, symmetric: bool) -> Layout:
    """A layout for a model; where it need not be symmetric, variables follow each other without gaps."""
    found = Layout()
    lowered = model.lowered
    widths = [(v, (len(lowered.domain(v)) - 1).bit_length()) for v in model.variables]
    of_core: dict[int, list[tuple[Variable, int]]] = defaultdict(list)
    for variable, bits in widths:
        if lowered.field_named(variable[0]).domain[:1] == (CORE,):
            of_core[variable[1]].append((variable, bits))
        else:
            found.put([(variable, bits)])
    for core, variables in sorted(of_core.items()):
        if symmetric:
            found.blocks[core] = found.put(variables)
        else:
            for one in variables:
                found.put([one])
    if found.at % _WORD > _WORD - 2 or (found.at and found.at % _WORD == 0):
        found.words = found.at // _WORD + (2 if found.at % _WORD else 1)
        found.at += -found.at % _WORD
    return found


class CModel:
    """Writes `model.h`."""

    def __init__(self, model: Concrete, goal: int = Formulas.FALSE, symmetric: bool = False) -> None:
        self.model = model
        self.formulas = model.formulas
        self.goal = goal
        self.layout = layout(model, symmetric)
        self.symmetric = symmetric
        self.mark = self.layout.at % _WORD if self.layout.words == self.layout.at // _WORD + 1 else 0
        self.actions = [(action, action.guard) for action in model.actions]

    def pack(self, values: ValueNumbers) -> tuple[int, ...]:
        """A state as words."""
        words = [0] * self.layout.words
        for variable, (word, low, _) in self.layout.place.items():
            words[word] |= values[variable] << low
        return tuple(words)

    def unpack(self, words: Sequence[int]) -> dict[Variable, int]:
        """The values of the variables of a packed state."""
        return {v: words[word] >> low & ((1 << bits) - 1) for v, (word, low, bits) in self.layout.place.items()}

    def canonical(self, values: ValueNumbers) -> tuple[int, ...]:
        """The packed state that stands for all that differ from it by an exchange of cores."""
        words = list(self.pack(values))
        for blocks in self._exchangeable():
            found = sorted(words[word] >> low & ((1 << width) - 1) for word, low, width in blocks)
            for (word, low, width), value in zip(blocks, found, strict=True):
                words[word] = words[word] & ~(((1 << width) - 1) << low) | value << low
        return tuple(words)

    def _exchangeable(self) -> Iterator[list[tuple[int, int, int]]]:
        for members in self.model.lowered.members if self.symmetric else ():
            blocks = [self.layout.blocks[core] for core in members if core in self.layout.blocks]
            if len(blocks) > 1 and blocks[0][2] <= _WORD:
                yield blocks

    def text(self) -> str:
        """The whole header."""
        words = self.layout.words
        initial = ", ".join(f"{word:#x}ull" for word in self.pack(self.model.initial()))
        lines = [
            "/* Generated from the rules; see search.c. */",
            f"#define WORDS {words}",
            f"#define MARK_WORD {words - 1}",
            f"#define MARK_BIT {self.mark}",
            f"#define BUSY_BIT {self.mark + 1}",
            f"#define MOST_SUCCESSORS {len(self.actions) + 1}",
            "typedef struct { u64 w[WORDS]; } state;",
            f"#define INITIAL ((state){{{{{initial}}}}})",
            "#define LOAD " + " ".join(f"const u64 s{w} = s->w[{w}]; (void)s{w};" for w in range(words)),
            *self._function("int successors(const state *s, state *out)", self._successors()),
            *self._function("u64 labels(const state *s)", self._labels()),
            *self._function("int goal(const state *s)", self._returning(self.goal)),
            *self._canonical(),
        ]
        return "\n".join(lines) + "\n"

    def _function(self, signature: str, body: Iterable[str]) -> list[str]:
        return [f"static inline {signature} {{", "  LOAD", *body, "}"]

    # ---- expressions

    def _literal(self, variable: Variable, values: frozenset[int]) -> str:
        word, low, bits = self.layout.place[variable]
        size = len(self.model.lowered.domain(variable))
        read = f"(unsigned)(s{word} >> {low} & {(1 << bits) - 1})"
        if size == 2:
            return f"({read})" if values == {1} else f"({read} ^ 1u)"
        if len(values) == 1:
            return f"({read} == {min(values)})"
        if len(values) == size - 1:
            return f"({read} != {min(set(range(size)) - values)})"
        if size <= 32:
            return f"({sum(1 << v for v in values):#x}u >> {read} & 1u)"
        return "(" + " | ".join(f"({read} == {v})" for v in sorted(values)) + ")"

    def _expression(self, formula: int, named: set[int]) -> str:
        if formula in named:
            return f"t{formula}"
        match self.formulas.nodes[formula]:
            case ("true",):
                return "1u"
            case ("false",):
                return "0u"
            case ("in", variable, values):
                return self._literal(variable, values)
            case (kind, parts):
                sign = " & " if kind == "and" else " | "
                return "(" + sign.join(self._expression(part, named) for part in parts) + ")"
        raise AssertionError(formula)

    def _shared(self, roots: Iterable[int]) -> list[int]:
        """The formulas that are used more than once, in an order in which each follows its parts."""
        uses: Counter[int] = Counter()
        order: list[int] = []

        def visit(formula: int) -> None:
            uses[formula] += 1
            if uses[formula] > 1:
                return
            node = self.formulas.nodes[formula]
            for part in node[1] if node[0] in ("and", "or") else ():
                visit(part)
            order.append(formula)

        for root in roots:
            visit(root)
        return [f for f in order if uses[f] > 1 and self.formulas.nodes[f][0] in ("and", "or")]

    def _temporaries(self, roots: Sequence[int], named: set[int], indent: str) -> list[str]:
        lines = []
        for formula in self._shared(roots):
            if formula not in named:
                lines.append(f"{indent}const unsigned t{formula} = {self._expression(formula, named)};")
                named.add(formula)
        return lines

    def _returning(self, formula: int) -> list[str]:
        named: set[int] = set()
        return [*self._temporaries([formula], named, "  "), f"  return (int){self._expression(formula, named)};"]

    # ---- steps

    def _successors(self) -> list[str]:
        lines = ["  int n = 0;"]
        for condition, inside in self._scoped(self.actions):
            lines.append(f"  if ({self._expression(condition, set())}) {{")
            named: set[int] = set()
            lines += self._temporaries([guard for _, guard in inside], named, "    ")
            for action, guard in inside:
                lines.append(f"    if ({self._expression(guard, named)}) {{ {self._emit(action)} n++; }}")
            lines.append("  }")
        return [*lines, "  return n;"]

    def _scoped(self, items: list[tuple[GroundCommand, int]]) -> list[tuple[int, list[tuple[GroundCommand, int]]]]:
        """Actions by a condition that many share, which is then tested once."""
        found = []
        left = list(items)
        while left:
            uses = Counter(literal for _, guard in left for literal in self._literals(guard))
            # the most specific of the conditions that at least a few share
            often = [(literal, n) for literal, n in uses.items() if n >= 4]
            if not often:
                found.append((Formulas.TRUE, left))
                break
            literal, _ = max(often, key=lambda pair: (pair[1] * self._weight(pair[0]), -pair[0]))
            inside = [(action, guard) for action, guard in left if literal in self._literals(guard)]
            left = [(action, guard) for action, guard in left if literal not in self._literals(guard)]
            found.append((literal, [(action, self._without(guard, literal)) for action, guard in inside]))
        return found

    def _weight(self, literal: int) -> float:
        """How much a condition excludes."""
        node = self.formulas.nodes[literal]
        return 1.0 - len(node[2]) / len(self.model.lowered.domain(node[1]))

    def _literals(self, guard: int) -> tuple[int, ...]:
        node = self.formulas.nodes[guard]
        if node[0] == "and":
            return tuple(part for part in node[1] if self.formulas.nodes[part][0] == "in")
        return (guard,) if node[0] == "in" else ()

    def _without(self, guard: int, literal: int) -> int:
        node = self.formulas.nodes[guard]
        if node[0] == "and":
            return self.formulas.conjunction(part for part in node[1] if part != literal)
        return Formulas.TRUE

    def _emit(self, action: GroundCommand) -> str:
        words = self.layout.words
        clear, new = [0] * words, [0] * words
        for variable, number in action.assigned:
            word, low, bits = self.layout.place[variable]
            clear[word] |= ((1 << bits) - 1) << low
            new[word] |= number << low
        if self.layout.words:
            new[words - 1] |= 1 << self.mark
        parts = []
        for word in range(words):
            kept = f"s{word} & {~clear[word] & (1 << _WORD) - 1:#x}ull" if clear[word] else f"s{word}"
            parts.append(
                f"out[n].w[{word}] = {kept} | {new[word]:#x}ull;" if new[word] else f"out[n].w[{word}] = {kept};"
            )
        return " ".join(parts)

    def _labels(self) -> list[str]:
        counts = dict(self.model.labels)
        always = counts.pop(Formulas.TRUE, 0)
        lines = [f"  u64 n = {always};"]
        named: set[int] = set()
        lines += self._temporaries(list(counts), named, "  ")
        # a compiler is slow with one sum of thousands of terms
        lines += [f"  n += {many}u * (u64){self._expression(guard, named)};" for guard, many in counts.items()]
        return [*lines, "  return n;"]

    # ---- symmetry

    def _canonical(self) -> list[str]:
        lines = ["static inline void canonical(state *s) {", "  (void)s;"]
        weights = ["static inline u64 orbit(const state *s) {", "  u64 n = 1; (void)s;"]
        for blocks in self._exchangeable():
            width = blocks[0][2]
            mask = f"{(1 << width) - 1:#x}ull"
            read = [f"u64 b{i} = s->w[{word}] >> {low} & {mask};" for i, (word, low, _) in enumerate(blocks)]
            lines += ["  {", *(f"    {one}" for one in read)]
            for last in range(len(blocks) - 1, 0, -1):
                for i in range(last):
                    low, high = f"b{i}", f"b{i + 1}"
                    lines.append(f"    {{ u64 a = {low} < {high} ? {low} : {high}; {high} ^= {low} ^ a; {low} = a; }}")
            for i, (word, low_bit, _) in enumerate(blocks):
                lines.append(f"    s->w[{word}] = (s->w[{word}] & ~({mask} << {low_bit})) | b{i} << {low_bit};")
            lines.append("  }")
            # the number of different orders: n! over the factorials of the lengths of runs of equal blocks
            weights += ["  {", *(f"    {one}" for one in read), "    u64 same = 1;"]
            for i in range(1, len(blocks)):
                weights.append(f"    same = b{i} == b{i - 1} ? same + 1 : 1; n = n * {i + 1} / same;")
            weights.append("  }")
        return [*lines, "}", *weights, "  return n;", "}"]
