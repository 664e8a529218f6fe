// Steps, states and results in the words of the specification.

const hex = (value) => `0x${value.toString(16)}`;
const CODE_BITS = (1n << 64n) - 1n;

/** Builds an element: `h("button.big", {onclick}, "text", child)`. */
export function h(tag, attributes = {}, ...children) {
  const [name, ...classes] = tag.split(".");
  const element = document.createElement(name);
  if (classes.length) element.className = classes.join(" ");
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value === true) element.setAttribute(key, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(key, value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** A result as a person reads it. */
export function resultText(spec, outcome) {
  if (outcome.completion !== "returns") return outcome.completion;
  if (outcome.rule.code) return outcome.rule.code;
  if (outcome.value === null) return "one of several";
  const found = Object.entries(spec.codes).find(([, n]) => n < 0 && BigInt(n) === BigInt.asIntN(64, outcome.value));
  return found ? found[0] : outcome.value > 9n ? hex(outcome.value) : String(outcome.value);
}

/** What kind of answer it is, for its colour. */
export function toneOf(outcome) {
  if (outcome.completion === "does not return") return "never";
  if (outcome.completion === "waits") return "waits";
  const { modality } = outcome.rule;
  return modality.endsWith("refuse") || modality === "gate" ? "refused" : "success";
}

/** The function and its arguments, as one writes a call. */
export function callText(stepper, action) {
  const { call, wide } = stepper.function(BigInt(action.fn));
  const known = call.name !== "UNKNOWN";
  const values = (action.args ?? []).slice(0, known ? call.arguments.length : 3).map((arg) => hex(BigInt(arg)));
  const narrow = known && call.fid64 && !wide ? " (SMC32)" : "";
  return `${known ? call.name : hex(BigInt(action.fn))}(${values.join(", ")})${narrow}`;
}

/** Who does what. */
export function actionText(spec, stepper, action) {
  if (!action.move) return `core ${action.caller}: ${callText(stepper, action)}`;
  const { of, parameters } = spec.moves.find((move) => move.name === action.move);
  const place = of === "core" ? `core ${action.place}: ` : of === "node" ? `${stepper.machine.tree.names[action.place]}: ` : "";
  const told = parameters.map(({ name }, i) => `${name} ${action.parameters[i]}`).join(", ");
  return `${place}${action.move}${told ? ` (${told})` : ""}`;
}

const shown = (value) => (typeof value === "bigint" ? hex(value) : typeof value === "boolean" ? (value ? "yes" : "no") : String(value));

/** What a step changes: `power[1]: OFF → ON_PENDING`. */
export function changes(spec, machine, before, after) {
  return spec.fields.flatMap(({ name, domain }) => {
    if (!domain.length) return before[name] === after[name] ? [] : [`${name}: ${shown(before[name])} → ${shown(after[name])}`];
    return after[name].flatMap((value, i) => {
      if (value === before[name][i]) return [];
      const [of, at] = domain.length > 1 ? [Math.floor(i / machine.nodes), i % machine.nodes] : [i];
      const place = at === undefined ? (domain[0] === "node" ? machine.tree.names[of] : of) : `${of}, ${machine.tree.names[at]}`;
      return [`${name}[${place}]: ${shown(before[name][i])} → ${shown(value)}`];
    });
  });
}

/** A fact with its place in DEN0022. */
export function factLine(spec, id) {
  const [modalities, sections] = spec.facts[id] ?? [[], []];
  const binds = modalities.map((m) => spec.modalities[m]).join("; ");
  return h("li", {}, h("code", {}, id), ` ${binds}`, sections.length ? h("span.section", {}, ` DEN0022 ${sections.join(", ")}`) : null);
}

export const signed = (value) => BigInt.asIntN(64, value & CODE_BITS);
