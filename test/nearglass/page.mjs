// The page in a real browser: TAP on standard output.
//
// usage: node page.mjs URL MAINTENANCE_FILE OUTDIR
//
// MAINTENANCE_FILE takes the service down while it is there. Screenshots go to OUTDIR.
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import assert from "node:assert/strict";

const [base, maintenance, out] = process.argv.slice(2);
const here = dirname(fileURLToPath(import.meta.url));
const require = createRequire(join(here, "../../nearglass/web/package.json"));
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});

const complaints = [];
const foreign = [];

// A page that notes what it should not do.
async function open(path, options = {}) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  page.on("console", (m) => m.type() === "error" && complaints.push(m.text()));
  page.on("pageerror", (e) => complaints.push(e.message));
  page.on("request", (r) => r.url().startsWith(base) || foreign.push(r.url()));
  const response = await page.goto(base + path, { waitUntil: "load" });
  await page.locator("main").waitFor();
  return { page, context, response };
}

const headlineSays = (page, pattern) =>
  page.locator(".headline", { hasText: new RegExp(pattern) }).waitFor({ timeout: 5000 });

const cases = {
  async "loads, with a sentence first and a policy"() {
    const { page, context, response } = await open("/");
    await headlineSays(page, "announces");
    const policy = response.headers()["content-security-policy"];
    assert.match(policy, /default-src 'none'/);
    assert.doesNotMatch(policy, /unsafe|\*/);
    assert.match(await page.title(), /Overview/);
    await page.screenshot({ path: join(out, "overview.png"), fullPage: true });
    await context.close();
  },
  async "is at most 150 kB compressed, and paints within a second"() {
    const context = await browser.newContext();
    const page = await context.newPage();
    const session = await context.newCDPSession(page);
    let bytes = 0;
    await session.send("Network.enable");
    session.on("Network.loadingFinished", (e) => { bytes += e.encodedDataLength; });
    await page.goto(base + "/", { waitUntil: "load" });
    await headlineSays(page, "announces");
    const paint = await page.evaluate(() =>
      performance.getEntriesByName("first-contentful-paint")[0]?.startTime);
    console.log(`# first load ${bytes} octets, first contentful paint ${Math.round(paint)} ms`);
    assert.ok(bytes > 1000 && bytes <= 150_000, `${bytes} octets`);
    assert.ok(paint < 1000, `${paint} ms`);
    await context.close();
  },
  async "shows a failover within a second, and its chain"() {
    const { page, context } = await open("/");
    await headlineSays(page, "announces\\.");
    const at = Date.now();
    writeFileSync(maintenance, "");
    await headlineSays(page, "announces nothing");
    const took = Date.now() - at;
    console.log(`# from the switch to the page ${took} ms`);
    assert.ok(took < 1000, `${took} ms`);
    await page.locator(".timeline ol ol b", { hasText: "decided" }).first().waitFor();
    await page.screenshot({ path: join(out, "failover.png"), fullPage: true });
    rmSync(maintenance);
    await headlineSays(page, "announces\\.");
    await context.close();
  },
  async "searches whatever is typed"() {
    const { page, context } = await open("/routes");
    for (const [q, network] of [["203.0.113.7", "203.0.113.0/24"], ["203.0.113.0/24", "203.0.113.0/24"],
      ["AS64999", "203.0.113.0/24"], ["64496:77", "203.0.113.0/24"], ["64496:1:2", "203.0.113.0/24"],
      ["_64999$", "203.0.113.0/24"], ["2001:db8:77::1", "2001:db8:77::/48"], ["peer-a", "203.0.113.0/24"]]) {
      await page.fill("#q", q);
      await page.press("#q", "Enter");
      await page.waitForURL(`**/routes?q=${encodeURIComponent(q).replaceAll("%20", "+")}*`);
      await page.locator("article.route h3", { hasText: network }).first().waitFor({ timeout: 3000 });
    }
    await page.screenshot({ path: join(out, "routes.png"), fullPage: true });
    await context.close();
  },
  async "leaves alone what somebody types"() {
    const { page, context } = await open("/routes");
    await page.fill("#q", "203.0.113.");
    writeFileSync(maintenance, "");
    await headlineSays(page, "announces nothing"); // the page was drawn anew
    rmSync(maintenance);
    await headlineSays(page, "announces\\.");
    assert.equal(await page.inputValue("#q"), "203.0.113.");
    await context.close();
  },
  async "refuses what it cannot read, without markup"() {
    const { page, context } = await open(`/routes?q=${encodeURIComponent("<img src=x onerror=alert(1)>")}`);
    await page.locator("p.problem, p[role=status]").first().waitFor();
    assert.equal(await page.locator("main img").count(), 0);
    complaints.splice(0); // the browser logs the refusal's status itself
    await context.close();
  },
  async "names communities, without markup"() {
    const { page, context } = await open("/routes?q=203.0.113.0%2F24");
    await page.locator("a.chip", { hasText: "64496:77 customer <img src=x onerror=alert(1)>" }).waitFor();
    await page.locator("a.chip", { hasText: "64496:1:2 region 2" }).waitFor();
    assert.equal(await page.locator("main img").count(), 0);
    await page.locator("a.chip", { hasText: "64496:77" }).click();
    await page.waitForURL("**/routes?q=64496%3A77");
    await context.close();
  },
  async "has a URL for what it shows"() {
    const { page, context } = await open("/routes?q=203.0.113.0%2F24");
    await page.locator("article.route h3", { hasText: "203.0.113.0/24" }).waitFor();
    assert.equal(await page.inputValue("#q"), "203.0.113.0/24");
    await page.locator("a", { hasText: "AS64999" }).click();
    await page.waitForURL("**/routes?q=AS64999");
    await page.goBack();
    assert.equal(await page.inputValue("#q"), "203.0.113.0/24");
    await context.close();
  },
  async "can be used with the keyboard alone"() {
    const { page, context } = await open("/");
    const focused = () => page.evaluate(() => document.activeElement.textContent || document.activeElement.id);
    await page.keyboard.press("Tab");
    assert.match(await focused(), /Skip/);
    for (let i = 0; i < 10 && (await focused()) !== "Routes"; i++) await page.keyboard.press("Tab");
    assert.equal(await focused(), "Routes");
    await page.keyboard.press("Enter");
    await page.waitForURL("**/routes");
    for (let i = 0; i < 20 && (await page.evaluate(() => document.activeElement.id)) !== "q"; i++)
      await page.keyboard.press("Tab");
    await page.keyboard.type("203.0.113.9");
    await page.keyboard.press("Enter");
    await page.locator("article.route").first().waitFor();
    await context.close();
  },
  async "fits a phone"() {
    for (const path of ["/", "/routes?q=203.0.113.9", "/neighbours", "/events-page", "/fleet", "/probe"]) {
      const { page, context } = await open(path, { viewport: { width: 390, height: 800 }, isMobile: true });
      await headlineSays(page, "announces");
      const width = await page.evaluate(() => document.documentElement.scrollWidth);
      assert.ok(width <= 390, `${path} is ${width} wide`);
      if (path === "/") await page.screenshot({ path: join(out, "phone.png"), fullPage: true });
      await context.close();
    }
  },
  async "is light and dark"() {
    const seen = [];
    for (const colorScheme of ["light", "dark"]) {
      const { page, context } = await open("/", { colorScheme });
      await headlineSays(page, "announces");
      seen.push(await page.evaluate(() => getComputedStyle(document.body).backgroundColor));
      await page.screenshot({ path: join(out, `${colorScheme}.png`), fullPage: true });
      await context.close();
    }
    assert.notEqual(seen[0], seen[1]);
  },
  async "has no serious fault of accessibility"() {
    for (const colorScheme of ["light", "dark"]) {
      for (const path of ["/", "/routes?q=203.0.113.9", "/neighbours", "/events-page", "/probe"]) {
        const { page, context } = await open(path, { colorScheme });
        await headlineSays(page, "announces");
        await page.evaluate(axe); // what the policy keeps a page from doing, the debugger may
        const result = await page.evaluate(() => globalThis.axe.run());
        const serious = result.violations.filter((v) => ["serious", "critical"].includes(v.impact));
        assert.deepEqual(serious.map((v) => `${path} ${v.id}: ${v.nodes[0].html}`), []);
        await context.close();
      }
    }
  },
  async "probes when asked to, and shows the results as they come"() {
    const { page, context } = await open("/probe?kind=ping&target=20.0.0.1");
    await headlineSays(page, "announces");
    assert.equal(await page.inputValue("#target"), "20.0.0.1");
    assert.equal(await page.locator("table").count(), 0); // a link alone starts nothing
    await page.focus("#target");
    await page.keyboard.press("Enter");
    await page.locator("tbody tr").first().waitFor({ timeout: 2000 });
    assert.ok((await page.locator("tbody tr").count()) < 5);
    await page.locator("p[role=status]", { hasText: "5 of 5 answered" }).waitFor({ timeout: 5000 });
    await page.screenshot({ path: join(out, "probe.png"), fullPage: true });
    await page.selectOption("select[name=kind]", "traceroute");
    await page.click("button");
    await page.waitForURL("**/probe?kind=traceroute&target=20.0.0.1");
    await page.locator("p[role=status]", { hasText: "Ended: reply" }).waitFor({ timeout: 5000 });
    await page.fill("#target", "10.0.0.1");
    await page.keyboard.press("Enter");
    await page.locator("p.problem", { hasText: "special-purpose" }).waitFor();
    complaints.splice(0); // the browser logs the refusal's status itself
    await context.close();
  },
  async "draws the site on the map"() {
    const { page, context } = await open("/");
    await page.locator("svg .site text.name", { hasText: "test1" }).waitFor();
    await context.close();
  },
  async "complained of nothing, and asked nobody else"() {
    assert.deepEqual(complaints, []);
    assert.deepEqual(foreign, []);
  },
};

const names = Object.keys(cases);
let failed = 0;
console.log(`1..${names.length}`);
for (const [i, name] of names.entries()) {
  try {
    await cases[name]();
    console.log(`ok ${i + 1} - ${name}`);
  } catch (e) {
    failed += 1;
    console.log(`not ok ${i + 1} - ${name}`);
    console.log(String(e.stack ?? e).split("\n").slice(0, 12).map((l) => `# ${l}`).join("\n"));
  }
}
await browser.close();
process.exit(failed ? 1 : 0);
