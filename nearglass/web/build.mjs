// Builds the page: one script, one style sheet, one document, the land of the map.
//
// usage: node build.mjs OUTDIR
import { build } from "esbuild";
import { geoEqualEarth, geoPath } from "d3-geo";
import { feature } from "topojson-client";
import { filter, filterWeight, presimplify, simplify } from "topojson-simplify";
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const out = process.argv[2] ?? join(here, "dist");
mkdirSync(out, { recursive: true });

// The land in Equal Earth, 960 units wide, without Antarctica. The 50m land keeps islands that
// the 110m land has lost, Singapore and Hong Kong's among them; its coasts are drawn coarser.
function land() {
  let topology = JSON.parse(readFileSync(join(here, "node_modules/world-atlas/land-50m.json")));
  topology = presimplify(topology);
  topology = simplify(topology, 0.02);
  topology = filter(topology, filterWeight(topology, 0.002));
  const all = feature(topology, topology.objects.land);
  const shapes = (all.features ? all.features : [all]).flatMap((f) =>
    f.geometry.type === "MultiPolygon" ? f.geometry.coordinates : [f.geometry.coordinates]);
  const kept = shapes.filter((rings) => rings[0].some(([, lat]) => lat > -60));
  const projection = geoEqualEarth().scale(177.158).translate([480, 233.5]);
  const path = geoPath(projection).digits(1);
  return path({ type: "MultiPolygon", coordinates: kept });
}

const d = land();
writeFileSync(join(out, "land.svg"),
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 960 440"><path id="land" d="${d}"/></svg>\n`);
await build({
  entryPoints: { app: join(here, "src/main.js") },
  outdir: out,
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2020",
  legalComments: "none",
});
await build({
  entryPoints: { style: join(here, "src/style.css") },
  outdir: out,
  bundle: true,
  minify: true,
});
copyFileSync(join(here, "src/index.html"), join(out, "index.html"));
copyFileSync(join(here, "src/icon.svg"), join(out, "icon.svg"));
