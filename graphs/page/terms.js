// The one evaluator of terms. A term is a row `[kind, ...]`; its parts are the places of other rows.
// Words are BigInt, cores and nodes are numbers, names of enumerations are strings.

/** The rules ask for something that the machine leaves open. */
export class Undeclared extends Error {
  constructor(key) {
    super(key);
    this.key = key;
  }
}

const low = (width) => (1n << BigInt(width)) - 1n;

/** Each kind of row as a function of `x`, the moment it is evaluated in. */
const KINDS = {
  const: (at, value) => () => value,
  word: (at, hex) => {
    const value = BigInt(hex);
    return () => value;
  },
  var: (at, name) => (x) => x.bound[name],
  call: (at, name) => (x) => x.call[name],
  state: (at, field, ...index) => {
    const [first, second] = index.map(at);
    if (!first) return (x) => x.state[field];
    if (!second) return (x) => x.state[field][first(x)];
    return (x) => x.state[field][first(x) * x.machine.nodes + second(x)];
  },
  machine: (at, name, ...parts) => {
    const terms = parts.map(at);
    return (x) => x.machine.value(name, terms.map((term) => term(x)), x.choices);
  },
  tree: (at, name, ...parts) => {
    const terms = parts.map(at);
    return (x) => terms.reduce((table, term) => table[term(x)], x.machine.relations[name]);
  },
  rank: (at, kind, part) => {
    const term = at(part);
    return (x) => x.ranks[kind][term(x)];
  },
  not: (at, part) => {
    const term = at(part);
    return (x) => !term(x);
  },
  and: (at, ...parts) => {
    const terms = parts.map(at);
    return (x) => terms.every((term) => term(x));
  },
  or: (at, ...parts) => {
    const terms = parts.map(at);
    return (x) => terms.some((term) => term(x));
  },
  if: (at, ...parts) => {
    const [condition, then, otherwise] = parts.map(at);
    return (x) => (condition(x) ? then(x) : otherwise(x));
  },
  eq: binary((a, b) => a === b),
  ult: binary((a, b) => a < b),
  ule: binary((a, b) => a <= b),
  band: binary((a, b) => a & b),
  bor: binary((a, b) => a | b),
  shr: binary((a, b) => a >> b),
  add: (at, width, ...parts) => binary((a, b) => (a + b) & low(width))(at, ...parts),
  sub: (at, width, ...parts) => binary((a, b) => (a - b) & low(width))(at, ...parts),
  zext: (at, part) => at(part),
  low: (at, part) => {
    const term = at(part);
    return (x) => term(x) & low(32);
  },
  every: quantifier((values) => values.every(Boolean)),
  some: quantifier((values) => values.some(Boolean)),
};

function binary(operate) {
  return (at, left, right) => {
    const [a, b] = [at(left), at(right)];
    return (x) => operate(a(x), b(x));
  };
}

function quantifier(decide) {
  return (at, sort, name, part) => {
    const body = at(part);
    return (x) => {
      const values = [];
      for (let i = 0; i < (sort === "core" ? x.machine.cores.length : x.machine.nodes); i++) {
        x.bound[name] = i;
        values.push(body(x));
      }
      return decide(values);
    };
  };
}

/** A function from the place of a term to what evaluates it; each term is compiled once. */
export function evaluator(rows) {
  const compiled = [];
  const at = (place) => {
    if (!compiled[place]) {
      const [kind, ...parts] = rows[place];
      compiled[place] = KINDS[kind](at, ...parts);
    }
    return compiled[place];
  };
  return at;
}

/** The new values that updates give to fields, all read in the state before. */
export function applied(updates, at, x) {
  if (!updates.length) return x.state;
  const after = { ...x.state };
  for (const [field, how, ...rest] of updates) {
    after[field] = how === "each" ? everywhere(rest, at, x) : pointwise(x.state[field], rest[0], at, x);
  }
  return after;
}

function everywhere([names, place], at, x) {
  const [first, second] = names;
  const size = (name) => (name[0] === "c" ? x.machine.cores.length : x.machine.nodes);
  const values = [];
  for (let i = 0; i < size(first); i++) {
    for (let j = 0; j < (second ? size(second) : 1); j++) {
      x.bound[first] = i;
      if (second) x.bound[second] = j;
      values.push(at(place)(x));
    }
  }
  return values;
}

function pointwise(before, points, at, x) {
  let values = before;
  for (const [index, place] of points) {
    const value = at(place)(x);
    if (!index.length) return value;
    const [i, j] = index.map((part) => at(part)(x));
    values = values.with(j === undefined ? i : i * x.machine.nodes + j, value);
  }
  return values;
}
