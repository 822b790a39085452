// The page in a real browser: TAP on standard output.
//
// usage: node page.mjs URL MAINTENANCE_FILE OUTDIR CLIENTS
//
// MAINTENANCE_FILE takes the service down while it is there; CLIENTS is the socket that the glass hears of
// clients on. Screenshots go to OUTDIR.
import { rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import assert from "node:assert/strict";
import { assertAccessible, assertFits, launch, run } from "../browser.mjs";

const [base, maintenance, out, socket] = process.argv.slice(2);
const chromium = await launch(base, "main");
const { complaints, open } = chromium;

async function headlineSays(page, pattern) {
  try {
    await page.locator(".headline", { hasText: new RegExp(pattern) }).waitFor({ timeout: 5000 });
  } catch {
    const said = await page.locator(".headline, .problem").allInnerTexts();
    const { daemon } = await ask("/api/v1/status");
    const { events } = await ask("/api/v1/events?limit=500");
    assert.fail(`not within 5 s: ${pattern}\nthe page: ${JSON.stringify(said)}\n` +
      `the glass: ${JSON.stringify(daemon)}\n${JSON.stringify(events.slice(-5))}`);
  }
}

// Tells the glass of clients until end() is called.
async function feeder() {
  const s = connect(socket);
  await new Promise((resolve) => s.once("connect", resolve));
  return { say: (...lines) => s.write(lines.map((l) => `${JSON.stringify(l)}\n`).join("")), end: () => s.end() };
}
const at = (client, site, lat, lon) => ({ client, site, lat, lon, rtt_ms: 20 });
const onMap = (page, client, site) => page.locator(`svg .client[data-client="${client}"][data-site="${site}"]`);
const ask = async (path) => (await fetch(base + path)).json();

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
    const context = await chromium.browser.newContext();
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
  async "shows a shutdown message without markup"() {
    const said = "<img src=x onerror=alert(2)>";
    for (const path of ["/neighbours", "/events-page"]) {
      const { page, context } = await open(path);
      await page.locator("main", { hasText: said }).waitFor();
      assert.equal(await page.locator("main img, main script").count(), 0);
      await context.close();
    }
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
    for (const path of ["/", "/routes?q=203.0.113.9", "/neighbours", "/events-page", "/fleet", "/probe", "/clients", "/history"]) {
      const { page, context } = await open(path, { viewport: { width: 390, height: 800 }, isMobile: true });
      await headlineSays(page, "announces");
      await assertFits(page, 390);
      if (["/", "/history"].includes(path)) await page.screenshot({ path: join(out, `phone${path === "/" ? "" : "-history"}.png`), fullPage: true });
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
      for (const path of ["/", "/routes?q=203.0.113.9", "/neighbours", "/events-page", "/probe", "/clients", "/history"]) {
        const { page, context } = await open(path, { colorScheme });
        await headlineSays(page, "announces");
        await assertAccessible(page);
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
  async "moves clients on the map within a second, and in the table"() {
    const tell = await feeder();
    tell.say(at("london", "test1", 51.5, -0.1), at("lima", "test1", -12, -77), at("192.0.2.0/24", "other1", 35.7, 139.7));
    const { page, context } = await open("/");
    await onMap(page, "london", "test1").waitFor({ timeout: 5000 });
    assert.equal(await page.locator("svg path.way").count(), 2); // other1 has told no place
    const look = (client) => page.locator(`svg .client[data-client="${client}"]`).getAttribute("class");
    const before = await look("london");
    assert.notEqual(before, await look("192.0.2.0/24"));
    const began = Date.now();
    tell.say(at("london", "other1", 51.5, -0.1));
    await onMap(page, "london", "other1").waitFor({ timeout: 3000 });
    const took = Date.now() - began;
    console.log(`# from the word on a client to the map ${took} ms`);
    assert.ok(took < 1000, `${took} ms`);
    assert.equal(await look("london"), await look("192.0.2.0/24"));
    await page.locator(".timeline", { hasText: "1 client from test1 to other1: london" }).waitFor();
    tell.say(at("london", null, 51.5, -0.1));
    await onMap(page, "london", "").waitFor({ timeout: 3000 });
    await page.locator("table", { hasText: "Where clients land" }).locator("tr", { hasText: "nobody" }).waitFor();
    await headlineSays(page, "1 of 3 clients reaches nobody");
    await page.screenshot({ path: join(out, "clients-map.png"), fullPage: true });
    await page.locator("nav a", { hasText: "Clients" }).click();
    await page.locator("tr", { hasText: "london" }).locator("td", { hasText: "nobody" }).waitFor();
    await page.locator("a.chip", { hasText: "other1" }).click();
    await page.waitForURL("**/clients?site=other1");
    assert.equal(await page.locator("tbody tr").count(), 1);
    tell.end();
    await context.close();
  },
  async "shows names of clients as text"() {
    const tell = await feeder();
    const name = "<img src=x onerror=alert(1)>";
    tell.say(at(name, "test1", 10, 10), at("</script><b>b", "test1", 11, 11));
    for (const path of ["/", "/clients"]) {
      const { page, context } = await open(path);
      await page.locator(path === "/" ? "svg .client text" : "tbody th", { hasText: name }).waitFor({ timeout: 5000 });
      await page.locator(path === "/" ? "svg .client text" : "tbody th", { hasText: "</script><b>b" }).waitFor({ timeout: 5000 });
      assert.equal(await page.locator("main img, main script").count(), 0);
      await context.close();
    }
    tell.end();
  },
  async "says how old the word on clients is when nobody tells any more"() {
    const { page, context } = await open("/");
    const tell = await feeder();
    tell.say(at("london", "test1", 51.5, -0.1));
    await page.getByText(/Clients heard of \d+ s ago/).waitFor({ timeout: 8000 }); // the control
    tell.end();
    await page.locator("p.problem", { hasText: /Nobody tells of clients any more: what is shown is \d+ s old/ }).waitFor({ timeout: 12000 });
    await headlineSays(page, "Nobody tells of clients any more");
    await onMap(page, "london", "test1").waitFor(); // shown still
    await context.close();
  },
  async "takes thousands of clients"() {
    const tell = await feeder();
    tell.say(...Array.from({ length: 5000 }, (_, i) => at(`c${i}`, `s${i % 12}`, (i % 120) - 50, (i * 7) % 360 - 180)));
    for (let i = 0; i < 100 && (await ask("/api/v1/status")).catchment.clients < 5000; i++) await new Promise((r) => setTimeout(r, 50));
    const { page, context } = await open("/");
    const began = Date.now();
    await page.waitForFunction(() => document.querySelectorAll("svg .client").length === 2000, null, { timeout: 8000 });
    console.log(`# 2000 clients drawn after ${Date.now() - began} ms`);
    await page.goto(`${base}/clients`);
    await page.getByText(/The first 2,000 of 5,0\d\d clients/).waitFor();
    tell.end();
    await context.close();
  },
  async "shows how it was, by a permalink and by the keyboard"() {
    const tell = await feeder();
    tell.say(at("oslo", "test1", 59.9, 10.8));
    const { page, context } = await open("/");
    await headlineSays(page, "announces\\.");
    for (let i = 0; i < 100 && !(await ask("/api/v1/past")).clients.some((c) => c.client === "oslo"); i++) await new Promise((r) => setTimeout(r, 50));
    const before = (await ask("/api/v1/past")).at;
    writeFileSync(maintenance, "");
    tell.say(at("oslo", "other1", 59.9, 10.8));
    await headlineSays(page, "announces nothing");
    for (let i = 0; i < 100 && !(await ask("/api/v1/past")).clients.some((c) => c.client === "oslo" && c.site === "other1"); i++) await new Promise((r) => setTimeout(r, 50));
    const after = (await ask("/api/v1/past")).at;
    rmSync(maintenance);
    await headlineSays(page, "announces\\.");
    await page.goto(`${base}/history?at=${before}`);
    await headlineSays(page, "At .*: test1 announces\\.");
    await page.locator("summary", { hasText: "Announcements" }).click();
    await page.locator("tr", { hasText: "198.51.100.0/24" }).locator("td", { hasText: "transit-a" }).first().waitFor();
    await page.goto(`${base}/history?at=${after}`);
    await headlineSays(page, "At .*: test1 announces nothing");
    await page.locator("tr", { hasText: "test1" }).locator("td", { hasText: "withdrawn" }).first().waitFor();
    await page.locator(".timeline ol ol b", { hasText: "decided" }).first().waitFor();
    await page.screenshot({ path: join(out, "history.png"), fullPage: true });
    // The keyboard alone: back to before, event by event, and by the slider.
    await page.locator("button", { hasText: "Event before" }).focus();
    for (let i = 0; i < 30 && !/announces\./.test(await page.locator(".headline").textContent()); i++) {
      const url = page.url();
      await page.keyboard.press("Enter");
      await page.waitForURL((u) => u.href !== url, { timeout: 3000 });
      await page.waitForTimeout(150);
    }
    await headlineSays(page, "At .*: test1 announces\\.");
    const url = page.url();
    await page.locator("input[type=range]").focus();
    await page.keyboard.press("ArrowLeft");
    await page.waitForURL((u) => u.href !== url, { timeout: 3000 });
    assert.match(await page.locator("input[type=range]").getAttribute("aria-valuetext"), /^\d{4}-\d\d-\d\d \d\d:/);
    await page.goto(`${base}/history?at=yesterday`);
    await page.locator("p.problem", { hasText: "yesterday is no time" }).waitFor();
    await page.goto(`${base}/history?at=2001-01-01T00:00:00Z`);
    await headlineSays(page, "Nothing is known");
    tell.end();
    await context.close();
  },
  async "draws the site on the map"() {
    const { page, context } = await open("/");
    await page.locator("svg .site text.name", { hasText: "test1" }).waitFor();
    await context.close();
  },
  async "complained of nothing, and asked nobody else"() {
    chromium.assertQuiet();
  },
};

await run(chromium, cases);
