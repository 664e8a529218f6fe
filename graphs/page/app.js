// The page: what is shown of a session, and what clicks and keys do to it.
import { Session, onlyIn } from "./session.js";
import { fragment, sessionOf } from "./share.js";
import { stepperOf } from "./step.js";
import { Refused, Walk, parse } from "./walk.js";
import { picture } from "./picture.js";
import { actionText, callText, changes, factLine, h, resultText, toneOf } from "./words.js";

const spec = JSON.parse(document.getElementById("spec").textContent);
const session = new Session(spec);
const view = { draft: null, scene: null, walk: null, walkAt: 0, note: "", dialog: null };
const slot = (name) => document.getElementById(name);
const say = (text) => (slot("live").textContent = text);
const latest = spec.versions.length - 1;
const defaultReadings = () => ({});

// ---- what the reader chose

const setups = () => [...new Set(spec.machines.map((m) => m.setup))].filter((name) => name in spec.setups);
const versionsOf = (setup) => spec.versions.map((_, rank) => rank).filter((rank) => spec.machines.some((m) => m.setup === setup && m.version === rank));
const coresOf = (setup, version) => [...new Set(spec.machines.filter((m) => m.setup === setup && m.version === version).map((m) => m.cores.length))];
const nearest = (wanted, there) => (there.includes(wanted) ? wanted : there.reduce((a, b) => (Math.abs(b - wanted) < Math.abs(a - wanted) ? b : a)));

function configure(change) {
  const config = { ...session.config, ...change };
  config.version = nearest(config.version, versionsOf(config.setup));
  config.cores = nearest(config.cores, coresOf(config.setup, config.version));
  if (session.other) session.other.version = nearest(session.other.version, versionsOf(config.setup));
  open({ config, other: session.other, steps: session.steps, at: session.at });
}

function open(loaded, note = "") {
  view.walk = null;
  const { refused, missed } = session.load(loaded);
  view.note = refused ?? note;
  if (missed) view.note = `Here the rules differ: step ${session.steps.length + 1} (${missed.rule}) is not allowed on this machine.`;
  view.draft = null;
  render();
}

function go(at) {
  if (view.walk) view.walkAt = Math.max(0, Math.min(at, view.walk.sets.length - 1));
  else session.go(at);
  view.note = "";
  render();
  const step = session.steps[session.at - 1];
  say(view.walk ? `line ${view.walkAt + 1}` : step ? `step ${session.at}: ${spoken(step)}` : "at the cold boot");
}

function take(action, offer) {
  session.take(action, offer);
  view.scene = null;
  view.note = "";
  render();
  say(`step ${session.at}: ${spoken(session.steps.at(-1))}`);
}

const spoken = (step) => `${actionText(spec, session.stepper, step.action)}, ${ending(step)}`;
const ending = (step) => (step.action.move ? step.rule.split(".")[1].replaceAll("_", " ") : resultText(spec, { ...step, rule: step.of }));

function play(scene) {
  const config = { setup: scene.setup, cores: scene.cores, version: scene.version, readings: defaultReadings() };
  const steps = scene.steps.map(({ say: told, rule, caller, fn, args, move, place, parameters }) => ({
    rule, say: told, action: move ? { move, place, parameters } : { caller, fn, args },
  }));
  slot("tour-box").open = false;
  open({ config, steps, at: 0 });
  view.scene = scene;
  render();
  slot("scene-next")?.focus();
}

// ---- the call that is being written

function draftFor(state) {
  const callers = state.activity.map((a, i) => [a, i]).filter(([a]) => a === "RUNNING").map(([, i]) => i);
  const draft = view.draft ?? { name: "CPU_ON", wide: true, args: {}, isa: "AARCH64", world: "NORMAL", caller: 0 };
  if (!callers.includes(draft.caller) && callers.length) draft.caller = callers[0];
  view.draft = draft;
  return draft;
}

