// What the data means in words; nothing here touches the page.

export const STATES = {
  up: { shape: "●", word: "up" },
  degraded: { shape: "▲", word: "degraded" },
  down: { shape: "✕", word: "down" },
  drained: { shape: "◻", word: "drained" },
  unknown: { shape: "○", word: "unknown" },
};

// "3 s", "4 min", "2 h 10 min", "3 d".
export function span(seconds) {
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min`;
  if (s < 86400) {
    const m = Math.floor((s % 3600) / 60);
    return `${Math.floor(s / 3600)} h${m ? ` ${m} min` : ""}`;
  }
  return `${Math.floor(s / 86400)} d`;
}

// The services of a site, as its own daemon says; lost: it does not answer.
function ownNodes(daemon, own) {
  const said = daemon?.status;
  return (said?.services ?? []).map((s) => ({
    site: said.site, node: said.node, service: s.name, health: s.health, admin: s.admin,
    announce: worst(s.prefixes), silent: isSilent(s.prefixes), own, lost: !daemon.connected,
    since_seconds: s.prefixes?.[0]?.since_seconds,
  }));
}

// To be announced, and told to no upstream: no session stands.
const isSilent = (prefixes = []) => prefixes.some((p) => p.announce !== "withdrawn" && p.upstreams?.length &&
  p.upstreams.every((u) => !u.announced));

// The nodes of a fleet and of this site, one row a node and service; and of the sites whose glasses are
// followed, where the fleet has none of them. None of a fleet so large that the glass gives its rows in
// pages (fleet.js).
export function nodes(status) {
  const here = ownNodes(status?.daemon, true);
  const followed = (status?.sites ?? []).flatMap((s) => (s.status ? ownNodes(s.status.daemon, false)
    .map((n) => ({ ...n, lost: n.lost || !s.reachable })) : []));
  if (!status?.fleet?.rows) return [...here, ...followed];
  if (!status.fleet.nodes.length) return [];
  if (!status.daemon.connected) { // what it said last of others is not what is
    const told = new Set(followed.map((n) => n.site));
    return [...status.fleet.nodes.filter((n) => !told.has(n.site)).map((n) => ({ ...n, lost: true })), ...followed];
  }
  const silent = new Set([...here, ...followed].filter((n) => n.silent).map((n) => `${n.node} ${n.service}`));
  const known = new Set(status.fleet.nodes.map((n) => n.site));
  return [...status.fleet.nodes.map((n) => ({ ...n, silent: silent.has(`${n.node} ${n.service}`) })),
    ...followed.filter((n) => !known.has(n.site))];
}

const ORDER = ["withdrawn", "demoted", "announced"];
function worst(prefixes = []) {
  return prefixes.reduce((w, p) => (ORDER.indexOf(p.announce) < ORDER.indexOf(w) ? p.announce : w),
    "announced");
}

export function stateOf(node) {
  if (node.lost) return "unknown";
  if (["draining", "drained", "off"].includes(node.admin)) return "drained";
  if (node.health === "down") return "down";
  if (node.health === "degraded") return "degraded";
  return node.health === "up" ? "up" : "unknown";
}

// What health and the operator ask for, against what is announced.
export function mismatch(node) {
  if (node.lost) return "";
  if (node.silent) return "announced to nobody: no session with an upstream";
  const able = (node.health === "up" || node.health === "degraded") && node.admin === "active";
  if (able && node.announce === "withdrawn") return "healthy, but not announced";
  if (!able && node.announce === "announced") return "not healthy, but announced";
  if (!able && node.announce === "demoted" && node.admin === "active")
    return "not healthy; held, announced demoted";
  return "";
}

export function sites(status) {
  if (status?.fleet?.rows && !status.fleet.nodes.length)
    return status.fleet.sites.map((s) => ({
      name: s.site, nodes: [], state: status.daemon.connected ? s.state : "unknown",
      announces: status.daemon.connected && s.announces, place: placeOf(status, s.site),
    }));
  return sitesOf(nodes(status), (name) => placeOf(status, name));
}

export function sitesOf(rows, place) {
  const bySite = new Map();
  for (const n of rows) {
    const s = bySite.get(n.site) ?? { name: n.site, nodes: [] };
    s.nodes.push(n);
    bySite.set(n.site, s);
  }
  const rank = ["up", "degraded", "drained", "down", "unknown"];
  for (const s of bySite.values()) {
    s.state = s.nodes.map(stateOf).sort((a, b) => rank.indexOf(a) - rank.indexOf(b))[0];
    s.announces = s.nodes.some((n) => !n.lost && !n.silent && n.announce !== "withdrawn");
    s.place = place(s.name);
  }
  return [...bySite.values()].sort((a, b) => a.name.localeCompare(b.name));
}

// Where a site stands: its own glass or daemon says.
export function placeOf(status, name) {
  const all = [status?.daemon?.status, ...(status?.sites ?? []).map((s) => s.status?.daemon?.status)];
  const found = all.find((d) => d?.site === name && d.location);
  return found?.location ?? null;
}

function list(names) {
  const few = names.length > 6 ? [...names.slice(0, 5), `${names.length - 5} more`] : names;
  return few.length < 2 ? few.join("") : `${few.slice(0, -1).join(", ")} and ${few.at(-1)}`;
}

// One sentence: how things are, and what was the last to happen.
export function headline(status, events, now, heard = now) {
  if (!status) return { text: "Waiting for the first data.", state: "unknown" };
  const gone = status.daemon?.configured && !status.daemon.connected ? "nearcastd does not answer at this site." : "";
  if (gone && !status.sites?.length) return { text: gone, state: "down" };
  const all = sites(status);
  if (all.length === 0)
    return { text: "No service is configured here; the routes of the neighbours can be searched.", state: "unknown" };
  const wrong = nodes(status).filter(mismatch).length || status.fleet?.wrong;
  const h = summary(all, wrong);
  if (gone) h.text = `${gone} ${h.text}`;
  tellClients(h, status.catchment?.clients ?? 0, status.catchment?.nobody ?? 0);
  if (silence(status, now, heard) != null) {
    h.text += ` Nobody tells of clients any more: where they are shown is ${span(silence(status, now, heard))} old.`;
    if (h.state === "up") h.state = "degraded";
  }
  const last = events.filter((e) => e.type === "decided").reduce((a, b) => (a && a.time > b.time ? a : b), null);
  if (last) h.text += ` Last change ${span((now - Date.parse(last.time)) / 1000)} ago: ${last.site && all.length > 1 ? `${last.site} ` : ""}${last.subject} ${last.detail}.`;
  return h;
}

// Who reaches nobody is what all of this is for.
export function tellClients(h, clients, nobody) {
  if (!nobody) return;
  h.text += ` ${nobody === clients ? (clients === 1 ? "The only client" : `All ${clients.toLocaleString()} clients`) : `${nobody.toLocaleString()} of ${clients.toLocaleString()} clients`} reach${nobody === 1 ? "es" : ""} nobody.`;
  h.state = "down";
}

// For how many seconds nobody has told of clients, though somebody should; null: somebody does, or none should.
const SILENT_S = 3;
export function silence(status, now, heard) {
  const c = status?.catchment;
  if (!c?.configured || !c.listens || c.feeders || c.heard_seconds == null) return null;
  const age = c.heard_seconds + (now - heard) / 1000;
  return age > SILENT_S ? age : null;
}

export function summary(all, wrong) {
  const able = all.filter((s) => s.announces);
  const out = all.filter((s) => !s.announces).map((s) => s.name);
  const silent = all.filter((s) => s.nodes.some((n) => n.silent)).map((s) => s.name);
  let text = all.length === 1
    ? `${all[0].name} ${able.length ? "announces" : "announces nothing"}.`
    : `${able.length} of ${all.length} sites announce${out.length ? `; ${list(out)} do${out.length === 1 ? "es" : ""} not` : ""}.`;
  if (silent.length) text += ` ${list(silent)}: no upstream hears of it, as no session stands.`;
  return { text, state: able.length === 0 ? "down" : out.length || wrong ? "degraded" : "up" };
}

// Where clients went is no event of a nearcastd and names no cause: it stands under the latest decision of one
// of the two sites, if that was just before.
const SOON_MS = 5000;
function causeOfMove(e, roots) {
  const at = Date.parse(e.time);
  for (let i = roots.length - 1; i >= 0; i--) {
    const found = lastDecision(roots[i], e, at);
    if (found) return found;
    if (at - Date.parse(roots[i].event.time) > 4 * SOON_MS) return null;
  }
  return null;
}

function lastDecision(item, e, at) {
  for (let i = item.effects.length - 1; i >= 0; i--) {
    const found = lastDecision(item.effects[i], e, at);
    if (found) return found;
  }
  const x = item.event;
  const before = at - Date.parse(x.time);
  const decided = x.type === "decided" || x.type === "stopping" || x.type === "daemon-lost";
  return decided && (x.site === e.from || x.site === e.to) && before >= 0 && before <= SOON_MS ? item : null;
}

// Chains of cause and effect, the latest first. Events of several sites come in the order in which this glass
// heard of them; they are put in that of their times.
export function chains(events) {
  const bySeq = new Map();
  const roots = [];
  const ordered = [...events].sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : (a.seq ?? 0) - (b.seq ?? 0)));
  for (const e of ordered) {
    const item = { event: e, effects: [] };
    const cause = e.cause_seq ? bySeq.get(`${e.site}/${e.cause_seq}`) : e.type === "catchment" ? causeOfMove(e, roots) : null;
    if (e.seq) bySeq.set(`${e.site}/${e.seq}`, item);
    if (cause) cause.effects.push(item);
    else roots.push(item);
  }
  return roots.reverse();
}
