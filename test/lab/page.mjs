// The page of a living world in a real browser: TAP on standard output.
//
// usage: node page.mjs URL LAB OUTDIR
//
// LAB is nearcast-lab, by which the test breaks the world. Screenshots go to OUTDIR.
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import assert from "node:assert/strict";
import { assertAccessible, assertFits, launch, run } from "../browser.mjs";

const [base, lab, out] = process.argv.slice(2);
const chromium = await launch(base, "svg .client");
const { open } = chromium;
const inNode = (node, command) => execFileSync(lab, ["exec", node, "sh", "-c", command]);
const onMap = (page, client, site) => page.locator(`svg .client[data-client="${client}"][data-site="${site}"]`);

const cases = {
  async "shows sites and clients, each in the look of its site"() {
    const { page, context } = await open("/");
    await page.locator(".headline", { hasText: "2 of 2 sites announce" }).waitFor({ timeout: 10000 });
    for (const client of ["oslo IPv4", "oslo IPv6"]) await onMap(page, client, "osl1").waitFor({ timeout: 10000 });
    await onMap(page, "rome", "rom1").waitFor();
    const look = async (selector) => /h\d/.exec(await page.locator(selector).first().getAttribute("class"))[0];
    assert.equal(await look('.client[data-site="osl1"]'), await look('.site[aria-label^="osl1"]'));
    assert.notEqual(await look('.client[data-site="osl1"]'), await look('.client[data-site="rom1"]'));
    const row = page.locator("table", { hasText: "Where clients land" }).locator("tr", { hasText: "osl1" });
    assert.match(await row.textContent(), /2\s*67 %/);
    await page.screenshot({ path: join(out, "world.png"), fullPage: true });
    await context.close();
  },
  async "moves clients within a second of the crash, and says why"() {
    const { page, context } = await open("/");
    await onMap(page, "oslo IPv4", "osl1").waitFor({ timeout: 10000 });
    // By the clock of the shell that kills, just before it does.
    const began = Number(inNode("osl1", "pid=$(cat knot.pid 2>/dev/null || pgrep -x -o knotd); date +%s%3N; kill -9 $pid").toString());
    await onMap(page, "oslo IPv4", "rom1").waitFor({ timeout: 5000 });
    const took = Date.now() - began;
    await onMap(page, "oslo IPv6", "rom1").waitFor({ timeout: 5000 });
    console.log(`# from the crash of the server to the map ${took} ms`);
    assert.ok(took < 1000, `${took} ms`);
    await page.locator(".headline", { hasText: "1 of 2 sites announce; osl1 does not" }).waitFor({ timeout: 3000 });
    const chain = page.locator(".timeline > li", { hasText: "socket closed" }).filter({ hasText: "withdrawn" }).filter({ hasText: "from osl1 to rom1" });
    await chain.first().waitFor({ timeout: 3000 });
    await page.screenshot({ path: join(out, "world-failover.png"), fullPage: true });
    await page.screenshot({ path: join(out, "world-failover-top.png") });
    await context.close();
  },
  async "shows in the history what was before, and after"() {
    const { events } = await (await fetch(`${base}/api/v1/history?type=catchment&order=latest`)).json();
    const move = events.find((e) => e.from === "osl1" && e.to === "rom1");
    const before = new Date(Date.parse(move.time) - 1500).toISOString();
    const { page, context } = await open(`/history?at=${before}`);
    await page.locator(".headline", { hasText: "2 of 2 sites announce" }).waitFor({ timeout: 5000 });
    await onMap(page, "oslo IPv4", "osl1").waitFor();
    await page.goto(`${base}/history?at=${move.time}`);
    await page.locator(".headline", { hasText: "1 of 2 sites announce; osl1 does not" }).waitFor({ timeout: 5000 });
    await onMap(page, "oslo IPv4", "rom1").waitFor();
    await page.locator(".timeline", { hasText: "from osl1 to rom1" }).waitFor();
    await page.screenshot({ path: join(out, "world-history.png"), fullPage: true });
    await context.close();
  },
  async "fits a phone, light and dark, with no serious fault of accessibility"() {
    for (const colorScheme of ["light", "dark"])
      for (const path of ["/", "/history"]) {
        const { page, context } = await open(path, { colorScheme, viewport: { width: 390, height: 800 }, isMobile: true });
        await assertFits(page, 390);
        await assertAccessible(page);
        await page.screenshot({ path: join(out, `world-phone-${colorScheme}${path === "/" ? "" : "-history"}.png`) });
        await context.close();
      }
  },
  async "complained of nothing, and asked nobody else"() {
    chromium.assertQuiet();
  },
};

await run(chromium, cases);