function suggestions(name, call, machine, draft) {
  const powerStates = Object.entries(spec.tables[machine.declared.values.state_valid]?.is ?? {}).filter(([, valid]) => valid).map(([w]) => w);
  const other = machine.cores.find((_, i) => i !== draft.caller) ?? machine.cores[0];
  switch (name) {
    case "target_cpu":
    case "target_affinity":
      return [hex(other), ...machine.cores.filter((mpidr) => mpidr !== other).map(hex), "0xff"];
    case "power_state":
      return powerStates.length ? powerStates : ["0x10000", "0x0"];
    case "entry_point_address":
      return ["0x40000000", ...(machine.unusable?.[0] ? [hex(machine.unusable[0][0])] : [])];
    case "context_id":
      return ["0x2a"];
    case "psci_func_id":
      return spec.calls.flatMap((c) => [c.fid64 ?? c.fid32]).filter((fid) => fid !== "0x0");
    case "mode":
      return ["0x1", "0x0"];
    case "type":
      return ["0x1", "0x0", "0x2"];
  }
  return ["0x0", "0x1"];
}

const hex = (value) => `0x${value.toString(16)}`;

function actionOf(draft) {
  const call = spec.calls.find((c) => c.name === draft.name);
  const fid = draft.wide && call.fid64 ? call.fid64 : (call.fid32 ?? call.fid64);
  const fn = call.name === "UNKNOWN" ? "0x8400001f" : fid;
  const args = call.arguments.map(({ name }) => valueOf(draft, name, call));
  const special = draft.isa !== "AARCH64" || draft.world !== "NORMAL";
  return { caller: draft.caller, fn: idOn(fn, call), args, ...(special && { isa: draft.isa, world: draft.world }) };
}

function idOn(fn, call) {
  const ids = session.stepper.machine.declared.ids;
  return ids ? (Object.keys(ids).find((id) => ids[id] === call.name) ?? fn) : fn;
}

function valueOf(draft, name, call) {
  const text = draft.args[name] ?? suggestions(name, call, session.stepper.machine, draft)[0];
  return hex(BigInt.asUintN(64, BigInt(text)));
}

// ---- what is shown

function render() {
  const held = document.activeElement?.id;
  document.body.classList.toggle("comparing", Boolean(session.other) && !view.walk);
  fill("bar", bar());
  fill("note", view.note ? h("p.note", { role: "status" }, view.note) : null);
  fill("stage", view.walk ? walkStage() : stage());
  fill("next", view.walk ? walkNext() : next());
  fill("past", view.walk ? walkPast() : past());
  if (held) slot(held)?.focus({ preventScroll: true });
  const list = slot("past").querySelector(".steps");
  const now = list.querySelector(".now");
  if (now) list.scrollTop = now.offsetTop - list.offsetTop - list.clientHeight / 2;
  if (!view.walk) history.replaceState(null, "", fragment(spec, session));
}

/** Put elements into a part of the page. */
function fill(name, content) {
  slot(name).replaceChildren(...[content].flat(Infinity).filter((part) => part !== null && part !== undefined));
}

function choice(id, label, options, value, change) {
  return h("label.field", {}, h("span", {}, label),
    h("select", { id, onchange: (e) => change(e.target.value) },
      options.map(([key, text]) => h("option", { value: key, selected: String(key) === String(value) }, text))));
}

function bar() {
  const { config, other } = session;
  const versions = (chosen) => versionsOf(config.setup).map((rank) => [rank, `PSCI ${spec.versions[rank].name}`]).reverse();
  const changed = Object.keys(config.readings).length;
  const parts = [
    choice("setup", "Machine", setups().map((name) => [name, name]), config.setup, (setup) => configure({ setup })),
    choice("cores", "Cores", coresOf(config.setup, config.version).map((n) => [n, n]), config.cores, (n) => configure({ cores: Number(n) })),
    choice("version", other ? "Left" : "Version", versions(), config.version, (rank) => configure({ version: Number(rank) })),
    h("button", { id: "readings", type: "button", onclick: () => readingsDialog("left") }, other ? "Readings left" : "Readings", changed ? h("b.count", {}, changed) : ""),
  ];
  if (other) {
    parts.push(
      choice("other", "Right", versions(), other.version, (rank) => beside({ ...other, version: Number(rank) })),
      h("button", { id: "readings-right", type: "button", onclick: () => readingsDialog("right") }, "Readings right",
        Object.keys(other.readings).length ? h("b.count", {}, Object.keys(other.readings).length) : ""),
    );
  }
  parts.push(
    h("button", { id: "compare", type: "button", "aria-pressed": String(Boolean(other)),
      onclick: () => beside(other ? null : { version: config.version, readings: { ...config.readings } }) }, "Side by side"),
    h("button", { id: "import", type: "button", onclick: importDialog }, "Import a trace"),
    h("button", { id: "share", type: "button", onclick: share }, "Copy link"),
  );
  return parts;
}

