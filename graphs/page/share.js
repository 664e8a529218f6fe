// A session as the fragment of an address, and back.

const call = ({ caller, fn, args = [], isa, world }) =>
  [caller, fn.slice(2), args.map((arg) => BigInt(arg).toString(16)).join("."), [isa, world].filter(Boolean).join(".")].join("!");
const move = ({ move: name, place, parameters }) =>
  [name, place, parameters.map((p) => (typeof p === "bigint" ? `0x${p.toString(16)}` : p)).join("."), ""].join("!");

/** The fragment of a session `{config, other, steps, at}`. */
export function fragment(spec, { config, other, steps, at }) {
  const readings = (chosen) => Object.entries(chosen).map((pair) => pair.join(":")).join(",");
  const words = new URLSearchParams({ psci: spec.versions[config.version].name, machine: config.setup, cores: config.cores });
  if (Object.keys(config.readings).length) words.set("readings", readings(config.readings));
  if (other) {
    words.set("beside", spec.versions[other.version].name);
    if (Object.keys(other.readings).length) words.set("beside-readings", readings(other.readings));
  }
  if (steps.length) {
    words.set("steps", steps.map(({ action, rule, choices }) => [action.move ? move(action) : call(action), rule,
      Object.entries(choices ?? {}).map(([key, value]) => `${key}=${value}`).join(";")].join("!")).join("~"));
    words.set("at", at);
  }
  return `#${words}`;
}

/** The session of a fragment, or null where there is none. */
export function sessionOf(spec, text) {
  const words = new URLSearchParams(text.replace(/^#/, ""));
  if (!words.has("machine")) return null;
  const rank = (name) => spec.versions.findIndex((v) => v.name === name);
  const readings = (name) => Object.fromEntries((words.get(name) || "").split(",").filter(Boolean).map((pair) => pair.split(":"))
    .filter(([reading, option]) => option in (spec.readings.find((r) => r.name === reading)?.options ?? {})));
  const steps = (words.get("steps") || "").split("~").filter(Boolean).map((step) => recorded(spec, step));
  return {
    config: { setup: words.get("machine"), cores: Number(words.get("cores")), version: rank(words.get("psci")), readings: readings("readings") },
    other: words.has("beside") ? { version: rank(words.get("beside")), readings: readings("beside-readings") } : null,
    steps,
    at: Math.min(Number(words.get("at") ?? steps.length), steps.length),
  };
}

function recorded(spec, step) {
  const [first, second, list, more, rule, open = ""] = step.split("!");
  const choices = Object.fromEntries(open.split(";").filter(Boolean).map((pair) => {
    const cut = pair.lastIndexOf("=");
    const value = pair.slice(cut + 1);
    return [pair.slice(0, cut), value === "true" ? true : value === "false" ? false : value];
  }));
  const parts = (list || "").split(".").filter(Boolean);
  const known = spec.moves.find((candidate) => candidate.name === first);
  if (known) {
    return { action: { move: first, place: Number(second), parameters: known.parameters.map(({ sort }, i) => parameter(parts[i], sort)) }, rule, choices };
  }
  const [isa, world] = (more || "").split(".").filter(Boolean);
  const args = parts.map((arg) => `0x${arg}`);
  return { action: { caller: Number(first), fn: `0x${second}`, args, ...(isa && { isa }), ...(world && { world }) }, rule, choices };
}

/** What a move's event says, from text. */
export function parameter(value, sort) {
  if (sort === "word") return BigInt(value ?? 0);
  return sort === "bool" ? value === "true" || value === true : value;
}
