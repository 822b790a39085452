// The world in Equal Earth with the sites on it; the table below says the same.
import { geoEqualEarthRaw } from "d3-geo";
import { html } from "htm/preact";
import { STATES } from "./words.js";

// As build.mjs draws the land.
function project({ lat, lon }) {
  const [x, y] = geoEqualEarthRaw((lon * Math.PI) / 180, (lat * Math.PI) / 180);
  return [480 + 177.158 * x, 233.5 - 177.158 * y];
}

// Names of sites that stand close by go to the left, above or below.
function place(sites) {
  const taken = [];
  return sites.map((site) => {
    const [x, y] = project(site.place);
    const near = taken.filter(([a, b]) => Math.abs(a - x) < 70 && Math.abs(b - y) < 16).length;
    taken.push([x, y]);
    return { site, x, y, side: [[13, 4.5, "start"], [-13, 4.5, "end"], [0, -14, "middle"], [0, 24, "middle"]][near % 4] };
  });
}

function Site({ site, x, y, side }) {
  const s = STATES[site.state] ?? STATES.unknown;
  const label = `${site.name}: ${s.word}, ${site.announces ? "announces" : "does not announce"}`;
  return html`<g class="site ${site.state}" transform=${`translate(${x.toFixed(1)} ${y.toFixed(1)})`} tabindex="0" role="img" aria-label=${label}>
    <title>${label}</title>
    <circle r="9" class=${site.announces ? "halo" : "halo off"} />
    <text text-anchor="middle" dy="4.5" class="shape">${s.shape}</text>
    <text x=${side[0]} dy=${side[1]} text-anchor=${side[2]} class="name">${site.name}</text></g>`;
}

export function WorldMap({ sites }) {
  const placed = sites.filter((s) => s.place);
  const unplaced = sites.length - placed.length;
  return html`<figure class="map">
    <svg viewBox="0 0 960 440" role="group" aria-label="Map of the sites">
      <use href="/land.svg#land" class="land" />
      ${place(placed).map((s) => html`<${Site} ...${s} />`)}
    </svg>
    <figcaption>${Object.entries(STATES).map(([name, s]) => html`<span class="state ${name}"><span aria-hidden="true">${s.shape}</span> ${s.word}</span> `)}
      ${unplaced ? html`<span class="quiet">${unplaced} site${unplaced > 1 ? "s have" : " has"} told no place.</span>` : ""}</figcaption></figure>`;
}