function beside(other) {
  session.other = other;
  session.follow();
  view.walk = null;
  render();
}

async function share() {
  const link = location.href;
  try {
    await navigator.clipboard.writeText(link);
    view.note = "The link is in the clipboard. It holds the machine, the readings and every step.";
  } catch {
    view.note = `This is the link: ${link}`;
  }
  render();
}

function stage() {
  const { machine } = session.stepper;
  const choose = (core) => {
    view.draft.caller = core;
    render();
  };
  draftFor(session.state);
  const how = { chosen: view.draft.caller, choose, before: session.before };
  if (!session.other) return [picture(machine, [session.state], how)];
  const { beside: right, besideState: there } = session;
  const name = ({ version, readings }) => `PSCI ${spec.versions[version].name}${Object.entries(readings).map(([k, v]) => `, ${k} ${v}`).join("")}`;
  return [
    differenceLine(),
    h("div.pair", {},
      h("div", {}, h("h3", {}, name(session.config)), picture(machine, [session.state], { ...how, label: "left machine" })),
      h("div", {}, h("h3", {}, name(session.other)),
        there ? picture(right.stepper.machine, [there], { label: "right machine", before: right.states[session.at - 1] })
          : h("p.left-behind", {}, right ? "This machine does not allow the step that was taken on the left." : "There is no such machine in this version."))),
  ];
}

function differenceLine() {
  const { differs, steps } = session;
  if (differs === null) {
    return h("p.difference", {}, steps.length ? `No difference in ${steps.length} step${steps.length > 1 ? "s" : ""} so far.` : "Take a step: the first on which the two differ is marked.");
  }
  return h("p.difference.found", {}, "They differ first on ",
    h("button.link", { type: "button", id: "first-difference", onclick: () => go(differs) }, `step ${differs + 1}`),
    `: ${actionText(spec, session.stepper, steps[differs].action)}.`);
}

function next() {
  return [sceneBox(), h("h2", {}, "What happens next"), composer(), environment()];
}

function sceneBox() {
  const { scene } = view;
  if (!scene) return null;
  const done = session.at === session.steps.length;
  const told = session.at ? session.steps[session.at - 1].say : scene.intro;
  return h("section.scene", { "aria-label": `scene: ${scene.title}` },
    h("h2", {}, scene.title, h("small", {}, ` ${session.at} of ${session.steps.length}`)),
    h("p", {}, told),
    h("div.row", {},
      h("button.primary", { id: "scene-next", type: "button", disabled: done, onclick: () => go(session.at + 1) }, done ? "The end of the scene" : "Next"),
      h("button", { id: "scene-back", type: "button", disabled: !session.at, onclick: () => go(session.at - 1) }, "Back"),
      h("button", { id: "scene-leave", type: "button", onclick: () => { view.scene = null; render(); } }, "Go on by yourself")));
}

