// The living picture: the system, its power domains and its cores, in one state or in every state that is possible.
import { h } from "./words.js";

const TONES = {
  STOPPED: "off", ENTERING: "entering", RUNNING: "on", STANDBY: "idle", RETENTION: "idle", POWERDOWN: "idle", FROZEN: "frozen",
};
const DOING = {
  STOPPED: "stopped", ENTERING: "about to be entered", RUNNING: "runs caller code", STANDBY: "suspended in standby",
  RETENTION: "suspended in retention", POWERDOWN: "suspended in powerdown", FROZEN: "frozen: ignores wakeups",
};
const SYSTEM_TONES = { RUNNING: "on", GOING: "going", SUSPENDED: "idle", DOWN: "down" };
const NODE_TONES = { RUN: "on", STANDBY: "entering", RETENTION: "idle", POWERDOWN: "off" };

const distinct = (values) => [...new Set(values)];
const hex = (value) => `0x${value.toString(16)}`;

/** The picture of one state, or of several: then each part shows every value that it may have. */
export function picture(machine, states, { chosen, choose, before, label }) {
  const system = distinct(states.map((s) => s.system));
  const changed = (test) => (before && states.length === 1 && test(before) !== test(states[0]) ? ".changed" : "");
  const root = children(machine, 0).length || machine.nodes === 1 ? [nodeBox(machine, states, 0, { chosen, choose, before, changed })] : [];
  return h(
    `section.system.${SYSTEM_TONES[system[0]]}${changed((s) => s.system + s.kind)}`,
    { "aria-label": label ?? "the machine" },
    h(
      "header.system-head", {},
      h("span.title", {}, "System"),
      h("span.state", {}, distinct(states.map((s) => (s.system === "DOWN" ? `DOWN, ${s.kind}` : s.system))).join(" or ")),
      facts(states, changed),
    ),
    root,
  );
}

function facts(states, changed) {
  const mode = distinct(states.map((s) => (s.mode === "OS_INITIATED" ? "OS-initiated" : "platform-coordinated")));
  const memory = distinct(states.map((s) => s.memory.toLowerCase().replace("_", " ")));
  const chips = [
    [`mode: ${mode.join(" or ")}`, "mode"],
    [`memory: ${memory.join(" or ")}`, "memory"],
    states.every((s) => s.platform === "KEPT") && ["platform: that of the life before", "platform"],
    states.some((s) => s.memory_protected) && ["memory is protected", "memory_protected"],
  ];
  return h("span.chips", {}, chips.filter(Boolean).map(([text, field]) => h(`span.chip${changed((s) => s[field])}`, {}, text)));
}

const children = (machine, node) => machine.tree.parents.map((p, i) => i).filter((i) => i && machine.tree.parents[i] === node);

function nodeBox(machine, states, node, how) {
  const found = distinct(states.map((s) => s.node[node]));
  const cores = machine.cores.map((_, i) => i).filter((i) => machine.tree.homes[i] === node);
  return h(
    `div.domain.${NODE_TONES[found[0]]}${how.changed((s) => s.node[node])}`,
    {},
    h("div.domain-head", {}, h("span", {}, machine.tree.names[node], h("small", {}, ` level ${machine.tree.levels[node]}`)),
      h("span.state", {}, found.join(" or "))),
    children(machine, node).length ? h("div.domains", {}, children(machine, node).map((child) => nodeBox(machine, states, child, how))) : null,
    cores.length ? h("div.cores", {}, cores.map((core) => coreTile(machine, states, core, how))) : null,
  );
}

function coreTile(machine, states, core, { chosen, choose, changed }) {
  const power = distinct(states.map((s) => s.power[core]));
  const activity = distinct(states.map((s) => s.activity[core]));
  const tone = power[0] === "ON_PENDING" ? "pending" : TONES[activity[0]];
  const calls = activity.includes("RUNNING");
  const name = `core ${core} ${hex(machine.cores[core])}, ${power.join(" or ")}, ${activity.map((a) => DOING[a]).join(" or ")}`;
  return h(
    `button.core.${tone}${chosen === core ? ".chosen" : ""}${changed((s) => s.power[core] + s.activity[core] + s.wake[core])}`,
    { type: "button", id: choose ? `core-${core}` : null, "aria-label": name, "aria-pressed": choose ? String(chosen === core) : null,
      disabled: !choose, onclick: () => choose(core) },
    h("span.core-head", {}, chip(tone), h("span.core-name", {}, `core ${core}`), h("code", {}, hex(machine.cores[core]))),
    h("span.track", { "aria-hidden": "true" },
      ["OFF", "ON_PENDING", "ON"].map((at) => h(`span${power.includes(at) ? ".here" : ""}`, {}, at.replace("_", " ")))),
    h("span.doing", {}, distinct(states.map((s) => doing(s, core))).join(" or ")),
    h("span.badges", {}, badges(states, core)),
    calls && choose ? null : h("span.sr", {}, " cannot call"),
  );
}

function doing(state, core) {
  if (state.power[core] === "OFF") return "powered off";
  if (state.power[core] === "ON_PENDING") return state.activity[core] === "STOPPED" ? "powering up" : DOING[state.activity[core]];
  return DOING[state.activity[core]];
}

function badges(states, core) {
  const found = [];
  const only = states.length === 1 ? states[0] : null;
  if (only && (only.power[core] === "ON_PENDING" || ["ENTERING", "POWERDOWN"].includes(only.activity[core]))) {
    found.push(`pc ${hex(only.entry[core])}`, `x0 ${hex(only.context[core])}`);
  }
  if (states.some((s) => s.wake[core])) found.push("wakeup pending");
  if (only && only.asked[core] !== "NONE") found.push(`asked for ${only.asked[core].toLowerCase().replace("_", " ")}`);
  return found.map((text) => h("span.badge", {}, text));
}

function chip(tone) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", `chip-icon ${tone}`);
  svg.setAttribute("aria-hidden", "true");
  svg.innerHTML =
    '<path class="pins" d="M8 1v4M12 1v4M16 1v4M8 19v4M12 19v4M16 19v4M1 8h4M1 12h4M1 16h4M19 8h4M19 12h4M19 16h4"/>' +
    '<rect class="body" x="4.5" y="4.5" width="15" height="15" rx="3"/><circle class="lamp" cx="12" cy="12" r="3.4"/>';
  return svg;
}
