// The world in Equal Earth: sites where they stand, clients where they are, each with a line to the site
// that answers it. Tables say the same.
import { geoEqualEarthRaw } from "d3-geo";
import { html } from "htm/preact";
import { signal } from "@preact/signals";
import { markPath } from "./looks.js";
import { STATES } from "./words.js";

const WORLD = { x: 0, y: 18, w: 960, h: 378 }; // the south beyond Cape Horn is empty
const LEAST = 300; // units wide; the coasts are drawn no finer than for that
const MARGIN = 48;
const RECENT_S = 8;
const LABELLED = 24; // clients, up to which their names stand on the map
const MOVED_ASIDE = 300; // clients, up to which each has a spot of its own

// On a narrow screen the map shrinks; what is drawn on it must not.
const query = matchMedia("(max-width: 34rem)");
const narrow = signal(query.matches);
query.addEventListener("change", () => { narrow.value = query.matches; });

// As build.mjs draws the land.
function project({ lat, lon }) {
  const [x, y] = geoEqualEarthRaw((lon * Math.PI) / 180, (lat * Math.PI) / 180);
  return [480 + 177.158 * x, 233.5 - 177.158 * y];
}

// What is shown: where anything stands, with room around, in the shape of the whole; most of it is all of it.
function frame(points) {
  if (points.length === 0) return WORLD;
  const xs = points.map((p) => p[0]);
  const ys = points.map((p) => p[1]);
  const [left, right, top, bottom] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const ratio = WORLD.w / WORLD.h;
  const w = Math.max(right - left + 2 * MARGIN * 1.6, (bottom - top + 2 * MARGIN) * ratio, LEAST);
  if (w > WORLD.w * 0.75) return WORLD;
  const h = w / ratio;
  const within = (middle, size, from, all) => Math.min(Math.max(middle - size / 2, from), from + all - size);
  return { x: within((left + right) / 2, w, WORLD.x, WORLD.w), y: within((top + bottom) / 2, h, WORLD.y, WORLD.h), w, h };
}

// The nearest free spot round a place, the same each time.
function free(taken, box, x, y, room) {
  const m = room / 2;
  const inside = (a, b) => a >= box.x + m && a <= box.x + box.w - m && b >= box.y + m && b <= box.y + box.h - m;
  const clear = (a, b) => inside(a, b) && taken.every(([c, d, r]) => Math.hypot(a - c, b - d) >= (room + r) / 2);
  if (clear(x, y)) return [x, y];
  for (let ring = 1; ring <= 6; ring++)
    for (let i = 0; i < 6 * ring; i++) {
      const angle = -2.4 + (i * 2 * Math.PI) / (6 * ring);
      const [a, b] = [x + (ring * room * Math.cos(angle)) / 1.5, y + (ring * room * Math.sin(angle)) / 1.5];
      if (clear(a, b)) return [a, b];
    }
  return [x, y];
}

const SIDES = [[1, 4, "start"], [-1, 4, "end"], [0, -1, "middle"], [0, 1, "middle"]];

// The first side of a name that meets no other name and no mark.
function side(boxes, frame, x, y, out, text, size) {
  const width = text.length * size * 0.56;
  for (const [dx, dy, anchor] of SIDES) {
    const tx = x + dx * out;
    const ty = y + (dx ? dy * size * 0.085 : dy < 0 ? -out : out + size * 0.75);
    const left = anchor === "start" ? tx : anchor === "end" ? tx - width : tx - width / 2;
    const box = [left, ty - size * 0.8, left + width, ty + size * 0.2];
    const meets = boxes.some((b) => box[0] < b[2] && b[0] < box[2] && box[1] < b[3] && b[1] < box[3]);
    if (!meets && box[0] > frame.x && box[2] < frame.x + frame.w && box[1] > frame.y && box[3] < frame.y + frame.h) {
      boxes.push(box);
      return { x: tx - x, y: ty - y, anchor };
    }
  }
  return null;
}

// k: units of the map for one of what is drawn on it.
function lay(sites, clients, box, k, names) {
  const taken = [];
  const boxes = [];
  const at = new Map();
  const block = (x, y, r) => { taken.push([x, y, 2 * r]); boxes.push([x - r, y - r, x + r, y + r]); };
  const placed = sites.map((site) => {
    const [x, y] = free(taken, box, ...project(site.place), 22 * k);
    block(x, y, 11 * k);
    at.set(site.name, [x, y]);
    return { site, x, y };
  });
  const spots = clients.map((client) => {
    const [x, y] = clients.length > MOVED_ASIDE ? project(client) : free(taken, box, ...project(client), 13 * k);
    if (clients.length <= MOVED_ASIDE) block(x, y, 6 * k);
    return { client, x, y, to: at.get(client.site) };
  });
  for (const p of placed) p.name = side(boxes, box, p.x, p.y, 14 * k, p.site.name, 14 * k);
  for (const s of spots)
    if (names && clients.length <= LABELLED) s.name = side(boxes, box, s.x, s.y, 9 * k, s.client.client, 10.5 * k);
  return { placed, spots };
}