function composer() {
  const { state, stepper } = session;
  if (!state.activity.includes("RUNNING")) {
    return h("p.quiet", {}, "No core runs caller code, so nobody can call. Something else has to happen first.");
  }
  const draft = draftFor(state);
  const { version } = session.config;
  const there = spec.calls.filter((c) => c.name !== "NOT_PSCI" && (c.name === "UNKNOWN" || (c.since <= version && version <= c.until)));
  if (!there.some((c) => c.name === draft.name)) draft.name = there[0].name;
  const call = spec.calls.find((c) => c.name === draft.name);
  const edit = (change) => { Object.assign(draft, change); render(); };
  const callers = state.activity.map((a, i) => [i, `core ${i}`, a === "RUNNING"]).filter(([, , runs]) => runs);
  const form = h("form.composer", { onsubmit: (e) => e.preventDefault(), "aria-label": "a call" },
    choice("caller", "Caller", callers, draft.caller, (i) => edit({ caller: Number(i) })),
    choice("call", "Call", there.map((c) => [c.name, c.name === "UNKNOWN" ? "an unknown id" : c.name]), draft.name, (name) => edit({ name, args: {} })),
    call.arguments.map(({ name }) => argumentField(name, call, draft)),
    call.fid32 && call.fid64 ? choice("width", "Id", [["64", "SMC64"], ["32", "SMC32"]], draft.wide ? "64" : "32", (w) => edit({ wide: w === "64" })) : null,
    h("details.more", { open: draft.isa !== "AARCH64" || draft.world !== "NORMAL" }, h("summary", {}, "The caller is…"),
      choice("isa", "Execution state", [["AARCH64", "AArch64"], ["AARCH32", "AArch32"]], draft.isa, (isa) => edit({ isa })),
      choice("world", "Security state", [["NORMAL", "Normal"], ["REALM", "Realm"], ["SECURE", "Secure"]], draft.world, (world) => edit({ world }))),
  );
  let action;
  let found;
  try {
    action = actionOf(draft);
    found = session.offers(action);
  } catch (problem) {
    return [form, h("p.quiet", { role: "alert" }, problem.key ? `${problem.key} is not declared: choose a profile that does.` : "An argument is a number, such as 0x1.")];
  }
  const theirs = session.other ? session.besideOffers(action) : null;
  return [form, outcomes(action, found, theirs)];
}

function argumentField(name, call, draft) {
  const options = suggestions(name, call, session.stepper.machine, draft);
  return h("label.field", {}, h("span", {}, name.replaceAll("_", " ")),
    h("input", { id: `arg-${name}`, list: `list-${name}`, value: draft.args[name] ?? options[0], spellcheck: "false", autocomplete: "off",
      onchange: (e) => { draft.args[name] = e.target.value.trim(); render(); } }),
    h("datalist", { id: `list-${name}` }, options.map((value) => h("option", { value }))));
}

const ORDER = ["gate", "must refuse", "succeeds", "may succeed", "may refuse", "amends"];

function outcomes(action, { offers: found, broken, obliged }, theirs) {
  // what a usual implementation declares comes first, then the order in which the modalities bind
  const place = ({ ordinary, rule }) => (ordinary ? 0 : ORDER.length) + ORDER.indexOf(rule.modality);
  const offers = found.toSorted((a, b) => place(a) - place(b));
  const extra = theirs ? onlyIn(theirs, offers) : [];
  const mine = theirs ? new Set(onlyIn(offers, theirs)) : new Set();
  const served = session.stepper.server?.(BigInt(action.fn));
  return h("section.outcomes", { "aria-label": "allowed outcomes" },
    h("p.call-line", {}, h("code", {}, callText(session.stepper, action)), served ? ` reaches the ${served}.` : "",
      ` ${offers.length === 1 ? "One outcome is allowed" : `${offers.length} outcomes are allowed`}${obliged ? ": it must be refused." : "."}`),
    broken.map((rule) => h("p.duty", {}, h("b", {}, "The caller breaks its duty: "), rule.text, obliged && !rule.frees ? "" : " So DEN0022 promises nothing.")),
    h("ol.cards", {}, offers.map((offer, i) => card(offer, { number: i + 1, take: () => take(action, offer), only: mine.has(offer) ? "left only" : "" })),
      extra.map((offer) => card(offer, { only: "right only" }))));
}

const BINDS = { gate: "always", "must refuse": "must", "may refuse": "may", succeeds: "success", "may succeed": "may", amends: "known deviation" };

function card(offer, { number, take: taken, only }) {
  const { machine } = session.stepper;
  const base = only === "right only" ? session.besideState : session.state;
  const after = changes(spec, machine, base, offer.state);
  const open = Object.entries(offer.choices ?? {}).filter(([key]) => !(key in session.choices));
  return h(`li.card.${toneOf(offer)}`, {},
    h("div.card-head", {}, h("b.result", {}, resultText(spec, offer)), h("span.binds", {}, BINDS[offer.rule.modality]),
      only ? h("span.only", {}, only) : null,
      taken ? h("button.primary.step", { type: "button", id: `take-${number}`, "aria-label": `take outcome ${number}: ${resultText(spec, offer)}, ${offer.rule.name}`, onclick: taken }, "Step", h("kbd", {}, number)) : null),
    h("p", {}, offer.rule.text),
    offer.value === null && offer.rule.limits ? h("p.quiet", {}, "Any result for which ", h("code", {}, offer.rule.limits)) : null,
    open.length ? h("p.open", {}, "If the implementation has ", open.map(([key, value], i) => [i ? " and " : "", h("code", {}, `${key} = ${value}`)])) : null,
    after.length ? h("ul.changes", {}, after.map((line) => h("li", {}, line))) : h("p.quiet", {}, "Nothing changes."),
    ruleDetails(offer.rule));
}

