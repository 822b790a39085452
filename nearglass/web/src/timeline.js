// Events as chains: what followed from what, with the time between.
import { html } from "htm/preact";
import { chains } from "./words.js";

const NORMAL = new Set(["check_passed", "started", "reloaded", "announced", "upstream_up", "bfd_up", "fleet_up", "site_seen", "neighbour-up",
  "site-reachable", "daemon-up"]);

// RFC 3339 with microseconds, of which Date keeps the thousands.
const micros = (time) => Date.parse(time.slice(0, 19) + "Z") * 1000 + Number(time.slice(20, 26));

function When({ time, from }) {
  const delta = from ? micros(time) - micros(from) : null;
  const shown = delta == null ? `${time.slice(0, 10)} ${time.slice(11, 19)}Z` : `+${(delta / 1000).toFixed(delta < 10000 ? 1 : 0)} ms`;
  return html`<time datetime=${time} title=${time}>${shown}</time>`;
}

export const typeWords = (type) => type.replace(/[_-]/g, " ");

function Chain({ item, from, site }) {
  const e = item.event;
  return html`<li class=${NORMAL.has(e.type) ? "normal" : "notable"}>
    <${When} time=${e.time} from=${from} />${e.site && e.site !== site && e.subject !== e.site && e.type !== "catchment" ? html` <span class="tag">${e.site}</span>` : ""}
    <b>${typeWords(e.type)}</b> ${e.type === "catchment" ? "" : e.subject}
    ${e.upstream ? html` <span class="tag">${e.upstream}</span>` : ""}
    ${e.reason && e.reason !== e.type ? html` <span class="quiet">${e.reason}</span>` : ""}
    ${e.detail ? html` <span>${e.detail}</span>` : ""}
    ${item.effects.length ? html`<ol>${item.effects.map((x) => html`<${Chain} item=${x} from=${e.time} site=${e.site} />`)}</ol>` : ""}
  </li>`;
}

export function Chains({ events, limit }) {
  const all = chains(events);
  if (all.length === 0) return html`<p class="quiet">Nothing yet.</p>`;
  return html`<ol class="timeline">${all.slice(0, limit).map((c) => html`<${Chain} item=${c} />`)}</ol>`;
}

export const isNotable = (type) => !NORMAL.has(type);