// Bent a little, upwards, so that lines that share their ends can be told apart.
function line(x, y, [a, b]) {
  const bend = Math.hypot(a - x, b - y) * 0.14;
  return `M${x.toFixed(1)} ${y.toFixed(1)}Q${((x + a) / 2).toFixed(1)} ${((y + b) / 2 - bend).toFixed(1)} ${a.toFixed(1)} ${b.toFixed(1)}`;
}

function Site({ site, x, y, name, k, look, count }) {
  const s = STATES[site.state] ?? STATES.unknown;
  const label = `${site.name}: ${s.word}, ${site.announces ? "announces" : "does not announce"}${count == null ? "" : `, ${count} client${count === 1 ? "" : "s"}`}`;
  return html`<g class="site h${look}" transform=${`translate(${x.toFixed(1)} ${y.toFixed(1)})`} tabindex="0" role="img" aria-label=${label}>
    <title>${label}</title>
    <circle r=${10 * k} class=${site.announces ? "halo" : "halo off"} style=${{ strokeWidth: 3 * k }} />
    <text text-anchor="middle" y=${4.3 * k} font-size=${12 * k} class="shape ${site.state}">${s.shape}</text>
    ${name ? html`<text x=${name.x} y=${name.y} text-anchor=${name.anchor} font-size=${14 * k} style=${{ strokeWidth: 3 * k }} class="name">${site.name}</text>` : ""}</g>`;
}

function Client({ client, x, y, name, k, look, tab }) {
  const rtt = client.rtt_ms == null ? "" : `, ${client.rtt_ms.toFixed(0)} ms`;
  const label = `${client.client}: ${client.site ? `reaches ${client.site}${rtt}` : "reaches nobody"}`;
  const recent = client.age != null && client.age < RECENT_S && client.before;
  return html`<g class="client h${look}" transform=${`translate(${x.toFixed(1)} ${y.toFixed(1)})`} tabindex=${tab ? "0" : null} role="img" aria-label=${label} data-client=${client.client} data-site=${client.site ?? ""}>
    <title>${label}</title>
    ${recent ? html`<circle r=${9 * k} class="recent" />` : ""}
    <path d=${markPath(look)} transform=${`scale(${k.toFixed(3)})`} />
    ${name ? html`<text x=${name.x} y=${name.y} text-anchor=${name.anchor} font-size=${10.5 * k} style=${{ strokeWidth: 3 * k }} class="place">${client.client}</text>` : ""}</g>`;
}

// sites: as sites() of words.js has them. clients: {client, site, lat, lon, rtt_ms, before, age}, age in seconds
// since it came to that site. look: names of sites to their looks.
export function WorldMap({ sites, clients = [], look, counts, label = "Map of the sites" }) {
  const there = clients.filter((c) => c.lat != null);
  const standing = sites.filter((s) => s.place);
  const box = frame([...standing.map((s) => project(s.place)), ...there.map(project)]);
  const k = ((narrow.value ? 2 : 1) * box.w) / WORLD.w;
  const { placed, spots } = lay(standing, there, box, k, !narrow.value);
  const unplaced = sites.length - placed.length;
  return html`<figure class="map">
    <svg viewBox=${[box.x, box.y, box.w, box.h].map((n) => n.toFixed(1)).join(" ")} role="group" aria-label=${label}>
      <use href="/land.svg#land" class="land" />
      <g aria-hidden="true">${spots.filter((s) => s.to).map((s) => html`<path class="way h${look.get(s.client.site) ?? 0}" d=${line(s.x, s.y, s.to)} />`)}</g>
      ${spots.map((s) => html`<${Client} key=${`c ${s.client.client}`} ...${s} k=${k} look=${look.get(s.client.site) ?? 0} tab=${there.length <= LABELLED} />`)}
      ${placed.map((p) => html`<${Site} key=${`s ${p.site.name}`} ...${p} k=${k} look=${look.get(p.site.name) ?? 0} count=${counts?.get(p.site.name)} />`)}
    </svg>
    <figcaption class="quiet">${Object.entries(STATES).map(([name, s]) => html`<span class="state ${name}"><span aria-hidden="true">${s.shape}</span> ${s.word}</span> `)}
      ${unplaced ? `${unplaced} site${unplaced > 1 ? "s have" : " has"} told no place. ` : ""}${clients.length > there.length ? `${clients.length - there.length} of the clients are not on the map: nobody said where they are.` : ""}</figcaption></figure>`;
}