function ruleDetails(rule) {
  return h("details.rule", {}, h("summary", {}, h("code", {}, rule.name)),
    rule.says ? h("p.guard", {}, "where ", h("code", {}, rule.says)) : null,
    h("ul.facts", {}, rule.cites.map((id) => factLine(spec, id))));
}

function environment() {
  const moves = session.moves();
  const group = (title, list, open) => list.length
    ? h("details.moves", { open }, h("summary", {}, title, h("span.count", {}, list.length)),
        h("ul", {}, list.map((found) => moveButton(found))))
    : null;
  const often = (found) => !["SIGNAL", "LOSE_POWER", "LOOK"].includes(found.move.name);
  return h("section.environment", { "aria-label": "without a call" }, h("h2", {}, "Without a call"),
    group("Moves that nobody sees", moves.filter((m) => m.move.silent), true),
    group("Moves that the outside sees", moves.filter((m) => !m.move.silent && often(m)), true),
    group("At any time: wakeup events, loss of power, a look at a power domain", moves.filter((m) => !often(m)), false));
}

function moveButton(found) {
  const parameters = found.parameters.map((p) => (typeof p === "bigint" ? hex(p) : p));
  const action = { move: found.move.name, place: found.place, parameters };
  return h("li", {}, h("button.move", { type: "button", "data-move": `${action.move} ${action.place}`, onclick: () => take(action, { ...found, choices: session.choices }) },
    h("b", {}, actionText(spec, session.stepper, action)), h("span", {}, found.rule.text)));
}

function past() {
  const { steps, at } = session;
  const row = (i, title, detail, step) => h(`li${i === at ? ".now" : ""}${i > at ? ".ahead" : ""}${session.differs !== null && i === session.differs + 1 ? ".differs" : ""}`, {},
    h("button", { type: "button", id: `step-${i}`, "aria-current": i === at ? "step" : null, onclick: () => go(i) },
      h("span.number", {}, i), h("span", {}, h("b", {}, title), detail ? h(`span.answer.${step ? tone(step) : ""}`, {}, detail) : null)));
  return [
    h("div.row.spread", {}, h("h2", {}, "The way here"),
      h("span.row", {},
        h("button", { id: "back", type: "button", disabled: at === 0, onclick: () => go(at - 1), title: "Left arrow" }, "Back"),
        h("button", { id: "forward", type: "button", disabled: at === steps.length, onclick: () => go(at + 1), title: "Right arrow" }, "Forward"),
        h("button", { id: "undo", type: "button", disabled: at === 0, onclick: undo, title: "Backspace" }, "Undo"))),
    h("ol.steps", {}, row(0, "cold boot", ""), steps.map((step, i) => row(i + 1, actionText(spec, session.stepper, step.action), ending(step), step))),
    at ? ruleDetails(session.steps[at - 1].of) : null,
    h("div.row", {}, h("button", { id: "restart", type: "button", disabled: !steps.length, onclick: () => open({ config: session.config, other: session.other }) }, "Begin again")),
    Object.keys(session.choices).length ? h("p.quiet", {}, "Taken as declared: ", Object.entries(session.choices).map(([k, v]) => `${k} = ${v}`).join(", ")) : null,
  ];
}

const tone = (step) => (step.action.move ? "moved" : toneOf({ ...step, rule: step.of }));

function undo() {
  session.steps.length = session.at - 1;
  view.scene = null;
  session.follow();
  go(session.at - 1);
}

// ---- a trace, line by line

function walkTrace(text) {
  try {
    const events = parse(text);
    view.walk = new Walk(spec, events);
    view.walkAt = view.walk.sets.length - 1;
    view.scene = null;
    view.note = "";
    slot("dialog").close();
  } catch (problem) {
    if (!(problem instanceof Refused)) throw problem;
    if (slot("dialog").open) {
      slot("import-problem").textContent = problem.message;
      return;
    }
    view.note = problem.message;
  }
  render();
}

