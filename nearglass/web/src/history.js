// How things stood at a time: the same map, tables and chains as of now, from the history. The time is in the
// URL, so what is seen can be passed on.
import { html } from "htm/preact";
import { useEffect, useState } from "preact/hooks";
import { ask, status } from "./api.js";
import { ClientTable, Landing, countOf, lookOf } from "./clients.js";
import { WorldMap } from "./map.js";
import { Empty, State, Table } from "./parts.js";
import { go, query, replace } from "./router.js";
import { Chains, isNotable, typeWords } from "./timeline.js";
import { NodeTable } from "./views.js";
import { STATES, mismatch, placeOf, sitesOf, summary, tellClients } from "./words.js";

const SPANS = [["10m", 600, "10 minutes"], ["1h", 3600, "1 hour"], ["6h", 21600, "6 hours"], ["1d", 86400, "1 day"], ["7d", 604800, "7 days"], ["30d", 2592000, "30 days"]];
const EVENTS = 200;    // up to the time
const ON_STRIP = 1000; // of the span
const WAIT_MS = 120;   // while the slider is being dragged

const iso = (ms) => new Date(ms).toISOString();
const text = (time) => `${time.slice(0, 10)} ${time.slice(11, 19)}Z`;
// An event's time has microseconds, which Date does not keep: the text is passed on as it came.
const address = (at, width) => `/history?${new URLSearchParams({ at, span: width })}`;

// ---- What the facts amount to ----

const DEAD = new Set(["stopped", "daemon-lost"]);
const byKey = (events, key) => new Map(events.map((e) => [key(e), e]));

// Rows as those of the fleet now. What no event tells is not known; nobody but an operator changes `admin`.
export function rowsOf(past) {
  const of = (e) => `${e.site} ${e.subject}`;
  const decided = byKey(past.decisions, of);
  const health = byKey(past.health, of);
  const admin = byKey(past.admin, of);
  const dead = byKey(past.sites.filter((e) => DEAD.has(e.type)), (e) => e.site);
  return [...new Set([...decided.keys(), ...health.keys()])].sort().map((key) => {
    const last = decided.get(key) ?? health.get(key);
    return {
      site: last.site, node: last.site, service: last.subject, lost: dead.has(last.site),
      health: health.get(key)?.reason ?? "unknown",
      admin: admin.get(key)?.reason ?? (decided.get(key)?.reason === "stopping" ? "drained" : "active"),
      announce: /^(announced|demoted|withdrawn)/.exec(decided.get(key)?.detail ?? "")?.[0] ?? "not known",
      since: text(last.time),
    };
  });
}

const UP = /up$|reachable$/;
const isUp = (type) => UP.test(type) && !type.endsWith("unreachable");

function Sessions({ events }) {
  const rows = [...events].sort((a, b) => `${a.site} ${a.upstream ?? a.subject}`.localeCompare(`${b.site} ${b.upstream ?? b.subject}`)).map((e) => html`<tr>
    <th scope="row">${e.site}</th><td>${e.upstream ? html`${e.upstream} <span class="quiet">${e.subject}</span>` : e.subject}</td>
    <td><${State} is=${isUp(e.type) ? "up" : "down"}>${typeWords(e.type)}<//></td><td>${text(e.time)}</td><td>${isUp(e.type) ? "" : e.detail ?? ""}</td></tr>`);
  return html`<${Table} caption="Sessions then" head=${["site", "session", "state", "since", "why"]} rows=${rows} empty="Nothing is known of sessions then." />`;
}

function Announcements({ events }) {
  const rows = [...events].sort((a, b) => `${a.subject} ${a.site}`.localeCompare(`${b.subject} ${b.site}`)).map((e) => html`<tr>
    <th scope="row">${e.subject}</th><td>${e.site}</td><td>${e.upstream ?? ""}</td>
    <td>${e.type}</td><td>${e.reason ?? ""}</td><td>${text(e.time)}</td></tr>`);
  return html`<${Table} caption="Announcements then" head=${["prefix", "site", "upstream", "announced", "reason", "since"]} rows=${rows} empty="Nothing is known of announcements then." />`;
}

// ---- Choosing a time ----

// Events of the span as marks, what is out of the normal higher.
function Strip({ events, from, to, at }) {
  const x = (time) => (((Date.parse(time) - from) / (to - from)) * 1000).toFixed(1);
  return html`<svg class="strip" viewBox="0 0 1000 34" preserveAspectRatio="none" aria-hidden="true">
    ${events.map((e) => html`<path class=${e.type === "catchment" ? "moved" : isNotable(e.type) ? "notable" : "normal"} d=${`M${x(e.time)} 34V${e.type === "catchment" ? 10 : isNotable(e.type) ? 2 : 20}`} />`)}
    <path class="now" d=${`M${x(at)} 0V34`} /></svg>`;
}

// end: of the span; it follows the time only when that leaves it.
function windowOf(at, seconds, end) {
  const ms = Date.parse(at);
  const fits = end != null && ms <= end && ms >= end - seconds * 1000;
  const to = fits ? end : Math.min(Date.now(), ms + seconds * 250);
  return [to - seconds * 1000, Math.max(to, ms)];
}

