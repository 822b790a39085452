// The page while its glass is away, behind a proxy that can be told to: TAP on standard output.
//
// usage: node page_away.mjs GLASS_PORT CLIENTS MAINTENANCE_FILE
//
// CLIENTS is the socket that the glass hears of clients on: each word is an event. MAINTENANCE_FILE takes the
// service of its site down while it is there.
import { rmSync, writeFileSync } from "node:fs";
import { createServer, request } from "node:http";
import { connect } from "node:net";
import assert from "node:assert/strict";
import { launch, run } from "../browser.mjs";

const [port, socket, maintenance] = process.argv.slice(2);

// What becomes of requests: "pass"; "refuse" answers 502, as a web server does whose glass is down; "hang"
// answers nothing; "cut" ends a probe in the middle; "forget" leaves out where a stream is to go on, as a glass does that was started again.
let mode = "pass";
let before = { until: 0, body: "" }; // what the status was, for as long as that is what is answered
const open = new Set();
const proxy = createServer((from, to) => {
  if (mode === "hang") return;
  if (mode === "refuse") {
    to.writeHead(502).end();
    return;
  }
  if (mode === "cut" && from.url.startsWith("/api/v1/probe")) {
    to.writeHead(200, { "content-type": "text/event-stream" });
    to.end('data: {"kind":"ping","sequence":1,"result":"reply","from":"20.0.0.1","rtt_ms":[0.1]}\n\n');
    return;
  }
  if (from.url === "/api/v1/status" && Date.now() < before.until) {
    to.writeHead(200, { "content-type": "application/json" }).end(before.body);
    return;
  }
  const headers = { ...from.headers };
  let path = from.url;
  if (mode === "forget" && path.startsWith("/events")) {
    path = "/events";
    delete headers["last-event-id"];
  }
  request({ port, path, headers, method: from.method }, (reply) => {
    to.writeHead(reply.statusCode, reply.headers);
    reply.pipe(to);
    to.on("close", () => reply.destroy());
  }).on("error", () => to.destroy()).end();
});
proxy.on("connection", (s) => {
  open.add(s);
  s.on("close", () => open.delete(s));
});
await new Promise((resolve) => proxy.listen(8499, resolve));

function become(how) {
  mode = how;
  for (const s of open) s.destroy();
}

const base = "http://localhost:8499";
const chromium = await launch(base, "main");
const feeder = connect(socket);
let told = 0;

// An event with a client of its own.
function happen() {
  told += 1;
  feeder.write(`${JSON.stringify({ client: `client-${told}`, site: "fra1" })}\n`);
  return `client-${told}`;
}
const shown = (page, client) => page.locator("ol.timeline > li", { hasText: new RegExp(`: ${client}\\b`) });
const problem = (page) => page.locator("p.problem", { hasText: "Not fresh" });

const cases = {
  async "follows the events again, each once"() {
    const first = happen();
    const { page, context } = await chromium.open("/events-page");
    await shown(page, first).waitFor();
    const second = happen();
    await shown(page, second).waitFor();
    become("pass"); // all connections break; the browser goes on with the address it has
    const third = happen();
    await shown(page, third).waitFor({ timeout: 10000 });
    assert.deepEqual([await shown(page, first).count(), await shown(page, second).count()], [1, 1]);
    become("forget");
    const fourth = happen();
    await shown(page, fourth).waitFor({ timeout: 10000 });
    await problem(page).waitFor({ state: "detached", timeout: 10000 });
    for (const client of [first, second, third, fourth]) assert.equal(await shown(page, client).count(), 1, client);
    become("pass");
    await context.close();
  },
  async "follows them again after a web server that said no"() {
    const { page, context } = await chromium.open("/events-page");
    become("refuse");
    await problem(page).waitFor({ timeout: 5000 });
    await page.waitForResponse((r) => r.url().includes("/events") && r.status() === 502, { timeout: 10000 });
    become("pass");
    await shown(page, happen()).waitFor({ timeout: 15000 });
    await problem(page).waitFor({ state: "detached", timeout: 10000 });
    await context.close();
  },
  async "is not left behind by a status that comes later than its event"() {
    const { page, context } = await chromium.open("/");
    const asked = () => page.waitForResponse((r) => r.url().endsWith("/api/v1/status"));
    await page.locator(".headline", { hasText: "announces." }).waitFor({ timeout: 10000 });
    const body = await (await fetch(`${base}/api/v1/status`)).text();
    let last;
    do { // until it asks because of the time alone: then it does so again in 5 s
      last = Date.now();
      await asked();
    } while (Date.now() - last < 4000);
    before = { until: Date.now() + 900, body };
    writeFileSync(maintenance, "");
    await asked(); // too early
    assert.ok(Date.now() < before.until);
    await page.locator(".headline", { hasText: "announces nothing" }).waitFor({ timeout: 3000 });
    rmSync(maintenance);
    await context.close();
  },
  async "says that a probe was broken off"() {
    become("cut");
    const { page, context } = await chromium.open("/probe?kind=ping&target=20.0.0.1");
    await page.locator("button", { hasText: "Start" }).click();
    await page.locator("p.problem", { hasText: "broken off" }).waitFor({ timeout: 5000 });
    assert.equal(await page.getByText("Running.").count(), 0);
    assert.equal(await page.locator("td", { hasText: "answered" }).count(), 1, "what came stays");
    become("pass");
    await page.locator("button", { hasText: "Start" }).click();
    await page.getByText("5 of 5 answered").waitFor({ timeout: 10000 });
    assert.equal(await page.locator("p.problem", { hasText: "broken off" }).count(), 0);
    await context.close();
  },
  async "says that its data is old when nothing answers, and when it is not"() {
    const { page, context } = await chromium.open("/");
    mode = "hang"; // the stream stays as it is
    await problem(page).waitFor({ timeout: 25000 });
    mode = "pass";
    await problem(page).waitFor({ state: "detached", timeout: 25000 });
    await context.close();
  },
};

await run(chromium, cases);
