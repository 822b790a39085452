import { html } from "htm/preact";
import { useEffect, useState } from "preact/hooks";
import { ask, clock, events, heard, problem, status } from "./api.js";
import { Pages, Sums, isLarge } from "./fleet.js";
import { go, link, query } from "./router.js";
import { LiveMap } from "./clients.js";
import { State, Table } from "./parts.js";
import { Chains } from "./timeline.js";
import { STATES, headline, mismatch, nodes, span, stateOf } from "./words.js";

const since = (seconds) => (seconds == null ? "" : span(seconds + (clock.value - heard.value) / 1000));

// ---- Overview ----

export function Headline() {
  const h = headline(status.value, events.value, clock.value, heard.value);
  return html`<p class="headline ${h.state}" role="status" aria-live="polite">
    <span aria-hidden="true">${(STATES[h.state] ?? STATES.unknown).shape}</span> ${h.text}</p>`;
}

export function Freshness() {
  if (problem.value) return html`<p class="problem" role="alert">Not fresh: ${problem.value}.</p>`;
  const age = status.value?.meta?.age_seconds ?? 0;
  return html`<p class="quiet">Data of ${span(age + (clock.value - heard.value) / 1000)} ago.</p>`;
}

function NodeRow({ n }) {
  const wrong = mismatch(n);
  return html`<tr class=${wrong ? "wrong" : ""}>
    <th scope="row">${n.site}${n.node !== n.site ? ` / ${n.node}` : ""}${n.own ? html` <span class="tag">here</span>` : ""}</th>
    <td>${n.service}</td>
    <td><${State} is=${stateOf(n)}>${n.lost ? "lost" : n.health}<//></td>
    <td>${n.admin}</td>
    <td>${n.announce}${wrong ? html` <strong class="badge">${wrong}</strong>` : ""}</td>
    <td>${n.since ?? since(n.since_seconds)}</td></tr>`;
}

export function NodeTable({ rows }) {
  return html`<${Table} caption="Sites: health against announcement"
    head=${["site", "service", "health", "admin", "announced", "since"]}
    rows=${rows.map((n) => html`<${NodeRow} n=${n} />`)}
    empty="No nearcastd has said anything yet." />`;
}

// A large one: its sums on the overview, its rows in pages on a view of their own.
export function Fleet({ whole }) {
  if (!isLarge()) return html`<${NodeTable} rows=${nodes(status.value)} />`;
  return html`<${Sums} Table=${Table} />${whole ? html`<${Pages} table=${(rows) => html`<${NodeTable} rows=${rows} />`} />` : ""}`;
}

function Conflicts() {
  const daemon = status.value?.daemon;
  const all = (daemon?.status?.fleet_conflicts ?? []).map((c) => c.detail ?? c.subject);
  if (daemon?.error) all.unshift(`Nothing new is known of nearcastd: ${daemon.error}.`);
  return all.map((text) => html`<p class="problem" role="alert">${text}</p>`);
}

function Prefixes() {
  const services = status.value?.daemon?.status?.services ?? [];
  const rows = services.flatMap((s) => (s.prefixes ?? []).map((p) => html`<tr>
    <th scope="row"><a href=${`/routes?q=${encodeURIComponent(p.prefix)}`} onClick=${link}>${p.prefix}</a></th>
    <td>${s.name}</td><td>${p.announce}</td><td>${p.reason}</td>
    <td>${(p.upstreams ?? []).map((u) => html`<span class="chip ${u.announced ? "yes" : "no"}">${u.announced ? "✓" : "–"} ${u.name}</span>`)}</td>
    <td>${since(p.since_seconds)}</td></tr>`));
  return html`<${Table} caption="Why each prefix is announced here, or not"
    head=${["prefix", "service", "announced", "reason", "upstreams", "since"]} rows=${rows}
    empty="No prefix is configured here." />`;
}

export function Overview() {
  return html`<${Conflicts} />
    <${LiveMap} />
    <${Fleet} /><${Prefixes} />
    <h2>What happened</h2><${Timeline} limit=${12} />`;
}

// ---- Timeline ----

export function Timeline({ limit }) {
  const more = events.value.length > 0 && limit < 1000;
  return html`<${Chains} events=${events.value} limit=${limit} />
    ${more ? html`<p><a href="/events-page" onClick=${link}>All ${events.value.length} events</a></p>` : ""}
    ${status.value?.history?.configured ? html`<p><a href="/history" onClick=${link}>How it was at an earlier time</a></p>` : ""}`;
}

// ---- Neighbours ----

export function Neighbours() {
  const up = (n) => n.state === "Established";
  const rows = (status.value?.neighbours ?? []).map((n) => html`<tr>
    <th scope="row">${n.name}</th><td>${n.address}</td><td>AS${n.as}</td>
    <td><${State} is=${up(n) ? "up" : "down"}>${n.state}<//>${n.stale ? html` <span class="tag">routes kept</span>` : ""}</td>
    <td class="number">${(n.routes_ipv4 ?? 0).toLocaleString()}</td><td class="number">${(n.routes_ipv6 ?? 0).toLocaleString()}</td>
    <td>${since(n.since_seconds)}</td><td>${n.last_error ?? ""}</td></tr>`);
  const own = (status.value?.daemon?.status?.upstreams ?? []).map((n) => html`<tr>
    <th scope="row">${n.name}</th><td>${n.address}</td><td>AS${n.as}</td>
    <td><${State} is=${up(n) ? "up" : "down"}>${n.state}<//></td>
    <td class="number">${n.sent}</td><td class="number">${n.received}</td><td>${since(n.uptime_seconds)}</td><td>${n.last_error ?? ""}</td></tr>`);
  return html`<h2>Who sends routes to this glass</h2>
    <${Table} caption="Neighbours of the glass" head=${["name", "address", "AS", "state", "#IPv4", "#IPv6", "since", "last error"]}
      rows=${rows} empty="No neighbour is configured." />
    <h2>Whom this site announces to</h2>
    <${Table} caption="Upstreams of nearcastd" head=${["name", "address", "AS", "state", "#sent", "#received", "since", "last error"]}
      rows=${own} empty="nearcastd has no upstream, or does not answer." />`;
}

