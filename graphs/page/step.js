// Machines and the stepper: the allowed outcomes of a call, and the moves of the environment.
import { Undeclared, applied, evaluator } from "./terms.js";

const SMC64_BIT = 0x4000_0000n;
const ALL_64 = (1n << 64n) - 1n;

/** A value of JSON as the evaluator wants it: words are hex strings there. */
export const read = (value, sort) => (sort === "word" && value !== null ? BigInt(value) : value);
const word = (value) => `0x${value.toString(16)}`;

/** Whether ranges [first, last] together hold all of `length` bytes from `base`. */
function covers(ranges, base, length) {
  const end = base + length;
  for (const [first, last] of ranges.toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    if (first <= base && base <= last) base = last + 1n;
  }
  return base >= end;
}

/** What a machine declares, with readings laid over it. Of a machine that is judged, readings that are tried are open. */
export class Machine {
  constructor(spec, declared, readings = {}, judged = false) {
    this.spec = spec;
    this.declared = declared;
    this.version = declared.version;
    this.cores = declared.cores.map(BigInt);
    this.boot = declared.boot;
    this.nodes = declared.tree.names.length;
    this.tree = declared.tree;
    this.relations = { ...declared.tree, level: declared.tree.levels.map(BigInt) };
    this.readings = readings;
    this.chosen = Object.fromEntries(
      spec.readings.filter((r) => r.name in readings).map((r) => [r.symbol, r.options[readings[r.name]]]),
    );
    this.leftOpen = new Set(judged ? spec.readings.filter((r) => r.tried).map((r) => r.symbol) : []);
    const ranges = (listed) => listed?.map(([first, last]) => [BigInt(first), BigInt(last)]);
    this.unusable = ranges(declared.unusable);
    this.protected = ranges(declared.protected);
  }

  /** The value of a symbol. Throws Undeclared where neither the machine nor `choices` says it. */
  value(name, parts, choices) {
    switch (name) {
      case "boot_core":
        return this.boot;
      case "mpidr":
        return this.cores[parts[0]];
      case "is_core":
        return this.cores.includes(parts[0]);
      case "core_of":
        return Math.max(this.cores.indexOf(parts[0]), 0);
    }
    if (name === "address_unusable" && this.unusable) {
      return this.unusable.some(([first, last]) => first <= parts[0] && parts[0] <= last);
    }
    if (name === "protected_range" && this.protected && parts[1]) return covers(this.protected, parts[0], parts[1]);
    const { sort } = this.spec.symbols[name];
    const found = this.chosen[name] ?? (this.leftOpen.has(name) ? null : this.listed(name, parts));
    if (found !== null && found !== undefined) return read(found, sort);
    const key = `${name}(${parts.map((p) => (typeof p === "bigint" ? word(p) : p)).join(",")})`;
    if (key in choices) return read(choices[key], sort);
    throw new Undeclared(key);
  }

  listed(name, parts) {
    const table = this.spec.tables[this.declared.values[name]];
    if (!parts.length || table === undefined) return table;
    const key = parts.map((p) => (typeof p === "bigint" ? word(p) : String(p))).join(",");
    return table.is[key] ?? table.else;
  }
}

/** The rules of a machine's version. */
export class Stepper {
  constructor(spec, machine) {
    this.spec = spec;
    this.machine = machine;
    this.at = spec.at ??= evaluator(spec.terms);
    this.ranks = spec.ranks ??= Object.fromEntries(
      Object.entries(spec.enumerations).map(([kind, values]) => [
        kind, Object.fromEntries(values.map((value, place) => [value, place])),
      ]),
    );
    this.functions = new Map(
      machine.declared.ids
        ? Object.entries(machine.declared.ids).map(([fid, name]) => [BigInt(fid), this.named(name)])
        : spec.calls.flatMap((c) => [c.fid32, c.fid64].filter((f) => f && f !== "0x0").map((f) => [BigInt(f), c])),
    );
    this.hint = BigInt(spec.ids.hint);
    this.psci = BigInt(spec.ids.first);
  }

  named(name) {
    return this.spec.calls.find((call) => call.name === name);
  }