function Chooser({ at, width, events, from, to }) {
  const [dragged, setDragged] = useState(null);
  useEffect(() => {
    if (dragged == null) return undefined;
    const timer = setTimeout(() => { replace(address(iso(dragged), width)); setDragged(null); }, WAIT_MS);
    return () => clearTimeout(timer);
  }, [dragged]);
  const shown = dragged == null ? at : iso(dragged);
  const step = async (earlier) => {
    const ms = Date.parse(at);
    const q = earlier ? { to: at, order: "latest", limit: 20 } : { from: at, limit: 20 };
    const found = (await ask(`/api/v1/history?${new URLSearchParams(q)}`)).events.find((e) => (earlier ? e.time < normal(at) : e.time > normal(at)));
    if (found) go(address(found.time, width), true);
    else if (!earlier) go(address(iso(Math.max(ms, Date.now())), width), true);
  };
  const by = (seconds) => () => go(address(iso(Math.min(Date.now(), Date.parse(at) + seconds * 1000)), width), true);
  const submit = (e) => {
    e.preventDefault();
    const value = new FormData(e.target).get("at");
    const ms = Date.parse(`${value}Z`);
    if (!Number.isNaN(ms)) go(address(iso(ms), width), true);
  };
  const field = at.slice(0, 19);
  return html`<form class="chooser" onSubmit=${submit}>
      <label for="at">Time, in UTC</label>
      <div class="row"><input id="at" name="at" type="datetime-local" step="1" key=${field} defaultValue=${field} required />
        <button>Go</button>
        <select aria-label="Span of the strip" onChange=${(e) => go(address(at, e.target.value), true)}>${SPANS.map(([key, , words]) => html`<option value=${key} selected=${key === width}>${words}</option>`)}</select></div>
      <div class="timebar"><${Strip} events=${events} from=${from} to=${to} at=${shown} />
        <input type="range" aria-label="Time" aria-valuetext=${text(shown)} min=${from} max=${to} step="1000" value=${Date.parse(shown)} onInput=${(e) => setDragged(Number(e.target.value))} />
        <div class="ends quiet" aria-hidden="true"><span>${text(iso(from))}</span><span>${text(iso(to))}</span></div></div>
      <div class="row" role="group" aria-label="Go to another time">
        <button type="button" onClick=${() => step(true)}>Event before</button>
        <button type="button" onClick=${() => step(false)}>Event after</button>
        <button type="button" onClick=${by(-60)}>− 1 min</button>
        <button type="button" onClick=${by(60)}>+ 1 min</button>
        <button type="button" onClick=${() => go(address(iso(Date.now()), width), true)}>Now</button></div></form>`;
}

// As events write their times, so that texts compare.
const normal = (at) => `${at.slice(0, 19)}.${(at.slice(20).replace("Z", "") + "000000").slice(0, 6)}Z`;

// ---- The view ----

function Picture({ at, past }) {
  const rows = rowsOf(past);
  const all = sitesOf(rows, (name) => placeOf(status.value, name));
  const clients = past.clients;
  const look = lookOf(all, clients);
  const h = all.length ? summary(all, rows.filter(mismatch).length) : { text: "Nothing is known of sites then.", state: "unknown" };
  tellClients(h, clients.length, clients.filter((c) => !c.site).length);
  return html`<p class="headline ${h.state}" role="status"><span aria-hidden="true">${STATES[h.state].shape}</span> At ${text(at)}: ${h.text}</p>
    ${past.meta.truncated ? html`<p class="problem">Not all was found in time: something is missing here.</p>` : ""}
    <${WorldMap} sites=${all} clients=${clients} look=${look} counts=${clients.length ? countOf(clients) : null} label=${`Map of ${text(at)}`} />
    <${Landing} clients=${clients} look=${look} />
    <${NodeTable} rows=${rows} />`;
}

function Details({ past }) {
  const look = lookOf([], past.clients);
  return html`<details><summary>Announcements, ${past.announcements.length}</summary><${Announcements} events=${past.announcements} /></details>
    <details><summary>Sessions, ${past.sessions.length}</summary><${Sessions} events=${past.sessions} /></details>
    <details><summary>Clients, ${past.clients.length}${past.meta.next ? " and more" : ""}</summary><${ClientTable} clients=${past.clients} look=${look} /></details>`;
}

const SECONDS = (width) => (SPANS.find(([key]) => key === width) ?? SPANS[0])[1];

async function load(at, from, to) {
  const get = (path, args) => ask(`${path}?${new URLSearchParams(args)}`);
  const [past, before, strip] = await Promise.all([
    get("/api/v1/past", { at }),
    get("/api/v1/history", { to: at, order: "latest", limit: EVENTS }),
    get("/api/v1/history", { from: iso(from), to: iso(to), order: "latest", limit: ON_STRIP }),
  ]);
  return { at, past, before: before.events, strip: strip.events, from, to };
}

export function History() {
  const given = query().get("at");
  const [opened] = useState(() => iso(Date.now()));
  const at = given && !Number.isNaN(Date.parse(given)) ? given : opened;
  const width = SPANS.some(([key]) => key === query().get("span")) ? query().get("span") : "10m";
  const [end, setEnd] = useState(null);
  const [shown, setShown] = useState(null);
  const [error, setError] = useState("");
  const [from, to] = windowOf(at, SECONDS(width), end);
  useEffect(() => {
    let current = true;
    setEnd(to);
    load(at, from, to)
      .then((s) => { if (current) { setShown(s); setError(""); } })
      .catch((e) => current && setError(e.message));
    return () => { current = false; };
  }, [at, width]);
  if (status.value && !status.value.history?.configured)
    return html`<${Empty}>This glass keeps no history: <code>history</code> in nearglass.yaml.<//>`;
  return html`<${Chooser} at=${at} width=${width} events=${shown?.strip ?? []} from=${from} to=${to} />
    ${given && at !== given ? html`<p class="problem" role="alert">${given} is no time.</p>` : ""}
    ${error ? html`<p class="problem" role="alert">${error}</p>` : ""}
    ${shown ? html`<${Picture} at=${shown.at} past=${shown.past} />
      <h2>What led to it</h2><${Chains} events=${shown.before} limit=${12} /><${Details} past=${shown.past} />` : html`<${Empty}>Reading.<//>`}`;
}
