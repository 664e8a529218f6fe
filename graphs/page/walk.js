// A trace, line by line, with every state that explains it so far. Calls are invoked at their line and decided at any
// time until they end; silent moves happen in between. It is the plain search, for traces that one looks at.
import { Undeclared } from "./terms.js";
import { Machine, Stepper } from "./step.js";

const MOST = 4000;
const KINDS = {
  off: ["OFF", "HIBERNATE", "VENDOR_RESET"],
  hibernate: ["HIBERNATE"],
  reset: ["RESET", "WARM_RESET", "VENDOR_RESET"],
};
const SEEN = {
  on: (state, core) => state.power[core] !== "OFF",
  off: (state, core) => state.power[core] === "OFF" || state.activity[core] === "STOPPED",
  on_pending: (state, core) => state.power[core] === "ON_PENDING",
  suspended: (state, core) => state.power[core] === "ON" && ["STANDBY", "RETENTION", "POWERDOWN"].includes(state.activity[core]),
};
const PLAIN = ["host", "move", "end", "timeout"];

/** A trace that this page cannot judge; the message says what to do. */
export class Refused extends Error {}

/** The events of newline-delimited JSON. */
export function parse(text) {
  const lines = text.split("\n").filter((line) => line.trim());
  const events = lines.map((line, i) => {
    try {
      return JSON.parse(line);
    } catch {
      throw new Refused(`line ${i + 1} is not JSON: a trace has one JSON object a line`);
    }
  });
  if (events[0]?.k !== "machine") throw new Refused("the first line is no machine event: see docs/trace-format.md");
  if (events.some((event) => "t0" in event)) {
    throw new Refused("this trace merges several clocks (t0, t1): judge it with `psci trace check`");
  }
  return events;
}

/** The stepper that a trace is walked with. */
export function stepperFor(spec, event) {
  const version = spec.versions.findIndex((v) => v.name === event.psci);
  if (version < 0) throw new Refused(`the page knows no PSCI ${event.psci}`);
  const declared = declaredBy(spec, event, version);
  return new Stepper(spec, new Machine(spec, declared, event.reading ?? {}, true));
}

function declaredBy(spec, event, version) {
  if (spec.trace && asText(event) === asText(JSON.parse(spec.trace.split("\n", 1)[0]))) {
    return spec.machines.find((m) => m.setup === "trace");
  }
  const cores = event.cpus.map((mpidr) => `0x${BigInt(mpidr).toString(16)}`);
  const boot = event.boot_cpu === undefined ? 0 : event.cpus.indexOf(event.boot_cpu);
  if (event.initial || event.topology || event.ids || (event.profile && typeof event.profile !== "string")) {
    throw new Refused("the machine line declares more than this page can read: write a page with `psci graph explorer --trace FILE`");
  }
  if (event.profile) {
    const named = spec.machines.find((m) => m.setup === event.profile && m.version === version && same(m.cores, cores));
    if (!named || boot !== named.boot) {
      throw new Refused(`profile ${event.profile} has other cores here: write a page with \`psci graph explorer --trace FILE\``);
    }
    return named;
  }
  const blank = spec.machines.find((m) => m.setup === "undeclared" && m.version === version);
  const all = cores.map(() => [true]);
  return {
    ...blank, cores, boot,
    tree: { ...blank.tree, homes: cores.map(() => 0), below: all, ancestor: [[true]] },
  };
}

const same = (a, b) => a.length === b.length && a.every((value, i) => value === b[i]);
const asText = (value) => JSON.stringify(value);
const keyOf = (c) => JSON.stringify([c.state, c.calls, c.choices], (_, v) => (typeof v === "bigint" ? `0x${v.toString(16)}` : v));

/** Walks a trace: for each line the explaining configurations, up to the first line that nothing explains. */
export class Walk {
  constructor(spec, events, stepper = stepperFor(spec, events[0])) {
    this.spec = spec;
    this.events = events;
    this.stepper = stepper;
    const { machine } = stepper;
    this.callers = machine.cores.map((mpidr) => {
      const told = Object.entries(events[0].cores ?? {}).find(([cpu]) => BigInt(cpu) === mpidr)?.[1] ?? {};
      return { isa: (told.isa ?? "aarch64").toUpperCase(), world: (told.world ?? "normal").toUpperCase() };
    });
    this.fresh = new Set([machine.boot]);
    this.sets = [[{ state: stepper.initial(), calls: machine.cores.map(() => null), choices: {} }]];
    this.stuck = null;
    this.allowedThere = [];
    for (let i = 1; i < events.length && this.stuck === null; i++) this.one(events[i], i);
  }

  one(event, number) {
    const before = this.sets.at(-1);
    const after = this.explained(event, before);
    if (after.length) {
      this.sets.push(after);
      return;
    }
    this.stuck = number;
    this.allowedThere = this.answers(event, before);
  }

  core(mpidr) {
    const core = this.stepper.machine.cores.indexOf(BigInt(mpidr));
    if (core < 0) throw new Refused(`the machine has no core ${mpidr}; see its cpus`);
    return core;
  }