function walkStage() {
  const set = view.walk.sets[view.walkAt];
  const states = [...new Map(set.map(({ state }) => [JSON.stringify(state, (_, v) => (typeof v === "bigint" ? String(v) : v)), state])).values()];
  return [h("p.difference", {}, states.length === 1 ? "One state explains the trace up to here." : `${states.length} states explain the trace up to here; each part shows all that it may be.`),
    picture(view.walk.stepper.machine, states, {})];
}

function walkNext() {
  const { stuck, events, allowedThere, sets } = view.walk;
  const line = events[view.walkAt];
  const open = sets.at(-1).some(({ choices }) => Object.keys(choices).length);
  const verdict = stuck === null
    ? h("p.verdict.good", {}, `The rules explain all ${events.length} lines.`, open
        ? " What the machine line leaves open was answered one by one; psci trace check also knows which answers go together." : "")
    : h("div.verdict.bad", {}, h("p", {}, h("b", {}, `Nothing explains line ${stuck + 1}: `), eventText(events[stuck])),
        allowedThere.length ? [h("p", {}, "Allowed are only:"), h("ul", {}, allowedThere.map((o) => h("li", {}, h("b", {}, resultText(spec, o)), " ", h("code", {}, o.rule.name), ` ${o.rule.text}`)))] : null,
        h("p.quiet", {}, "psci trace check FILE says more, and goes on after it."));
  return [h("h2", {}, `Line ${view.walkAt + 1} of ${events.length}`), h("p", {}, eventText(line)), verdict,
    h("p.quiet", {}, `${sets[view.walkAt].length} explanation${sets[view.walkAt].length > 1 ? "s" : ""}`),
    h("button", { id: "walk-leave", type: "button", onclick: () => { view.walk = null; render(); } }, "Leave the trace")];
}

function eventText(event) {
  const { k, cpu, ...rest } = event;
  if (k === "call") return `core ${cpu} calls ${callText(view.walk.stepper, { fn: event.fn, args: event.args })}`;
  if (k === "return") return `core ${cpu} gets ${codeText(event.x0)}`;
  if (k === "enter") return `core ${cpu} is entered at ${event.pc} with x0 ${event.x0}`;
  if (k === "machine") return `PSCI ${event.psci}, ${event.cpus.length} cores`;
  return `${k}${cpu ? ` core ${cpu}` : ""} ${["event", "action", "why", "cause"].map((name) => rest[name]).filter(Boolean).join(" ")}`;
}

function codeText(x0) {
  const value = BigInt(x0);
  if (!value) return "0 (SUCCESS)";
  const found = Object.entries(spec.codes).find(([, n]) => n < 0 && (BigInt.asUintN(64, BigInt(n)) === value || BigInt.asUintN(32, BigInt(n)) === value));
  return found ? found[0] : x0;
}

function walkPast() {
  const { events, stuck, sets } = view.walk;
  return [
    h("div.row.spread", {}, h("h2", {}, "The trace"), h("span.row", {},
      h("button", { id: "back", type: "button", disabled: !view.walkAt, onclick: () => go(view.walkAt - 1) }, "Back"),
      h("button", { id: "forward", type: "button", disabled: view.walkAt === sets.length - 1, onclick: () => go(view.walkAt + 1) }, "Forward"))),
    h("ol.steps", {}, events.map((event, i) => h(`li${i === view.walkAt ? ".now" : ""}${i === stuck ? ".differs" : ""}${i >= sets.length ? ".ahead" : ""}`, {},
      h("button", { type: "button", id: `line-${i}`, disabled: i >= sets.length, "aria-current": i === view.walkAt ? "step" : null, onclick: () => go(i) },
        h("span.number", {}, i + 1), h("span", {}, eventText(event)))))),
  ];
}

// ---- dialogs

function dialog(title, ...content) {
  const box = slot("dialog");
  box.replaceChildren(h("div.row.spread", {}, h("h2", {}, title), h("button", { type: "button", id: "dialog-close", onclick: () => box.close() }, "Close")), ...content);
  box.showModal();
}

