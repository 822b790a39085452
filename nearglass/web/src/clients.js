// Which site clients reach: beside the map, and as a table of its own.
import { html } from "htm/preact";
import { catchment, clock, heard, status } from "./api.js";
import { Mark, looks } from "./looks.js";
import { WorldMap } from "./map.js";
import { Empty, Table } from "./parts.js";
import { link, query } from "./router.js";
import { silence, sites, span } from "./words.js";

const ROWS = 200;

export const address = (site) => `/clients${site ? `?site=${encodeURIComponent(site)}` : ""}`;

// Of all sites that are known or reached.
export const lookOf = (all, clients) => looks([...all.map((s) => s.name), ...clients.map((c) => c.site).filter(Boolean)]);

export function countOf(clients) {
  const counts = new Map();
  for (const c of clients) counts.set(c.site, (counts.get(c.site) ?? 0) + 1);
  return counts;
}

const median = (list) => (list.length ? [...list].sort((a, b) => a - b)[list.length >> 1] : null);

function SiteRow({ name, look, clients, all }) {
  const rtt = median(clients.map((c) => c.rtt_ms).filter((r) => r != null));
  const share = Math.round((100 * clients.length) / all);
  return html`<tr><th scope="row"><${Mark} look=${look} /> ${name ? html`<a href=${address(name)} onClick=${link}>${name}</a>` : "nobody"}</th>
    <td class="number">${clients.length.toLocaleString()}</td>
    <td class="share"><span class="bar h${look}" style=${{ width: `${share}%` }}></span><span class="percent">${share} %</span></td>
    <td class="number">${rtt == null ? "–" : rtt.toFixed(rtt < 10 ? 1 : 0)}</td></tr>`;
}

// One line a site, those without a client too; at the end who reaches nobody.
export function Landing({ clients, look }) {
  if (clients.length === 0) return "";
  const names = [...look.keys(), ...(clients.some((c) => !c.site) ? [null] : [])];
  return html`<${Table} caption="Where clients land" head=${["site", "#clients", "share", "#median ms"]}
    rows=${names.map((name) => html`<${SiteRow} name=${name} look=${name ? look.get(name) : 0} all=${clients.length}
      clients=${clients.filter((c) => c.site === name)} />`)} />`;
}

// With what was heard of them, and how old that is.
export const live = () => catchment.value.clients.map((c) => ({ ...c, age: c.since_seconds + (clock.value - catchment.value.heard) / 1000 }));

function Freshness() {
  const state = status.value?.catchment;
  if (!state?.configured || state.heard_seconds == null) return "";
  const age = state.heard_seconds + (clock.value - heard.value) / 1000;
  const bad = state.bad ? ` ${state.bad.toLocaleString()} bad line${state.bad === 1 ? "" : "s"}: ${state.last_bad}.` : "";
  if (silence(status.value, clock.value, heard.value) != null)
    return html`<p class="problem" role="alert">Nobody tells of clients any more: what is shown is ${span(age)} old.${bad}</p>`;
  return html`<p class="quiet">Clients heard of ${span(age)} ago.${bad}</p>`;
}

export function LiveMap() {
  const clients = live();
  const all = sites(status.value);
  const look = lookOf(all, clients);
  return html`<${WorldMap} sites=${all} clients=${clients} look=${look} counts=${clients.length ? countOf(clients) : null}
      label=${clients.length ? "Map of the sites and their clients" : "Map of the sites"} />
    <${Landing} clients=${clients} look=${look} />
    ${clients.length ? html`<p><a href=${address()} onClick=${link}>Client by client</a></p>` : ""}<${Freshness} />`;
}

export function ClientTable({ clients, look, live: now }) {
  const rows = clients.slice(0, ROWS).map((c) => html`<tr>
    <th scope="row">${c.client}</th>
    <td><${Mark} look=${c.site ? look.get(c.site) : 0} /> ${c.site ?? "nobody"}</td>
    <td class="number">${c.rtt_ms == null ? "–" : c.rtt_ms.toFixed(1)}</td>
    ${now ? html`<td>${span(c.age)}</td><td>${c.before ?? ""}</td>` : ""}</tr>`);
  return html`<${Table} caption=${`Clients and the site each reaches${clients.length > ROWS ? `: the first ${ROWS} of ${clients.length.toLocaleString()}` : ""}`}
    head=${["client", "site", "#ms", ...(now ? ["since", "before"] : [])]} rows=${rows} empty="No client is known." />`;
}

export function Clients() {
  const site = query().get("site");
  const clients = live();
  const look = lookOf(sites(status.value), clients);
  if (status.value && !status.value.catchment?.configured)
    return html`<${Empty}>This glass is told of no clients: <code>catchment</code> in nearglass.yaml.<//>`;
  return html`<p role="group" aria-label="Of which site">${[null, ...look.keys()].map((name) => html`<a class="chip" href=${address(name)} onClick=${link} aria-current=${name === site ? "true" : null}>${name ? html`<${Mark} look=${look.get(name)} /> ` : ""}${name ?? "all"}</a>`)}</p>
    <${ClientTable} clients=${site ? clients.filter((c) => c.site === site) : clients} look=${look} live />
    ${catchment.value.more ? html`<p class="quiet">The first ${catchment.value.clients.length.toLocaleString()} of ${catchment.value.total.toLocaleString()} clients are on this page; <a href="/api/v1/catchment">all of them</a>.</p>` : ""}
    <${Freshness} />`;
}
