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

// The nodes of a fleet and of this site, one row a node and service. None of a fleet so large
// that the glass gives its rows in pages (fleet.js).
export function nodes(status) {
  const own = status?.daemon?.status;
  if (!own) return [];
  if (status.fleet?.rows) return status.fleet.nodes;
  return (own.services ?? []).map((s) => ({
    site: own.site, node: own.node, service: s.name, health: s.health, admin: s.admin,
    announce: worst(s.prefixes), own: true, lost: false, since_seconds: s.prefixes?.[0]?.since_seconds,
  }));
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
      name: s.site, nodes: [], state: s.state, announces: s.announces, place: placeOf(status, s.site),
    }));
  const bySite = new Map();
  for (const n of nodes(status)) {
    const s = bySite.get(n.site) ?? { name: n.site, nodes: [] };
    s.nodes.push(n);
    bySite.set(n.site, s);
  }
  const rank = ["up", "degraded", "drained", "down", "unknown"];
  for (const s of bySite.values()) {
    s.state = s.nodes.map(stateOf).sort((a, b) => rank.indexOf(a) - rank.indexOf(b))[0];
    s.announces = s.nodes.some((n) => !n.lost && n.announce !== "withdrawn");
    s.place = placeOf(status, s.name);
  }
  return [...bySite.values()].sort((a, b) => a.name.localeCompare(b.name));
}

// Where a site stands: its own glass or daemon says.
function placeOf(status, name) {
  const all = [status?.daemon?.status, ...(status?.sites ?? []).map((s) => s.status?.daemon?.status)];
  const found = all.find((d) => d?.site === name && d.location);
  return found?.location ?? null;
}

function list(names) {
  const few = names.length > 6 ? [...names.slice(0, 5), `${names.length - 5} more`] : names;
  return few.length < 2 ? few.join("") : `${few.slice(0, -1).join(", ")} and ${few.at(-1)}`;
}

// One sentence: how things are, and what was the last to happen.
export function headline(status, events, now) {
  if (!status) return { text: "Waiting for the first data.", state: "unknown" };
  if (status.daemon?.configured && !status.daemon.connected)
    return { text: "nearcastd does not answer at this site.", state: "down" };
  const all = sites(status);
  if (all.length === 0)
    return { text: "No service is configured here; the routes of the neighbours can be searched.", state: "unknown" };
  const able = all.filter((s) => s.announces);
  const out = all.filter((s) => !s.announces).map((s) => s.name);
  const wrong = nodes(status).filter(mismatch).length || status.fleet?.wrong;
  let text = all.length === 1
    ? `${all[0].name} ${able.length ? "announces" : "announces nothing"}.`
    : `${able.length} of ${all.length} sites announce${out.length ? `; ${list(out)} do${out.length === 1 ? "es" : ""} not` : ""}.`;
  const last = [...events].reverse().find((e) => e.type === "decided");
  if (last) text += ` Last change ${span((now - Date.parse(last.time)) / 1000)} ago: ${last.subject} ${last.detail}.`;
  const state = able.length === 0 ? "down" : out.length || wrong ? "degraded" : "up";
  return { text, state };
}

// Chains of cause and effect, the latest first.
export function chains(events) {
  const bySeq = new Map();
  const roots = [];
  for (const e of events) {
    const item = { event: e, effects: [] };
    const cause = e.cause_seq ? bySeq.get(`${e.site}/${e.cause_seq}`) : null;
    if (e.seq) bySeq.set(`${e.site}/${e.seq}`, item);
    if (cause) cause.effects.push(item);
    else roots.push(item);
  }
  return roots.reverse();
}