// ---- Routes ----

const REASONS = {
  none: "the only route", "local-pref": "higher local preference", path: "shorter AS path",
  origin: "lower origin", med: "lower MED", external: "external before internal", id: "lower router id",
  clusters: "shorter cluster list", address: "lower neighbour address", "path-id": "lower path id", loop: "own AS in the path", stale: "still announced before kept as stale",
};

function Path({ route }) {
  const hops = route.bgp?.as_path ?? [];
  const shown = [];
  for (const as of hops) {
    if (shown.length && shown.at(-1).as === as) shown.at(-1).times += 1;
    else shown.push({ as, times: 1 });
  }
  return html`<ol class="path" aria-label=${`AS path ${route.bgp?.as_path_str ?? ""}`}>
    <li class="here">${route.peer_id ?? "here"}</li>
    ${shown.map((h) => html`<li><a href=${`/routes?q=AS${h.as}`} onClick=${link}>AS${h.as}</a>${h.times > 1 ? html` <span class="tag">×${h.times}</span>` : ""}</li>`)}
    <li class="net">${route.network}</li></ol>`;
}

function RouteDetail({ route }) {
  const b = route.bgp ?? {};
  const row = (name, value) => (value == null || value === "" || value.length === 0 ? "" : html`<dt>${name}</dt><dd>${Array.isArray(value)
    ? value.map((c) => html`<a class="chip" href=${`/routes?q=${encodeURIComponent(c)}`} onClick=${link}>${c}${b.community_names?.[c] ? html` <span class="quiet">${b.community_names[c]}</span>` : ""}</a>`) : value}</dd>`);
  return html`<article class="route ${route.best ? "best" : ""}">
    <h3>${route.network} <span class="quiet">from ${route.peer_id} (AS${route.peer_as})</span>
      ${route.best ? html` <span class="tag">best</span>` : ""}${route.stale ? html` <span class="tag">stale: its session was lost</span>` : ""}</h3>
    <${Path} route=${route} />
    <dl>${row(route.best ? "best because of" : "not best: lost at", route.best_reason === "none" || !route.best_reason ? (route.best ? REASONS.none : "") : `${route.best_reason} (${REASONS[route.best_reason] ?? ""})`)}
    ${row("next hop", b.next_hop)}${row("origin", b.origin)}${row("local pref", b.local_pref)}${row("MED", b.med)}
    ${row("communities", b.communities)}${row("large", b.large_communities)}${row("extended", b.ext_communities)}${row("only to customer", b.otc)}
    ${row("RPKI", route.rpki)}${row("changed", route.last_update)}</dl></article>`;
}

export function Routes() {
  const q = query().get("q") ?? "";
  const match = query().get("match") ?? "";
  const after = query().get("after") ?? "";
  const [answer, setAnswer] = useState(null);
  const [error, setError] = useState("");
  useEffect(() => {
    let current = true;
    setError("");
    if (!q) { setAnswer(null); return undefined; }
    const p = new URLSearchParams({ q, limit: "50" });
    if (match) p.set("match", match);
    if (after) p.set("after", after);
    ask(`/api/v1/routes?${p}`)
      .then((a) => current && setAnswer(a))
      .catch((e) => { if (current) { setAnswer(null); setError(e.message); } });
    return () => { current = false; };
  }, [q, match, after]);
  const submit = (e) => {
    e.preventDefault();
    const data = new FormData(e.target);
    const p = new URLSearchParams({ q: data.get("q").trim() });
    if (data.get("match")) p.set("match", data.get("match"));
    go(`/routes?${p}`);
  };
  const total = answer?.meta?.total_results;
  // The fields are the browser's while somebody types: the page is drawn anew with every event.
  return html`<form role="search" onSubmit=${submit}>
      <label for="q">Address, prefix, AS number, path pattern, community or neighbour</label>
      <div class="row"><input id="q" name="q" key=${q} defaultValue=${q} placeholder="198.51.100.53, AS64500, ^174 _3356_, 64500:100" autocomplete="off" spellcheck=${false} />
      <select name="match" key=${match} aria-label="How prefixes match"><option value="">longest match</option>
        ${["exact", "covering", "covered"].map((m) => html`<option value=${m} selected=${m === match}>${m}</option>`)}</select>
      <button>Search</button></div></form>
    ${error ? html`<p class="problem" role="alert">${error}</p>` : ""}
    ${answer ? html`<p role="status">${(total ?? answer.routes.length).toLocaleString()} route${total === 1 ? "" : "s"}${answer.meta?.truncated ? ", cut off" : ""}
      <span class="quiet"> — this address of the page is a permalink</span></p>
      ${answer.routes.map((r) => html`<${RouteDetail} route=${r} />`)}
      ${answer.meta?.next ? html`<p><a href=${`/routes?${answer.meta.next}`} onClick=${link}>More</a></p>` : ""}` : ""}`;
}
