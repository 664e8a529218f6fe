// A session: a machine, the steps that were taken on it, and perhaps a second machine beside it that follows.
import { Undeclared } from "./terms.js";
import { stepperOf } from "./step.js";
import { parameter } from "./share.js";

const plain = (_, value) => (typeof value === "bigint" ? `0x${value.toString(16)}` : value);
export const asText = (value) => JSON.stringify(value, plain);

/** An action as the stepper's invocation. */
export function invocation({ caller, fn, args = [], isa = "AARCH64", world = "NORMAL" }) {
  const [x1, x2, x3] = [...args, "0x0", "0x0", "0x0"].map(BigInt);
  return { caller, fn: BigInt(fn), x1, x2, x3, isa, world };
}

/** What may happen: outcomes with the answers to open questions that each needs. */
export function offersOf(stepper, state, action, known) {
  if (action.move) {
    const sorts = stepper.spec.moves.find((move) => move.name === action.move).parameters.map(({ sort }) => sort);
    const parameters = action.parameters.map((value, i) => parameter(value, sorts[i]));
    return { offers: stepper.move(action.move, state, action.place, parameters).map((found) => ({ ...found, choices: known })), broken: [] };
  }
  if (state.activity[action.caller] !== "RUNNING") return { offers: [], broken: [], silent: true };
  const branches = stepper.underAllAnswers(state, invocation(action), known);
  const groups = new Map();
  for (const { choices, allowed } of branches) {
    for (const outcome of allowed.outcomes) {
      const key = asText([outcome.rule.name, outcome.value, outcome.state]);
      if (!groups.has(key)) groups.set(key, { ...outcome, under: [] });
      groups.get(key).under.push(choices);
    }
  }
  const all = branches.map(({ choices }) => choices);
  const offers = [...groups.values()].map(({ under, ...outcome }) => ({
    ...outcome, choices: needed(under, all, known), ordinary: under.includes(all[0]),
  }));
  const broken = [...new Set(branches.flatMap(({ allowed }) => allowed.broken))];
  return { offers, broken, obliged: branches.every(({ allowed }) => allowed.obliged) };
}

/** The fewest of the answers under which an outcome is allowed, whatever the others are. */
function needed(under, all, known) {
  let kept = { ...under[0] };
  for (const key of Object.keys(kept).filter((candidate) => !(candidate in known))) {
    const { [key]: _, ...rest } = kept;
    const agreeing = all.filter((choices) => Object.entries(rest).every(([k, v]) => choices[k] === undefined || choices[k] === v));
    if (agreeing.every((choices) => under.includes(choices))) kept = rest;
  }
  return kept;
}

/** How a call ends, without the rule that allows it. */
export const answerOf = (offer) => asText([offer.completion ?? null, offer.value ?? null, offer.value === null ? offer.rule.limits : null]);

export class Session {
  constructor(spec) {
    this.spec = spec;
    this.config = null;
    this.other = null;
    this.steps = [];
    this.at = 0;
  }

  /** Begin anew on a machine, and take recorded steps as far as the rules allow; returns the first that they do not. */
  load({ config, other = null, steps = [], at = steps.length }) {
    const stepper = stepperOf(this.spec, config);
    if (!stepper) return { refused: `there is no machine ${config.setup} with ${config.cores} cores in this version` };
    Object.assign(this, { config, other, stepper, steps: [], at: 0 });
    this.start = stepper.initial();
    const missed = steps.find((step) => !this.repeat(step));
    this.at = Math.min(at, this.steps.length);
    this.follow();
    return { missed };
  }

  repeat({ action, rule, choices = {}, say }) {
    const { offers } = this.offers(action);
    const fits = offers.filter((offer) => offer.rule.name === rule);
    const taken = fits.find((offer) => Object.entries(choices).every(([key, value]) => offer.choices[key] === value)) ?? fits[0];
    if (taken) this.push(action, taken, say);
    return Boolean(taken);
  }

  get state() {
    return this.at ? this.steps[this.at - 1].state : this.start;
  }

  get before() {
    return this.at ? (this.at > 1 ? this.steps[this.at - 2].state : this.start) : null;
  }

  get choices() {
    return this.at ? this.steps[this.at - 1].choices : {};
  }

  offers(action) {
    return offersOf(this.stepper, this.state, action, this.choices);
  }

  /** Every move of the environment that is possible here. */
  moves() {
    return this.stepper.moves(this.state);
  }

  take(action, offer) {
    this.steps.length = this.at;
    this.push(action, offer);
    this.follow();
  }

  push(action, { rule, state, completion = null, value = null, choices }, say) {
    this.steps.push({ action, rule: rule.name, of: rule, state, completion, value, choices, say });
    this.at = this.steps.length;
  }

  go(at) {
    this.at = Math.max(0, Math.min(at, this.steps.length));
  }

  /** Let the second machine take the same steps, and find the first on which the two differ. */
  follow() {
    this.beside = null;
    this.differs = null;
    if (!this.other) return;
    const stepper = stepperOf(this.spec, { ...this.config, ...this.other });
    if (!stepper) return;
    const states = [stepper.initial()];
    this.beside = { stepper, states, offers: [] };
    let here = this.start;
    let known = {};
    for (const [i, step] of this.steps.entries()) {
      const mine = offersOf(this.stepper, here, step.action, i ? this.steps[i - 1].choices : {}).offers;
      const theirs = safely(() => offersOf(stepper, states[i], step.action, known).offers);
      if (this.differs === null && !sameAnswers(mine, theirs)) this.differs = i;
      const next = theirs.find((offer) => offer.rule.name === step.rule) ?? theirs.find((offer) => answerOf(offer) === answerOf({ ...step, rule: step.of }));
      if (!next) {
        this.beside.left = i;
        break;
      }
      states.push(next.state);
      known = next.choices;
      here = step.state;
    }
  }

  /** The state of the second machine, or null where it could not follow. */
  get besideState() {
    return this.beside?.states[this.at] ?? null;
  }

  besideOffers(action) {
    if (!this.besideState) return [];
    return safely(() => offersOf(this.beside.stepper, this.besideState, action, {}).offers);
  }
}

function safely(ask) {
  try {
    return ask();
  } catch (missing) {
    if (missing instanceof Undeclared) return [];
    throw missing;
  }
}

/** Whether two machines allow the same answers and the same states after them. */
export function sameAnswers(mine, theirs) {
  const set = (offers) => asText([...new Set(offers.map((offer) => asText([answerOf(offer), offer.state])))].sort());
  return set(mine) === set(theirs);
}

export function onlyIn(offers, others) {
  const there = new Set(others.map((offer) => asText([answerOf(offer), offer.state])));
  return offers.filter((offer) => !there.has(asText([answerOf(offer), offer.state])));
}