function readingsDialog(side) {
  const target = side === "left" ? session.config : session.other;
  const set = (name, option) => {
    const reading = spec.readings.find((r) => r.name === name);
    const readings = { ...target.readings };
    if (option === "" || option === reading.default) delete readings[name];
    else readings[name] = option;
    if (side === "left") configure({ readings });
    else beside({ ...session.other, readings });
    readingsDialog(side);
    slot(`reading-${name}`).focus();
  };
  const chosen = (reading) => target.readings[reading.name] ?? reading.default;
  dialog(`Readings${session.other ? `, ${side}` : ""}`,
    h("p.quiet", {}, "Where DEN0022 can be read in two ways, each place is a switch."),
    h("div.readings", {}, spec.readings.map((reading) =>
      h(`div.reading${reading.name in target.readings ? ".set" : ""}`, {},
        h("p", {}, h("b", {}, reading.name), " ", reading.question),
        h("select", { id: `reading-${reading.name}`, "aria-label": reading.name, onchange: (e) => set(reading.name, e.target.value) },
          reading.default ? null : h("option", { value: "" }, "left open"),
          Object.keys(reading.options).map((option) =>
            h("option", { value: option, selected: chosen(reading) === option }, `${option}: ${reading.meanings[option]}`))),
        // a long meaning is cut in the list
        chosen(reading) && reading.meanings[chosen(reading)].length > 60 ? h("p.quiet", {}, reading.meanings[chosen(reading)]) : null))));
}

function importDialog() {
  dialog("Import a trace",
    h("p.quiet", {}, "One JSON object a line, as in docs/trace-format.md. Nothing leaves this page."),
    h("input", { type: "file", id: "trace-file", "aria-label": "a trace file", accept: ".ndjson,.json,.txt,.trace",
      onchange: async (e) => { slot("trace-text").value = await e.target.files[0].text(); } }),
    h("textarea", { id: "trace-text", rows: "10", spellcheck: "false", "aria-label": "the trace" }, spec.example),
    h("p.problem", { id: "import-problem", role: "alert" }),
    h("div.row", {}, h("button.primary", { type: "button", id: "walk", onclick: () => walkTrace(slot("trace-text").value) }, "Walk it")));
}

function tour() {
  slot("tour").replaceChildren(...spec.scenes.map((scene) =>
    h("button.scene-card", { type: "button", id: `scene-${scene.id}`, onclick: () => play(scene) }, h("b", {}, scene.title), h("span", {}, scene.intro))));
}

function keys(event) {
  const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName) || slot("dialog").open;
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  const at = view.walk ? view.walkAt : session.at;
  if (event.key === "ArrowLeft") go(at - 1);
  else if (event.key === "ArrowRight") go(at + 1);
  else if (event.key === "Backspace" && !view.walk && session.at) undo();
  else if (event.key === "?") slot("help").click();
  else if (/^[1-9]$/.test(event.key)) slot(`take-${event.key}`)?.click();
  else return;
  event.preventDefault();
}

function help() {
  dialog("Keys", h("dl.keys", {}, [["1 to 9", "take that outcome"], ["← →", "back and forward"], ["Backspace", "undo the step"], ["Tab", "through everything else"], ["?", "this list"]]
    .map(([key, text]) => [h("dt", {}, h("kbd", {}, key)), h("dd", {}, text)])),
    h("p.quiet", {}, "A session is in the address of the page: copy it, and somebody else sees what you see."));
}

function theme(next) {
  if (next) document.documentElement.dataset.theme = next;
}

function begin() {
  document.addEventListener("keydown", keys);
  slot("help").addEventListener("click", help);
  slot("theme").addEventListener("click", () => {
    const dark = document.documentElement.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
    theme(dark === "dark" ? "light" : "dark");
  });
  window.addEventListener("hashchange", () => {
    const given = sessionOf(spec, location.hash);
    if (given && location.hash !== fragment(spec, session)) open(given);
  });
  tour();
  const first = { setup: spec.begin.setup, cores: spec.begin.cores, version: latest, readings: defaultReadings() };
  const given = sessionOf(spec, location.hash);
  open({ config: first });
  if (given && stepperOf(spec, given.config)) open(given);
  else if (given) open({ config: first }, "The link names a machine that this page has not.");
  if (spec.trace) walkTrace(spec.trace);
}

begin();
window.psci = { spec, session, view, open, go, take, walkTrace, render };