  /** The function that an id selects, or what stands for none, and whether the id is an SMC64 one. */
  function(fn) {
    const found = this.functions.get(this.machine.declared.ids ? fn : fn & ~this.hint);
    const ours = (fn & ~(SMC64_BIT | 0x1fn | this.hint)) === this.psci;
    return { call: found ?? this.named(ours ? "UNKNOWN" : "NOT_PSCI"), known: Boolean(found), wide: (fn & SMC64_BIT) !== 0n };
  }

  /** The function whose rules hold for an invocation, and whether its arguments have 64 bits. */
  called({ fn, isa }, choices) {
    const { call, known, wide } = this.function(fn);
    // ids of the device tree tell no width
    if (known && this.machine.declared.ids) return { call, wide: isa === "AARCH64" };
    const hinted = known && (fn & this.hint) !== 0n && !this.machine.value("knows_hint_bit", [], choices);
    return { call: hinted ? this.named("UNKNOWN") : call, wide };
  }

  /** Whether the caller sees a result of 64 bits. */
  resultIsWide({ fn, isa }) {
    return this.function(fn).wide && isa === "AARCH64" && !this.machine.declared.ids;
  }

  rules(owner) {
    const { version } = this.machine;
    return this.spec.rules[owner].filter((rule) => rule.since <= version && version <= rule.until);
  }

  moment(state, call, choices, bound = {}) {
    return { state, call, choices, bound, machine: this.machine, ranks: this.ranks };
  }

  /** The allowed outcomes of an invocation `{caller, fn, x1, x2, x3, isa, world}`. */
  allowed(state, invocation, choices = {}) {
    const { call, wide } = this.called(invocation, choices);
    const seen = { ...invocation, wide, caller_isa: invocation.isa, caller_world: invocation.world };
    const x = this.moment(state, seen, choices);
    const rules = this.rules(call.name);
    const applies = (rule) => this.at(rule.guard)(x);
    const outcome = (rule) => ({
      rule, completion: rule.completion,
      value: rule.value === null ? null : this.at(rule.value)(x),
      state: applied(rule.effect, this.at, x),
    });
    const those = (...modalities) =>
      rules.filter((rule) => modalities.includes(rule.modality)).filter(applies).map(outcome);
    for (const rule of rules) {
      if (rule.modality === "gate" && applies(rule)) return { outcomes: [outcome(rule)], obliged: true, broken: [] };
    }
    const broken = rules.filter((rule) => rule.modality === "caller must").filter(applies);
    const must = those("must refuse");
    const may = those("may refuse");
    const succeeds = must.length ? [] : those("succeeds", "may succeed");
    return { outcomes: [...must, ...may, ...succeeds, ...those("amends")], obliged: must.length > 0, broken };
  }

  /** The allowed outcomes under every answer to what is open: `[{choices, allowed}]`. */
  underAllAnswers(state, invocation, choices = {}) {
    return this.underAnswers(choices, (chosen) => this.allowed(state, invocation, chosen));
  }

  underAnswers(choices, ask) {
    try {
      return [{ choices, allowed: ask(choices) }];
    } catch (missing) {
      if (!(missing instanceof Undeclared)) throw missing;
      const listed = this.spec.symbols[missing.key.split("(")[0]].answers;
      const answers = listed === "cores" ? this.machine.cores.map((_, core) => core) : listed;
      if (!answers) throw missing;
      return answers.flatMap((answer) => this.underAnswers({ ...choices, [missing.key]: answer }, ask));
    }
  }

  /** The ways in which a move is possible: `[{move, place, parameters, rule, state}]`. */
  move(name, state, place = 0, parameters = []) {
    const move = this.spec.moves.find((candidate) => candidate.name === name);
    const call = Object.fromEntries(move.parameters.map((parameter, i) => [parameter.name, parameters[i]]));
    return this.overAnswers((choices) => {
      const x = this.moment(state, call, choices, { [move.variable]: place });
      return this.rules(name)
        .filter((rule) => this.at(rule.guard)(x))
        .map((rule) => ({ move, place, parameters, rule, state: applied(rule.effect, this.at, x) }));
    });
  }