  explained(event, before) {
    const core = event.cpu === undefined ? null : this.core(event.cpu);
    switch (event.k) {
      case "call":
        this.fresh.delete(core);
        return before
          .filter((c) => c.state.activity[core] === "RUNNING" && !c.calls[core])
          .map((c) => ({ ...c, calls: c.calls.with(core, { of: this.invocation(core, event), outcome: null }) }));
      case "return":
        return this.keep(this.reached(before, core).filter((c) => this.returns(c, core, event)).map((c) => this.ended(c, core)));
      case "enter":
        if (this.fresh.delete(core)) return before;
        return this.after(before, (c) => this.stepper.move("ENTER", c.state, core, [BigInt(event.pc), BigInt(event.x0)]), core);
      case "wake":
      case "unwake":
        return this.moved(before, (c) => this.stepper.move("SIGNAL", c.state, core, [event.k === "wake"]));
      case "boot":
        this.fresh = new Set([core]);
        if (event.cause === "warm") throw new Refused("what a warm boot tells is judged by `psci trace check`");
        return this.booted(before, core);
      case "system":
        if (event.event === "suspend") return this.keep(this.reached(before).filter((c) => c.state.system === "SUSPENDED"));
        return this.alone(
          this.after(before, (c) => this.kinds(event).flatMap((kind) => this.stepper.move("GO_DOWN", c.state, 0, [kind]))),
        );
      case "observe":
        return this.keep(this.reached(before).filter(this.observation(event, core)));
    }
    if (event.k === "host" && event.action === "restart") {
      return this.alone(this.moved(before, (c) => this.stepper.move("LOSE_POWER", c.state)));
    }
    if (!PLAIN.includes(event.k) || event.action?.endsWith("_cpu")) {
      throw new Refused(`the page does not judge ${event.k} events: use \`psci trace check\``);
    }
    return before;
  }

  /** A boot of a machine that was seen going down; what a boot alone tells of it, only the checker judges. */
  booted(before, core) {
    const found = this.alone(this.moved(before, (c) => this.stepper.move("BOOT", c.state, core)));
    if (!found.length) throw new Refused("a boot of a machine that was not seen going down: use `psci trace check`");
    return found;
  }

  observation({ power, node }, core) {
    const place = core ?? this.stepper.machine.tree.names.indexOf(node);
    if (core === null && place >= 0) return ({ state }) => this.stepper.move("LOOK", state, place, [power.toUpperCase()]).length > 0;
    if (core === null || !SEEN[power]) throw new Refused("an observation that this page cannot judge: use `psci trace check`");
    return ({ state }) => SEEN[power](state, core);
  }

  kinds(event) {
    if (event.reset_type !== undefined) return BigInt(event.reset_type) >> 31n ? ["VENDOR_RESET"] : ["WARM_RESET"];
    if (event.flags === undefined) return KINDS[event.event] ?? [];
    if (event.event === "reset") return BigInt(event.flags) & 1n ? ["WARM_RESET", "VENDOR_RESET"] : ["RESET"];
    if (event.event === "off") return BigInt(event.flags) & 1n ? ["HIBERNATE"] : ["OFF", "VENDOR_RESET"];
    return KINDS[event.event] ?? [];
  }

  invocation(caller, event) {
    const [x1, x2, x3] = [...(event.args ?? []), "0x0", "0x0", "0x0"].map(BigInt);
    const { isa, world } = this.callers[caller];
    return { caller, fn: BigInt(event.fn) & 0xffffffffn, x1, x2, x3, isa: event.isa?.toUpperCase() ?? isa, world };
  }

  returns(c, core, event) {
    const call = c.calls[core];
    if (!call?.outcome) return false;
    if (c.state.activity[core] === "STOPPED") return false;
    if (call.outcome.completion === "waits" && c.state.activity[core] !== "RUNNING") return false;
    return this.stepper.accepts(call.outcome, BigInt(event.x0), this.stepper.resultIsWide(call.of));
  }

  ended(c, core) {
    return { ...c, calls: c.calls.with(core, null) };
  }

  moved(before, moves) {
    return this.keep(before.flatMap((c) => moves(c).map(({ state }) => ({ ...c, state }))));
  }

  after(before, moves, core = null) {
    const found = this.moved(this.reached(before), moves);
    return core === null ? found : found.map((c) => this.ended(c, core));
  }

  alone(found) {
    return this.keep(found.map((c) => ({ ...c, calls: c.calls.map(() => null) })));
  }

  keep(found) {
    return [...new Map(found.map((c) => [keyOf(c), c])).values()];
  }

  /** All that decisions and silent moves lead to; `waited` is the core whose answer is looked for. */
  reached(before) {
    const seen = new Map(before.map((c) => [keyOf(c), c]));
    const left = [...seen.values()];
    while (left.length) {
      for (const next of this.unseen(left.pop())) {
        const key = keyOf(next);
        if (seen.has(key)) continue;
        seen.set(key, next);
        left.push(next);
        if (seen.size > MOST) throw new Refused(`more than ${MOST} explanations: use \`psci trace check\``);
      }
    }
    return [...seen.values()];
  }

  unseen(c) {
    const silent = this.stepper.moves(c.state, true).map(({ state }) => ({ ...c, state }));
    const decided = c.calls.flatMap((call, core) => {
      if (!call || call.outcome || c.state.activity[core] !== "RUNNING") return [];
      return this.branches(c, call).flatMap(({ choices, allowed }) =>
        allowed.outcomes.map(({ rule, completion, value, state }) => ({
          state, choices, calls: c.calls.with(core, { ...call, outcome: { rule, completion, value } }),
        })),
      );
    });
    return [...silent, ...decided];
  }

  branches(c, call) {
    try {
      return this.stepper.underAllAnswers(c.state, call.of, c.choices);
    } catch (missing) {
      if (missing instanceof Undeclared) throw new Refused(`${missing.key} is not declared, and has no list of answers`);
      throw missing;
    }
  }

  /** What was allowed where the walk is stuck. */
  answers(event, before) {
    if (event.k !== "return") return [];
    const core = this.core(event.cpu);
    const open = this.reached(before).filter((c) => c.calls[core]?.outcome);
    const found = open.map((c) => c.calls[core].outcome).filter((outcome) => outcome.completion !== "does not return");
    return [...new Map(found.map((outcome) => [outcome.rule.name, outcome])).values()];
  }
}