  /** What is found under some answer to what is open; each only once. */
  overAnswers(ask) {
    const branches = this.underAnswers({}, ask);
    if (branches.length === 1) return branches[0].allowed;
    const key = ({ rule, state }) => JSON.stringify([rule.name, state], (_, v) => (typeof v === "bigint" ? `0x${v.toString(16)}` : v));
    return [...new Map(branches.flatMap(({ allowed }) => allowed).map((one) => [key(one), one])).values()];
  }

  /** Every move that is possible; with `silent`, only those that nobody sees. */
  moves(state, silent = false) {
    return this.spec.moves
      .filter((move) => move.silent || !silent)
      .flatMap((move) => {
        const count = move.of === "node" ? this.machine.nodes : this.machine.cores.length;
        const places = move.of && move.name !== "BOOT" ? Array.from({ length: count }, (_, i) => i) : [this.machine.boot];
        return places.flatMap((place) =>
          this.candidates(move, state, place).flatMap((parameters) => this.move(move.name, state, place, parameters)),
        );
      });
  }

  candidates(move, state, place) {
    const rules = this.spec.rules[move.name];
    const bound = { [move.variable]: place };
    const values = move.parameters.map(({ sort, compared }) => {
      if (sort === "bool") return [true, false];
      if (sort !== "word") return this.spec.enumerations[sort];
      const here = compared.filter((_, i) => rules[i].since <= this.machine.version && this.machine.version <= rules[i].until);
      const seen = (choices) => here.flat().map((term) => this.at(term)(this.moment(state, {}, choices, bound)));
      const found = this.underAnswers({}, seen).flatMap(({ allowed }) => allowed);
      return found.length ? [...new Set(found)] : [0n];
    });
    return values.reduce((tuples, choice) => tuples.flatMap((tuple) => choice.map((v) => [...tuple, v])), [[]]);
  }

  /** The state after a cold boot. */
  initial() {
    const size = { core: this.machine.cores.length, node: this.machine.nodes };
    const zero = (sort) => (sort === "bool" ? false : sort === "word" ? 0n : (this.spec.enumerations[sort]?.[0] ?? 0));
    const blank = Object.fromEntries(
      this.spec.fields.map(({ name, domain, sort }) => [
        name,
        domain.length ? Array(domain.reduce((n, of) => n * size[of], 1)).fill(zero(sort)) : zero(sort),
      ]),
    );
    return this.move("BOOT", { ...blank, system: "DOWN" }, this.machine.boot)[0].state;
  }

  /** Whether a result explains x0. */
  accepts(outcome, x0, wide) {
    const mask = wide ? ALL_64 : ALL_64 >> 32n;
    if (outcome.completion === "does not return") return false;
    if (outcome.completion === "waits") return (x0 & mask) === 0n;
    if (outcome.value !== null) return ((x0 ^ outcome.value) & mask) === 0n;
    const short = x0 & (ALL_64 >> 32n);
    const result = wide ? x0 : short >> 31n ? short | (ALL_64 ^ (ALL_64 >> 32n)) : short;
    return this.at(outcome.rule.constraint)(this.moment({}, {}, {}, { result }));
  }
}

/** Two implementations behind one conduit: the ids of the filter are answered by the second. */
export class Filtered extends Stepper {
  constructor(spec, machine, kernel) {
    super(spec, machine);
    this.kernel = new Stepper(spec, kernel);
    this.forwarded = new Set(machine.declared.forwarded.map(BigInt));
  }

  server(fn) {
    return this.forwarded.has(fn) ? "VMM" : "kernel";
  }

  allowed(state, invocation, choices = {}) {
    if (this.forwarded.has(invocation.fn)) return super.allowed(state, invocation, choices);
    return this.kernel.allowed(state, invocation, choices);
  }
}

/** The stepper of a setup, or null where the page has no such machine. */
export function stepperOf(spec, { setup, cores, version, readings = {} }) {
  const find = (name, rank) =>
    spec.machines.find((m) => m.setup === name && m.cores.length === cores && (rank === null || m.version === rank));
  const machine = find(setup, version);
  if (!machine) return null;
  if (!machine.forwarded) return new Stepper(spec, new Machine(spec, machine, readings));
  return new Filtered(spec, new Machine(spec, machine, readings), new Machine(spec, find("filter kernel", null), readings));
}
